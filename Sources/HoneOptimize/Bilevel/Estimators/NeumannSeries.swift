/// Solves A x = b by K + 1 terms of a series (Lorraine, Vicol and Duvenaud, "Optimizing millions of hyperparameters by
/// implicit differentiation", AISTATS 2020, algorithm 3):
///
///     x = alpha sum_{j = 0}^{K} (I - alpha A)^j b
///
/// It needs alpha < 2 / the largest eigenvalue, and falls short by (1 - alpha mu)^{K+1} along the smallest one mu: badly
/// conditioned systems stay far off, so it is never taken unless asked for by name. Its residual is worked out and told.
struct NeumannSeries {
  /// K
  let terms: Int
  /// alpha; nil: 1 / the largest curvature.
  let rate: Double?

  func solve(_ b: [Double], _ curvature: any BilevelCurvature, _ count: inout OracleCount) throws(BilevelError)
    -> ConjugateGradient.Solution
  {
    let rate = rate ?? PowerIteration.rate(curvature, count: &count, size: b.count)
    var term = b
    var x = b
    var product = b
    for _ in 0..<terms {
      curvature.hessianProduct(term, into: &product)
      Vectors.add(-rate, product, to: &term)
      Vectors.add(1, term, to: &x)
    }
    for i in x.indices { x[i] *= rate }
    curvature.hessianProduct(x, into: &product)
    count.add(hessianProducts: terms + 1, of: curvature)
    let size = Vectors.norm(b)
    let residual = size > 0 ? Vectors.norm(Vectors.sum(b, -1, product)) / size : 0
    guard residual.isFinite else {
      throw BilevelError(
        .notFinite, "the Neumann series diverges with a rate of \(rate)",
        hint: "its rate must be below 2 / the largest curvature; conjugate gradients need none")
    }
    return ConjugateGradient.Solution(x: x, residual: residual, iterations: terms, isConverged: residual < 1)
  }
}
