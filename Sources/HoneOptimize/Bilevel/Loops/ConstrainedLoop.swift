import Foundation

/// Conditions c(w, lambda) <= 0 on the inner problem.
public protocol CoupledConstraints: Sendable {
  var count: Int { get }
  /// c(w, lambda)
  func values(_ w: [Double], _ lambda: [Double]) -> [Double]
  /// sum_i z_i dc_i/dw and sum_i z_i dc_i/dlambda.
  func pulled(_ z: [Double], _ w: [Double], _ lambda: [Double]) -> (w: [Double], lambda: [Double])
  /// The nearest pair with c <= 0.
  func projected(_ w: [Double], _ lambda: [Double]) -> (w: [Double], lambda: [Double])
}

/// Linear conditions: row a of `normals` times (w, lambda) is at most `bounds`.
public struct HalfspaceConstraints: CoupledConstraints, Hashable {
  /// One row a condition, n + m numbers each.
  public let normals: [[Double]]
  public let bounds: [Double]

  /// - Throws: `invalid` when rows differ in length from each other, are zero, or are not as many as the bounds.
  public init(normals: [[Double]], bounds: [Double]) throws(BilevelError) {
    guard normals.count == bounds.count, Set(normals.map(\.count)).count <= 1,
      normals.allSatisfy({ Vectors.norm($0) > 0 && Vectors.isFinite($0) })
    else { throw BilevelError(.invalid, "conditions need rows of one length, none of them zero, and a bound each") }
    self.normals = normals
    self.bounds = bounds
  }

  public var count: Int { bounds.count }

  public func values(_ w: [Double], _ lambda: [Double]) -> [Double] {
    normals.indices.map { Vectors.dot(normals[$0], w + lambda) - bounds[$0] }
  }

  public func pulled(_ z: [Double], _ w: [Double], _ lambda: [Double]) -> (w: [Double], lambda: [Double]) {
    var sum = Array(repeating: 0.0, count: w.count + lambda.count)
    for i in normals.indices { Vectors.add(z[i], normals[i], to: &sum) }
    return (Array(sum[..<w.count]), Array(sum[w.count...]))
  }

  /// Dykstra's alternating projections (Boyle and Dykstra 1986); of one condition in closed form.
  public func projected(_ w: [Double], _ lambda: [Double]) -> (w: [Double], lambda: [Double]) {
    var x = w + lambda
    // How far along each normal the last projection went.
    var moved = Array(repeating: 0.0, count: count)
    for _ in 0..<(count == 1 ? 1 : 200) {
      var change = 0.0
      for i in normals.indices {
        Vectors.add(moved[i], normals[i], to: &x)
        let excess = max(0, (Vectors.dot(normals[i], x) - bounds[i]) / Vectors.dot(normals[i], normals[i]))
        Vectors.add(-excess, normals[i], to: &x)
        change += abs(excess - moved[i])
        moved[i] = excess
      }
      if change < 1e-14 { break }
    }
    return (Array(x[..<w.count]), Array(x[w.count...]))
  }
}

/// LV-HBA (Yao, Yu, Zeng and Zhang, "Constrained bi-level optimization: proximal Lagrangian value function approach and
/// Hessian-free algorithm", ICLR 2024): inner problems with conditions that hold lambda too,
///
///     theta <- theta - eta (dh/dw(theta) + z'dc/dw(theta) + (theta - w) / gamma_1)
///     z <- max(0, z + eta (c(theta) - (z - zeta) / gamma_2))
///     (w, lambda) <- Proj_{c <= 0}((w, lambda) - alpha (dw, dlambda)),
///       dw = dg/dw / c_k + dh/dw(w) - (w - theta) / gamma_1
///       dlambda = dg/dlambda / c_k + dh/dlambda(w) - dh/dlambda(theta) - z'dc/dlambda(theta)
///     zeta <- zeta + beta (z - zeta) / gamma_2, at most `cap`
///
/// with c_k = c (k + 1)^p. Gradients alone. What it ends off by is of order 1 / c_k.
public struct ConstrainedLoop: Hashable, Sendable {
  /// c
  public var penalty: Double
  /// p
  public var growth: Double
  /// gamma_1 and gamma_2
  public var radius: Double
  /// alpha
  public var step: Double
  /// beta
  public var dualStep: Double
  /// eta; nil: half of 1 / (largest curvature of h + 1 / gamma_1).
  public var rate: Double?
  public var cap: Double
  public var limits: BilevelLoopLimits

