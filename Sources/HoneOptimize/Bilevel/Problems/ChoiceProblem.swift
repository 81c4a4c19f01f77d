import Foundation

/// The conditional logit (McFadden, "Conditional logit analysis of qualitative choice behavior", 1974) whose strengths of
/// regularization are chosen by the loss on validation rows:
///
///     p_a = exp(x_a'w) / sum_b exp(x_b'w),   loss = - sum_a t_a log p_a
///     h = sum_i c_i loss_i(w) + 1/2 sum_j (ridge + exp(lambda_group(j))) (w_j - w0_j)^2,   g = weighted mean validation loss
///
/// It ranks passages by scores of several retrievers, and calibrates the scores of a model: there x_a is the score and
/// which label it is of, w0 leaves scores as they are, w their temperature's inverse and the labels' biases.
public struct ChoiceProblem: ValidatedProblem {
  public let train: ChoiceRows
  public let validation: ChoiceRows
  /// The group of each weight, whose logarithmic strength is one lambda; nil: the ridge alone.
  public let groups: [Int?]
  /// w0, where the regularization draws the weights.
  public let prior: [Double]
  public let ridge: Double
  public let outerDimension: Int
  public let domain: [ClosedRange<Double>]

  public var innerDimension: Int { train.width }
  public var innerStart: [Double] { prior }

  /// - Parameters:
  ///   - prior: nil: zero.
  ///   - ridge: 0 or more, for every weight; what `lambda` adds comes on top.
  /// - Throws: `invalid` for rows, groups or a prior that do not fit.
  public init(
    train: ChoiceRows, validation: ChoiceRows, groups: [Int?], prior: [Double]? = nil, ridge: Double = 1e-3,
    bounds: ClosedRange<Double> = -6...6
  ) throws(BilevelError) {
    let prior = prior ?? Array(repeating: 0, count: train.width)
    let highest = groups.compactMap(\.self).max() ?? -1
    guard train.width == validation.width, prior.count == train.width, Vectors.isFinite(prior) else {
      throw BilevelError(.invalid, "training rows, validation rows and the prior differ in features")
    }
    guard groups.count == train.width, highest >= 0, Set(groups.compactMap(\.self)) == Set(0...highest) else {
      throw BilevelError(
        .invalid,
        "\(groups.count) groups for \(train.width) features: each feature needs one, numbered from 0 without gaps")
    }
    guard ridge >= 0, ridge.isFinite else { throw BilevelError(.invalid, "the ridge must be 0 or more") }
    (self.train, self.validation, self.groups, self.prior, self.ridge) = (train, validation, groups, prior, ridge)
    outerDimension = highest + 1
    domain = Array(repeating: bounds, count: highest + 1)
  }

  public func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    var value = 0.0
    for j in w.indices {
      let (s, d) = (strength(j, lambda), w[j] - prior[j])
      gradient[j] = s * d
      value += 0.5 * s * d * d
    }
    return value + train.add(w, part: 1, gradient: &gradient)
  }

  public func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    for i in result.indices { result[i] = 0 }
    for (j, group) in groups.enumerated() {
      guard let group else { continue }
      result[group] += 0.5 * exp(lambda[group]) * (w[j] - prior[j]) * (w[j] - prior[j])
    }
  }

  public func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double])
    -> Double
  {
    for i in gradientW.indices { gradientW[i] = 0 }
    for i in gradientLambda.indices { gradientLambda[i] = 0 }
    return validation.add(w, part: 1 / validation.weights.reduce(0, +), gradient: &gradientW)
  }

  public func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature {
    var matrix = Array(repeating: 0.0, count: w.count * w.count)
    train.addHessian(w, to: &matrix)
    for j in w.indices { matrix[j * w.count + j] += strength(j, lambda) }
    return Curvature(problem: self, w: w, lambda: lambda, matrix: matrix)
  }

  fileprivate func strength(_ j: Int, _ lambda: [Double]) -> Double { ridge + (groups[j].map { exp(lambda[$0]) } ?? 0) }

  // MARK: - Validation

  public var validationCount: Int { validation.count }

  public func validating(on rows: [Int]) -> ChoiceProblem {
    ChoiceProblem(self, validation: validation.picking(rows))
  }

  /// Times their weight, relative to the mean one: their mean is g.
  public func validationLosses(_ w: [Double], rows: [Int]) -> [Double] {
    let scale = Double(validation.count) / validation.weights.reduce(0, +)
    return validation.picking(rows).losses(w).map { scale * $0 }
  }

  private init(_ other: ChoiceProblem, validation: ChoiceRows) {
    (train, groups, prior, ridge) = (other.train, other.groups, other.prior, other.ridge)
    (outerDimension, domain) = (other.outerDimension, other.domain)
    self.validation = validation
  }

  /// Few weights: the Hessian is made once, and a product is one with it.
  private struct Curvature: BilevelCurvature {
    let problem: ChoiceProblem
    let w: [Double]
    let lambda: [Double]
    let matrix: [Double]

    func hessianProduct(_ v: [Double], into result: inout [Double]) {
      let n = v.count
      for j in 0..<n {
        var sum = 0.0
        for l in 0..<n { sum += matrix[j * n + l] * v[l] }
        result[j] = sum
      }
    }

    func mixedProduct(_ v: [Double], into result: inout [Double]) {
      for i in result.indices { result[i] = 0 }
      for (j, group) in problem.groups.enumerated() {
        guard let group else { continue }
        result[group] += exp(lambda[group]) * (w[j] - problem.prior[j]) * v[j]
      }
    }

    func hessian() -> [Double]? { matrix }
  }
}

extension ChoiceProblem: MonotoneProblem {
  public var outerFloor: Double { 0 }

  /// The strengths. Nil where w0 is not zero: they draw the weights elsewhere then.
  public func convexity(_ lambda: [Double]) -> [Double]? {
    prior.allSatisfy { $0 == 0 } ? prior.indices.map { strength($0, lambda) } : nil
  }
}
