/// The hypergradient through the steps of gradient descent: w_{t+1} = w_t - alpha dh/dw(w_t), t = 0 ..< T.
///
/// Backwards (Franceschi et al., "Bilevel programming for hyperparameter optimization and meta-learning", ICML 2018,
/// algorithm 1): a_T = dg/dw(w_T); for t = T - 1 ... 0: d -= alpha (d2h/dlambda dw)(w_t) a; a -= alpha (d2h/dw dw)(w_t) a. With a
/// window only the last K steps (Shaban et al., "Truncated back-propagation for bilevel optimization", AISTATS 2019). The
/// iterates are kept at every sqrt(T)-th step and worked out again between them: memory 2 sqrt(T) n instead of T n, for
/// one more gradient a step (Griewank 1992).
///
/// It is the gradient of the approximate problem: of a badly conditioned one with few steps it is far from that of Phi, and
/// no bound is known. `auto` never takes it.
struct UnrolledEstimator<Problem: BilevelProblem>: HypergradientEstimator {
  let problem: Problem
  /// T
  let steps: Int
  /// alpha
  let rate: Double
  /// K; nil: all.
  let window: Int?
  private(set) var count = OracleCount()
  /// The most numbers kept at once.
  private(set) var kept = 0

  init(_ problem: Problem, steps: Int, rate: Double, window: Int? = nil) {
    self.problem = problem
    self.steps = max(1, steps)
    self.rate = rate
    self.window = window
  }

  mutating func at(_ lambda: [Double]) throws(BilevelError) -> Hypergradient {
    let stride = max(1, Int(Double(steps).squareRoot()))
    var w = problem.innerStart
    var checkpoints: [[Double]] = []
    for t in 0..<steps {
      if t % stride == 0 { checkpoints.append(w) }
      step(&w, lambda)
    }
    var a = Array(repeating: 0.0, count: problem.innerDimension)
    var d = Array(repeating: 0.0, count: problem.outerDimension)
    let value = problem.outer(w, lambda, gradientW: &a, gradientLambda: &d)
    count.outer += 1
    let last = max(0, steps - (window ?? steps))
    var (product, mixed) = (a, d)
    for segment in checkpoints.indices.reversed() where (segment + 1) * stride > last {
      let points = path(from: checkpoints[segment], min(stride, steps - segment * stride), lambda)
      kept = max(kept, (checkpoints.count + points.count) * w.count)
      for (offset, point) in points.enumerated().reversed() where segment * stride + offset >= last {
        let curvature = problem.curvature(point, lambda)
        curvature.mixedProduct(a, into: &mixed)
        curvature.hessianProduct(a, into: &product)
        Vectors.add(-rate, mixed, to: &d)
        Vectors.add(-rate, product, to: &a)
        count.mixedProducts += 1
        count.hessianProducts += 1
        count.inner += 2 * curvature.gradientsAProduct
      }
    }
    guard value.isFinite, Vectors.isFinite(d) else {
      throw BilevelError(
        .notFinite, "\(steps) unrolled steps of length \(rate) left the numbers that fit",
        hint: "take steps shorter than 2 / the largest curvature")
    }
    return Hypergradient(value: value, direction: d, errorEstimate: .infinity, inner: w)
  }

  private mutating func step(_ w: inout [Double], _ lambda: [Double]) {
    var gradient = w
    _ = problem.inner(w, lambda, gradient: &gradient)
    count.inner += 1
    Vectors.add(-rate, gradient, to: &w)
  }

  /// The iterates of a stretch, worked out again.
  private mutating func path(from start: [Double], _ length: Int, _ lambda: [Double]) -> [[Double]] {
    var points = [start]
    while points.count < length {
      var w = points[points.count - 1]
      step(&w, lambda)
      points.append(w)
    }
    return points
  }
}
