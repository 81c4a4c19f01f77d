/// Finds w*(lambda): damped Newton steps (Nocedal and Wright 2006, algorithm 7.1) with the linear solver's means, and
/// backtracking on h.
///
/// The steps are solved as exactly as they need to be: the residual falls with the gradient (Eisenstat and Walker 1996,
/// choice 2). At the end |dh/dw| <= tolerance x what it was at the start of the first solve of a run.
struct InnerSolver {
  struct Solution {
    var w: [Double]
    var value: Double
    var gradientNorm: Double
    var isConverged: Bool
  }

  var steps = 200

  /// - Parameter tolerance: of the gradient's length, absolute.
  func solve(
    _ problem: some BilevelProblem, _ lambda: [Double], from start: [Double], tolerance: Double,
    _ linear: inout LinearSolver, _ count: inout OracleCount
  ) throws(BilevelError) -> Solution {
    count.solves += 1
    var w = start
    var gradient = Array(repeating: 0.0, count: w.count)
    var value = problem.inner(w, lambda, gradient: &gradient)
    count.inner += 1
    var length = Vectors.norm(gradient)
    guard value.isFinite, length.isFinite else {
      throw BilevelError(.notFinite, "the inner objective is not finite at its start (h = \(value))")
    }
    var before = length
    for _ in 0..<steps where length > tolerance {
      let curvature = problem.curvature(w, lambda)
      let forcing = min(0.1, max(0.3 * tolerance / length, 0.9 * (length / before) * (length / before)))
      before = length
      var direction: [Double]
      do {
        direction = try linear.solve(gradient, curvature, tolerance: forcing, &count).x
      } catch {
        guard error.kind == .negativeCurvature else { throw error }
        direction = gradient
      }
      for i in direction.indices { direction[i] = -direction[i] }
      var slope = Vectors.dot(direction, gradient)
      if !(slope < 0) {
        direction = gradient.map { -$0 }
        slope = -length * length
      }
      guard let next = search(problem, lambda, w, value, direction, slope, length, &count) else { break }
      (w, value, gradient) = (next.w, next.value, next.gradient)
      length = Vectors.norm(gradient)
    }
    return Solution(w: w, value: value, gradientNorm: length, isConverged: length <= tolerance)
  }

  /// Backtracks to a sufficient decrease; near the minimum, where values no longer tell, to a shorter gradient.
  private func search(
    _ problem: some BilevelProblem, _ lambda: [Double], _ w: [Double], _ value: Double, _ direction: [Double],
    _ slope: Double, _ length: Double, _ count: inout OracleCount
  ) -> (w: [Double], value: Double, gradient: [Double])? {
    var t = 1.0
    var gradient = direction
    for _ in 0..<40 {
      let point = Vectors.sum(w, t, direction)
      let there = problem.inner(point, lambda, gradient: &gradient)
      count.inner += 1
      if there.isFinite, Vectors.isFinite(gradient) {
        let isFlat = abs(t * slope) <= 1e-13 * max(abs(value), 1e-300)
        if there <= value + 1e-4 * t * slope || isFlat && Vectors.norm(gradient) < length {
          return (point, there, gradient)
        }
      }
      t *= 0.5
    }
    return nil
  }
}
