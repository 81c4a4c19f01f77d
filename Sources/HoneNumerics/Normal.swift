import Foundation

/// The standard normal distribution, and what Bayesian optimization needs of it.
public enum Normal {
  /// phi(z).
  public static func density(_ z: Double) -> Double { exp(-0.5 * z * z) * 0.398_942_280_401_432_7 }

  /// Phi(z), accurate in the lower tail.
  public static func cumulative(_ z: Double) -> Double { 0.5 * erfc(-z * 0.5.squareRoot()) }

  /// log Phi(z), finite for every finite z.
  public static func logCumulative(_ z: Double) -> Double {
    if z > 0 { return log1p(-cumulative(-z)) }
    let x = -z * 0.5.squareRoot()
    return log(0.5 * erfcx(x)) - x * x
  }

  /// The scaled complementary error function exp(x^2) erfc(x), to about 1e-13 of its value; infinite below about -26.6.
  public static func erfcx(_ x: Double) -> Double {
    // The product cancels like x^2 eps; erfc underflows beyond 26, where the asymptotic series takes over
    // (Abramowitz and Stegun 7.1.23).
    guard x > 25 else { return exp(x * x) * erfc(x) }
    let t = 1 / (2 * x * x)
    let series = 1 - t * (1 - 3 * t * (1 - 5 * t * (1 - 7 * t * (1 - 9 * t))))
    return series / (x * Double.pi.squareRoot())
  }

  /// log(phi(z) + z Phi(z)): the logarithm of the expected improvement of a standard normal, finite for every finite z.
  ///
  /// Three forms, as Ament et al., "Unexpected Improvements to Expected Improvement" (NeurIPS 2023), equation 9.
  public static func logImprovement(_ z: Double) -> Double {
    if z > -1 { return log(density(z) + z * cumulative(z)) }
    let tail = -0.5 * z * z - 0.918_938_533_204_672_7
    if z > -1e4 { return tail + log1p(z * (Double.pi / 2).squareRoot() * erfcx(-z * 0.5.squareRoot())) }
    return tail - 2 * log(-z)
  }

  /// log EI for a normal with this mean and deviation against `best`, where less is better.
  public static func logExpectedImprovement(mean: Double, deviation: Double, best: Double) -> Double {
    let deviation = max(deviation, 1e-150)
    return log(deviation) + logImprovement((best - mean) / deviation)
  }
}

extension RandomStream {
  /// A standard normal number from two uniform ones: Box and Muller (1958).
  public mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }
}

extension Normal {
  /// The z with Phi(z) = p, for 0 < p < 1; infinite at 0 and 1.
  ///
  /// Abramowitz and Stegun 26.2.23 as a start, then Halley's steps on Phi: to about 1e-15 of z.
  public static func quantile(_ p: Double) -> Double {
    guard p > 0, p < 1 else { return p <= 0 ? -.infinity : p >= 1 ? .infinity : .nan }
    if p > 0.5 { return -quantile(1 - p) }
    let t = (-2 * log(p)).squareRoot()
    let above = 2.515517 + t * (0.802853 + t * 0.010328)
    let below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    var z = above / below - t
    for _ in 0..<3 {
      // (Phi - p) / phi without underflow: both are scaled by exp(z^2 / 2).
      let error = 0.5 * erfcx(-z * 0.5.squareRoot()) - p * exp(0.5 * z * z)
      let step = error * (2 * Double.pi).squareRoot()
      z -= step / (1 + z * step / 2)
    }
    return z
  }
}
