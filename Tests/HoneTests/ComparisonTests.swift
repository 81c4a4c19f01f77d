import Foundation
import HoneNumerics
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
    // Agresti and Min: mean 6/8, variance 7/8 - (6/8)^2, 1.96 standard errors of 8 pairs.
    #expect(abs(comparison.gainInterval.lower - (0.75 - 1.96 * (0.3125 / 8).squareRoot())) < 1e-3)
    #expect(comparison.gainInterval.upper == 1)
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

  @Test func fewRowsThatAgreeHaveAnInterval() {
    // Wilson: 10 of 10 is 0.7225 to 1, 0 of 10 is 0 to 0.2775.
    let comparison = compare(Array(repeating: (0, 1), count: 10))
    #expect(abs(comparison.bestInterval.lower - 0.7225) < 1e-3 && comparison.bestInterval.upper > 0.9999)
    #expect(abs(comparison.startInterval.upper - 0.2775) < 1e-3 && comparison.startInterval.lower < 1e-4)
  }

  /// The same results in another unit, or from another origin, give the same verdict.
  @Test(arguments: [(0.001, 0.0), (1, 0), (100, 0), (1e6, 0), (1, 1_000), (-3, 50)])
  func unitsDoNotDecide(_ unit: Double, _ origin: Double) {
    var random = RandomStream(seed: 4, name: "units")
    let pairs = (0..<40).map { _ -> (start: Double, best: Double) in
      let hard = random.uniform()
      return (start: 0.4 * hard + 0.1 * random.uniform(), best: 0.4 * hard + 0.1 * random.uniform() + 0.45)
    }
    let scaled = pairs.map { (start: origin + unit * $0.start, best: origin + unit * $0.best) }
    let comparison = Comparison(scaled, sign: unit < 0 ? -1 : 1, confidence: 0.95, seed: 1)
    #expect(comparison.gainInterval.lower > 0 && comparison.pValue < 0.001, "\(comparison)")
    #expect(comparison.gainInterval.upper < 0.8 * abs(unit))
  }

  /// Whatever the scores: some width, on their own scale, and the mean within.
  @Test func noIntervalIsWithoutWidthOrBesideItsMean() {
    for count in [1, 2, 10, 200] {
      for (start, best) in [(0.0, 1.0), (1, 1), (0.5, 0.5), (0.2, 0.9), (700, 30), (-3, -3), (0, 1e-9)] {
        let comparison = compare(Array(repeating: (start, best), count: count))
        let scale = best == 1e-9 ? 1e-9 : 1
        for (mean, interval) in [
          (comparison.start, comparison.startInterval), (comparison.best, comparison.bestInterval),
          (comparison.gain, comparison.gainInterval),
        ] {
          #expect(interval.upper - interval.lower > scale / Double(count + 20), "\(count) \(start) \(best)")
          #expect(interval.lower - 1e-12 <= mean && mean <= interval.upper + 1e-12, "\(count) \(start)")
        }
      }
    }
  }

  /// Every table of 12 paired 0/1 scores, by how probable it is where the start is right on 0.4 of the rows: how often the
  /// intervals hold the truth, without any chance.
  @Test(arguments: [0.4, 0.5, 0.8, 0.95]) func intervalsOfTwelveRowsHoldTheTruth(_ truth: Double) {
    let (wins, losses) = (truth * 0.6, 0.4 * (1 - truth))
    var held = 0.0
    for table in Table.all(rows: 12) {
      let interval = compare(table.pairs).gainInterval
      let holds = interval.lower - 1e-9 <= truth - 0.4 && truth - 0.4 <= interval.upper + 1e-9
      held += holds ? table.probability(wins: wins, losses: losses) : 0
    }
    #expect(held >= 0.95 && held <= 1 + 1e-9, "\(held)")
    // Wilson's interval of a mean lies around the level, not everywhere above it: 0.92 at the worst of these.
    let means = (0...12).reduce(0.0) { sum, hits in
      let interval = compare((0..<12).map { (0, $0 < hits ? 1 : 0) }).bestInterval
      let weight = Table.choices(12, hits) * pow(truth, Double(hits)) * pow(1 - truth, Double(12 - hits))
      return sum + (interval.lower <= truth && truth <= interval.upper ? weight : 0)
    }
    #expect(means >= 0.92, "\(means)")
  }

  /// The verdict at 5 % on every table of 6 to 12 rows is that of the exact test of McNemar: no power is lost to the normal
  /// interval where scores are 0 or 1.
  @Test func verdictsOnPairedHitsAreThoseOfMcNemar() {
    for rows in [6, 9, 12] {
      for table in Table.all(rows: rows) {
        let found = compare(table.pairs)
        #expect((found.pValue < 0.05) == (table.mcNemar < 0.05), "\(table): \(found)")
        #expect(found.pValue >= table.mcNemar - 1e-12, "\(table): \(found)")
      }
    }
  }

  /// Paired 0/1 scores: rows won, lost and alike.
  private struct Table {
    var wins: Int
    var losses: Int
    var ties: Int

    static func all(rows: Int) -> [Table] {
      (0...rows).flatMap { wins in
        (0...(rows - wins)).map { Table(wins: wins, losses: $0, ties: rows - wins - $0) }
      }
    }

    static func choices(_ count: Int, _ chosen: Int) -> Double {
      (0..<chosen).reduce(1) { $0 * Double(count - $1) / Double($1 + 1) }
    }

    var pairs: [(Double, Double)] {
      Array(repeating: (0, 1), count: wins) + Array(repeating: (1, 0), count: losses)
        + Array(repeating: (1, 1), count: ties)
    }

    /// Multinomial.
    func probability(wins won: Double, losses lost: Double) -> Double {
      let count = wins + losses + ties
      return Self.choices(count, wins) * Self.choices(count - wins, losses) * pow(won, Double(wins))
        * pow(lost, Double(losses)) * pow(1 - won - lost, Double(ties))
    }

    /// Two-sided binomial test of the rows that differ.
    var mcNemar: Double {
      let differing = wins + losses
      return (0...differing).reduce(0) { sum, hits in
        let isExtreme = abs(2 * hits - differing) >= abs(wins - losses)
        return sum + (isExtreme ? Self.choices(differing, hits) * pow(0.5, Double(differing)) : 0)
      }
    }
  }

  /// Differences that are nearly equal, of both signs, with ties, and on 0/1 scores: one verdict by interval and p-value.
  @Test(arguments: [0.8, 0.95, 0.99]) func intervalAndPValueAgree(_ confidence: Double) {
    var stream = RandomStream(seed: 5, name: "agree")
    var verdicts: [Bool: Int] = [:]
    for round in 0..<240 {
      // Mostly few rows, some beyond those whose patterns are all tried.
      let count = 1 + Int(stream.next() % (round % 20 == 0 ? 30 : 11))
      let shift = stream.uniform()
      let pairs = (0..<count).map { _ -> (start: Double, best: Double) in
        switch round % 4 {
        case 0: (0.5, 0.5 + 0.5 * shift + 0.05 * stream.normal())
        case 1: (stream.uniform() < 0.3 ? 1 : 0, stream.uniform() < shift ? 1 : 0)
        case 2: (0.1 * Double(stream.next() % 5), 0.1 * Double(stream.next() % 9))
        default: (stream.normal(), stream.normal() + 3 * shift)
        }
      }
      for sign in [1.0, -1] {
        let found = Comparison(pairs, sign: sign, confidence: confidence, seed: UInt64(round))
        let excludes = found.gainInterval.lower > 0 || found.gainInterval.upper < 0
        #expect(excludes == (found.pValue < 1 - confidence), "round \(round): \(found)")
        verdicts[excludes, default: 0] += 1
      }
    }
    #expect(verdicts[true, default: 0] > 20 && verdicts[false, default: 0] > 20, "\(verdicts)")
  }

  /// All of 14 rows gain 0.15: by their signs alone surely no chance, but on a scale of 1 as wide as 14 rows allow.
  @Test func equalDifferencesContradictNothing() {
    let comparison = compare(Array(repeating: (0.5, 0.65), count: 14))
    #expect(abs(comparison.gain - 0.15) < 1e-12)
    #expect((comparison.gainInterval.lower > 0) == (comparison.pValue < 0.05), "\(comparison)")
    #expect(comparison.pValue > 0.01, "\(comparison)")
  }

  @Test func theSmallestGainFollowsItsFormula() throws {
    #expect(abs(try #require(Comparison.smallestGain(count: 81)) - 0.14) < 1e-12)
    #expect(Comparison.smallestGain(count: 1) == nil)
    // Of n pairs one sign pattern in 2^(n - 1) is as extreme as the greatest difference.
    for count in 0...80 { #expect(Comparison.canShow(count: count) == (count >= 6), "\(count)") }
    #expect(!Comparison.canShow(count: 7, confidence: 0.99) && Comparison.canShow(count: 8, confidence: 0.99))
  }
}
