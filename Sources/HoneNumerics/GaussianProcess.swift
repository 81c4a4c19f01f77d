import Foundation

/// Gaussian process regression with an ARD Matern-5/2 kernel over coordinates of which some are choices and some may be
/// missing (Rasmussen and Williams 2006, algorithm 2.1 and equation 5.9).
///
/// k = a (1 + r + r^2 / 3) e^-r with r^2 = 5 sum_j s_j d_j^2. A numeric coordinate's d^2 is the squared difference, a
/// choice's is 1 where the choices differ; where one of the two is missing, 1 is added to the squared distance from the
/// middle, so that the distance stays a Euclidean one.
package struct GaussianProcess: Sendable {
  /// What is fitted: logarithms of the squared inverse length scales, of the kernel's scale, of the noise's variance and,
  /// where numbers are warped, of each coordinate's two warp parameters.
  package struct Parameters: Hashable, Codable, Sendable {
    package var logInverseSquares: [Double]
    package var logScale: Double
    package var logNoise: Double
    /// By coordinate, log a and log b; empty without warps.
    package var logWarps: [Double]

    /// Where a first fit begins.
    package init(dimensions: Int, isWarped: Bool = false) {
      logInverseSquares = Array(repeating: 0, count: dimensions)
      logScale = 0
      logNoise = log(1e-2)
      logWarps = Array(repeating: 0, count: isWarped ? 2 * dimensions : 0)
    }

    init(vector: [Double], dimensions: Int) {
      logInverseSquares = Array(vector.prefix(dimensions))
      logScale = vector[dimensions]
      logNoise = vector[dimensions + 1]
      logWarps = Array(vector.dropFirst(dimensions + 2))
    }

    var vector: [Double] { logInverseSquares + [logScale, logNoise] + logWarps }

    var warps: [Kumaraswamy] {
      (0..<logWarps.count / 2).map { Kumaraswamy(logA: logWarps[2 * $0], logB: logWarps[2 * $0 + 1]) }
    }
  }

  package let parameters: Parameters
  let data: Data
  let inverseSquares: [Double]
  let warps: [Kumaraswamy]
  let scale: Double
  let cholesky: Cholesky
  let alpha: [Double]

  /// The posterior for given parameters; nil when the kernel matrix cannot be factored. O(n^3 / 6 + n^2 d).
  package init?(_ data: Data, parameters: Parameters) {
    self.data = data.warped(parameters.warps)
    self.parameters = parameters
    warps = parameters.warps
    inverseSquares = parameters.logInverseSquares.map { exp($0) }
    scale = exp(parameters.logScale)
    let kernel = Kernel(self.data, parameters)
    guard let cholesky = Cholesky(kernel.matrix, size: data.count) else { return nil }
    self.cholesky = cholesky
    alpha = cholesky.solve(data.values)
  }

  /// Mean and standard deviation of the function (without noise) at a point. O(n^2 / 2 + n d).
  package func posterior(_ point: [Double?]) -> (mean: Double, deviation: Double) {
    let covariances = covariances(point)
    let whitened = cholesky.forward(covariances)
    let variance = scale - whitened.reduce(0) { $0 + $1 * $1 }
    return (mean(covariances), max(variance, 1e-14).squareRoot())
  }

  /// The mean alone. O(n d).
  package func mean(_ point: [Double?]) -> Double { mean(covariances(point)) }

  private func mean(_ covariances: [Double]) -> Double { Self.inner(covariances, alpha, covariances.count) }

  func covariances(_ point: [Double?]) -> [Double] {
    var sums = Array(repeating: 0.0, count: data.count)
    sums.withUnsafeMutableBufferPointer { sums in
      guard let q = sums.baseAddress else { return }
      for j in inverseSquares.indices {
        Coordinates.add(data.columns[j], from: place(point, j), inverseSquares[j], data.isChoice[j], to: q)
      }
      Kernel.matern(q, sums.count, scale)
    }
    return sums
  }

  /// One coordinate of a point as the kernel sees it.
  func place(_ point: [Double?], _ j: Int) -> Double {
    let place = Coordinates.place(point[j], data.isChoice[j])
    return warps.isEmpty || data.isChoice[j] ? place : warps[j](orMissing: place)
  }

  /// Maximum a posteriori parameters by L-BFGS, the better of two starts; nil when no start has a value.
  ///
  /// Priors as Optuna 5 has them: -(0.1 / s + 0.1 s) on inverse squared length scales, Gamma(2, 1) on the scale,
  /// Gamma(1.1, 30) on the noise. O(iterations (n^3 / 2 + n^2 d)).
  package static func fit(_ data: Data, from starts: [Parameters], iterations: Int = 40) -> Parameters? {
    let dimensions = data.isChoice.count
    let likelihood = Likelihood(data)
    var best: (point: [Double], value: Double)?
    for start in starts where start.logInverseSquares.count == dimensions {
      let warps = start.logWarps.count
      let optimizer = BoxLBFGS(
        lower: Array(repeating: -6, count: dimensions) + [-5, -13] + Array(repeating: -2, count: warps),
        upper: Array(repeating: 8, count: dimensions) + [4, 1] + Array(repeating: 2, count: warps),
        iterations: iterations)
      guard let found = optimizer.minimize(from: start.vector, likelihood.loss) else { continue }
      if best.map({ found.value < $0.value }) ?? true { best = found }
    }
    return best.map { Parameters(vector: $0.point, dimensions: dimensions) }
  }

  /// The negative log posterior of parameters and its gradient, for tests and for `fit`.
  package static func loss(_ data: Data, _ parameters: Parameters) -> (value: Double, gradient: [Double])? {
    Likelihood(data).loss(parameters.vector)
  }
}

