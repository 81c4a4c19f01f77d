/// Logistic regression on rows of several sources, whose weights on the simplex are chosen by the loss on validation rows.
///
///     h = sum_s lambda_s (mean loss of source s) + ridge / 2 |w|^2,   g = mean validation loss, or a risk of it
public struct MixtureProblem: BilevelProblem {
  public let validation: LogisticRows
  public let ridge: Double
  public let risk: SpectralRisk?
  public let outerDimension: Int
  private let rows: LogisticRows
  /// The source of each row, and how many rows that has.
  private let source: [Int]
  private let sizes: [Double]

  /// - Throws: `invalid` without sources, for rows that differ in features or classes, or a ridge that is not above 0.
  public init(sources: [LogisticRows], validation: LogisticRows, ridge: Double = 1e-2, risk: SpectralRisk? = nil)
    throws(BilevelError)
  {
    guard !sources.isEmpty, ridge > 0, ridge.isFinite,
      sources.allSatisfy({ $0.width == validation.width && $0.classes == validation.classes })
    else {
      throw BilevelError(.invalid, "sources need the features and classes of the validation rows, and a ridge above 0")
    }
    rows = try LogisticRows(
      features: sources.flatMap(\.features), labels: sources.flatMap(\.labels), width: validation.width,
      classes: validation.classes)
    source = sources.enumerated().flatMap { place, rows in Array(repeating: place, count: rows.count) }
    sizes = sources.map { Double($0.count) }
    (self.validation, self.ridge, self.risk, outerDimension) = (validation, ridge, risk, sources.count)
  }

  public var innerDimension: Int { rows.parameters }
  public var innerStart: [Double] { Array(repeating: 0, count: innerDimension) }
  public var domain: [ClosedRange<Double>] { Array(repeating: 0...1, count: outerDimension) }
  public var geometry: BilevelGeometry { .simplex }

  public func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    let (losses, probabilities) = rows.losses(w)
    let weights = weights(lambda)
    var residuals = rows.residuals(probabilities)
    for i in residuals.indices { residuals[i] *= weights[i / rows.outputs] }
    for i in w.indices { gradient[i] = ridge * w[i] }
    rows.accumulate(residuals, into: &gradient)
    return Vectors.dot(losses, weights) + 0.5 * ridge * Vectors.dot(w, w)
  }

  public func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    let losses = rows.losses(w).losses
    for s in result.indices { result[s] = 0 }
    for row in losses.indices { result[source[row]] += losses[row] / sizes[source[row]] }
  }

  public func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double])
    -> Double
  {
    for i in gradientW.indices { gradientW[i] = 0 }
    for i in gradientLambda.indices { gradientLambda[i] = 0 }
    return validation.outer(w, risk, gradient: &gradientW)
  }

  public func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature {
    Curvature(problem: self, probabilities: rows.losses(w).probabilities, weights: weights(lambda))
  }

  /// lambda_s / n_s of each row.
  private func weights(_ lambda: [Double]) -> [Double] { source.map { lambda[$0] / sizes[$0] } }

  private struct Curvature: BilevelCurvature {
    let problem: MixtureProblem
    let probabilities: [Double]
    let weights: [Double]

    func hessianProduct(_ v: [Double], into result: inout [Double]) {
      for i in v.indices { result[i] = problem.ridge * v[i] }
      problem.rows.addHessianProduct(v, probabilities, weights, to: &result)
    }

    /// The slope of each source's mean loss along v.
    func mixedProduct(_ v: [Double], into result: inout [Double]) {
      let rows = problem.rows
      let (u, residuals) = (rows.scores(v), rows.residuals(probabilities))
      for s in result.indices { result[s] = 0 }
      for i in u.indices {
        let s = problem.source[i / rows.outputs]
        result[s] += residuals[i] * u[i] / problem.sizes[s]
      }
    }
  }
}
