import Foundation

extension GaussianProcess {
  /// One draw of the function at these points together; nil when their covariance cannot be factored. O(m n^2 / 2 + m^2 n).
  package func draw(at points: [[Double?]], _ random: inout RandomStream) -> [Double]? {
    let covariances = points.map(covariances)
    let whitened = covariances.map(cholesky.forward)
    let count = points.count
    let rows = data.count
    var matrix = Array(repeating: 0.0, count: count * count)
    for i in 0..<count {
      for j in 0...i {
        let q = scaledSquares(points[i], points[j])
        let r = (5 * q).squareRoot()
        let explained = Self.inner(whitened[i], whitened[j], rows)
        matrix[i * count + j] = scale * (1 + r + r * r / 3) * exp(-r) - explained
      }
      // Rounding must not make it indefinite.
      matrix[i * count + i] += 1e-8 * scale + 1e-10
    }
    guard let factor = Cholesky(matrix, size: count)?.factor else { return nil }
    let z = points.map { _ in random.normal() }
    return points.indices.map { i in
      (0...i).reduce(Self.inner(covariances[i], alpha, rows)) { $0 + factor[i * count + $1] * z[$1] }
    }
  }

  static func inner(_ a: [Double], _ b: [Double], _ count: Int) -> Double {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b -> Double in
        guard let a = a.baseAddress, let b = b.baseAddress else { return 0 }
        return dot(a, b, count)
      }
    }
  }

  private func scaledSquares(_ a: [Double?], _ b: [Double?]) -> Double {
    inverseSquares.indices.reduce(0) { sum, k in
      sum + inverseSquares[k] * Coordinates.squaredDistance(place(a, k), place(b, k), data.isChoice[k])
    }
  }

  /// The gradient of the mean by the coordinates that are present numbers; 0 by the others. O(n d).
  package func meanGradient(_ point: [Double?]) -> [Double] {
    var gradient = point.map { _ in 0.0 }
    let places = inverseSquares.indices.map { place(point, $0) }
    for row in alpha.indices {
      var q = 0.0
      for j in inverseSquares.indices {
        q += inverseSquares[j] * Coordinates.squaredDistance(places[j], data.columns[j][row], data.isChoice[j])
      }
      let r = (5 * q).squareRoot()
      // dk/dq, and dq/dx = 2 s (x - x').
      let slope = -(5 / 6.0) * scale * (1 + r) * exp(-r) * alpha[row]
      for j in inverseSquares.indices where !data.isChoice[j] && point[j] != nil {
        // A missing value is as far as the middle, and one more.
        let other = data.columns[j][row]
        gradient[j] += slope * 2 * inverseSquares[j] * (places[j] - (other.isNaN ? 0.5 : other))
      }
    }
    for (j, warp) in warps.enumerated() where gradient[j] != 0 { gradient[j] *= warp.slope(point[j] ?? 0.5) }
    return gradient
  }
}
