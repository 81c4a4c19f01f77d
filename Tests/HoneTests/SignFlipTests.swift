import HoneNumerics
import Testing

@testable import Hone

@Suite struct SignFlipTests {
  private func test(_ differences: [Double]) -> SignFlip {
    SignFlip(differences, RandomStream(seed: 1, name: "flip"))
  }

  /// The share of all patterns whose sum is at least as far from 0, pattern by pattern.
  private func oracle(_ differences: [Double], against theta: Double) -> Double {
    let moved = differences.map { $0 - theta }
    let seen = abs(moved.reduce(0, +)) - 1e-10
    let hits = (0..<(1 << moved.count)).count { pattern in
      abs(moved.indices.reduce(0.0) { $0 + (pattern >> $1 & 1 == 1 ? moved[$1] : -moved[$1]) }) >= seen
    }
    return Double(hits) / Double(1 << moved.count)
  }

  @Test func pValueIsThatOfAllPatterns() {
    var stream = RandomStream(seed: 2, name: "differences")
    for round in 0..<120 {
      let differences = (0..<(1 + round % 8)).map { _ in
        round % 2 == 0 ? 0.1 * Double(stream.next() % 7) - 0.2 : stream.normal() + 1
      }
      #expect(test(differences).pValue == oracle(differences, against: 0), "\(differences)")
    }
  }

  /// A mean within the interval is not rejected by the test against it, one beside it is.
  @Test func theIntervalInvertsTheTest() {
    var stream = RandomStream(seed: 3, name: "differences")
    for round in 0..<40 {
      let differences = (0..<(6 + round % 3)).map { _ in stream.normal() + 0.5 }
      let interval = test(differences).interval(confidence: 0.9, within: -100...100)
      #expect(interval.lower > -100 && interval.upper < 100)
      for (end, outward) in [(interval.lower, -1e-6), (interval.upper, 1e-6)] {
        #expect(oracle(differences, against: end - outward) >= 0.1 - 1e-12, "\(differences)")
        #expect(oracle(differences, against: end + outward) < 0.1, "\(differences)")
      }
    }
  }

  /// Five pairs have 32 patterns: no level below 2 / 32 can be reached.
  @Test func tooFewPairsExcludeNothing() {
    let interval = test([1, 1, 1, 1, 1]).interval(confidence: 0.95, within: -1...1)
    #expect(interval.lower == -1 && interval.upper == 1)
    #expect(test([1, 1, 1, 1, 1]).pValue == 2.0 / 32)
  }

  /// Beyond 64 pairs the signs come from several words: of 100 normal differences the interval is nearly Student's.
  @Test func drawnPatternsGiveNearlyStudentsInterval() {
    var stream = RandomStream(seed: 4, name: "differences")
    let differences = (0..<100).map { _ in stream.normal() }
    let mean = differences.reduce(0, +) / 100
    let error = (differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 99 / 100).squareRoot()
    let interval = test(differences).interval(confidence: 0.95, within: -9...9)
    #expect(abs(interval.lower - (mean - 1.984 * error)) < 0.15 * error, "\(interval)")
    #expect(abs(interval.upper - (mean + 1.984 * error)) < 0.15 * error, "\(interval)")
  }
}
