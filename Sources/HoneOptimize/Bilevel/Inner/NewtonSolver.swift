/// Damped Newton steps (Nocedal and Wright 2006, algorithm 7.1) with the linear solver's means, and backtracking on h.
///
/// The steps are solved as exactly as they need to be: the residual falls with the gradient (Eisenstat and Walker 1996,
/// choice 2).
struct NewtonSolver {
  var steps = 200

  func solve(
    _ problem: some BilevelProblem, _ lambda: [Double], from start: InnerSolver.Point, _ tolerance: Double,
    _ linear: inout LinearSolver, _ count: inout OracleCount
  ) throws(BilevelError) -> InnerSolver.Point {
    var here = start
    var before = here.gradientNorm
    for _ in 0..<steps where here.gradientNorm > tolerance {
      let length = here.gradientNorm
      let curvature = problem.roughCurvature(here.w, lambda, gradient: here.gradient)
      let forcing = min(0.1, max(0.3 * tolerance / length, 0.9 * (length / before) * (length / before)))
      before = length
      var direction: [Double]
      do {
        direction = try linear.solve(here.gradient, curvature, tolerance: forcing, &count).x
      } catch {
        guard error.kind == .negativeCurvature else { throw error }
        direction = here.gradient
      }
      for i in direction.indices { direction[i] = -direction[i] }
      var slope = Vectors.dot(direction, here.gradient)
      if !(slope < 0) {
        direction = here.gradient.map { -$0 }
        slope = -length * length
      }
      guard let next = InnerSolver.search(problem, lambda, here, direction, slope: slope, &count) else { break }
      here = next
    }
    return here
  }
}
