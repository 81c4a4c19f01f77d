import Foundation

/// ScaleBiO's three tracks (Pan et al., "ScaleBiO: scalable bilevel optimization for LLM data reweighting", 2024) for the
/// weights of data sources on the simplex: min over lambda and w, max over u of g(w) + alpha (h(w, lambda) - h(u, lambda)),
///
///     u <- u - eta_u dh/dw(u),   w <- w - eta_w (dg/dw / alpha + dh/dw(w)),
///     lambda <- lambda exp(-eta min(1, 1 / alpha) (dg/dlambda + alpha (dh/dlambda(w) - dh/dlambda(u)))), scaled to sum one
///
/// The weights' step is that of their softmax's exponents in the natural geometry of a simplex. Gradients are whole, not
/// sampled, and the model is small: no layer sampling. alpha may grow, which lessens what it ends off by, of order 1 / alpha.
public struct ReweightingLoop: Hashable, Sendable {
  public var alpha: Double
  /// alpha grows as (1 + k / 100)^growth.
  public var growth: Double
  /// eta
  public var outerRate: Double
  public var limits: BilevelLoopLimits

  public init(
    alpha: Double = 10, growth: Double = 0, outerRate: Double = 1, limits: BilevelLoopLimits = BilevelLoopLimits()
  ) {
    self.alpha = alpha
    self.growth = growth
    self.outerRate = outerRate
    self.limits = limits
  }

  /// - Throws: `invalid` for a problem that is not on a simplex or sizes that do not fit, `notFinite` when it diverges.
  public func run(_ problem: some BilevelProblem, from start: [Double]? = nil) throws(BilevelError) -> BilevelLoopReport
  {
    guard problem.geometry == .simplex, alpha > 0 else {
      throw BilevelError(.invalid, "reweighting needs lambda on a simplex, and an alpha above 0")
    }
    var oracles = try LoopOracles(problem, from: start)
    let lambda = oracles.origin(start)
    var state = ReweightingState(loop: self, problem: problem, lambda: lambda)
    state.rate = oracles.rate(state.w, lambda)
    return try oracles.drive(&state, limits)
  }
}

private struct ReweightingState<Problem: BilevelProblem>: LoopState {
  let loop: ReweightingLoop
  var lambda: [Double]
  var w: [Double]
  var u: [Double]
  var rate = 0.0

  init(loop: ReweightingLoop, problem: Problem, lambda: [Double]) {
    (self.loop, self.lambda) = (loop, lambda)
    (w, u) = (problem.innerStart, problem.innerStart)
  }

  mutating func advance(_ k: Int, _ oracles: inout LoopOracles<Problem>) {
    let alpha = loop.alpha * pow(1 + Double(k) / 100, loop.growth)
    Vectors.add(-rate, oracles.inner(u, lambda), to: &u)
    let (_, ofW, ofLambda) = oracles.outer(w, lambda)
    // g adds to the curvature of h: half a step leaves it room.
    Vectors.add(-0.5 * rate, Vectors.sum(oracles.inner(w, lambda), 1 / alpha, ofW), to: &w)
    var slope = ofLambda
    Vectors.add(alpha, oracles.innerLambda(w, lambda), to: &slope)
    Vectors.add(-alpha, oracles.innerLambda(u, lambda), to: &slope)
    let least = slope.min() ?? 0
    // Shorter as alpha grows: w and u lag behind lambda, and alpha multiplies what that errs by.
    let length = loop.outerRate * min(1, 1 / alpha)
    let weights = lambda.indices.map { lambda[$0] * exp(-length * (slope[$0] - least)) }
    let sum = weights.reduce(0, +)
    // A weight of nothing could never come back.
    lambda = sum > 0 ? weights.map { max($0 / sum, 1e-12) } : lambda
  }
}
