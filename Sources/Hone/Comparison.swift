import HoneNumerics

/// A paired comparison of two assignments on the same examples.
///
/// The intervals (`ScoreInterval`) stay honest for few rows and for rows that all agree. The gain must also pass the paired
/// sign-flip test (`SignFlip`), drawn from the study's seed: its interval is the hull of both intervals, its p-value the
/// larger one of both tests (an intersection-union test, Berger, Technometrics 24, 1982). So the interval excludes 0
/// exactly when the p-value is below 1 - confidence.
public struct Comparison: Hashable, Codable, Sendable {
  public struct Interval: Hashable, Codable, Sendable {
    public var lower: Double
    public var upper: Double
  }
  public var count: Int
  /// Mean score before and after.
  public var start: Double
  public var best: Double
  /// Intervals of the two means and of their difference.
  public var startInterval: Interval
  public var bestInterval: Interval
  /// Mean of the differences, positive when the new one is better, whatever the direction.
  public var gain: Double
  public var gainInterval: Interval
  /// Two-sided, against no gain.
  public var pValue: Double

  /// - Parameters:
  ///   - pairs: scores of the start and of the best on each example; at least one.
  ///   - sign: 1 to maximize, -1 to minimize.
  init(_ pairs: [(start: Double, best: Double)], sign: Double, confidence: Double, seed: UInt64) {
    let starts = pairs.map(\.start)
    let bests = pairs.map(\.best)
    let differences = pairs.map { ($0.best - $0.start) * sign }
    count = pairs.count
    start = Self.mean(starts)
    best = Self.mean(bests)
    gain = Self.mean(differences)
    let range = ScoreInterval.range(starts + bests)
    let interval = ScoreInterval(confidence: confidence, range: range)
    startInterval = interval.ofMean(starts)
    bestInterval = interval.ofMean(bests)
    let normal = interval.ofDifference(differences)
    let flips = SignFlip(differences, RandomStream(seed: seed, name: "report/p"))
    let flipped = flips.interval(confidence: confidence, within: interval.differences)
    gainInterval = Interval(lower: min(normal.lower, flipped.lower), upper: max(normal.upper, flipped.upper))
    pValue = max(interval.pValue(ofDifference: differences), flips.pValue)
  }

  /// The smallest mean gain that `count` paired scores from 0 to 1 show four times in five at a level of 5 %:
  /// (1.96 + 0.84) sigma / sqrt(n), with 0.45 for the deviation of a difference, as measured on 0/1 scores.
  public static func smallestGain(count: Int) -> Double? {
    count > 1 ? 2.8 * 0.45 / Double(count).squareRoot() : nil
  }

  /// Whether `count` pairs can show any gain at all: every score at the worst before and at the best after. Six can at a
  /// confidence of 95 %: of five, one sign pattern in 16 is as extreme.
  public static func canShow(count: Int, confidence: Double = 0.95) -> Bool {
    guard count > 0 else { return false }
    // The sign-flip test's exact part decides; more pairs show more.
    let pairs = Array(repeating: (start: 0.0, best: 1.0), count: min(count, SignFlip.exactPairs))
    let comparison = Comparison(pairs, sign: 1, confidence: confidence, seed: 0)
    return comparison.gainInterval.lower > 0 && comparison.pValue < 1 - confidence
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
}
