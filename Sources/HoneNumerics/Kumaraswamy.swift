import Foundation

/// A monotone map of the unit interval onto itself: the Kumaraswamy distribution function w = 1 - (1 - u^a)^b.
///
/// Snoek et al., "Input Warping for Bayesian Optimization of Non-Stationary Functions" (ICML 2014) warp each coordinate of a
/// Gaussian process so; Cowen-Rivers et al., "HEBO" (JAIR 2022), with this function in place of the Beta's, which has no
/// closed form.
package struct Kumaraswamy: Hashable, Sendable {
  package var logA: Double
  package var logB: Double

  package init(logA: Double, logB: Double) {
    self.logA = logA
    self.logB = logB
  }

  package func callAsFunction(_ u: Double) -> Double { derivatives(u).value }

  /// The value and its derivatives by log a and log b. At the ends all is constant.
  package func derivatives(_ u: Double) -> (value: Double, byLogA: Double, byLogB: Double) {
    guard u > 0 else { return (0, 0, 0) }
    guard u < 1 else { return (1, 0, 0) }
    let (a, b, logU) = (exp(logA), exp(logB), log(u))
    // Through expm1 and log1p: nothing cancels near either end.
    let power = exp(a * logU)
    let rest = -expm1(a * logU)
    guard rest > 0 else { return (1, 0, 0) }
    let logRest = power < 0.5 ? log1p(-power) : log(rest)
    let tail = exp(b * logRest)
    return (-expm1(b * logRest), b * tail / rest * power * a * logU, -tail * b * logRest)
  }

  /// The derivative by u, inside the interval; at most 1e6.
  package func slope(_ u: Double) -> Double {
    let inside = min(max(u, 1e-9), 1 - 1e-9)
    return min(derivatives(inside).byLogA / (inside * log(inside)), 1e6)
  }
}
