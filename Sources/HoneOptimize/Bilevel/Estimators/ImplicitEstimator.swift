/// The hypergradient by the implicit function theorem (Pedregosa, "Hyperparameter optimization with approximate gradient",
/// ICML 2016, equation 4):
///
///     dPhi/dlambda = dg/dlambda - (d2h / dlambda dw) q,   (d2h / dw dw) q = dg/dw
///
/// at w = w*(lambda). The inner problem is solved ten times as exactly as the linear system: its error is the usual one
/// that is overlooked.
struct ImplicitEstimator<Problem: BilevelProblem>: HypergradientEstimator {
  static var knowsErrors: Bool { true }

  let problem: Problem
  var tolerance: Double
  private(set) var count = OracleCount()
  private let solver: InnerSolver
  private var linear: LinearSolver
  /// In place of the linear solver for q, where it was asked for by name.
  private let series: NeumannSeries?
  private var w: [Double]
  private var q: [Double]?
  /// Length of the inner gradient at the very start: what tolerances are relative to.
  private var scale: Double?
  /// Starts of inner solves are the last solution; false: always `innerStart`.
  let isWarm: Bool

  init(
    _ problem: Problem, tolerance: Double = 1e-5, method: LinearMethod = .auto, inner: InnerMethod = .newton,
    series: NeumannSeries? = nil, isWarm: Bool = true
  ) {
    self.problem = problem
    self.tolerance = tolerance
    self.isWarm = isWarm
    self.series = series
    solver = InnerSolver(method: inner)
    linear = LinearSolver(method)
    w = problem.innerStart
  }

  mutating func at(_ lambda: [Double]) throws(BilevelError) -> Hypergradient {
    let (found, size) = try solved(lambda)
    let (value, gradientW, partial) = try outer(found.w, lambda)
    var direction = partial
    let curvature = problem.curvature(found.w, lambda)
    let solution: ConjugateGradient.Solution
    if let series {
      solution = try series.solve(gradientW, curvature, &count)
    } else {
      solution = try linear.solve(gradientW, curvature, tolerance: tolerance, from: q, &count)
    }
    Vectors.add(-1, mixed(curvature, solution.x), to: &direction)
    guard Vectors.isFinite(direction) else { throw BilevelError(.notFinite, "the hypergradient is not finite") }
    (w, q) = (found.w, solution.x)
    var result = Hypergradient(
      value: value, direction: direction, errorEstimate: max(solution.residual, found.gradientNorm / size),
      valueError: 2 * abs(Vectors.dot(solution.x, found.gradient)), inner: found.w)
    result.adjoint = solution.x
    return result
  }

  /// The error of a value is dg/dw H^-1 dh/dw = q'(dh/dw) to first order, here with the q of the last direction.
  mutating func value(at lambda: [Double]) throws(BilevelError) -> (value: Double, error: Double) {
    let (found, _) = try solved(lambda)
    let (value, _, _) = try outer(found.w, lambda)
    w = found.w
    guard let q else { return (value, .infinity) }
    return (value, 2 * abs(Vectors.dot(q, found.gradient)))
  }

  /// One Newton step of w and one of q from where they stand give a direction whose error is of second order: how far it is
  /// from the one found is the error of that. Doubled, since both solves here are loose.
  mutating func certified(_ found: Hypergradient, at lambda: [Double]) throws(BilevelError) -> Hypergradient {
    guard var next = found.adjoint else { return found }
    let loose = 0.02
    let here = try InnerSolver.Point(problem, lambda, found.inner, &count)
    let step = try linear.solve(here.gradient, problem.curvature(found.inner, lambda), tolerance: loose, &count).x
    let moved = Vectors.sum(found.inner, -1, step)
    let (_, gradientW, partial) = try outer(moved, lambda)
    let curvature = problem.curvature(moved, lambda)
    var residual = gradientW
    var product = gradientW
    curvature.hessianProduct(next, into: &product)
    count.add(hessianProducts: 1, of: curvature)
    Vectors.add(-1, product, to: &residual)
    Vectors.add(1, try linear.solve(residual, curvature, tolerance: loose, &count).x, to: &next)
    let better = Vectors.sum(partial, -1, mixed(curvature, next))
    var result = found
    let length = Vectors.norm(found.direction)
    let error = Vectors.norm(Vectors.sum(better, -1, found.direction))
    result.errorEstimate = length > 0 ? 2 * error / length + curvature.productError : (error > 0 ? .infinity : 0)
    // The value's second-order part: half its bend along the step is below the whole.
    result.valueError = 2 * abs(Vectors.dot(next, here.gradient))
    guard !result.errorEstimate.isNaN else { throw BilevelError(.notFinite, "the error estimate is not finite") }
    return result
  }

  private mutating func solved(_ lambda: [Double]) throws(BilevelError) -> (InnerSolver.Point, scale: Double) {
    if !isWarm {
      w = problem.innerStart
      q = nil
    }
    if scale == nil { scale = try InnerSolver.Point(problem, lambda, problem.innerStart, &count).gradientNorm }
    let size = max(scale ?? 1, 1e-300)
    return (
      try solver.solve(problem, lambda, from: w, tolerance: 0.1 * tolerance * size, &linear, &count), size
    )
  }

  private mutating func outer(_ w: [Double], _ lambda: [Double]) throws(BilevelError) -> (
    value: Double, gradientW: [Double], gradientLambda: [Double]
  ) {
    var gradientW = Array(repeating: 0.0, count: problem.innerDimension)
    var gradientLambda = Array(repeating: 0.0, count: problem.outerDimension)
    let value = problem.outer(w, lambda, gradientW: &gradientW, gradientLambda: &gradientLambda)
    count.outer += 1
    guard value.isFinite, Vectors.isFinite(gradientW), Vectors.isFinite(gradientLambda) else {
      throw BilevelError(.notFinite, "the outer objective is not finite (g = \(value))")
    }
    return (value, gradientW, gradientLambda)
  }

  private mutating func mixed(_ curvature: any BilevelCurvature, _ q: [Double]) -> [Double] {
    var result = Array(repeating: 0.0, count: problem.outerDimension)
    curvature.mixedProduct(q, into: &result)
    count.add(mixedProducts: 1, of: curvature)
    return result
  }
}

extension BilevelCurvature {
  /// What a product may be wrong by, relative: differences of gradients hold about seven digits, closed forms all.
  var productError: Double { gradientsAProduct == 0 ? 1e-14 : 1e-6 }
}
