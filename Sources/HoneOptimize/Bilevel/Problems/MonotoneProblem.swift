/// A bilevel problem whose outer objective can be bounded from below over a whole box of lambda (`LowerBound`):
///
///     h(w, lambda) = h_0(w) + sum_i s_i(lambda_i) r_i(w),   r_i >= 0, s_i rising
///
/// with h convex in w, and with a g that is convex in w and does not ask for lambda. Penalties with strengths are such.
public protocol MonotoneProblem: BilevelProblem {
  /// c_j, one a weight, such that h - 1/2 sum_j c_j w_j^2 is still convex in w; nil when this problem is not of the form
  /// above. Only where all are above zero is there a bound.
  func convexity(_ lambda: [Double]) -> [Double]?
  /// The second derivatives of g in w, of which no mixed product is asked; nil: by differences.
  func outerCurvature(_ w: [Double]) -> (any BilevelCurvature)?
  /// What g is never below; minus infinity where nothing is known.
  var outerFloor: Double { get }
}

extension MonotoneProblem {
  public func outerCurvature(_ w: [Double]) -> (any BilevelCurvature)? { nil }
  public var outerFloor: Double { -.infinity }
}
