import Foundation
import HoneNumerics

/// Confidence intervals of means of bounded scores. None has zero width: ten rows of ten right do not say that every row
/// will be.
///
/// The bootstrap and the t-interval would say just that, because they see no spread but that of the sample. These add
/// pseudo-observations at both ends of the range.
struct ScoreInterval {
  private let z: Double
  private let range: ClosedRange<Double>

  /// - Parameters:
  ///   - confidence: between 0 and 1, such as 0.95.
  ///   - range: where scores can lie.
  init(confidence: Double, range: ClosedRange<Double>) {
    z = Normal.quantile(min(1 - 1e-12, (1 + confidence) / 2))
    self.range = range
  }

  /// From 0 to the power of ten above the greatest where scores lie between 0 and 1, so that small losses have a scale of
  /// their own; else from the least to the greatest: neither the unit nor the origin of a score decides what is shown.
  static func range(_ scores: [Double]) -> ClosedRange<Double> {
    guard let low = scores.min(), let high = scores.max() else { return 0...1 }
    if low >= 0, high <= 1 {
      let power = high > 0 ? pow(10, log10(high).rounded(.up)) : 1
      return 0...max(power, high)
    }
    if high > low { return low...high }
    // Equal scores do not say how far they reach.
    let half = max(abs(low), .leastNormalMagnitude)
    return max(low - half, -.greatestFiniteMagnitude)...min(low + half, .greatestFiniteMagnitude)
  }

  /// Of 0/1 scores the score interval (Wilson, JASA 22, 1927); of others the normal interval after z^2 / 2
  /// pseudo-observations at each end of the range (Agresti and Coull, The American Statistician 52, 1998), which for 0/1
  /// scores is never narrower.
  func ofMean(_ values: [Double]) -> Comparison.Interval {
    let count = Double(values.count)
    let added = z * z
    if values.allSatisfy({ $0 == 0 || $0 == 1 }), count > 0 {
      let mean = values.reduce(0, +) / count
      let center = (mean + added / (2 * count)) / (1 + added / count)
      let half = z / (1 + added / count) * (mean * (1 - mean) / count + added / (4 * count * count)).squareRoot()
      // All wrong or all right: the formula gives the end but for rounding.
      return clipped(mean == 0 ? 0 : center - half, mean == 1 ? 1 : center + half, to: 0...1)
    }
    return normal(values, pseudo: [(range.lowerBound, added / 2), (range.upperBound, added / 2)], within: range)
  }

  /// Of paired differences: the normal interval after two pseudo-pairs spread evenly over the four cells of both scores'
  /// ends, hence half a pair at each end and one at no difference (Agresti and Min, Statistics in Medicine 24, 2005).
  func ofDifference(_ values: [Double]) -> Comparison.Interval {
    normal(values, pseudo: pseudoPairs, within: differences)
  }

  /// The two-sided p-value against no difference of the test that `ofDifference` inverts.
  func pValue(ofDifference values: [Double]) -> Double {
    let (mean, error) = meanAndError(values, pseudo: pseudoPairs)
    return 2 * Normal.cumulative(-abs(mean) / error)
  }

  /// Where differences of two scores can lie.
  var differences: ClosedRange<Double> { (range.lowerBound - range.upperBound)...(range.upperBound - range.lowerBound) }

  private typealias Weighted = (value: Double, weight: Double)

  private var pseudoPairs: [Weighted] { [(differences.lowerBound, 0.5), (0, 1), (differences.upperBound, 0.5)] }

  private func normal(
    _ values: [Double], pseudo: [Weighted], within bounds: ClosedRange<Double>
  ) -> Comparison.Interval {
    let (mean, error) = meanAndError(values, pseudo: pseudo)
    return clipped(mean - z * error, mean + z * error, to: bounds)
  }

  private func meanAndError(_ values: [Double], pseudo: [Weighted]) -> (mean: Double, error: Double) {
    let all = values.map { (value: $0, weight: 1.0) } + pseudo
    let total = all.reduce(0) { $0 + $1.weight }
    let mean = all.reduce(0) { $0 + $1.value * $1.weight } / total
    let variance = all.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) * $1.weight } / total
    return (mean, (variance / total).squareRoot())
  }

  private func clipped(_ lower: Double, _ upper: Double, to bounds: ClosedRange<Double>) -> Comparison.Interval {
    Comparison.Interval(lower: max(bounds.lowerBound, lower), upper: min(bounds.upperBound, upper))
  }
}
