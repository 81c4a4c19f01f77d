/// How w*(lambda) is found.
public enum InnerMethod: Hashable, Sendable {
  /// Damped Newton steps: few, and exact at the end.
  case newton
  /// Limited-memory quasi-Newton steps: gradients alone.
  case lbfgs
  /// Steps of this length against the gradient; nil: 1 / the largest curvature.
  case gradient(rate: Double? = nil)
  case adam(rate: Double = 0.05)
  /// Gradients of both objectives, the outer one's part alpha / t: of many inner minima it leans to that which the outer
  /// objective likes.
  case aggregated(alpha: Double = 0.5, rate: Double? = nil)
}

/// Finds w*(lambda) by the method named, until |dh/dw| is at most a tolerance or the method is at its end.
struct InnerSolver {
  /// h at a w.
  struct Point {
    var w: [Double]
    var value: Double
    var gradient: [Double]
    var gradientNorm: Double

    /// - Throws: `notFinite` when h is not finite here.
    init(_ problem: some BilevelProblem, _ lambda: [Double], _ w: [Double], _ count: inout OracleCount)
      throws(BilevelError)
    {
      self.w = w
      gradient = Array(repeating: 0, count: w.count)
      value = problem.inner(w, lambda, gradient: &gradient)
      gradientNorm = Vectors.norm(gradient)
      count.inner += 1
      guard value.isFinite, gradientNorm.isFinite else {
        throw BilevelError(
          .notFinite, "the inner objective is not finite (h = \(value))",
          hint: "scale the features to about 1, or take shorter steps")
      }
    }

    init(w: [Double], value: Double, gradient: [Double]) {
      (self.w, self.value, self.gradient) = (w, value, gradient)
      gradientNorm = Vectors.norm(gradient)
    }
  }

  var method: InnerMethod = .newton

  /// - Parameter tolerance: of the gradient's length, absolute.
  func solve(
    _ problem: some BilevelProblem, _ lambda: [Double], from start: [Double], tolerance: Double,
    _ linear: inout LinearSolver, _ count: inout OracleCount
  ) throws(BilevelError) -> Point {
    count.solves += 1
    let point = try Point(problem, lambda, start, &count)
    guard point.gradientNorm > tolerance else { return point }
    switch method {
    case .newton: return try NewtonSolver().solve(problem, lambda, from: point, tolerance, &linear, &count)
    case .lbfgs: return try QuasiNewtonSolver().solve(problem, lambda, from: point, tolerance, &count)
    case .gradient(let rate):
      return try GradientSolver(rate: rate).solve(problem, lambda, from: point, tolerance, &count)
    case .adam(let rate): return try AdamSolver(rate: rate).solve(problem, lambda, from: point, tolerance, &count)
    case .aggregated(let alpha, let rate):
      return try AggregatedSolver(alpha: alpha, rate: rate).solve(problem, lambda, from: point, tolerance, &count)
    }
  }

  /// Backtracks along a direction to a sufficient decrease of h; near the minimum, where values no longer tell, to a
  /// shorter gradient.
  static func search(
    _ problem: some BilevelProblem, _ lambda: [Double], _ here: Point, _ direction: [Double], slope: Double,
    first: Double = 1, _ count: inout OracleCount
  ) -> Point? {
    var t = first
    var gradient = direction
    for _ in 0..<40 {
      let point = Vectors.sum(here.w, t, direction)
      let there = problem.inner(point, lambda, gradient: &gradient)
      count.inner += 1
      if there.isFinite, Vectors.isFinite(gradient) {
        let isFlat = abs(t * slope) <= 1e-13 * max(abs(here.value), 1e-300)
        if there <= here.value + 1e-4 * t * slope || isFlat && Vectors.norm(gradient) < here.gradientNorm {
          return Point(w: point, value: there, gradient: gradient)
        }
      }
      t *= 0.5
    }
    return nil
  }
}
