/// Phi and its gradient at one lambda, with what is known of their error.
public struct Hypergradient: Hashable, Sendable {
  /// Phi = g(w, lambda).
  public var value: Double
  /// dPhi/dlambda, m numbers.
  public var direction: [Double]
  /// An estimate of the error of the direction, relative to its length.
  public var errorEstimate: Double
  /// The w that it was taken at.
  public var inner: [Double]

  public init(value: Double, direction: [Double], errorEstimate: Double, inner: [Double]) {
    self.value = value
    self.direction = direction
    self.errorEstimate = errorEstimate
    self.inner = inner
  }
}

/// Works out hypergradients of one problem at one lambda after the other, each from where the last ended.
protocol HypergradientEstimator {
  associatedtype Problem: BilevelProblem
  var count: OracleCount { get }
  mutating func at(_ lambda: [Double]) throws(BilevelError) -> Hypergradient
}
