import Foundation

/// The lower triangular factor L of a symmetric positive definite matrix, A = L L'.
package struct Cholesky: Sendable {
  package let size: Int
  /// Row after row, the upper part zero.
  package private(set) var factor: [Double]
  private static let tiledFrom = 96

  /// - Parameter matrix: row after row; only its lower part is read.
  /// - Returns: nil when the matrix is not positive definite in floating point. O(n^3 / 6).
  package init?(_ matrix: [Double], size: Int) {
    self.size = size
    factor = matrix
    let isDefinite = factor.withUnsafeMutableBufferPointer { a -> Bool in
      guard let a = a.baseAddress else { return true }
      // Large ones by tiles, which keep rows near; the last rows, and small ones, one by one.
      let tiled = size >= Self.tiledFrom ? Tiles.factor(a, size) : 0
      guard let tiled else { return false }
      for i in tiled..<size {
        let row = a + i * size
        for j in 0..<i {
          let other = a + j * size
          row[j] = (row[j] - dot(row, other, j)) / other[j]
        }
        let pivot = row[i] - dot(row, row, i)
        guard pivot > 0, pivot.isFinite else { return false }
        row[i] = pivot.squareRoot()
        for j in (i + 1)..<max(size, i + 1) { row[j] = 0 }
      }
      return true
    }
    guard isDefinite else { return nil }
  }

  /// The sum of log L_ii: half the logarithm of the determinant.
  package var halfLogDeterminant: Double {
    (0..<size).reduce(0) { $0 + log(factor[$1 * size + $1]) }
  }

  /// L^-1 b. O(n^2 / 2).
  package func forward(_ b: [Double]) -> [Double] {
    var x = b
    x.withUnsafeMutableBufferPointer { x in
      factor.withUnsafeBufferPointer { l in
        guard let x = x.baseAddress, let l = l.baseAddress else { return }
        for i in 0..<size { x[i] = (x[i] - dot(l + i * size, x, i)) / l[i * size + i] }
      }
    }
    return x
  }

  /// L^-1 applied to each row of a matrix whose rows have n entries: B L^-T. O(n^2 / 2) a row.
  package func forwardRows(_ matrix: [Double]) -> [Double] {
    guard size > 0 else { return matrix }
    var result = matrix
    result.withUnsafeMutableBufferPointer { rows in
      factor.withUnsafeBufferPointer { l in
        guard let rows = rows.baseAddress, let l = l.baseAddress else { return }
        for start in stride(from: 0, to: matrix.count - size + 1, by: size) {
          let x = rows + start
          for i in 0..<size { x[i] = (x[i] - dot(l + i * size, x, i)) / l[i * size + i] }
        }
      }
    }
    return result
  }

  /// A^-1 b. O(n^2).
  package func solve(_ b: [Double]) -> [Double] {
    var x = forward(b)
    x.withUnsafeMutableBufferPointer { x in
      factor.withUnsafeBufferPointer { l in
        guard let x = x.baseAddress, let l = l.baseAddress else { return }
        for i in stride(from: size - 1, through: 0, by: -1) {
          let row = l + i * size
          x[i] /= row[i]
          let value = x[i]
          var j = 0
          while j < i {
            x[j] -= row[j] * value
            j += 1
          }
        }
      }
    }
    return x
  }

  /// A^-1, row after row, both halves. O(n^3 / 3).
  package func inverse() -> [Double] {
    // Row j of `columns` is column j of L^-1.
    var columns = Array(repeating: 0.0, count: size * size)
    var inverse = columns
    columns.withUnsafeMutableBufferPointer { m in
      inverse.withUnsafeMutableBufferPointer { k in
        factor.withUnsafeBufferPointer { l in
          guard let m = m.baseAddress, let k = k.baseAddress, let l = l.baseAddress else { return }
          for j in 0..<size {
            let column = m + j * size
            column[j] = 1 / l[j * size + j]
            for i in (j + 1)..<max(size, j + 1) {
              column[i] = -dot(l + i * size + j, column + j, i - j) / l[i * size + i]
            }
          }
          for i in 0..<size {
            for j in 0...i {
              let value = dot(m + i * size + i, m + j * size + i, size - i)
              k[i * size + j] = value
              k[j * size + i] = value
            }
          }
        }
      }
    }
    return inverse
  }
}
