import Foundation

/// The covariance matrix adaptation evolution strategy: a normal distribution that moves, stretches and turns towards the
/// better points of each generation.
///
/// Hansen, "The CMA Evolution Strategy: A Tutorial" (arXiv 1604.00772, 2016), with its defaults and negative weights
/// (equations 11 to 58). Points that it did not draw are shortened before they count (Hansen, "Injecting external solutions
/// into CMA-ES", 2011). Coordinates on a grid keep a margin of probability at both sides (Hamano et al., "CMA-ES with
/// Margin", GECCO 2022). Beyond 32 coordinates the matrix is diagonal (Ros and Hansen 2008), so that a generation's cost
/// stays linear.
package struct CovarianceAdaptation: Codable, Sendable, Equatable {
  /// Dimensions with a full matrix.
  package static let fullDimensions = 32

  /// n.
  package let dimensions: Int
  /// lambda.
  package let population: Int
  /// m.
  package private(set) var mean: [Double]
  /// The step size.
  package private(set) var sigma: Double
  /// Generations so far.
  package private(set) var generation = 0
  /// C, row after row; its diagonal alone when not full.
  private var covariance: [Double]
  private let isFull: Bool
  /// B, row after row; empty when not full.
  private var basis: [Double]
  /// D: the square roots of the eigenvalues.
  private var scales: [Double]
  private var sigmaPath: [Double]
  private var covariancePath: [Double]
  /// A of the margin: what each coordinate is stretched by.
  package private(set) var stretch: [Double]

  package static func population(dimensions: Int) -> Int { 4 + Int(3 * log(Double(max(1, dimensions)))) }

  /// - Parameter population: lambda, at least 4.
  package init(mean: [Double], sigma: Double, population: Int) {
    dimensions = mean.count
    self.population = max(4, population)
    self.mean = mean
    self.sigma = sigma
    let (n, isFull) = (mean.count, mean.count <= Self.fullDimensions)
    self.isFull = isFull
    let identity = (0..<(isFull ? n * n : n)).map { isFull && $0 / max(1, n) != $0 % max(1, n) ? 0.0 : 1.0 }
    covariance = identity
    basis = isFull ? identity : []
    scales = Array(repeating: 1, count: n)
    sigmaPath = Array(repeating: 0, count: n)
    covariancePath = sigmaPath
    stretch = scales
  }

  /// m + sigma A B D z with z standard normal: equations 38 to 40.
  package func sample(_ random: inout RandomStream) -> [Double] {
    let z = scales.map { $0 * random.normal() }
    let y = isFull ? multiplied(z, isTransposed: false) : z
    return mean.indices.map { mean[$0] + sigma * stretch[$0] * y[$0] }
  }

  /// The marginal deviation of a coordinate.
  package func deviation(_ coordinate: Int) -> Double {
    sigma * stretch[coordinate] * diagonal(coordinate).squareRoot()
  }

  /// The matrix can no longer be told from a singular one, or a step is not finite.
  package var isDegenerate: Bool {
    let (least, most) = (scales.min() ?? 1, scales.max() ?? 1)
    return !sigma.isFinite || !most.isFinite || !(least > 1e-7 * most) || !mean.allSatisfy(\.isFinite)
  }

  private func diagonal(_ i: Int) -> Double { covariance[isFull ? i * dimensions + i : i] }

  private func multiplied(_ x: [Double], isTransposed: Bool) -> [Double] {
    let n = dimensions
    return (0..<n).map { i in
      var sum = 0.0
      for j in 0..<n { sum += basis[isTransposed ? j * n + i : i * n + j] * x[j] }
      return sum
    }
  }

  /// C^-1/2 y.
  private func whitened(_ y: [Double]) -> [Double] {
    guard isFull else { return dimensions == 0 ? [] : y.indices.map { y[$0] / scales[$0] } }
    let z = multiplied(y, isTransposed: true)
    return multiplied(z.indices.map { z[$0] / scales[$0] }, isTransposed: false)
  }

  private func length(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }

  // MARK: Update

  /// What depends on n and lambda alone: table 1 of the tutorial.
  private struct Constants {
    var weights: [Double]
    var mass: Double
    var sigmaRate: Double
    var damping: Double
    var pathRate: Double
    var rankOne: Double
    var rankMu: Double
    /// The expected length of a standard normal vector.
    var chi: Double

    init(_ n: Double, _ population: Int, isFull: Bool) {
      let raw = (1...population).map { log((Double(population) + 1) / 2) - log(Double($0)) }
      let positive = raw.filter { $0 > 0 }
      let negative = raw.filter { $0 < 0 }
      func mass(_ w: [Double]) -> Double {
        let (sum, squares) = (w.reduce(0, +), w.reduce(0) { $0 + $1 * $1 })
        return squares > 0 ? sum * sum / squares : 0
      }
      self.mass = mass(positive)
      let (m, against) = (self.mass, mass(negative))
      sigmaRate = (m + 2) / (n + m + 5)
      damping = 1 + 2 * max(0, ((m - 1) / (n + 1)).squareRoot() - 1) + sigmaRate
      pathRate = (4 + m / n) / (n + 4 + 2 * m / n)
      // A diagonal matrix has fewer entries to learn (Ros and Hansen 2008, equation 4).
      let faster = isFull ? 1 : (n + 2) / 3
      rankOne = min(0.5, faster * 2 / ((n + 1.3) * (n + 1.3) + m))
      rankMu = min(1 - rankOne, faster * 2 * (0.25 + m + 1 / m - 2) / ((n + 2) * (n + 2) + m))
      let sum = positive.reduce(0, +)
      let negativeSum = -negative.reduce(0, +)
      // Equations 50 to 52.
      let most = min(
        1 + rankOne / rankMu, 1 + 2 * against / (m + 2), max(0, 1 - rankOne - rankMu) / (n * rankMu))
      weights = raw.map { $0 >= 0 ? $0 / sum : most * $0 / negativeSum }
      chi = n.squareRoot() * (1 - 1 / (4 * n) + 1 / (21 * n * n))
    }
  }

  /// Moves the distribution after a generation.
  ///
  /// - Parameters:
  ///   - points: as many as the population, best first. A coordinate that is nil counts as the mean's.
  ///   - isOwn: for each point, whether this distribution drew it.
  ///   - grids: for each coordinate the places of its values, in order; empty for a continuum.
  package mutating func update(_ points: [[Double?]], isOwn: [Bool], grids: [[Double]]) {
    generation += 1
    guard dimensions > 0, points.count == population else { return }
    let n = Double(dimensions)
    let constants = Constants(n, population, isFull: isFull)
    // Hansen 2011, section 4: no longer than nearly all points drawn.
    let longest = n.squareRoot() + 2 * n / (n + 2)
    var lengths: [Double] = []
    let steps = points.enumerated().map { index, point in
      let y = mean.indices.map { j in ((point[j] ?? mean[j]) - mean[j]) / (sigma * stretch[j]) }
      let size = length(whitened(y))
      let share = !isOwn[index] && size > longest ? longest / size : 1
      lengths.append(size * share)
      return y.map { $0 * share }
    }
    let step = mean.indices.map { j in
      var sum = 0.0
      for (index, weight) in constants.weights.enumerated() where weight > 0 { sum += weight * steps[index][j] }
      return sum
    }
    for j in mean.indices { mean[j] = min(max(mean[j] + sigma * stretch[j] * step[j], 0), 1) }
    updatePaths(step, constants)
    updateCovariance(steps, lengths, constants)
    let growth = constants.sigmaRate / constants.damping * (length(sigmaPath) / constants.chi - 1)
    // No more than the cube itself.
    sigma = min(max(sigma * exp(min(1, growth)), 1e-30), 1)
    decompose()
    keepMargins(grids)
  }

  private var isStalled = false

  /// Equations 43 and 45.
  private mutating func updatePaths(_ step: [Double], _ constants: Constants) {
    let c = constants.sigmaRate
    let white = whitened(step)
    let factor = (c * (2 - c) * constants.mass).squareRoot()
    for j in mean.indices { sigmaPath[j] = (1 - c) * sigmaPath[j] + factor * white[j] }
    let bias = (1 - pow(1 - c, 2 * Double(generation))).squareRoot()
    isStalled = length(sigmaPath) / bias >= (1.4 + 2 / (Double(dimensions) + 1)) * constants.chi
    let d = constants.pathRate
    let path = isStalled ? 0 : (d * (2 - d) * constants.mass).squareRoot()
    for j in mean.indices { covariancePath[j] = (1 - d) * covariancePath[j] + path * step[j] }
  }

  /// Equations 46 and 47.
  private mutating func updateCovariance(_ steps: [[Double]], _ lengths: [Double], _ constants: Constants) {
    let n = dimensions
    let lost = isStalled ? constants.pathRate * (2 - constants.pathRate) : 0
    let sum = constants.weights.reduce(0, +)
    let kept = 1 + constants.rankOne * lost - constants.rankOne - constants.rankMu * sum
    let weights = constants.weights.indices.map { index -> Double in
      let weight = constants.weights[index]
      guard weight < 0 else { return weight }
      return weight * Double(n) / max(lengths[index] * lengths[index], 1e-12)
    }
    func entry(_ i: Int, _ j: Int, _ old: Double) -> Double {
      var mu = 0.0
      for (index, weight) in weights.enumerated() { mu += weight * steps[index][i] * steps[index][j] }
      return kept * old + constants.rankOne * covariancePath[i] * covariancePath[j] + constants.rankMu * mu
    }
    for i in 0..<n {
      guard isFull else {
        covariance[i] = entry(i, i, covariance[i])
        continue
      }
      for j in 0...i {
        let value = entry(i, j, covariance[i * n + j])
        covariance[i * n + j] = value
        covariance[j * n + i] = value
      }
    }
  }

  private mutating func decompose() {
    guard isFull else {
      scales = covariance.map { max($0, 1e-30).squareRoot() }
      return
    }
    let eigen = SymmetricEigen(covariance, size: dimensions)
    scales = eigen.values.map { max($0, 1e-30).squareRoot() }
    basis = eigen.vectors
  }

  // MARK: Margin

  /// Hamano et al. 2022, section 4.2: neither side of a grid coordinate's cell is less probable than alpha / 2, with
  /// alpha = 1 / (n lambda), and at an end of the grid the next cell not less than alpha.
  private mutating func keepMargins(_ grids: [[Double]]) {
    let alpha = 1 / Double(dimensions * population)
    for j in mean.indices where grids[j].count > 1 {
      let borders = zip(grids[j], grids[j].dropFirst()).map { ($0 + $1) / 2 }
      let deviation = deviation(j)
      guard deviation > 0, deviation.isFinite else { continue }
      let above = borders.firstIndex { mean[j] <= $0 } ?? borders.count
      guard above > 0, above < borders.count else {
        let border = above == 0 ? borders[0] : borders[borders.count - 1]
        let most = -Normal.quantile(alpha) * deviation
        mean[j] = border + min(max(mean[j] - border, -most), most)
        continue
      }
      let (low, up) = (borders[above - 1], borders[above])
      let below = Normal.cumulative((low - mean[j]) / deviation)
      let over = Normal.cumulative((mean[j] - up) / deviation)
      guard below < alpha / 2 || over < alpha / 2 else { continue }
      // Equations 13 to 20: both sides raised to alpha / 2, what is above it scaled down so that the sum is 1.
      let (p, q, middle) = (max(below, alpha / 2), max(over, alpha / 2), 1 - below - over)
      let excess = (1 - p - q - middle) / (p + q + middle - 1.5 * alpha)
      let left = -Normal.quantile(min(p + excess * (p - alpha / 2), 0.49))
      let right = -Normal.quantile(min(q + excess * (q - alpha / 2), 0.49))
      stretch[j] = (up - low) / ((left + right) * sigma * diagonal(j).squareRoot())
      mean[j] = (low * right + up * left) / (left + right)
    }
  }
}
