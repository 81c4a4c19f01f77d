/// The hypergradient by the penalty reformulation, without second derivatives (Kwon et al., "A fully first-order method for
/// stochastic bilevel optimization", ICML 2023, equation 4; Shen and Chen, "On penalty-based bilevel gradient descent
/// method", ICML 2023):
///
///     z = argmin h + g / gamma,   dPhi/dlambda ~ dg/dlambda(z) + gamma (dh/dlambda(z) - dh/dlambda(w*))
///
/// Its error falls as 1 / gamma down to what the inner accuracy allows, which gamma multiplies.
struct PenaltyEstimator<Problem: BilevelProblem>: HypergradientEstimator {
  static var knowsErrors: Bool { true }

  let problem: Problem
  let gamma: Double
  /// Of the inner gradients, a thousandth, relative to their length at the first start.
  var tolerance: Double
  private(set) var count = OracleCount()
  private let solver: InnerSolver
  private var linear: (low: LinearSolver, high: LinearSolver) = (LinearSolver(.auto), LinearSolver(.auto))
  private var w: [Double]
  private var z: [Double]?
  private var scale: Double?

  init(_ problem: Problem, gamma: Double = 1_000, tolerance: Double = 1e-4, inner: InnerMethod = .newton) {
    self.problem = problem
    self.gamma = gamma
    self.tolerance = tolerance
    solver = InnerSolver(method: inner)
    w = problem.innerStart
  }

  mutating func at(_ lambda: [Double]) throws(BilevelError) -> Hypergradient {
    let size = try size(lambda)
    let low = try solver.solve(problem, lambda, from: w, tolerance: 1e-3 * tolerance * size, &linear.low, &count)
    let high = try raised(lambda, gamma, from: z ?? low.w, size)
    let (value, direction) = try direction(lambda, low, high, gamma)
    (w, z) = (low.w, high.w)
    return Hypergradient(
      value: value, direction: direction,
      errorEstimate: 1 / gamma + gamma * max(low.gradientNorm, high.gradientNorm) / size, inner: low.w)
  }

  mutating func value(at lambda: [Double]) throws(BilevelError) -> (value: Double, error: Double) {
    let size = try size(lambda)
    w = try solver.solve(problem, lambda, from: w, tolerance: 1e-3 * tolerance * size, &linear.low, &count).w
    var gradient = Array(repeating: 0.0, count: problem.innerDimension)
    var partial = Array(repeating: 0.0, count: problem.outerDimension)
    let value = problem.outer(w, lambda, gradientW: &gradient, gradientLambda: &partial)
    count.outer += 1
    guard value.isFinite else { throw BilevelError(.notFinite, "the outer objective is not finite (g = \(value))") }
    return (value, try valueError(lambda, InnerSolver.Point(problem, lambda, w, &count), gradient))
  }

  /// With half of gamma the direction errs twice as much: the difference is the error. To it comes what the inner gradients
  /// left over make, each times gamma.
  mutating func certified(_ found: Hypergradient, at lambda: [Double]) throws(BilevelError) -> Hypergradient {
    let size = try size(lambda)
    let low = try InnerSolver.Point(problem, lambda, found.inner, &count)
    let high = try raised(lambda, gamma, from: z ?? low.w, size)
    let half = try raised(lambda, gamma / 2, from: high.w, size)
    let rough = try direction(lambda, low, half, gamma / 2).direction
    var error = Vectors.norm(Vectors.sum(rough, -1, found.direction))
    for point in [low, high] {
      let curvature = problem.curvature(point.w, lambda)
      let step = try linear.low.solve(point.gradient, curvature, tolerance: 0.1, &count).x
      var moved = Array(repeating: 0.0, count: problem.outerDimension)
      curvature.mixedProduct(step, into: &moved)
      count.add(mixedProducts: 1, of: curvature)
      error += gamma * Vectors.norm(moved)
    }
    var result = found
    let length = Vectors.norm(found.direction)
    result.errorEstimate = length > 0 ? 1.5 * error / length : (error > 0 ? .infinity : 0)
    var gradient = found.inner
    var partial = Array(repeating: 0.0, count: problem.outerDimension)
    _ = problem.outer(found.inner, lambda, gradientW: &gradient, gradientLambda: &partial)
    count.outer += 1
    result.valueError = try valueError(lambda, low, gradient)
    return result
  }

  /// |dg/dw H^-1 dh/dw|, doubled.
  private mutating func valueError(_ lambda: [Double], _ low: InnerSolver.Point, _ gradientW: [Double])
    throws(BilevelError) -> Double
  {
    let step = try linear.low.solve(low.gradient, problem.curvature(low.w, lambda), tolerance: 0.1, &count).x
    return 2 * abs(Vectors.dot(gradientW, step))
  }

  /// z
  private mutating func raised(_ lambda: [Double], _ gamma: Double, from start: [Double], _ size: Double)
    throws(BilevelError) -> InnerSolver.Point
  {
    var own = OracleCount()
    // Each value of the penalized problem asks both oracles.
    defer {
      own.outer += own.inner
      count.add(own)
    }
    return try solver.solve(
      Penalized(problem: problem, gamma: gamma), lambda, from: start, tolerance: 1e-3 * tolerance * size,
      &linear.high, &own)
  }

  private mutating func direction(
    _ lambda: [Double], _ low: InnerSolver.Point, _ high: InnerSolver.Point, _ gamma: Double
  ) throws(BilevelError) -> (value: Double, direction: [Double]) {
    var gradient = low.w
    var direction = Array(repeating: 0.0, count: problem.outerDimension)
    var atZ = direction
    var atW = direction
    // g and its own slope in lambda are those at w*: z leans towards g.
    let value = problem.outer(low.w, lambda, gradientW: &gradient, gradientLambda: &direction)
    problem.innerOuterGradient(high.w, lambda, into: &atZ)
    problem.innerOuterGradient(low.w, lambda, into: &atW)
    count.outer += 1
    count.inner += 2
    for i in direction.indices { direction[i] += gamma * (atZ[i] - atW[i]) }
    guard value.isFinite, Vectors.isFinite(direction) else {
      throw BilevelError(.notFinite, "the hypergradient by penalty is not finite")
    }
    return (value, direction)
  }

  private mutating func size(_ lambda: [Double]) throws(BilevelError) -> Double {
    if let scale { return scale }
    let found = max(try InnerSolver.Point(problem, lambda, problem.innerStart, &count).gradientNorm, 1e-300)
    scale = found
    return found
  }
}

/// h + g / gamma as an inner problem.
private struct Penalized<Problem: BilevelProblem>: BilevelProblem {
  let problem: Problem
  let gamma: Double

  var innerDimension: Int { problem.innerDimension }
  var outerDimension: Int { problem.outerDimension }
  var domain: [ClosedRange<Double>] { problem.domain }
  var innerStart: [Double] { problem.innerStart }

  func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    let h = problem.inner(w, lambda, gradient: &gradient)
    var ofG = gradient
    var ofLambda = Array(repeating: 0.0, count: outerDimension)
    let g = problem.outer(w, lambda, gradientW: &ofG, gradientLambda: &ofLambda)
    Vectors.add(1 / gamma, ofG, to: &gradient)
    return h + g / gamma
  }

  func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    problem.innerOuterGradient(w, lambda, into: &result)
  }

  func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double {
    problem.outer(w, lambda, gradientW: &gradientW, gradientLambda: &gradientLambda)
  }
}
