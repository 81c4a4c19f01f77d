import Foundation

/// A monotone power transformation that makes skewed values more normal, of either sign (Yeo and Johnson, "A New Family of
/// Power Transformations to Improve Normality or Symmetry", Biometrika 2000, equation 2.1).
package struct YeoJohnson: Hashable, Sendable {
  /// 1 changes nothing; below 1 large values are drawn in, above 1 small ones.
  package let lambda: Double

  /// Where the maximum likelihood estimate is looked for.
  package static let range = -2.0...4.0

  package init(lambda: Double) { self.lambda = lambda }

  /// The maximum likelihood estimate (same paper, equation 3.1): a grid, then golden sections around its best place. Values
  /// should be standardized; where they are all equal, nothing is changed. O(60 n).
  package init(fitting values: [Double]) {
    guard let first = values.first, values.contains(where: { $0 != first }) else {
      self.init(lambda: 1)
      return
    }
    func likelihood(_ lambda: Double) -> Double { YeoJohnson(lambda: lambda).logLikelihood(values) }
    let step = 0.25
    let grid = Array(stride(from: Self.range.lowerBound, through: Self.range.upperBound, by: step))
    let best = grid.max { likelihood($0) < likelihood($1) } ?? 1
    var (low, high) = (max(best - step, Self.range.lowerBound), min(best + step, Self.range.upperBound))
    let golden = (5.0.squareRoot() - 1) / 2
    for _ in 0..<24 {
      let (left, right) = (high - golden * (high - low), low + golden * (high - low))
      if likelihood(left) < likelihood(right) { low = left } else { high = right }
    }
    self.init(lambda: (low + high) / 2)
  }

  package func callAsFunction(_ y: Double) -> Double {
    y >= 0 ? Self.power(log1p(y), lambda) : -Self.power(log1p(-y), 2 - lambda)
  }

  /// (e^(t p) - 1) / p, and t where p is 0.
  private static func power(_ t: Double, _ p: Double) -> Double { abs(p) < 1e-10 ? t : expm1(t * p) / p }

  /// Of a normal distribution of the transformed values, up to a constant.
  package func logLikelihood(_ values: [Double]) -> Double {
    let moved = values.map(callAsFunction)
    let count = Double(values.count)
    let mean = moved.reduce(0, +) / count
    let variance = moved.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let jacobian = values.reduce(0) { $0 + ($1 >= 0 ? log1p($1) : -log1p(-$1)) }
    return -0.5 * count * log(max(variance, 1e-300)) + (lambda - 1) * jacobian
  }
}
