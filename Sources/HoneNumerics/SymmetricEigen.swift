/// Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, "Matrix
/// Computations", 4th edition, algorithm 8.5.3).
package struct SymmetricEigen: Sendable {
  package let size: Int
  /// In no order.
  package private(set) var values: [Double]
  /// Row after row: column k is the eigenvector of value k, of length 1.
  package private(set) var vectors: [Double]

  /// O(sweeps n^3), about eight sweeps.
  ///
  /// - Parameter matrix: row after row, symmetric, finite.
  package init(_ matrix: [Double], size: Int) {
    self.size = size
    vectors = Array(repeating: 0, count: size * size)
    for i in 0..<size { vectors[i * size + i] = 1 }
    values = []
    var a = matrix
    let total = matrix.reduce(0) { $0 + $1 * $1 }
    for _ in 0..<30 {
      var off = 0.0
      for i in 0..<size {
        for j in 0..<i { off += a[i * size + j] * a[i * size + j] }
      }
      guard off > 1e-32 * total else { break }
      for p in 0..<size {
        for q in (p + 1)..<max(size, p + 1) { Self.rotate(&a, &vectors, p, q, size) }
      }
    }
    values = (0..<size).map { a[$0 * size + $0] }
  }

  /// Makes a[p, q] zero.
  private static func rotate(_ a: inout [Double], _ vectors: inout [Double], _ p: Int, _ q: Int, _ size: Int) {
    let apq = a[p * size + q]
    guard apq != 0 else { return }
    let tau = (a[q * size + q] - a[p * size + p]) / (2 * apq)
    let t = (tau < 0 ? -1 : 1) / (abs(tau) + (1 + tau * tau).squareRoot())
    let c = 1 / (1 + t * t).squareRoot()
    let s = t * c
    a.withUnsafeMutableBufferPointer { a in
      for k in 0..<size {
        let (x, y) = (a[k * size + p], a[k * size + q])
        a[k * size + p] = c * x - s * y
        a[k * size + q] = s * x + c * y
      }
      for k in 0..<size {
        let (x, y) = (a[p * size + k], a[q * size + k])
        a[p * size + k] = c * x - s * y
        a[q * size + k] = s * x + c * y
      }
    }
    vectors.withUnsafeMutableBufferPointer { v in
      for k in 0..<size {
        let (x, y) = (v[k * size + p], v[k * size + q])
        v[k * size + p] = c * x - s * y
        v[k * size + q] = s * x + c * y
      }
    }
  }
}
