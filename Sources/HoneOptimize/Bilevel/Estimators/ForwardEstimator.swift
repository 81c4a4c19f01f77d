/// The hypergradient through the steps of gradient descent, forwards (Franceschi et al., "Forward and reverse
/// gradient-based hyperparameter optimization", ICML 2017, equation 15): Z_t = dw_t/dlambda, Z_{t+1} = Z_t - alpha
/// (d2h/dw dw Z_t + d2h/dw dlambda). Memory m n whatever T is; m products a step: for few lambdas.
struct ForwardEstimator<Problem: BilevelProblem>: HypergradientEstimator {
  let problem: Problem
  let steps: Int
  let rate: Double
  var tolerance = 1e-4
  private(set) var count = OracleCount()

  init(_ problem: Problem, steps: Int, rate: Double) {
    self.problem = problem
    self.steps = max(1, steps)
    self.rate = rate
  }

  mutating func at(_ lambda: [Double]) throws(BilevelError) -> Hypergradient {
    let (n, m) = (problem.innerDimension, problem.outerDimension)
    var w = problem.innerStart
    var z = Array(repeating: Array(repeating: 0.0, count: n), count: m)
    var (gradient, product) = (w, w)
    for _ in 0..<steps {
      let curvature = problem.curvature(w, lambda)
      for i in 0..<m {
        curvature.hessianProduct(z[i], into: &product)
        Vectors.add(-rate, product, to: &z[i])
        Vectors.add(-rate, crossColumn(i, w, lambda), to: &z[i])
      }
      count.add(hessianProducts: m, of: curvature)
      _ = problem.inner(w, lambda, gradient: &gradient)
      count.inner += 1 + 2 * m
      Vectors.add(-rate, gradient, to: &w)
    }
    var d = Array(repeating: 0.0, count: m)
    let value = problem.outer(w, lambda, gradientW: &gradient, gradientLambda: &d)
    count.outer += 1
    for i in 0..<m { d[i] += Vectors.dot(gradient, z[i]) }
    guard value.isFinite, Vectors.isFinite(d) else {
      throw BilevelError(.notFinite, "\(steps) unrolled steps of length \(rate) left the numbers that fit")
    }
    return Hypergradient(value: value, direction: d, errorEstimate: .infinity, inner: w)
  }

  /// d(dh/dw)/dlambda_i, by a central difference of gradients.
  private func crossColumn(_ i: Int, _ w: [Double], _ lambda: [Double]) -> [Double] {
    let step = 1e-5 * (1 + abs(lambda[i]))
    var (above, below) = (w, w)
    var moved = lambda
    moved[i] = lambda[i] + step
    _ = problem.inner(w, moved, gradient: &above)
    moved[i] = lambda[i] - step
    _ = problem.inner(w, moved, gradient: &below)
    for j in above.indices { above[j] = (above[j] - below[j]) / (2 * step) }
    return above
  }
}
