import Foundation
import HoneModel
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct TPETests {
  private let points = [[0.4, 1 / 6.0], [0.1, 5 / 6.0], [0.45, 5 / 6.0]]

  /// Widths and densities computed with SciPy 1.17 from Optuna 5's rules (`truncnorm.logpdf`, `logsumexp`).
  @Test func densitiesAgreeWithSciPy() {
    let widths = ParzenEstimator.widths(points.map { $0[0] })
    #expect(zip(widths, [0.3, 0.3, 0.2]).allSatisfy { abs($0 - $1) < 1e-12 }, "\(widths)")
    let line = Self.estimator(points.map { [$0[0]] }, coordinates: [.continuous])
    let expected = [0.01485709980789418, 0.360364462399933, -1.187595026752166]
    for (found, expected) in zip(line.logDensities([[0.05], [0.42], [0.99]]), expected) {
      #expect(abs(found - expected) < 1e-9, "\(found) \(expected)")
    }
    let both = Self.estimator(points, coordinates: [.continuous, .choices(3)])
    let mixed = both.logDensities([[0.42, 5 / 6.0], [0.05, 0.5]])
    #expect(abs(mixed[0] + 0.34059846741432787) < 1e-9 && abs(mixed[1] + 1.6616307927789844) < 1e-9, "\(mixed)")
  }

  /// Rows of coordinates.
  private static func estimator(_ points: [[Double]], coordinates: [Coordinate]) -> ParzenEstimator {
    let columns = coordinates.indices.map { index in points.map { $0[index] } }
    return ParzenEstimator(columns: columns, count: points.count, coordinates: coordinates)
  }

  /// Against a sort, with values that are equal, at the ends and close together.
  @Test func orderIsByValueThenAge() {
    var random = RandomStream(seed: 4, name: "order")
    var values = (0..<300).map { _ in random.uniform() }
    values += [0, 1, 0.5, 0.5, 1, 0] + values.prefix(20) + values.prefix(20).map { min($0 + 1e-5, 1) }
    let expected = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    #expect(ParzenEstimator.order(values) == expected)
    #expect(ParzenEstimator.order([]) == [])
  }

  /// Against a sort: the best tenth, the older one of equal ones, at most 25; pending and failed ones are bad.
  @Test func theBestTenthIsGood() {
    var random = RandomStream(seed: 9, name: "losses")
    for count in [0, 1, 10, 11, 137, 400] {
      let trials = (0..<count).map { index in
        let loss = index % 13 == 5 ? nil : (random.uniform() * 40).rounded()
        return TrialHistory.Trial(number: index, point: [Double(index) / 400], loss: loss)
      }
      let scored = trials.filter { $0.loss != nil }
      let sorted = scored.sorted { ($0.loss ?? 0, $0.number) < ($1.loss ?? 0, $1.number) }
      let best = Set(sorted.prefix(min((scored.count + 9) / 10, 25)).map(\.number))
      let (good, bad) = TPE.Group(members: [0], coordinates: [.continuous]).split(trials)
      #expect(good.values[0] == trials.filter { best.contains($0.number) }.map { Double($0.number) / 400 })
      #expect(bad.values[0] == trials.filter { !best.contains($0.number) }.map { Double($0.number) / 400 })
      #expect(good.count == best.count && bad.count == count - best.count)
    }
  }

  @Test func weightsFadeWithAge() {
    #expect(ParzenEstimator.weights(0) == [1] && ParzenEstimator.weights(24).allSatisfy { $0 == 1 })
    let weights = ParzenEstimator.weights(30)
    // numpy.linspace(1 / 30, 1, 5), then 25 ones and the prior.
    let ramp = [1 / 30.0, 0.275, 0.5166666666666667, 0.7583333333333333, 1]
    #expect(weights.count == 31 && zip(weights, ramp).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(weights.dropFirst(5).allSatisfy { $0 == 1 })
  }

  /// On a grid and on choices the probabilities of all values sum to 1.
  @Test func discreteProbabilitiesSumToOne() {
    let places = (0..<12).map { (Double($0) + 0.5) / 12 }
    let sampled = [0, 0, 3, 7, 11].map { [places[$0]] }
    let grid = Self.estimator(sampled, coordinates: [.grid(places)])
    let mass = grid.logDensities(places.map { [$0] }).reduce(0) { $0 + exp($1) }
    #expect(abs(mass - 1) < 0.01, "\(mass)")
    let choices = Self.estimator([[0.1], [0.1], [0.9]], coordinates: [.choices(5)])
    let sum = choices.logDensities((0..<5).map { [(Double($0) + 0.5) / 5] }).reduce(0) { $0 + exp($1) }
    #expect(abs(sum - 1) < 1e-12)
  }

  /// Samples have the estimator's own density: the mean of 1 / density over them is the interval's length.
  @Test func samplesFollowTheDensity() {
    let line = Self.estimator(points.map { [$0[0]] }, coordinates: [.continuous])
    var random = RandomStream(seed: 2, name: "samples")
    let samples = (0..<8_000).map { _ in line.sample(&random) }
    let length = line.logDensities(samples).reduce(0) { $0 + exp(-$1) } / 8_000
    #expect(abs(length - 1) < 0.05, "\(length)")
    let choices = Self.estimator([[0.1], [0.1], [0.9]], coordinates: [.choices(5)])
    let first = Double((0..<8_000).count { _ in choices.sample(&random)[0] < 0.2 }) / 8_000
    #expect(abs(first - exp(choices.logDensities([[0.1]])[0])) < 0.03)
  }

  @Test func groupsAreParametersOfOneCondition() {
    let space = Synthetic.mixed(seed: 1).problem.space
    let groups = TPE.Group.all(in: space)
    #expect(groups.map(\.members) == [[0, 1, 2, 3], [4]])
    let trials = (0..<20).map { index in
      TrialHistory.Trial(
        number: index, point: [0, 0, 0, 0, index % 2 == 0 ? Double(index) / 20 : nil], loss: Double(20 - index))
    }
    let (good, bad) = groups[1].split(trials)
    #expect(good.values == [[18 / 20.0]] && good.count == 1 && bad.count == 9)
    #expect(groups[0].split(trials).good.count == 2)
  }

  @Test func beatsRandomSearch() async throws {
    let mixed = try await Synthetic.wins(TPE(), on: Synthetic.mixed, trials: 60, seeds: 12)
    #expect(mixed >= 10, "\(mixed) of 12")
    let bowl = try await Synthetic.wins(TPE(), on: { Synthetic.bowl(4, seed: $0) }, trials: 60, seeds: 12, batch: 4)
    #expect(bowl >= 10, "\(bowl) of 12")
  }

  @Test func startsAsSobolSearchDoes() async throws {
    let synthetic = Synthetic.bowl(3, seed: 5)
    #expect(try await synthetic.losses(TPE(), trials: 4) == synthetic.losses(SobolSearch(), trials: 4))
  }

  @Test func survivesAnyScores() async throws { try await Hostile.survives(TPE(), trials: 30) }
}
