/// Penalty-based bilevel gradient descent (Shen and Chen, "On penalty-based bilevel gradient descent method", ICML 2023):
/// w and lambda together descend g + gamma p, where p is how far w is from solving the inner problem.
///
/// - V-PBGD: p = h(w, lambda) - min_omega h(omega, lambda); omega follows by T gradient steps at a time.
/// - G-PBGD: p = |dh/dw|^2, which takes products with second derivatives, and no omega.
///
/// gamma grows in a straight line from nothing, and steps are shortened by min(1, 1 / gamma). What it ends at is the minimum
/// of g + gamma p: off that of Phi by a part that falls as 1 / gamma.
public struct PenaltyLoop: Hashable, Sendable {
  public enum Gap: String, Codable, Sendable {
    case value
    case gradient
  }

  public var gap: Gap
  /// What gamma grows to.
  public var gamma: Double
  /// Steps over which it grows.
  public var ramp: Int
  /// T
  public var innerSteps: Int
  /// Of lambda, before the shortening.
  public var outerRate: Double
  /// Of w; nil: 1 / the largest curvature of p.
  public var rate: Double?
  public var limits: BilevelLoopLimits

  public init(
    _ gap: Gap = .value, gamma: Double = 10, ramp: Int = 1_000, innerSteps: Int = 1, outerRate: Double = 0.1,
    rate: Double? = nil, limits: BilevelLoopLimits = BilevelLoopLimits()
  ) {
    self.gap = gap
    self.gamma = gamma
    self.ramp = max(1, ramp)
    self.innerSteps = max(1, innerSteps)
    self.outerRate = outerRate
    self.rate = rate
    self.limits = limits
  }

  /// - Throws: `invalid` for sizes that do not fit, `notFinite` when it diverges.
  public func run(_ problem: some BilevelProblem, from start: [Double]? = nil) throws(BilevelError) -> BilevelLoopReport
  {
    guard gamma > 0, gamma.isFinite else { throw BilevelError(.invalid, "gamma must be above 0") }
    var oracles = try LoopOracles(problem, from: start)
    let lambda = oracles.origin(start)
    let inner = oracles.rate(problem.innerStart, lambda)
    // p curves as h does, or as its square.
    let own = rate ?? (gap == .value ? 0.5 * inner : 0.25 * inner * inner)
    var state = PenaltyState(loop: self, problem: problem, lambda: lambda, rate: own, innerRate: inner)
    return try oracles.drive(&state, limits)
  }
}

private struct PenaltyState<Problem: BilevelProblem>: LoopState {
  let loop: PenaltyLoop
  var lambda: [Double]
  var w: [Double]
  var omega: [Double]
  let rate: Double
  let innerRate: Double

  init(loop: PenaltyLoop, problem: Problem, lambda: [Double], rate: Double, innerRate: Double) {
    (self.loop, self.lambda, self.rate, self.innerRate) = (loop, lambda, rate, innerRate)
    (w, omega) = (problem.innerStart, problem.innerStart)
  }

  mutating func advance(_ k: Int, _ oracles: inout LoopOracles<Problem>) {
    let gamma = loop.gamma * min(1, Double(k + 1) / Double(loop.ramp))
    let shorter = min(1, 1 / gamma)
    let (_, ofW, ofLambda) = oracles.outer(w, lambda)
    let gradient = oracles.inner(w, lambda)
    var (slopeW, slopeLambda) = (ofW, ofLambda)
    switch loop.gap {
    case .value:
      for _ in 0..<loop.innerSteps { Vectors.add(-innerRate, oracles.inner(omega, lambda), to: &omega) }
      Vectors.add(gamma, gradient, to: &slopeW)
      Vectors.add(gamma, oracles.innerLambda(w, lambda), to: &slopeLambda)
      Vectors.add(-gamma, oracles.innerLambda(omega, lambda), to: &slopeLambda)
    case .gradient:
      let products = oracles.products(w, lambda, gradient)
      Vectors.add(2 * gamma, products.hessian, to: &slopeW)
      Vectors.add(2 * gamma, products.mixed, to: &slopeLambda)
    }
    Vectors.add(-rate * shorter, slopeW, to: &w)
    lambda = oracles.domain.projected(Vectors.sum(lambda, -loop.outerRate * shorter, slopeLambda))
  }
}
