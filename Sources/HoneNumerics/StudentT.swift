import Foundation

/// Student's t distribution: what a mean of few values says about the mean of all.
public enum StudentT {
  /// P(T <= t) with `freedom` degrees of freedom, to about 1e-14; `freedom` is positive.
  public static func cumulative(_ t: Double, freedom: Double) -> Double {
    guard !t.isNaN, freedom > 0 else { return .nan }
    guard t.isFinite else { return t > 0 ? 1 : 0 }
    // Abramowitz and Stegun 26.7.1: the two tails together are I_x(v / 2, 1 / 2) with x = v / (v + t^2).
    let tail = 0.5 * incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
    return t > 0 ? 1 - tail : tail
  }

  /// The t with P(T <= t) = p, for 0 < p < 1.
  public static func quantile(_ p: Double, freedom: Double) -> Double {
    guard p > 0, p < 1, freedom > 0 else { return p == 0 ? -.infinity : p == 1 ? .infinity : .nan }
    if p < 0.5 { return -quantile(1 - p, freedom: freedom) }
    var (lower, upper) = (0.0, 1.0)
    while cumulative(upper, freedom: freedom) < p, upper < 1e15 { (lower, upper) = (upper, upper * 2) }
    for _ in 0..<100 {
      let middle = (lower + upper) / 2
      if cumulative(middle, freedom: freedom) < p { lower = middle } else { upper = middle }
    }
    return (lower + upper) / 2
  }

  /// The regularised incomplete beta function I_x(a, b): its continued fraction (Abramowitz and Stegun 26.5.8) by Lentz's
  /// method, as Press et al., Numerical Recipes, section 6.4.
  static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    // The fraction converges fast below the distribution's mean; above it the mirrored one does.
    if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(1 - x, b, a) }
    let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    let tiny = 1e-300
    func kept(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
    var c = 1.0
    var d = 1 / kept(1 - (a + b) * x / (a + 1))
    var fraction = d
    for step in 1...10_000 {
      let m = Double(step)
      for term in [
        m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
        -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
      ] {
        d = 1 / kept(1 + term * d)
        c = kept(1 + term / c)
        fraction *= d * c
      }
      if abs(d * c - 1) < 1e-16 { break }
    }
    return front * fraction
  }
}
