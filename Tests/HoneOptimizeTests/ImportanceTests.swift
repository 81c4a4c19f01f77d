import Foundation
import HoneNumerics
import HoneOptimize
import HoneTrace
import Testing

@Suite struct ImportanceTests {
  private func effects(
    _ space: Space, _ count: Int, seed: UInt64, _ score: ([Double?]) -> Double
  ) throws -> [String: Double] {
    var random = RandomStream(seed: seed, name: "importance")
    let trials = try (0..<count).map { _ in
      let assignment = try space.decode(space.encodable.map { _ in random.uniform() }, base: space.initial)
      return (assignment: assignment, mean: score(space.encode(assignment)))
    }
    let found = Importance.mainEffects(of: space, trials: trials)
    #expect(found.map(\.fraction) == found.map(\.fraction).sorted(by: >))
    return Dictionary(uniqueKeysWithValues: found.map { ($0.parameter, $0.fraction) })
  }

  private func cube(_ dimensions: Int) -> Space {
    Space((0..<dimensions).map { ParameterSpec(name: "x\($0)", domain: .float(FloatDomain(0...1)), initial: 0.5) })
  }

  /// Of 3 x0 + x1 the variance is 9/12 + 1/12: shares of 0.9 and 0.1.
  @Test func sharesOfASumAreThoseOfTheClosedForm() throws {
    let found = try effects(cube(3), 500, seed: 1) { 3 * ($0[0] ?? 0) + ($0[1] ?? 0) }
    #expect(abs(found["x0", default: 0] - 0.9) < 0.05 && abs(found["x1", default: 0] - 0.1) < 0.05, "\(found)")
    #expect(found["x2", default: 0] < 0.02)
  }

  /// x0 + 4 (x1 - 1/2)(x2 - 1/2): variances 1/12 alone and 16/144 together, so x0 has 3/7 and the others none.
  @Test func whatParametersDoTogetherIsNoMainEffect() throws {
    let found = try effects(cube(3), 500, seed: 2) {
      ($0[0] ?? 0) + 4 * (($0[1] ?? 0) - 0.5) * (($0[2] ?? 0) - 0.5)
    }
    #expect(abs(found["x0", default: 0] - 3 / 7.0) < 0.08, "\(found)")
    #expect(found["x1", default: 0] < 0.06 && found["x2", default: 0] < 0.06, "\(found)")
  }

  /// A child that is active half of the time, and a log scale: c in {0, 1}, y = c + (c = 1 ? 2 log-uniform u : 0.5).
  /// The variance of c's side: means 0.5 and 2, so (1.5 / 2)^2 = 0.5625; of u within c = 1: 4/12 / 2 = 1/6.
  @Test func conditionsAndScalesCount() throws {
    let space = Space([
      ParameterSpec(name: "c", domain: .bool, initial: false),
      ParameterSpec(
        name: "rate", domain: .float(FloatDomain(1e-6...1, scale: .log)), initial: 1,
        condition: Condition(["c": [true]])),
    ])
    let found = try effects(space, 400, seed: 3) { point in
      point[1].map { 1 + 2 * $0 } ?? 0.5
    }
    #expect(found["rate", default: 0] > 0.1 && found["c", default: 0] > 0.02, "\(found)")
    #expect(found["rate", default: 0] + found["c", default: 0] <= 1.0001)
  }

  /// Two texts of which one is better count as a choice.
  @Test func textsAreChoices() {
    let space = Space([
      ParameterSpec(name: "prompt", domain: .text(TextDomain()), initial: "a"),
      ParameterSpec(name: "x", domain: .float(FloatDomain(0...1)), initial: 0.5),
    ])
    let trials = (0..<60).map { index in
      let x = Double(index * 37 % 60) / 60
      let values: [String: Value] = ["prompt": .string(index % 2 == 0 ? "a" : "b"), "x": .double(x)]
      return (assignment: Assignment(values), mean: (index % 2 == 0 ? 0 : 1) + 0.2 * x)
    }
    let found = Importance.mainEffects(of: space, trials: trials)
    #expect(found.first?.parameter == "prompt" && found[0].fraction > 0.9, "\(found)")
    #expect(Importance.mainEffects(of: space, trials: trials) == found)
  }

  /// Scores that no parameter moves: in 5 % of the studies some parameter is named, however many there are. Of 100 that is
  /// none in 0.6 % of all cases and more than 14 in 0.01 % (binomial).
  @Test(arguments: [(3, 12), (8, 30), (3, 60)]) func noiseIsNoEffect(_ dimensions: Int, _ count: Int) throws {
    var named = 0
    for seed in 1...100 as ClosedRange<UInt64> {
      var random = RandomStream(seed: seed, name: "noise")
      if try !effects(cube(dimensions), count, seed: seed, { _ in random.normal() }).isEmpty { named += 1 }
    }
    #expect((1...14).contains(named), "\(named) of 100")
  }

  /// x0 and as much noise: a true share of 0.5. By the power of the F test (2 and 27 degrees of freedom, R^2 = 0.5) nearly
  /// all studies of 30 trials should name it, though three parameters are tested.
  @Test func oneEffectInNoiseIsNamedWithItsShare() throws {
    var shares: [Double] = []
    for seed in 1...40 as ClosedRange<UInt64> {
      var random = RandomStream(seed: seed, name: "noise")
      let found = try effects(cube(3), 30, seed: seed) { ($0[0] ?? 0) + (1 / 12.0).squareRoot() * random.normal() }
      if let share = found["x0"] { shares.append(share) }
    }
    #expect(shares.count >= 34, "\(shares.count) of 40")
    let mean = shares.reduce(0, +) / Double(shares.count)
    #expect(abs(mean - 0.5) < 0.1, "\(shares)")
  }

  /// A clear effect is named after 12 trials: a parabola, which has no slope, and a choice of three.
  @Test func clearEffectsAreNamedAfterTwelveTrials() throws {
    let space = Space([
      ParameterSpec(name: "x0", domain: .float(FloatDomain(0...1)), initial: 0.5),
      ParameterSpec(name: "c", domain: .categorical(["a", "b", "c"]), initial: "a"),
    ])
    var named = (parabola: 0, choice: 0)
    for seed in 1...30 as ClosedRange<UInt64> {
      var random = RandomStream(seed: seed, name: "noise")
      let parabola = try effects(space, 12, seed: seed) {
        -4 * (($0[0] ?? 0) - 0.5) * (($0[0] ?? 0) - 0.5) + 0.05 * random.normal()
      }
      let choice = try effects(space, 12, seed: seed) { (($0[1] ?? 0) > 0.6 ? 1 : 0) + 0.05 * random.normal() }
      if parabola["x0", default: 0] > 0.7 { named.parabola += 1 }
      if choice["c", default: 0] > 0.7 { named.choice += 1 }
    }
    #expect(named.parabola >= 27 && named.choice >= 21, "\(named) of 30")
  }

  @Test func hostileScoresGiveFiniteFractionsOrNone() {
    let space = cube(2)
    for (name, score) in Hostile.scores {
      let trials = (0..<40).map { index in
        (assignment: Assignment(["x0": .double(Double(index) / 40), "x1": 0.5]), mean: score(index))
      }
      let found = Importance.mainEffects(of: space, trials: trials)
      #expect(found.allSatisfy { $0.fraction.isFinite && (0...1).contains($0.fraction) }, "\(name)")
    }
    #expect(Importance.mainEffects(of: space, trials: []).isEmpty)
    #expect(Importance.mainEffects(of: Space([]), trials: []).isEmpty)
  }
}
