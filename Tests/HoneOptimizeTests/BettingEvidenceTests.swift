import Foundation
import HoneNumerics
import Testing

@testable import HoneOptimize

@Suite struct BettingEvidenceTests {
  /// The mean over the bets of plain products, one by one.
  private static func naive(_ zs: [Double]) -> Double {
    let bets = BettingEvidence.bets
    var sum = 0.0
    for bet in 0..<bets {
      let lambda = (Double(bet) + 0.5) / Double(bets)
      var product = 1.0
      for z in zs { product *= 1 + lambda * z }
      sum += product / Double(bets)
    }
    return sum
  }

  private static func evidence(_ zs: [Double]) -> Double {
    var evidence = BettingEvidence()
    for z in zs { evidence.add(z) }
    return evidence.log
  }

  @Test func isTheMeanOfTheCapitals() {
    var random = RandomStream(seed: 3, name: "evidence")
    for count in [0, 1, 2, 7, 40] {
      let zs = (0..<count).map { _ in 2 * random.uniform() - 1 }
      #expect(abs(exp(Self.evidence(zs)) / Self.naive(zs) - 1) < 1e-12)
    }
    // Thousands of wins neither overflow nor lose the sum.
    let long = Self.evidence(Array(repeating: 1, count: 5_000))
    let expected = 5_000 * log(1 + 31.0 / 32) - log(16.0)
    #expect(abs(long - expected) < 1e-6)
  }

  /// Every path of a fair game, weighed by its chance: the capital is 1 in the mean, and reaches 1/alpha with a chance of at
  /// most alpha however often it is looked at. The games: coins, coins with draws, small gains against rare great losses.
  @Test(
    arguments: [
      ([1, -1], [0.5, 0.5]), ([1, 0, -1], [0.1, 0.8, 0.1]), ([0.1, -0.9], [0.9, 0.1]), ([0.9, -0.1], [0.1, 0.9]),
    ] as [([Double], [Double])])
  func fairGamesAreHardlyEverWon(_ steps: [Double], _ chances: [Double]) {
    let length = steps.count == 2 ? 13 : 8
    var mean = 0.0
    var reached: [Double: Double] = [0.05: 0, 0.2: 0]
    func play(_ path: [Double], _ chance: Double, _ greatest: Double) {
      let capital = exp(Self.evidence(path))
      let most = max(greatest, capital)
      guard path.count < length else {
        mean += chance * capital
        for alpha in reached.keys where most >= 1 / alpha { reached[alpha, default: 0] += chance }
        return
      }
      for (step, weight) in zip(steps, chances) { play(path + [step], chance * weight, most) }
    }
    play([], 1, 1)
    #expect(abs(mean - 1) < 1e-9)
    for (alpha, chance) in reached { #expect(chance <= alpha, "\(alpha)") }
    // Small gains take longer than this game lasts.
    #expect(steps[0] == 0.1 || reached.values.contains { $0 > 0 })
  }
}
