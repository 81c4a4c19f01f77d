/// Gradient descent: w <- w - alpha dh/dw. A step that raises h is taken back and alpha halved.
struct GradientSolver {
  /// alpha; nil: 1 / the largest curvature at the start.
  var rate: Double?
  var steps = 20_000

  func solve(
    _ problem: some BilevelProblem, _ lambda: [Double], from start: InnerSolver.Point, _ tolerance: Double,
    _ count: inout OracleCount
  ) throws(BilevelError) -> InnerSolver.Point {
    var here = start
    var rate =
      rate ?? PowerIteration.rate(problem.curvature(start.w, lambda), count: &count, size: start.w.count)
    var left = steps
    while left > 0, here.gradientNorm > tolerance, rate > 1e-300 {
      left -= 1
      let w = Vectors.sum(here.w, -rate, here.gradient)
      var gradient = w
      let value = problem.inner(w, lambda, gradient: &gradient)
      count.inner += 1
      let isWorse = !(value <= here.value + 1e-12 * abs(here.value)) || !Vectors.isFinite(gradient)
      if isWorse {
        rate *= 0.5
      } else {
        here = InnerSolver.Point(w: w, value: value, gradient: gradient)
      }
    }
    return here
  }
}

/// The largest eigenvalue of an inner Hessian by power iteration (Golub and Van Loan 2013, section 7.3), which approaches
/// it from below.
enum PowerIteration {
  /// Products with H: enough for a tenth.
  static let iterations = 20

  static func largest(
    _ curvature: any BilevelCurvature, size: Int, iterations: Int = iterations, _ count: inout OracleCount
  ) -> Double {
    // No eigenvector is likely to be orthogonal to this.
    var v = (0..<size).map { 1 + Double($0 % 7) / 7 }
    var product = v
    var value = 0.0
    for _ in 0..<iterations {
      let length = Vectors.norm(v)
      guard length > 0, length.isFinite else { break }
      for i in v.indices { v[i] /= length }
      curvature.hessianProduct(v, into: &product)
      count.add(hessianProducts: 1, of: curvature)
      value = Vectors.norm(product)
      v = product
    }
    return value.isFinite ? value : 0
  }

  /// A step of gradient descent that does not diverge: 1 / (1.1 x the largest curvature).
  static func rate(_ curvature: any BilevelCurvature, count: inout OracleCount, size: Int) -> Double {
    let largest = largest(curvature, size: size, &count)
    return largest > 1e-300 ? 1 / (1.1 * largest) : 1
  }
}
