/// The hypergradient through the steps of gradient descent: w_{t+1} = w_t - alpha dh/dw(w_t), t = 0 ..< T.
///
/// Backwards (Franceschi et al., "Bilevel programming for hyperparameter optimization and meta-learning", ICML 2018,
/// algorithm 1): a_T = dg/dw(w_T); for t = T - 1 ... 0: d -= alpha (d2h/dlambda dw)(w_t) a; a -= alpha (d2h/dw dw)(w_t) a. With a
/// window only the last K steps (Shaban et al., "Truncated back-propagation for bilevel optimization", AISTATS 2019). The
/// iterates are kept at every sqrt(T)-th step and worked out again between them: memory 2 sqrt(T) n instead of T n, for
/// one more gradient a step (Griewank 1992).
///
/// With an aggregation alpha the steps are BDA's (`AggregatedSolver`), which go to that inner minimum which g likes; second
/// derivatives of g are then central differences of its gradients.
///
/// It is the gradient of the approximate problem: of a badly conditioned one with few steps it is far from that of Phi, and
/// no bound is known. `auto` never takes it.
package struct UnrolledEstimator<Problem: BilevelProblem>: HypergradientEstimator {
  package let problem: Problem
  /// T
  let steps: Int
  /// alpha
  let rate: Double
  /// K; nil: all.
  let window: Int?
  /// BDA's alpha; nil: steps on h alone.
  let aggregation: Double?
  package var tolerance = 1e-4
  package private(set) var count = OracleCount()
  /// The most numbers kept at once.
  package private(set) var kept = 0

  package init(_ problem: Problem, steps: Int, rate: Double, window: Int? = nil, aggregation: Double? = nil) {
    self.problem = problem
    self.steps = max(1, steps)
    self.rate = rate
    self.window = window
    self.aggregation = aggregation
  }

  package mutating func at(_ lambda: [Double]) throws(BilevelError) -> Hypergradient {
    let stride = max(1, Int(Double(steps).squareRoot()))
    var w = problem.innerStart
    var checkpoints: [[Double]] = []
    for t in 0..<steps {
      if t % stride == 0 { checkpoints.append(w) }
      step(&w, lambda, t)
    }
    var a = Array(repeating: 0.0, count: problem.innerDimension)
    var d = Array(repeating: 0.0, count: problem.outerDimension)
    let value = problem.outer(w, lambda, gradientW: &a, gradientLambda: &d)
    count.outer += 1
    let last = max(0, steps - (window ?? steps))
    for segment in checkpoints.indices.reversed() where (segment + 1) * stride > last {
      let points = path(from: checkpoints[segment], segment * stride, min(stride, steps - segment * stride), lambda)
      kept = max(kept, (checkpoints.count + points.count) * w.count)
      for (offset, point) in points.enumerated().reversed() where segment * stride + offset >= last {
        back(&a, &d, point, lambda, segment * stride + offset)
      }
    }
    guard value.isFinite, Vectors.isFinite(d) else {
      throw BilevelError(
        .notFinite, "\(steps) unrolled steps of length \(rate) left the numbers that fit",
        hint: "take steps shorter than 2 / the largest curvature")
    }
    return Hypergradient(value: value, direction: d, errorEstimate: .infinity, inner: w)
  }

  /// One step of algorithm 1 backwards, over step t.
  private mutating func back(_ a: inout [Double], _ d: inout [Double], _ point: [Double], _ lambda: [Double], _ t: Int)
  {
    let part = aggregation.map { AggregatedSolver.part($0, t + 1) } ?? 0
    let curvature = problem.curvature(point, lambda)
    var (product, mixed) = (a, d)
    curvature.mixedProduct(a, into: &mixed)
    curvature.hessianProduct(a, into: &product)
    count.add(hessianProducts: 1, mixedProducts: 1, of: curvature)
    let length = Vectors.norm(a)
    if part > 0, length > 0 {
      let size = 1e-4 * (1 + Vectors.norm(point)) / length
      var (aboveW, aboveLambda, belowW, belowLambda) = (a, d, a, d)
      _ = problem.outer(Vectors.sum(point, size, a), lambda, gradientW: &aboveW, gradientLambda: &aboveLambda)
      _ = problem.outer(Vectors.sum(point, -size, a), lambda, gradientW: &belowW, gradientLambda: &belowLambda)
      count.outer += 2
      let scale = part / (2 * size)
      for i in product.indices { product[i] = (1 - part) * product[i] + scale * (aboveW[i] - belowW[i]) }
      for i in mixed.indices { mixed[i] = (1 - part) * mixed[i] + scale * (aboveLambda[i] - belowLambda[i]) }
    }
    Vectors.add(-rate, mixed, to: &d)
    Vectors.add(-rate, product, to: &a)
  }

  private mutating func step(_ w: inout [Double], _ lambda: [Double], _ t: Int) {
    let part = aggregation.map { AggregatedSolver.part($0, t + 1) } ?? 0
    var gradient = w
    _ = problem.inner(w, lambda, gradient: &gradient)
    count.inner += 1
    if part > 0 {
      var ofG = w
      var ofLambda = Array(repeating: 0.0, count: problem.outerDimension)
      _ = problem.outer(w, lambda, gradientW: &ofG, gradientLambda: &ofLambda)
      count.outer += 1
      for i in gradient.indices { gradient[i] = (1 - part) * gradient[i] + part * ofG[i] }
    }
    Vectors.add(-rate, gradient, to: &w)
  }

  /// The iterates of a stretch that begins at step t, worked out again.
  private mutating func path(from start: [Double], _ t: Int, _ length: Int, _ lambda: [Double]) -> [[Double]] {
    var points = [start]
    while points.count < length {
      var w = points[points.count - 1]
      step(&w, lambda, t + points.count - 1)
      points.append(w)
    }
    return points
  }
}
