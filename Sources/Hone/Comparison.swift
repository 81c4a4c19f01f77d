import HoneNumerics

/// A paired comparison of two assignments on the same examples.
///
/// The intervals (`ScoreInterval`) stay honest for few rows and for rows that all agree. The p-value is the paired
/// sign-flip test (Fisher's randomisation), drawn from the study's seed.
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
  /// Two-sided.
  public var pValue: Double

  static let resamples = 4_000
  /// Sign patterns that are tried one by one up to this many differing pairs.
  static let exactPairs = 12

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
    gainInterval = interval.ofDifference(differences)
    pValue = Self.signFlip(differences, RandomStream(seed: seed, name: "report/p"))
  }

  /// The smallest mean gain that `count` paired scores from 0 to 1 show four times in five at a level of 5 %:
  /// (1.96 + 0.84) sigma / sqrt(n), with 0.45 for the deviation of a difference, as measured on 0/1 scores.
  public static func smallestGain(count: Int) -> Double? {
    count > 1 ? 2.8 * 0.45 / Double(count).squareRoot() : nil
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }

  /// The share of sign patterns whose sum is at least as far from 0 as the one seen.
  private static func signFlip(_ differences: [Double], _ stream: RandomStream) -> Double {
    let moved = differences.filter { $0 != 0 }.map(abs)
    guard !moved.isEmpty else { return 1 }
    let seen = abs(differences.reduce(0, +)) - 1e-12
    if moved.count <= exactPairs {
      var hits = 0
      for pattern in 0..<(1 << moved.count) {
        var sum = 0.0
        for (index, value) in moved.enumerated() { sum += pattern >> index & 1 == 1 ? value : -value }
        if abs(sum) >= seen { hits += 1 }
      }
      return Double(hits) / Double(1 << moved.count)
    }
    var stream = stream
    var hits = 1
    for _ in 0..<resamples {
      var sum = 0.0
      for value in moved { sum += Bool.random(using: &stream) ? value : -value }
      if abs(sum) >= seen { hits += 1 }
    }
    return Double(hits) / Double(resamples + 1)
  }
}
