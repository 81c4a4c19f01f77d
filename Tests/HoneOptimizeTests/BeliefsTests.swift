import Foundation
import HoneModel
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct BeliefsTests {
  private let space = Space([
    ParameterSpec(name: "x", domain: .float(FloatDomain(0...10)), initial: 5),
    ParameterSpec(name: "kind", domain: .categorical(["a", "b", "c"]), initial: "a"),
  ])
  private let beliefs = Beliefs(["x": .init(near: 2, spread: 0.1), "kind": .init(near: "b", spread: 0.4)])

  /// By hand: one deviation off is -1/2; another choice has 0.2 of 0.6. Five trials' worth of confidence.
  @Test func theBonusIsTheScaledLogarithm() {
    let density = BeliefDensity(beliefs, space)
    #expect(abs(density.bonus([0.2, 0.5], trials: 1)) < 1e-9)
    #expect(abs(density.bonus([0.3, 0.5], trials: 10) - -0.25) < 1e-6)
    #expect(abs(density.bonus([0.2, 0.1], trials: 5) - log(1.0 / 3)) < 1e-6)
    // Far out the floor holds.
    #expect(abs(density.bonus([1, 0.5], trials: 5) - log(1e-12)) < 0.1)
    // An inactive parameter is not judged.
    #expect(abs(density.bonus([nil, 0.5], trials: 1)) < 1e-9)
  }

  @Test func startPointsFollowTheBelief() {
    let density = BeliefDensity(beliefs, space)
    var random = RandomStream(seed: 4, name: "uniform")
    let points = (0..<4_000).map { _ in density.drawn([random.uniform(), random.uniform()]) }
    let mean = points.reduce(0) { $0 + $1[0] } / 4_000
    // The mean of a normal at 0.2 with deviation 0.1 cut off at 0: 0.2 + 0.1 phi(2) / Phi(2).
    #expect(abs(mean - 0.20552) < 0.006, "\(mean)")
    let share = Double(points.count { abs($0[1] - 0.5) < 0.01 }) / 4_000
    #expect(abs(share - 0.6) < 0.03, "\(share)")
    #expect(Set(points.map { $0[1] }).count == 3)
    #expect(BeliefDensity(Beliefs(), space).drawn([0.3, 0.9]) == [0.3, 0.9])
  }

  /// A right belief helps at once; a wrong one is overcome.
  @Test func aWrongBeliefFades() async throws {
    func best(_ beliefs: Beliefs, _ trials: Int) async throws -> Double {
      var sum = 0.0
      for seed in 0..<4 as Range<UInt64> {
        let losses = try await Synthetic.bowl(2, seed: seed).losses(
          GaussianProcessSearch(.init(acquisition: .improvement, beliefs: beliefs)), trials: trials)
        sum += log10(max(losses.min() ?? 1, 1e-9)) / 4
      }
      return sum
    }
    let right = Beliefs(["x0": .init(near: 0.32, spread: 0.05), "x1": .init(near: 0.37, spread: 0.05)])
    let wrong = Beliefs(["x0": .init(near: 0.95, spread: 0.1), "x1": .init(near: 0.02, spread: 0.1)])
    let (early, unprimed) = (try await best(right, 5), try await best(Beliefs(), 5))
    #expect(early < unprimed - 0.5, "\(early) \(unprimed)")
    let (late, plain) = (try await best(wrong, 30), try await best(Beliefs(), 30))
    #expect(late < plain + 1 && late < -2.5, "\(late) \(plain)")
    let misled = try await best(wrong, 5)
    #expect(misled > unprimed, "\(misled) \(unprimed)")
  }
}
