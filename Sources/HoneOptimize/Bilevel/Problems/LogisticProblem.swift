import Foundation
import HoneNumerics

/// Logistic regression whose L2 strengths, or the weights of whose training rows, are chosen by the loss on validation
/// rows.
///
///     h = sum_i c_i loss_i(w) + 1/2 sum_kj (ridge_j + exp(lambda_group(j))) w_kj^2,   g = mean validation loss
///
/// where c_i = 1, or the logistic function of a lambda of its own for every training row. With a risk, g leans to the large
/// validation losses.
public struct LogisticProblem: BilevelProblem {
  public enum Outer: Hashable, Sendable {
    /// The group of each feature, whose logarithmic strength is one lambda; nil: the ridge alone.
    case penalties([Int?])
    /// A lambda for each training row, c_i = 1 / (1 + exp(-lambda_i)).
    case rowWeights
  }

  public let train: LogisticRows
  public let validation: LogisticRows
  public let outer: Outer
  /// Fixed L2 strength of each feature, 0 or more; what `lambda` adds comes on top.
  public let ridge: [Double]
  /// What g is of the validation losses; nil: their mean.
  public let risk: SpectralRisk?
  public let outerDimension: Int
  public let domain: [ClosedRange<Double>]

  public var innerDimension: Int { train.parameters }
  public var innerStart: [Double] { Array(repeating: 0, count: innerDimension) }

  /// - Parameter bounds: of every lambda.
  /// - Throws: `invalid` for rows or groups that do not fit.
  public init(
    train: LogisticRows, validation: LogisticRows, outer: Outer, ridge: [Double]? = nil,
    bounds: ClosedRange<Double> = -6...6, risk: SpectralRisk? = nil
  ) throws(BilevelError) {
    guard train.width == validation.width, train.classes == validation.classes else {
      throw BilevelError(.invalid, "training and validation rows differ in features or classes")
    }
    let ridge = ridge ?? Array(repeating: 1e-3, count: train.width)
    guard ridge.count == train.width, ridge.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
      throw BilevelError(.invalid, "a ridge is a number of 0 or more for each of the \(train.width) features")
    }
    switch outer {
    case .penalties(let groups):
      let highest = groups.compactMap(\.self).max() ?? -1
      guard groups.count == train.width, highest >= 0, Set(groups.compactMap(\.self)) == Set(0...highest) else {
        throw BilevelError(
          .invalid,
          "\(groups.count) groups for \(train.width) features: each feature needs one, numbered from 0 without gaps")
      }
      outerDimension = highest + 1
    case .rowWeights: outerDimension = train.count
    }
    self.train = train
    self.validation = validation
    self.outer = outer
    self.ridge = ridge
    self.risk = risk
    domain = Array(repeating: bounds, count: outerDimension)
  }

  // MARK: - Inner

  public func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    var (losses, residuals) = train.losses(w)
    residuals = train.residuals(residuals)
    let weights = rowWeights(lambda)
    if let weights { scale(&residuals, by: weights) }
    let strengths = strengths(lambda)
    var value = 0.0
    for k in 0..<train.outputs {
      for j in 0..<train.width {
        let place = k * train.width + j
        gradient[place] = strengths[j] * w[place]
        value += 0.5 * strengths[j] * w[place] * w[place]
      }
    }
    train.accumulate(residuals, into: &gradient)
    if let weights { for i in losses.indices { losses[i] *= weights[i] } }
    return value + losses.reduce(0, +)
  }

  public func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    switch outer {
    case .penalties(let groups):
      for i in result.indices { result[i] = 0 }
      for (j, group) in groups.enumerated() {
        guard let group else { continue }
        result[group] += 0.5 * exp(lambda[group]) * squares(w, w, j)
      }
    case .rowWeights:
      let losses = train.losses(w).losses
      for i in result.indices {
        let c = Self.logistic(lambda[i])
        result[i] = c * (1 - c) * losses[i]
      }
    }
  }

  public func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double])
    -> Double
  {
    for i in gradientW.indices { gradientW[i] = 0 }
    for i in gradientLambda.indices { gradientLambda[i] = 0 }
    return validation.outer(w, risk, gradient: &gradientW)
  }

  public func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature {
    LogisticCurvature(
      problem: self, rows: train, w: w, lambda: lambda, probabilities: train.losses(w).probabilities,
      weights: rowWeights(lambda), strengths: strengths(lambda))
  }

  // MARK: - Pieces

  static func logistic(_ x: Double) -> Double { x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)) }

  private func rowWeights(_ lambda: [Double]) -> [Double]? {
    guard case .rowWeights = outer else { return nil }
    return lambda.map(Self.logistic)
  }

  /// Of each feature.
  private func strengths(_ lambda: [Double]) -> [Double] {
    guard case .penalties(let groups) = outer else { return ridge }
    return groups.indices.map { j in ridge[j] + (groups[j].map { exp(lambda[$0]) } ?? 0) }
  }

  private func scale(_ residuals: inout [Double], by weights: [Double]) {
    for row in weights.indices {
      for k in 0..<train.outputs { residuals[row * train.outputs + k] *= weights[row] }
    }
  }

  /// sum_k a_kj b_kj
  func squares(_ a: [Double], _ b: [Double], _ j: Int) -> Double {
    (0..<train.outputs).reduce(0.0) { $0 + a[$1 * train.width + j] * b[$1 * train.width + j] }
  }
}

