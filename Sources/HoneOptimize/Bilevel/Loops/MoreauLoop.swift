import Foundation

/// A part r of the inner objective that has no gradient but a nearest-point step.
public enum InnerProximal: Hashable, Sendable {
  case none
  /// r = strength sum |w_i|
  case l1(Double)
  /// r = strength sum over groups |w_group|; coordinates in no group are free.
  case groups([[Int]], Double)

  /// argmin_x r(x) + |x - w|^2 / (2 t)
  func step(_ w: [Double], _ t: Double) -> [Double] {
    switch self {
    case .none: return w
    case .l1(let strength): return w.map { max(abs($0) - t * strength, 0) * ($0 < 0 ? -1 : 1) }
    case .groups(let groups, let strength):
      var result = w
      for group in groups {
        let length = group.reduce(0.0) { $0 + w[$1] * w[$1] }.squareRoot()
        let factor = length > 0 ? max(1 - t * strength / length, 0) : 0
        for i in group { result[i] = factor * w[i] }
      }
      return result
    }
  }
}

/// MEHA (Liu, Liu, Yao, Zeng and Zhang, "Moreau envelope for nonconvex bi-level optimization: a single-loop and Hessian-free
/// solution strategy", ICML 2024): the inner problem h + r is replaced by its Moreau envelope, whose minimum theta follows by
/// one step a time,
///
///     theta <- prox_{eta r}(theta - eta (dh/dw(theta) + (theta - w) / gamma))
///     lambda <- lambda - alpha (dg/dlambda / c_k + dh/dlambda(w) - dh/dlambda(theta))
///     w <- prox_{beta r}(w - beta (dg/dw / c_k + dh/dw(w) - (w - theta) / gamma))
///
/// with c_k = c (k + 1)^p, p < 1/2. Gradients alone; L1 and group penalties allowed, h need not be convex. What it ends off by
/// is of order 1 / c_k.
public struct MoreauLoop: Hashable, Sendable {
  public var proximal: InnerProximal
  /// gamma
  public var radius: Double
  /// c
  public var penalty: Double
  /// p
  public var growth: Double
  /// alpha
  public var outerRate: Double
  /// beta = eta; nil: half of 1 / (largest curvature of h + 1 / gamma).
  public var rate: Double?
  public var limits: BilevelLoopLimits

  public init(
    proximal: InnerProximal = .none, radius: Double = 1, penalty: Double = 10, growth: Double = 0.3,
    outerRate: Double = 0.05, rate: Double? = nil, limits: BilevelLoopLimits = BilevelLoopLimits()
  ) {
    self.proximal = proximal
    self.radius = radius
    self.penalty = penalty
    self.growth = growth
    self.outerRate = outerRate
    self.rate = rate
    self.limits = limits
  }

  /// - Throws: `invalid` for sizes or constants that do not fit, `notFinite` when it diverges.
  public func run(_ problem: some BilevelProblem, from start: [Double]? = nil) throws(BilevelError) -> BilevelLoopReport
  {
    guard radius > 0, penalty > 0, (0..<0.5).contains(growth) else {
      throw BilevelError(
        .invalid, "a Moreau envelope needs a radius and a penalty above 0, growing by a power below 1/2")
    }
    if case .groups(let groups, _) = proximal,
      groups.joined().contains(where: { !(0..<problem.innerDimension).contains($0) })
    {
      throw BilevelError(.invalid, "a group names a weight that is not there")
    }
    var oracles = try LoopOracles(problem, from: start)
    let lambda = oracles.origin(start)
    var state = MoreauState(loop: self, problem: problem, lambda: lambda)
    state.rate = rate ?? 0.5 / (1 / oracles.rate(state.w, lambda) + 1 / radius)
    return try oracles.drive(&state, limits)
  }
}

private struct MoreauState<Problem: BilevelProblem>: LoopState {
  let loop: MoreauLoop
  var lambda: [Double]
  var w: [Double]
  var theta: [Double]
  var rate = 0.0

  init(loop: MoreauLoop, problem: Problem, lambda: [Double]) {
    (self.loop, self.lambda) = (loop, lambda)
    (w, theta) = (problem.innerStart, problem.innerStart)
  }

  mutating func advance(_ k: Int, _ oracles: inout LoopOracles<Problem>) {
    let c = loop.penalty * pow(Double(k + 1), loop.growth)
    var slope = Vectors.sum(oracles.inner(theta, lambda), 1 / loop.radius, Vectors.sum(theta, -1, w))
    theta = loop.proximal.step(Vectors.sum(theta, -rate, slope), rate)
    let (_, ofW, ofLambda) = oracles.outer(w, lambda)
    var ofPenalty = Vectors.sum(oracles.innerLambda(w, lambda), -1, oracles.innerLambda(theta, lambda))
    Vectors.add(1 / c, ofLambda, to: &ofPenalty)
    lambda = oracles.domain.projected(Vectors.sum(lambda, -loop.outerRate, ofPenalty))
    slope = Vectors.sum(oracles.inner(w, lambda), 1 / c, ofW)
    Vectors.add(-1 / loop.radius, Vectors.sum(w, -1, theta), to: &slope)
    w = loop.proximal.step(Vectors.sum(w, -rate, slope), rate)
  }
}
