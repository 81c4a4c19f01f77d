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

  /// The part of a question's deviation that belongs to one arm alone, and of a mean.
  static let nugget = (noise: 0.02, mean: 0.001)

  private static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// -log of the correlation of two values.
  private func distance(_ a: Double?, _ b: Double?, _ factor: Int) -> Double {
    guard let a, let b else { return a == nil && b == nil ? 0 : 1 }
    if arms.factors[factor].isOrdered { return abs(a - b) }
    return a == b ? 0 : 1
  }

  /// exp(-sum of rates x distances) for all pairs of some arms, row after row.
  private func correlation(_ chosen: [Int], rates: [Double]) -> [Double] {
    let n = chosen.count
    var matrix = Array(repeating: 1.0, count: n * n)
    for i in 0..<n {
      let a = arms.points[chosen[i]]
      for j in 0..<i {
        let b = arms.points[chosen[j]]
        var sum = 0.0
        for factor in rates.indices { sum += rates[factor] * distance(a[factor], b[factor], factor) }
        let value = exp(-sum)
        matrix[i * n + j] = value
        matrix[j * n + i] = value
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
    var matrix = correlation(chosen, rates: meanRates(parameters)).map { spread * $0 + 1 }
    for i in chosen.indices { matrix[i * chosen.count + i] += spread * Self.nugget.mean }
    return matrix
  }

  /// Covariance of some arms' answers to one question.
  /// - Parameter levels: by chosen arm, the deviation of its answers relative to the usual one.
  func noise(_ chosen: [Int], _ parameters: Parameters, levels: [Double]) -> [Double] {
    let n = chosen.count
    let noise = exp(parameters.noise)
    var matrix = correlation(chosen, rates: noiseRates(parameters))
    for i in 0..<n {
      for j in 0..<n where i != j { matrix[i * n + j] *= noise * levels[i] * levels[j] * (1 - Self.nugget.noise) }
      matrix[i * n + i] = noise * levels[i] * levels[i]
    }
    return matrix
  }

  /// Correlation of an arm's mean with those of some others.
  func correlation(_ arm: Int, _ others: [Int], _ parameters: Parameters) -> [Double] {
    correlation(arm, others, rates: meanRates(parameters))
  }

  /// Weights for smoothing deviations over arms: the square of the correlation of their answers.
  func likeness(_ arm: Int, _ others: [Int], _ parameters: Parameters) -> [Double] {
    correlation(arm, others, rates: noiseRates(parameters).map { 2 * $0 })
  }

  private func correlation(_ arm: Int, _ others: [Int], rates: [Double]) -> [Double] {
    let a = arms.points[arm]
    return others.map { other in
      let b = arms.points[other]
      return exp(-rates.indices.reduce(0) { $0 + rates[$1] * distance(a[$1], b[$1], $1) })
    }
  }
}