/// The kernel matrix with noise, its covariances by pair, and their derivatives by the scaled squared distance.
struct Kernel {
  /// Added to the noise so that the kernel matrix can be factored.
  private static let noiseFloor = 1e-6

  private(set) var matrix: [Double]
  private(set) var covariances: [Double]
  private(set) var derivatives: [Double]

  init(_ data: GaussianProcess.Data, _ parameters: GaussianProcess.Parameters) {
    let count = data.count
    let pairs = count * max(0, count - 1) / 2
    let scale = exp(parameters.logScale)
    let noise = exp(parameters.logNoise)
    covariances = Array(repeating: 0.0, count: pairs)
    derivatives = covariances
    matrix = Array(repeating: 0.0, count: count * count)
    covariances.withUnsafeMutableBufferPointer { covariances in
      guard let q = covariances.baseAddress else { return }
      for (coordinate, log) in parameters.logInverseSquares.enumerated() {
        data.distances[coordinate].withUnsafeBufferPointer { distances in
          guard let distances = distances.baseAddress else { return }
          addScaled(distances, exp(log), pairs, to: q)
        }
      }
      derivatives.withUnsafeMutableBufferPointer { derivatives in
        guard let derivatives = derivatives.baseAddress else { return }
        var pair = 0
        while pair < pairs {
          let r = (5 * q[pair]).squareRoot()
          derivatives[pair] = -scale * exp(-r) * (1 + r) * (5 / 6.0)
          pair += 1
        }
      }
      Self.matern(q, pairs, scale)
      matrix.withUnsafeMutableBufferPointer { matrix in
        guard var row = matrix.baseAddress else { return }
        var from = q
        for i in 0..<count {
          row.update(from: from, count: i)
          from += i
          row += count
        }
      }
    }
    for i in 0..<count { matrix[i * count + i] = scale + (noise + Self.noiseFloor) * data.noiseShares[i] }
  }

  /// Scaled squared distances become covariances.
  static func matern(_ q: UnsafeMutablePointer<Double>, _ count: Int, _ scale: Double) {
    var i = 0
    while i < count {
      let r = (5 * q[i]).squareRoot()
      q[i] = scale * exp(-r) * (1 + r + r * r / 3)
      i += 1
    }
  }
}

/// The likelihood of parameters, with what does not depend on them.
private struct Likelihood {
  let data: GaussianProcess.Data

  init(_ data: GaussianProcess.Data) { self.data = data }

  func loss(_ vector: [Double]) -> (value: Double, gradient: [Double])? {
    let parameters = GaussianProcess.Parameters(vector: vector, dimensions: data.isChoice.count)
    let seen = data.warped(parameters.warps)
    let count = data.count
    let kernel = Kernel(seen, parameters)
    guard let cholesky = Cholesky(kernel.matrix, size: count) else { return nil }
    let alpha = cholesky.solve(data.values)
    var value = cholesky.halfLogDeterminant
    for i in 0..<count { value += 0.5 * data.values[i] * alpha[i] }
    let (scale, noise) = (exp(parameters.logScale), exp(parameters.logNoise))
    // (K^-1 - alpha alpha') by pair, and its diagonal.
    let (weights, diagonal) = Self.weights(cholesky.inverse(), alpha)
    var byScale = weights.inner(kernel.covariances)
    var byNoise = 0.0
    for i in 0..<count {
      byScale += 0.5 * diagonal[i] * scale
      byNoise += 0.5 * diagonal[i] * noise * data.noiseShares[i]
    }
    let slopes = weights.times(kernel.derivatives)
    var gradient: [Double] = []
    for (coordinate, log) in parameters.logInverseSquares.enumerated() {
      let s = exp(log)
      value += 0.1 / s + 0.1 * s
      gradient.append(s * slopes.inner(seen.distances[coordinate]) - 0.1 / s + 0.1 * s)
    }
    value += scale - parameters.logScale
    value += 30 * noise - 0.1 * parameters.logNoise
    gradient += [byScale + scale - 1, byNoise + 30 * noise - 0.1]
    if !parameters.logWarps.isEmpty {
      for log in parameters.logWarps { value += log * log / (2 * Self.warpVariance) }
      gradient += warpGradient(parameters, seen, slopes)
    }
    guard value.isFinite, gradient.allSatisfy(\.isFinite) else { return nil }
    return (value, gradient)
  }

