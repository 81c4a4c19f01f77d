/// BDA's aggregation of both objectives (Liu, Mu, Yuan, Zeng and Zhang, "A generic first-order algorithmic framework for
/// bi-level programming beyond lower-level singleton", ICML 2020):
///
///     w_{t+1} = w_t - s (alpha_t dg/dw + (1 - alpha_t) dh/dw),   alpha_t = alpha / t
///
/// with one step length s for both. Where h has one minimum it ends there, slowly: the pull of g fades as 1 / t.
struct AggregatedSolver {
  var alpha: Double
  /// s; nil: 1 / the largest curvature of h at the start.
  var rate: Double?
  var steps = 20_000

  func solve(
    _ problem: some BilevelProblem, _ lambda: [Double], from start: InnerSolver.Point, _ tolerance: Double,
    _ count: inout OracleCount
  ) throws(BilevelError) -> InnerSolver.Point {
    let rate = rate ?? PowerIteration.rate(problem.curvature(start.w, lambda), count: &count, size: start.w.count)
    var here = start
    var ofG = start.w
    var ofLambda = Array(repeating: 0.0, count: problem.outerDimension)
    for t in 1...steps where here.gradientNorm > tolerance {
      _ = problem.outer(here.w, lambda, gradientW: &ofG, gradientLambda: &ofLambda)
      count.outer += 1
      let part = Self.part(alpha, t)
      var w = Vectors.sum(here.w, -rate * (1 - part), here.gradient)
      Vectors.add(-rate * part, ofG, to: &w)
      here = try InnerSolver.Point(problem, lambda, w, &count)
    }
    return here
  }

  /// alpha_t, t = 1, 2, ...
  static func part(_ alpha: Double, _ t: Int) -> Double { min(max(alpha, 0), 1) / Double(t) }
}
