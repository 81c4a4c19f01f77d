import HoneModel
import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct CrossEntropySearchTests {
  @Test func beatsRandomSearch() async throws {
    let mixed = try await Synthetic.wins(CrossEntropySearch(), on: Synthetic.mixed, trials: 120, seeds: 8)
    #expect(mixed >= 6, "\(mixed) of 8")
    let bowl = try await Synthetic.wins(
      CrossEntropySearch(), on: { Synthetic.bowl(6, seed: $0) }, trials: 100, seeds: 8, batch: 10)
    #expect(bowl >= 7, "\(bowl) of 8")
  }

  /// Equation 4.4 by hand: elite 0.2 and 0.4 of a number, two of three choices.
  @Test func aFitIsSmoothed() {
    var distribution = ProductDistribution([.continuous, .choices(4), .grid([0.25, 0.75])])
    distribution.fit([[0.2, 0.1, nil], [0.4, 0.6, nil], [nil, 0.6, nil]], smoothing: 0.7)
    let deviation = (1 / 12.0).squareRoot()
    #expect(abs(distribution.means[0] - (0.3 * 0.5 + 0.7 * 0.3)) < 1e-12)
    #expect(abs(distribution.deviations[0] - (0.3 * deviation + 0.7 * 0.1)) < 1e-12)
    let expected = [0.3 / 4 + 0.7 / 3, 0.3 / 4, 0.3 / 4 + 1.4 / 3, 0.3 / 4]
    #expect(zip(distribution.probabilities[1], expected).allSatisfy { abs($0 - $1) < 1e-12 })
    // Where no trial has a value nothing is learned.
    #expect(distribution.means[2] == 0.5 && distribution.deviations[2] == deviation)
  }

  /// However often the same trials win, no value is ruled out.
  @Test func floorsHold() {
    var distribution = ProductDistribution([.continuous, .choices(5), .grid((0..<4).map { (Double($0) + 0.5) / 4 })])
    for _ in 0..<50 { distribution.fit([[0.3, 0.5, 0.125]], smoothing: 0.7) }
    #expect(distribution.deviations == [0.01, distribution.deviations[1], 0.125])
    #expect(distribution.probabilities[1].allSatisfy { $0 >= 0.02 - 1e-12 })
    #expect(abs(distribution.probabilities[1].reduce(0, +) - 1) < 1e-12)
    #expect(abs(distribution.probabilities[1][2] - 0.92) < 1e-9)
  }

  @Test func survivesAnyScores() async throws { try await Hostile.survives(CrossEntropySearch(), trials: 45) }
}
