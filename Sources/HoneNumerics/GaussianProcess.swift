import Foundation

/// Gaussian process regression with an ARD Matern-5/2 kernel over coordinates of which some are choices and some may be
/// missing (Rasmussen and Williams 2006, algorithm 2.1 and equation 5.9).
///
/// k = a (1 + r + r^2 / 3) e^-r with r^2 = 5 sum_j s_j d_j^2. A numeric coordinate's d^2 is the squared difference, a
/// choice's is 1 where the choices differ; where one of the two is missing, 1 is added to the squared distance from the
/// middle, so that the distance stays a Euclidean one.
package struct GaussianProcess: Sendable {
  /// What is fitted: logarithms of the squared inverse length scales, of the kernel's scale and of the noise's variance.
  package struct Parameters: Hashable, Codable, Sendable {
    package var logInverseSquares: [Double]
    package var logScale: Double
    package var logNoise: Double

    /// Where a first fit begins.
    package init(dimensions: Int) {
      logInverseSquares = Array(repeating: 0, count: dimensions)
      logScale = 0
      logNoise = log(1e-2)
    }

    init(vector: [Double]) {
      logInverseSquares = Array(vector.dropLast(2))
      logScale = vector[vector.count - 2]
      logNoise = vector[vector.count - 1]
    }

    var vector: [Double] { logInverseSquares + [logScale, logNoise] }
  }

  /// The observations with all pairwise squared distances.
  package struct Data: Sendable {
    let points: [[Double?]]
    let isChoice: [Bool]
    let values: [Double]
    /// How much of the noise's variance each observation has.
    let noiseShares: [Double]
    /// By coordinate, pairs (1, 0), (2, 0), (2, 1), …
    let distances: [[Double]]

    /// - Parameter values: standardized; finite.
    package init(_ points: [[Double?]], isChoice: [Bool], values: [Double], noiseShares: [Double]) {
      self.points = points
      self.isChoice = isChoice
      self.values = values
      self.noiseShares = noiseShares
      distances = isChoice.indices.map { coordinate in
        var pairs: [Double] = []
        pairs.reserveCapacity(points.count * max(0, points.count - 1) / 2)
        for i in points.indices {
          for j in 0..<i {
            pairs.append(squaredDistance(points[i][coordinate], points[j][coordinate], isChoice[coordinate]))
          }
        }
        return pairs
      }
    }

    var count: Int { points.count }
  }

  package let parameters: Parameters
  let data: Data
  let inverseSquares: [Double]
  let scale: Double
  let cholesky: Cholesky
  let alpha: [Double]

  /// The posterior for given parameters; nil when the kernel matrix cannot be factored. O(n^3 / 6 + n^2 d).
  package init?(_ data: Data, parameters: Parameters) {
    self.data = data
    self.parameters = parameters
    inverseSquares = parameters.logInverseSquares.map { exp($0) }
    scale = exp(parameters.logScale)
    let kernel = Likelihood(data).kernel(parameters)
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

  private func mean(_ covariances: [Double]) -> Double {
    var sum = 0.0
    for i in covariances.indices { sum += covariances[i] * alpha[i] }
    return sum
  }

  func covariances(_ point: [Double?]) -> [Double] {
    data.points.map { other in
      var q = 0.0
      for j in inverseSquares.indices {
        q += inverseSquares[j] * squaredDistance(point[j], other[j], data.isChoice[j])
      }
      let r = (5 * q).squareRoot()
      return scale * (1 + r + r * r / 3) * exp(-r)
    }
  }

  /// Maximum a posteriori parameters by L-BFGS, the better of two starts; nil when no start has a value.
  ///
  /// Priors as Optuna 5 has them: -(0.1 / s + 0.1 s) on inverse squared length scales, Gamma(2, 1) on the scale,
  /// Gamma(1.1, 30) on the noise. O(iterations (n^3 / 2 + n^2 d)).
  package static func fit(_ data: Data, from starts: [Parameters], iterations: Int = 40) -> Parameters? {
    let dimensions = data.isChoice.count
    let optimizer = BoxLBFGS(
      lower: Array(repeating: -6, count: dimensions) + [-5, -13],
      upper: Array(repeating: 8, count: dimensions) + [4, 1], iterations: iterations)
    let likelihood = Likelihood(data)
    var best: (point: [Double], value: Double)?
    for start in starts where start.logInverseSquares.count == dimensions {
      guard let found = optimizer.minimize(from: start.vector, likelihood.loss) else { continue }
      if best.map({ found.value < $0.value }) ?? true { best = found }
    }
    return best.map { Parameters(vector: $0.point) }
  }

  /// The negative log posterior of parameters and its gradient, for tests and for `fit`.
  package static func loss(_ data: Data, _ parameters: Parameters) -> (value: Double, gradient: [Double])? {
    Likelihood(data).loss(parameters.vector)
  }
}

/// Added to the noise so that the kernel matrix can be factored.
private let noiseFloor = 1e-6

func squaredDistance(_ a: Double?, _ b: Double?, _ isChoice: Bool) -> Double {
  switch (a, b) {
  case (nil, nil): 0
  case (let a?, let b?): isChoice ? (a == b ? 0 : 1) : (a - b) * (a - b)
  case (let x?, nil), (nil, let x?): isChoice ? 1 : 1 + (x - 0.5) * (x - 0.5)
  }
}

/// The likelihood of parameters, with what does not depend on them.
private struct Likelihood {
  let data: GaussianProcess.Data

  init(_ data: GaussianProcess.Data) { self.data = data }

  /// The kernel matrix with noise, its covariances by pair, and their derivatives by the scaled squared distance.
  func kernel(_ parameters: GaussianProcess.Parameters) -> (
    matrix: [Double], covariances: [Double], derivatives: [Double]
  ) {
    let count = data.count
    var q = Array(repeating: 0.0, count: count * max(0, count - 1) / 2)
    for (coordinate, log) in parameters.logInverseSquares.enumerated() {
      let weight = exp(log)
      let distances = data.distances[coordinate]
      for pair in q.indices { q[pair] += weight * distances[pair] }
    }
    let scale = exp(parameters.logScale)
    let noise = exp(parameters.logNoise)
    var derivatives = q
    for pair in q.indices {
      let r = (5 * q[pair]).squareRoot()
      let decay = scale * exp(-r)
      q[pair] = decay * (1 + r + r * r / 3)
      derivatives[pair] = -decay * (1 + r) * (5 / 6.0)
    }
    var matrix = Array(repeating: 0.0, count: count * count)
    var pair = 0
    for i in 0..<count {
      for j in 0..<i {
        matrix[i * count + j] = q[pair]
        pair += 1
      }
      matrix[i * count + i] = scale + (noise + noiseFloor) * data.noiseShares[i]
    }
    return (matrix, q, derivatives)
  }

  func loss(_ vector: [Double]) -> (value: Double, gradient: [Double])? {
    let parameters = GaussianProcess.Parameters(vector: vector)
    let count = data.count
    let kernel = kernel(parameters)
    guard let cholesky = Cholesky(kernel.matrix, size: count) else { return nil }
    let alpha = cholesky.solve(data.values)
    var value = cholesky.halfLogDeterminant
    for i in 0..<count { value += 0.5 * data.values[i] * alpha[i] }
    // (K^-1 - alpha alpha') by pair, and its diagonal.
    let inverse = cholesky.inverse()
    var weights = Array(repeating: 0.0, count: kernel.covariances.count)
    var (byScale, byNoise) = (0.0, 0.0)
    let (scale, noise) = (exp(parameters.logScale), exp(parameters.logNoise))
    var pair = 0
    for i in 0..<count {
      for j in 0..<i {
        let weight = inverse[i * count + j] - alpha[i] * alpha[j]
        byScale += weight * kernel.covariances[pair]
        weights[pair] = weight * kernel.derivatives[pair]
        pair += 1
      }
      let weight = inverse[i * count + i] - alpha[i] * alpha[i]
      byScale += 0.5 * weight * scale
      byNoise += 0.5 * weight * noise * data.noiseShares[i]
    }
    var gradient: [Double] = []
    for (coordinate, log) in parameters.logInverseSquares.enumerated() {
      let s = exp(log)
      let sum = weights.withUnsafeBufferPointer { weights in
        data.distances[coordinate].withUnsafeBufferPointer { distances -> Double in
          guard let weights = weights.baseAddress, let distances = distances.baseAddress else { return 0 }
          return dot(weights, distances, pair)
        }
      }
      value += 0.1 / s + 0.1 * s
      gradient.append(s * sum - 0.1 / s + 0.1 * s)
    }
    value += scale - parameters.logScale
    value += 30 * noise - 0.1 * parameters.logNoise
    gradient += [byScale + scale - 1, byNoise + 30 * noise - 0.1]
    guard value.isFinite, gradient.allSatisfy(\.isFinite) else { return nil }
    return (value, gradient)
  }
}