  /// Of the warps' log-normal prior around 1, where a warp changes nothing.
  private static let warpVariance = 0.75

  /// dq / dw_i = 2 s (w_i - w_j) for each pair, and the warp's own derivatives.
  private func warpGradient(
    _ parameters: GaussianProcess.Parameters, _ seen: GaussianProcess.Data, _ slopes: [Double]
  ) -> [Double] {
    var gradient = parameters.logWarps.map { $0 / Self.warpVariance }
    for (j, warp) in parameters.warps.enumerated() where !data.isChoice[j] {
      let places = seen.columns[j]
      let pulls = Self.pulls(places, slopes)
      let s = 2 * exp(parameters.logInverseSquares[j])
      for i in places.indices where !places[i].isNaN {
        let (_, byLogA, byLogB) = warp.derivatives(data.columns[j][i])
        gradient[2 * j] += s * pulls[i] * byLogA
        gradient[2 * j + 1] += s * pulls[i] * byLogB
      }
    }
    return gradient
  }

  /// For each place, the sum over the others of the pair's slope times its gap; a missing one stands in the middle.
  private static func pulls(_ places: [Double], _ slopes: [Double]) -> [Double] {
    let x = places.map { $0.isNaN ? 0.5 : $0 }
    var pulls = x.map { _ in 0.0 }
    pulls.withUnsafeMutableBufferPointer { pulls in
      x.withUnsafeBufferPointer { x in
        slopes.withUnsafeBufferPointer { slopes in
          guard let pulls = pulls.baseAddress, let x = x.baseAddress, var slope = slopes.baseAddress else { return }
          for i in 0..<places.count {
            var j = 0
            while j < i {
              let pull = slope[j] * (x[i] - x[j])
              pulls[i] += pull
              pulls[j] -= pull
              j += 1
            }
            slope += i
          }
        }
      }
    }
    return pulls
  }

  private static func weights(_ inverse: [Double], _ alpha: [Double]) -> (pairs: [Double], diagonal: [Double]) {
    let count = alpha.count
    var pairs = Array(repeating: 0.0, count: count * max(0, count - 1) / 2)
    var diagonal = alpha
    pairs.withUnsafeMutableBufferPointer { pairs in
      inverse.withUnsafeBufferPointer { inverse in
        alpha.withUnsafeBufferPointer { alpha in
          guard let inverse = inverse.baseAddress, let alpha = alpha.baseAddress else { return }
          var pair = pairs.baseAddress
          for i in 0..<count {
            let row = inverse + i * count
            if let start = pair {
              var j = 0
              while j < i {
                start[j] = row[j] - alpha[i] * alpha[j]
                j += 1
              }
              pair = start + i
            }
            diagonal[i] = row[i] - alpha[i] * alpha[i]
          }
        }
      }
    }
    return (pairs, diagonal)
  }
}

private func addScaled(
  _ from: UnsafePointer<Double>, _ weight: Double, _ count: Int, to sums: UnsafeMutablePointer<Double>
) {
  var i = 0
  while i < count {
    sums[i] += weight * from[i]
    i += 1
  }
}

extension [Double] {
  fileprivate func inner(_ other: [Double]) -> Double { GaussianProcess.inner(self, other, count) }

  fileprivate func times(_ other: [Double]) -> [Double] {
    var product = self
    product.withUnsafeMutableBufferPointer { product in
      other.withUnsafeBufferPointer { other in
        guard let product = product.baseAddress, let other = other.baseAddress else { return }
        var i = 0
        while i < count {
          product[i] *= other[i]
          i += 1
        }
      }
    }
    return product
  }
}
