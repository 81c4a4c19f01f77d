import Foundation

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
    z = Self.normalQuantile((1 + confidence) / 2)
    self.range = range
  }

  /// From 0 to 1, and further where scores were seen beyond that.
  static func range(_ scores: [Double]) -> ClosedRange<Double> {
    min(0, scores.min() ?? 0)...max(1, scores.max() ?? 1)
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
      return clipped(center - half, center + half, to: 0...1)
    }
    return normal(values, pseudo: [(range.lowerBound, added / 2), (range.upperBound, added / 2)], within: range)
  }

  /// Of paired differences: the normal interval after two pseudo-pairs spread evenly over the four cells of both scores'
  /// ends, hence half a pair at each end and one at no difference (Agresti and Min, Statistics in Medicine 24, 2005).
  func ofDifference(_ values: [Double]) -> Comparison.Interval {
    let width = range.upperBound - range.lowerBound
    return normal(values, pseudo: [(-width, 0.5), (0, 1), (width, 0.5)], within: -width...width)
  }

  private func normal(
    _ values: [Double], pseudo: [(value: Double, weight: Double)], within bounds: ClosedRange<Double>
  ) -> Comparison.Interval {
    let all = values.map { (value: $0, weight: 1.0) } + pseudo
    let total = all.reduce(0) { $0 + $1.weight }
    let mean = all.reduce(0) { $0 + $1.value * $1.weight } / total
    let variance = all.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) * $1.weight } / total
    let half = z * (variance / total).squareRoot()
    return clipped(mean - half, mean + half, to: bounds)
  }

  private func clipped(_ lower: Double, _ upper: Double, to bounds: ClosedRange<Double>) -> Comparison.Interval {
    Comparison.Interval(lower: max(bounds.lowerBound, lower), upper: min(bounds.upperBound, upper))
  }

  /// The standard normal's quantile for 0.5 < p < 1 (Abramowitz and Stegun 1964, 26.2.23; error below 4.5e-4).
  private static func normalQuantile(_ p: Double) -> Double {
    let tail = min(0.5, max(1e-12, 1 - p))
    let t = (-2 * log(tail)).squareRoot()
    let above = 2.515517 + t * (0.802853 + t * 0.010328)
    let below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    return t - above / below
  }
}