extension LogisticProblem: ValidatedProblem {
  public var validationCount: Int { validation.count }

  public func validating(on rows: [Int]) -> LogisticProblem {
    LogisticProblem(self, validation: validation.picking(rows))
  }

  public func validationLosses(_ w: [Double], rows: [Int]) -> [Double] { validation.picking(rows).losses(w).losses }

  private init(_ other: LogisticProblem, validation: LogisticRows) {
    (train, outer, ridge, risk) = (other.train, other.outer, other.ridge, other.risk)
    (outerDimension, domain) = (other.outerDimension, other.domain)
    self.validation = validation
  }
}

extension LogisticProblem: MonotoneProblem {
  public var outerFloor: Double { 0 }

  /// The strengths. Nil for weights of rows, on which h falls, and for a risk.
  public func convexity(_ lambda: [Double]) -> [Double]? {
    guard case .penalties = outer, risk == nil else { return nil }
    let strengths = strengths(lambda)
    return (0..<innerDimension).map { strengths[$0 % train.width] }
  }

  public func outerCurvature(_ w: [Double]) -> (any BilevelCurvature)? {
    guard risk == nil else { return nil }
    let count = validation.count
    return LogisticCurvature(
      problem: self, rows: validation, w: w, lambda: [], probabilities: validation.losses(w).probabilities,
      weights: Array(repeating: 1 / Double(count), count: count), strengths: Array(repeating: 0, count: train.width))
  }
}

/// Second derivatives at one w: the probabilities are worked out once, so a product costs two passes over the rows.
private struct LogisticCurvature: BilevelCurvature {
  let problem: LogisticProblem
  /// Those of which the second derivatives are.
  let rows: LogisticRows
  let w: [Double]
  let lambda: [Double]
  let probabilities: [Double]
  let weights: [Double]?
  let strengths: [Double]

  func hessianProduct(_ v: [Double], into result: inout [Double]) {
    let width = rows.width
    for i in result.indices { result[i] = strengths[i % width] * v[i] }
    rows.addHessianProduct(v, probabilities, weights, to: &result)
  }

  func mixedProduct(_ v: [Double], into result: inout [Double]) {
    switch problem.outer {
    case .penalties(let groups):
      for i in result.indices { result[i] = 0 }
      for (j, group) in groups.enumerated() {
        guard let group else { continue }
        result[group] += exp(lambda[group]) * problem.squares(w, v, j)
      }
    case .rowWeights:
      // d/dlambda_i of the gradient: c_i (1 - c_i) (p_i - y_i) x_i'.
      let u = rows.scores(v)
      let residuals = rows.residuals(probabilities)
      for row in 0..<rows.count {
        let c = LogisticProblem.logistic(lambda[row])
        var sum = 0.0
        for place in (row * rows.outputs)..<((row + 1) * rows.outputs) { sum += residuals[place] * u[place] }
        result[row] = c * (1 - c) * sum
      }
    }
  }

  func hessian() -> [Double]? {
    let (outputs, width) = (rows.outputs, rows.width)
    let size = outputs * width
    var matrix = Array(repeating: 0.0, count: size * size)
    var scaled = Array(repeating: 0.0, count: width)
    matrix.withUnsafeMutableBufferPointer { m in
      scaled.withUnsafeMutableBufferPointer { s in
        rows.features.withUnsafeBufferPointer { x in
          guard let m = m.baseAddress, let s = s.baseAddress, let x = x.baseAddress else { return }
          for row in 0..<rows.count {
            let from = x + row * width
            for k in 0..<outputs {
              for l in 0...k {
                let t = factor(row, k, l)
                guard t != 0 else { continue }
                for j in 0..<width { s[j] = t * from[j] }
                for j in 0..<width {
                  let to = m + (k * width + j) * size + l * width
                  let value = s[j]
                  guard value != 0 else { continue }
                  // Of the blocks on the diagonal the lower part.
                  let end = k == l ? j + 1 : width
                  for i in 0..<end { to[i] += value * from[i] }
                }
              }
            }
          }
        }
      }
      for i in 0..<size { m[i * size + i] += strengths[i % width] }
      for i in 0..<size { for j in 0..<i { m[j * size + i] = m[i * size + j] } }
    }
    return matrix
  }

  private func factor(_ row: Int, _ k: Int, _ l: Int) -> Double {
    let c = weights?[row] ?? 1
    let start = row * rows.outputs
    let p = probabilities[start + k]
    return k == l ? c * p * (1 - p) : -c * p * probabilities[start + l]
  }
}