  public init(
    penalty: Double = 10, growth: Double = 0.3, radius: Double = 10, step: Double = 0.01, dualStep: Double = 0.02,
    rate: Double? = nil, cap: Double = 1e6, limits: BilevelLoopLimits = BilevelLoopLimits(steps: 20_000)
  ) {
    self.penalty = penalty
    self.growth = growth
    self.radius = radius
    self.step = step
    self.dualStep = dualStep
    self.rate = rate
    self.cap = cap
    self.limits = limits
  }

  /// - Throws: `invalid` for sizes or constants that do not fit, `notFinite` when it diverges.
  public func run(
    _ problem: some BilevelProblem, _ constraints: some CoupledConstraints, from start: [Double]? = nil
  ) throws(BilevelError) -> BilevelLoopReport {
    guard penalty > 0, growth >= 0, radius > 0, step > 0, dualStep > 0 else {
      throw BilevelError(.invalid, "penalty, radius and steps must be above 0")
    }
    var oracles = try LoopOracles(problem, from: start)
    let lambda = oracles.origin(start)
    var state = ConstrainedState(loop: self, problem: problem, constraints: constraints, lambda: lambda)
    state.rate = rate ?? 0.5 / (1 / oracles.rate(state.w, lambda) + 1 / radius)
    return try oracles.drive(&state, limits)
  }
}

private struct ConstrainedState<Problem: BilevelProblem, Constraints: CoupledConstraints>: LoopState {
  let loop: ConstrainedLoop
  let constraints: Constraints
  var lambda: [Double]
  var w: [Double]
  var theta: [Double]
  var z: [Double]
  var zeta: [Double]
  var rate = 0.0

  init(loop: ConstrainedLoop, problem: Problem, constraints: Constraints, lambda: [Double]) {
    (self.loop, self.constraints) = (loop, constraints)
    (w, self.lambda) = constraints.projected(problem.innerStart, lambda)
    theta = w
    z = Array(repeating: 0, count: constraints.count)
    zeta = z
  }

  mutating func advance(_ k: Int, _ oracles: inout LoopOracles<Problem>) {
    let c = loop.penalty * pow(Double(k + 1), loop.growth)
    var slope = oracles.inner(theta, lambda)
    Vectors.add(1, constraints.pulled(z, theta, lambda).w, to: &slope)
    Vectors.add(1 / loop.radius, Vectors.sum(theta, -1, w), to: &slope)
    let excess = constraints.values(theta, lambda)
    Vectors.add(-rate, slope, to: &theta)
    z = z.indices.map { max(0, z[$0] + rate * (excess[$0] - (z[$0] - zeta[$0]) / loop.radius)) }

    let (_, ofW, ofLambda) = oracles.outer(w, lambda)
    var slopeW = Vectors.sum(oracles.inner(w, lambda), 1 / c, ofW)
    Vectors.add(-1 / loop.radius, Vectors.sum(w, -1, theta), to: &slopeW)
    var slopeLambda = Vectors.sum(oracles.innerLambda(w, lambda), -1, oracles.innerLambda(theta, lambda))
    Vectors.add(1 / c, ofLambda, to: &slopeLambda)
    Vectors.add(-1, constraints.pulled(z, theta, lambda).lambda, to: &slopeLambda)
    let moved = oracles.domain.projected(Vectors.sum(lambda, -loop.step, slopeLambda))
    (w, lambda) = constraints.projected(Vectors.sum(w, -loop.step, slopeW), moved)
    zeta = zeta.indices.map { min(max(zeta[$0] + loop.dualStep * (z[$0] - zeta[$0]) / loop.radius, 0), loop.cap) }
  }
}
