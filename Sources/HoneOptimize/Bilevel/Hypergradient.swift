/// Phi and its gradient at one lambda, with what is known of their errors.
public struct Hypergradient: Hashable, Sendable {
  /// Phi = g(w, lambda).
  public var value: Double
  /// dPhi/dlambda, m numbers.
  public var direction: [Double]
  /// Of the direction, relative to its length: certified, an upper estimate; else what the solves left. Infinite where
  /// nothing is known.
  public var errorEstimate: Double
  /// Of the value, as a number: `value - valueError` is a lower bound to go by. Infinite where nothing is known.
  public var valueError: Double
  /// The w that it was taken at.
  public var inner: [Double]
  /// q, where there is one.
  package var adjoint: [Double]?

  public init(
    value: Double, direction: [Double], errorEstimate: Double, valueError: Double = .infinity, inner: [Double]
  ) {
    self.value = value
    self.direction = direction
    self.errorEstimate = errorEstimate
    self.valueError = valueError
    self.inner = inner
  }
}

/// Works out hypergradients of one problem at one lambda after the other, each from where the last ended.
package protocol HypergradientEstimator {
  associatedtype Problem: BilevelProblem
  var problem: Problem { get }
  var count: OracleCount { get }
  /// What is asked of the direction: its error relative to its length. Steppers tighten and relax it.
  var tolerance: Double { get set }
  mutating func at(_ lambda: [Double]) throws(BilevelError) -> Hypergradient
  /// Phi alone, and its error.
  mutating func value(at lambda: [Double]) throws(BilevelError) -> (value: Double, error: Double)
  /// The same hypergradient, its errors now upper estimates. Leaves it as it is where they cannot be had.
  mutating func certified(_ found: Hypergradient, at lambda: [Double]) throws(BilevelError) -> Hypergradient
  /// `certified` and `value` tell errors, so that a line search can go by them.
  static var knowsErrors: Bool { get }
  /// Values are those of an earlier lambda's w, so that one cannot be compared with another.
  static var lags: Bool { get }
}

extension HypergradientEstimator {
  package static var knowsErrors: Bool { false }
  package static var lags: Bool { false }

  package mutating func value(at lambda: [Double]) throws(BilevelError) -> (value: Double, error: Double) {
    let found = try at(lambda)
    return (found.value, found.valueError)
  }

  package mutating func certified(_ found: Hypergradient, at lambda: [Double]) throws(BilevelError) -> Hypergradient {
    found
  }

  /// A hypergradient whose certified error is what was asked: tolerances fall until it is.
  mutating func accurate(at lambda: [Double]) throws(BilevelError) -> Hypergradient {
    let asked = tolerance
    defer { tolerance = asked }
    var found = try certified(at(lambda), at: lambda)
    var failures = 0
    for _ in 0..<12 where found.errorEstimate > 2 * asked && found.errorEstimate.isFinite {
      tolerance *= max(0.01, min(0.3, asked / found.errorEstimate))
      let next = try certified(at(lambda), at: lambda)
      // Where nothing more is to be had, no more is paid for it.
      if next.errorEstimate > 0.7 * found.errorEstimate { failures += 1 }
      if next.errorEstimate < found.errorEstimate { found = next }
      if failures == 2 { break }
    }
    return found
  }
}
