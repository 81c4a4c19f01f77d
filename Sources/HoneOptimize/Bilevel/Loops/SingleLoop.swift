import Foundation

/// sl-BAMM (Liu, Liu, Yao, Zeng and Zhang, "Averaged method of multipliers for bi-level optimization without lower-level
/// strong convexity", ICML 2023): w, the multiplier v and lambda take one step each,
///
///     w <- w - s (dh/dw + mu_k dg/dw)
///     v <- v - s ((d2h/dw dw) v - dg/dw)
///     lambda <- lambda - s_lambda (dg/dlambda - (d2h/dlambda dw) v)
///
/// with mu_k = mu / (k + 1)^p falling to nothing: of many inner minima that which g likes. The cheapest step of all loops.
public struct SingleLoop: Hashable, Sendable {
  /// mu
  public var aggregation: Double
  /// p
  public var decay: Double
  /// s_lambda
  public var outerRate: Double
  /// s; nil: 1 / the largest curvature of h at the start.
  public var rate: Double?
  public var limits: BilevelLoopLimits

  public init(
    aggregation: Double = 0.1, decay: Double = 1, outerRate: Double = 0.005, rate: Double? = nil,
    limits: BilevelLoopLimits = BilevelLoopLimits()
  ) {
    self.aggregation = aggregation
    self.decay = decay
    self.outerRate = outerRate
    self.rate = rate
    self.limits = limits
  }

  /// - Throws: `invalid` for sizes that do not fit, `notFinite` when it diverges.
  public func run(_ problem: some BilevelProblem, from start: [Double]? = nil) throws(BilevelError) -> BilevelLoopReport
  {
    var oracles = try LoopOracles(problem, from: start)
    let lambda = oracles.origin(start)
    var state = SingleState(loop: self, problem: problem, lambda: lambda)
    state.rate = rate ?? oracles.rate(state.w, lambda)
    return try oracles.drive(&state, limits)
  }
}

private struct SingleState<Problem: BilevelProblem>: LoopState {
  let loop: SingleLoop
  var lambda: [Double]
  var w: [Double]
  var v: [Double]
  var rate = 0.0

  init(loop: SingleLoop, problem: Problem, lambda: [Double]) {
    (self.loop, self.lambda) = (loop, lambda)
    w = problem.innerStart
    v = Array(repeating: 0, count: w.count)
  }

  mutating func advance(_ k: Int, _ oracles: inout LoopOracles<Problem>) {
    let mu = loop.aggregation / pow(Double(k + 1), loop.decay)
    let (_, ofW, ofLambda) = oracles.outer(w, lambda)
    let gradient = oracles.inner(w, lambda)
    let (hessian, mixed) = oracles.products(w, lambda, v)
    Vectors.add(-rate, gradient, to: &w)
    Vectors.add(-rate * mu, ofW, to: &w)
    Vectors.add(-rate, Vectors.sum(hessian, -1, ofW), to: &v)
    let slope = Vectors.sum(ofLambda, -1, mixed)
    lambda = oracles.domain.projected(Vectors.sum(lambda, -loop.outerRate, slope))
  }
}
