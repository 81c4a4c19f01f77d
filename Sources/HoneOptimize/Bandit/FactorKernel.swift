import Foundation

/// How alike arms are expected to pay, and how alike they take one question.
///
/// Both correlations are products over the parameters. With c = rho for different choices of an unordered parameter, and
/// rho^|u - u'| for ordered ones, prod_i c_i = prod_i (rho_i + (1 - rho_i) delta_i) is the sum over all sets of parameters
/// of their main effect or interaction, the weight of a set falling by (1 - rho)/rho with each parameter: main effects,
/// pairwise effects, and so on to a residual for each arm (Duvenaud, Nickisch and Rasmussen, "Additive Gaussian Processes",
/// NeurIPS 2011).
struct FactorKernel: Sendable {
  /// Every number is a logarithm or a log-odds, so that any step is legal.
  struct Parameters: Hashable, Sendable {
    /// By factor: correlation of the means across the whole range, or of two choices.
    var means: [Double]
    /// The same for one question's deviations; ordered factors share one, the others share one.
    var ordered: Double
    var unordered: Double
    /// log of the variance of the means, and of one answer about its mean, in units of the rewards' variance.
    var spread: Double
    var noise: Double

    /// Where nothing is known: main effects dominate, neighbours pay alike.
    static func prior(_ factors: [Arms.Factor]) -> Parameters {
      Parameters(
        means: factors.map { $0.isOrdered ? 1.1 : 1.7 }, ordered: -0.6, unordered: 0.4, spread: 0, noise: -0.4)
    }

    var flat: [Double] {
      get { means + [ordered, unordered, spread, noise] }
      set {
        let n = means.count
        means = Array(newValue[..<n])
        (ordered, unordered, spread, noise) = (newValue[n], newValue[n + 1], newValue[n + 2], newValue[n + 3])
      }
    }
  }

  let arms: Arms
  /// By factor, then arm: the place, -1 where the parameter is inactive.
  private let places: [[Double]]

  init(arms: Arms) {
    self.arms = arms
    places = arms.factors.indices.map { factor in arms.points.map { $0[factor] ?? -1 } }
  }

  /// The part of a question's deviation that belongs to one arm alone, and of a mean.
  static let nugget = (noise: 0.02, mean: 0.001)

  private static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// exp(-sum of rates x distances) for some arms by some others, row after row. The distance of two places is 1 when they
  /// differ or one is inactive, of active ones on an ordered axis |u - u'|.
  private func correlation(_ rows: [Int], _ columns: [Int], rates: [Double]) -> [Double] {
    let n = columns.count
    var matrix = Array(repeating: 1.0, count: rows.count * n)
    for (factor, rate) in rates.enumerated() {
      let all = places[factor]
      let (unlike, isOrdered) = (exp(-rate), arms.factors[factor].isOrdered)
      // exp(-rate |u - u'|) is the lesser of e(u)/e(u') and e(u')/e(u); a rate is at most 56.
      let others = columns.map { (place: all[$0], e: exp(-rate * all[$0]), inverse: exp(rate * all[$0])) }
      matrix.withUnsafeMutableBufferPointer { matrix in
        others.withUnsafeBufferPointer { others in
          for (i, arm) in rows.enumerated() {
            let a = all[arm]
            let (e, inverse) = (exp(-rate * a), exp(rate * a))
            for j in 0..<n {
              let b = others[j]
              if a == b.place { continue }
              matrix[i * n + j] *= isOrdered && a >= 0 && b.place >= 0 ? min(e * b.inverse, b.e * inverse) : unlike
            }
          }
        }
      }
    }
    return matrix
  }

  private func meanRates(_ parameters: Parameters) -> [Double] {
    parameters.means.map { -log(max(Self.logistic($0), 1e-12)) }
  }

  private func noiseRates(_ parameters: Parameters) -> [Double] {
    arms.factors.map { -log(max(Self.logistic($0.isOrdered ? parameters.ordered : parameters.unordered), 1e-12)) }
  }

  /// Prior covariance of some arms' means; the 1 is the unknown mean of all.
  func prior(_ chosen: [Int], _ parameters: Parameters) -> [Double] {
    let spread = exp(parameters.spread)
    var matrix = correlation(chosen, chosen, rates: meanRates(parameters)).map { spread * $0 + 1 }
    for i in chosen.indices { matrix[i * chosen.count + i] += spread * Self.nugget.mean }
    return matrix
  }

  /// Covariance of some arms' answers to one question.
  /// - Parameter levels: by chosen arm, the deviation of its answers relative to the usual one.
  func noise(_ chosen: [Int], _ parameters: Parameters, levels: [Double]) -> [Double] {
    let n = chosen.count
    let noise = exp(parameters.noise)
    var matrix = correlation(chosen, chosen, rates: noiseRates(parameters))
    for i in 0..<n {
      let level = noise * levels[i]
      for j in 0..<n { matrix[i * n + j] *= level * levels[j] * (i == j ? 1 : 1 - Self.nugget.noise) }
    }
    return matrix
  }

  /// Correlations of the means of some arms with those of some others, row after row.
  func correlation(_ some: [Int], _ others: [Int], _ parameters: Parameters) -> [Double] {
    correlation(some, others, rates: meanRates(parameters))
  }

  /// Weights for smoothing deviations over arms, row after row: the squares of the correlations of their answers.
  func likeness(_ some: [Int], _ others: [Int], _ parameters: Parameters) -> [Double] {
    correlation(some, others, rates: noiseRates(parameters).map { 2 * $0 })
  }
}
