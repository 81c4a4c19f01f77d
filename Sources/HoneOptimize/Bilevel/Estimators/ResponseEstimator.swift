/// The hypergradient by a linear best response (MacKay, Vicol, Lorraine, Duvenaud and Grosse, "Self-tuning networks:
/// bilevel optimization of hyperparameters using structured best-response functions", ICLR 2019): w*(lambda + epsilon) is taken
/// to be w + W epsilon, and
///
///     dPhi/dlambda = dg/dlambda + W' dg/dw
///
/// Here W is the response to a step of `spread` to either side of each lambda, which is what a linear response fitted to
/// perturbations of that size is; the paper fits it along the way (`SelfTuningLoop`). It asks h for nothing but its
/// gradient in w, so lambda may enter h in any way that can be computed; 2 m inner solves each time. Its error falls as the
/// square of the spread, down to the inner error over the spread.
struct ResponseEstimator<Problem: BilevelProblem>: HypergradientEstimator {
  static var knowsErrors: Bool { true }

  let problem: Problem
  let spread: Double
  var tolerance: Double
  private(set) var count = OracleCount()
  private let solver: InnerSolver
  private var linear = LinearSolver(.auto)
  private var w: [Double]
  /// W, one row a lambda.
  private var response: [[Double]]
  private var scale: Double?

  init(_ problem: Problem, spread: Double = 1e-2, tolerance: Double = 1e-4, inner: InnerMethod = .newton) {
    self.problem = problem
    self.spread = spread
    self.tolerance = tolerance
    solver = InnerSolver(method: inner)
    w = problem.innerStart
    response = Array(repeating: Array(repeating: 0.0, count: problem.innerDimension), count: problem.outerDimension)
  }

  mutating func at(_ lambda: [Double]) throws(BilevelError) -> Hypergradient {
    let size = try size(lambda)
    w = try solved(lambda, from: w, size).w
    let (value, direction) = try direction(lambda, spread, size)
    return Hypergradient(value: value, direction: direction, errorEstimate: .infinity, inner: w)
  }

  mutating func value(at lambda: [Double]) throws(BilevelError) -> (value: Double, error: Double) {
    let point = try solved(lambda, from: w, try size(lambda))
    w = point.w
    var gradient = w
    var partial = Array(repeating: 0.0, count: problem.outerDimension)
    count.outer += 1
    let value = problem.outer(w, lambda, gradientW: &gradient, gradientLambda: &partial)
    return (value, try valueError(lambda, point, gradient))
  }

  /// |dg/dw H^-1 dh/dw|, doubled.
  private mutating func valueError(_ lambda: [Double], _ point: InnerSolver.Point, _ gradientW: [Double])
    throws(BilevelError) -> Double
  {
    let step = try linear.solve(point.gradient, problem.curvature(point.w, lambda), tolerance: 0.1, &count).x
    return 2 * abs(Vectors.dot(gradientW, step))
  }

  /// With twice the spread the direction errs four times as much: the difference is three times the error.
  mutating func certified(_ found: Hypergradient, at lambda: [Double]) throws(BilevelError) -> Hypergradient {
    let kept = response
    defer { response = kept }
    let wide = try direction(lambda, 2 * spread, try size(lambda)).direction
    var result = found
    let length = Vectors.norm(found.direction)
    let error = Vectors.norm(Vectors.sum(wide, -1, found.direction))
    result.errorEstimate = length > 0 ? error / length + tolerance : .infinity
    var gradient = found.inner
    var partial = found.direction
    _ = problem.outer(found.inner, lambda, gradientW: &gradient, gradientLambda: &partial)
    count.outer += 1
    let point = try InnerSolver.Point(problem, lambda, found.inner, &count)
    result.valueError = try valueError(lambda, point, gradient)
    return result
  }

  private mutating func direction(_ lambda: [Double], _ spread: Double, _ size: Double) throws(BilevelError) -> (
    value: Double, direction: [Double]
  ) {
    var gradient = w
    var direction = Array(repeating: 0.0, count: problem.outerDimension)
    let value = problem.outer(w, lambda, gradientW: &gradient, gradientLambda: &direction)
    count.outer += 1
    let domain = problem.domain
    for i in lambda.indices {
      var (above, below) = (lambda, lambda)
      above[i] = min(lambda[i] + spread, domain[i].upperBound)
      below[i] = max(lambda[i] - spread, domain[i].lowerBound)
      guard above[i] > below[i] else { continue }
      let high = try solved(above, from: Vectors.sum(w, above[i] - lambda[i], response[i]), size).w
      let low = try solved(below, from: Vectors.sum(w, below[i] - lambda[i], response[i]), size).w
      let width = above[i] - below[i]
      for j in high.indices { response[i][j] = (high[j] - low[j]) / width }
      direction[i] += Vectors.dot(response[i], gradient)
    }
    guard value.isFinite, Vectors.isFinite(direction) else {
      throw BilevelError(.notFinite, "the hypergradient by best response is not finite")
    }
    return (value, direction)
  }

  private mutating func solved(_ lambda: [Double], from start: [Double], _ size: Double) throws(BilevelError)
    -> InnerSolver.Point
  {
    try solver.solve(problem, lambda, from: start, tolerance: 0.1 * spread * tolerance * size, &linear, &count)
  }

  private mutating func size(_ lambda: [Double]) throws(BilevelError) -> Double {
    if let scale { return scale }
    let found = max(try InnerSolver.Point(problem, lambda, problem.innerStart, &count).gradientNorm, 1e-300)
    scale = found
    return found
  }
}
