/// The hypergradient by the implicit function theorem (Pedregosa, "Hyperparameter optimization with approximate gradient",
/// ICML 2016, equation 4):
///
///     dPhi/dlambda = dg/dlambda - (d2h / dlambda dw) q,   (d2h / dw dw) q = dg/dw
///
/// at w = w*(lambda). The inner problem is solved ten times as exactly as the linear system: its error is the usual one
/// that is overlooked.
struct ImplicitEstimator<Problem: BilevelProblem>: HypergradientEstimator {
  let problem: Problem
  /// What is asked of the direction: its error relative to its length.
  let tolerance: Double
  private(set) var count = OracleCount()
  private let solver = InnerSolver()
  private var linear: LinearSolver
  private var w: [Double]
  private var q: [Double]?
  /// Length of the inner gradient at the very start: what tolerances are relative to.
  private var scale: Double?
  /// Starts of inner solves are the last solution; false: always `innerStart`.
  let isWarm: Bool

  init(_ problem: Problem, tolerance: Double = 1e-5, method: LinearMethod = .auto, isWarm: Bool = true) {
    self.problem = problem
    self.tolerance = tolerance
    self.isWarm = isWarm
    linear = LinearSolver(method)
    w = problem.innerStart
  }

  mutating func at(_ lambda: [Double]) throws(BilevelError) -> Hypergradient {
    if !isWarm {
      w = problem.innerStart
      q = nil
    }
    if scale == nil {
      var gradient = Array(repeating: 0.0, count: w.count)
      _ = problem.inner(problem.innerStart, lambda, gradient: &gradient)
      count.inner += 1
      scale = Vectors.norm(gradient)
    }
    let size = max(scale ?? 1, 1e-300)
    let found = try solver.solve(
      problem, lambda, from: w, tolerance: 0.1 * tolerance * size, &linear, &count)
    var gradientW = Array(repeating: 0.0, count: problem.innerDimension)
    var direction = Array(repeating: 0.0, count: problem.outerDimension)
    let value = problem.outer(found.w, lambda, gradientW: &gradientW, gradientLambda: &direction)
    count.outer += 1
    guard value.isFinite, Vectors.isFinite(gradientW) else {
      throw BilevelError(.notFinite, "the outer objective is not finite (g = \(value))")
    }
    let curvature = problem.curvature(found.w, lambda)
    let solution = try linear.solve(gradientW, curvature, tolerance: tolerance, from: q, &count)
    var mixed = Array(repeating: 0.0, count: problem.outerDimension)
    curvature.mixedProduct(solution.x, into: &mixed)
    count.mixedProducts += 1
    count.inner += curvature.gradientsAProduct
    Vectors.add(-1, mixed, to: &direction)
    guard Vectors.isFinite(direction) else { throw BilevelError(.notFinite, "the hypergradient is not finite") }
    (w, q) = (found.w, solution.x)
    return Hypergradient(
      value: value, direction: direction, errorEstimate: max(solution.residual, found.gradientNorm / size),
      inner: found.w)
  }
}
