import Foundation

/// A mean of losses that leans to the large ones (Mehta, Roulet, Pillutla and Harchaoui, "Distributionally robust optimization
/// with bias and variance reduction" (Prospect), ICLR 2024):
///
///     R(l) = max over q in P(sigma) of q'l - nu n sum (q_i - 1/n)^2
///
/// where P(sigma) holds the shuffles of the spectrum sigma and what lies between them. Without nu it is the sum of sigma_i
/// times the i-th smallest loss. The best q is a nearest point of P(sigma), had by sorting and one isotonic regression; by
/// Danskin's theorem dR/dl = q.
public struct SpectralRisk: Hashable, Codable, Sendable {
  public enum Spectrum: Hashable, Codable, Sendable {
    case mean
    /// The mean of the largest losses, this part of them: 0.1 is the worst tenth.
    case superquantile(Double)
    /// The expected largest of `order` draws; 1 is the mean.
    case extremile(Double)
    /// sigma grows as exp(rho t).
    case exponential(Double)
  }

  public var spectrum: Spectrum
  /// nu, 0 or more: pulls the weights towards the mean and makes the risk smooth.
  public var smoothing: Double

  public init(_ spectrum: Spectrum, smoothing: Double = 0) {
    self.spectrum = spectrum
    self.smoothing = max(0, smoothing)
  }

  /// sigma_1 <= ... <= sigma_n, with sum one.
  func weights(count n: Int) -> [Double] {
    /// The integral of the spectrum up to t.
    func total(_ t: Double) -> Double {
      switch spectrum {
      case .mean: return t
      case .superquantile(let part):
        let p = min(max(part, 1e-9), 1)
        return max(0, t - (1 - p)) / p
      case .extremile(let order): return pow(t, max(1, order))
      case .exponential(let rho): return abs(rho) < 1e-9 ? t : expm1(abs(rho) * t) / expm1(abs(rho))
      }
    }
    let size = Double(max(1, n))
    return (0..<n).map { total(Double($0 + 1) / size) - total(Double($0) / size) }
  }

  /// - Returns: R, and q, which is its slope in the losses.
  public func callAsFunction(_ losses: [Double]) -> (value: Double, weights: [Double]) {
    let n = losses.count
    guard n > 0 else { return (0, []) }
    let sigma = weights(count: n)
    // By place where losses are equal, so that the order is one.
    let order = losses.indices.sorted { losses[$0] == losses[$1] ? $0 < $1 : losses[$0] < losses[$1] }
    var q = Array(repeating: 0.0, count: n)
    let size = Double(n)
    if smoothing > 0 {
      // argmax q'l - nu n |q - 1/n|^2 is the point of P(sigma) nearest to 1/n + l / (2 nu n).
      let aim = order.map { 1 / size + losses[$0] / (2 * smoothing * size) }
      let level = Isotonic.rising(aim.indices.map { aim[$0] - sigma[$0] })
      for (place, row) in order.enumerated() { q[row] = aim[place] - level[place] }
    } else {
      for (place, row) in order.enumerated() { q[row] = sigma[place] }
    }
    let away = q.reduce(0.0) { $0 + ($1 - 1 / size) * ($1 - 1 / size) }
    return (Vectors.dot(q, losses) - smoothing * size * away, q)
  }
}

/// Isotonic regression by pooling adjacent violators (Best and Chakravarti 1990).
enum Isotonic {
  /// The nearest numbers, in squares, that do not fall.
  static func rising(_ values: [Double]) -> [Double] {
    var pools: [(sum: Double, count: Int)] = []
    for value in values {
      var pool = (sum: value, count: 1)
      while let last = pools.last, last.sum * Double(pool.count) >= pool.sum * Double(last.count) {
        pool = (pool.sum + last.sum, pool.count + last.count)
        pools.removeLast()
      }
      pools.append(pool)
    }
    return pools.flatMap { Array(repeating: $0.sum / Double($0.count), count: $0.count) }
  }
}
