import Testing

@testable import Hone

@Suite struct ComparisonTests {
  private func compare(_ pairs: [(Double, Double)], sign: Double = 1) -> Comparison {
    Comparison(pairs.map { (start: $0.0, best: $0.1) }, sign: sign, confidence: 0.95, seed: 3)
  }

  @Test func sixWinsOfSixHaveTheExactPValue() {
    // Only the two patterns with all signs alike are as extreme: 2 / 2^6.
    let comparison = compare(Array(repeating: (0, 1), count: 6))
    #expect(comparison.pValue == 2.0 / 64)
    #expect(comparison.gain == 1)
    #expect(comparison.gainInterval.lower == 1 && comparison.gainInterval.upper == 1)
  }

  @Test func pairsThatDoNotDifferSayNothing() {
    let comparison = compare(Array(repeating: (0.5, 0.5), count: 40))
    #expect(comparison.pValue == 1)
    #expect(comparison.gain == 0)
  }

  @Test func minimizingTurnsTheGain() {
    let pairs = [(3.0, 1.0), (2.0, 2.0), (5.0, 1.0)]
    #expect(compare(pairs, sign: -1).gain == 2)
    #expect(compare(pairs, sign: 1).gain == -2)
    #expect(compare(pairs, sign: 1).pValue == compare(pairs, sign: -1).pValue)
  }

  @Test func drawnSignsAgreeWithTheBinomial() {
    // 16 wins and 4 losses of size 1: the two-sided sign test gives 0.01182.
    let pairs = Array(repeating: (0.0, 1.0), count: 16) + Array(repeating: (1.0, 0.0), count: 4)
    #expect(abs(compare(pairs).pValue - 0.01182) < 0.006)
  }

  @Test func theIntervalOfAMeanIsThatOfTheBinomial() {
    // 100 scores with mean 0.3: a normal interval is 0.21 to 0.39.
    let pairs = (0..<100).map { (0.0, $0 < 30 ? 1.0 : 0.0) }
    let interval = compare(pairs).bestInterval
    #expect(abs(interval.lower - 0.21) < 0.025)
    #expect(abs(interval.upper - 0.39) < 0.025)
  }

  @Test func theSmallestGainFollowsItsFormula() throws {
    #expect(abs(try #require(Comparison.smallestGain(count: 81)) - 0.14) < 1e-12)
    #expect(Comparison.smallestGain(count: 1) == nil)
  }
}
