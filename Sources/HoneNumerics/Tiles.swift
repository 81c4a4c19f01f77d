/// Sums of products for tiles of four rows by two, two numbers at a time: each number that is loaded is used more than
/// once. The order of each sum is fixed.
package enum Tiles {
  /// The inner products of rows a, a + stride, ... (four) with rows b and b + other, the first `count` numbers of each:
  /// (a_0 b_0, ..., a_3 b_0) and (a_0 b_1, ..., a_3 b_1).
  @inline(__always)
  package static func products(
    _ a: UnsafePointer<Double>, _ stride: Int, _ b: UnsafePointer<Double>, _ other: Int, _ count: Int
  ) -> (SIMD4<Double>, SIMD4<Double>) {
    var (s00, s10, s20, s30) = (SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero)
    var (s01, s11, s21, s31) = (SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero, SIMD2<Double>.zero)
    let (a0, a1, a2, a3) = (a, a + stride, a + 2 * stride, a + 3 * stride)
    let (b0, b1) = (b, b + other)
    var k = 0
    while k + 2 <= count {
      let (y0, y1) = (pair(b0, k), pair(b1, k))
      let (x0, x1, x2, x3) = (pair(a0, k), pair(a1, k), pair(a2, k), pair(a3, k))
      s00 += x0 * y0
      s10 += x1 * y0
      s20 += x2 * y0
      s30 += x3 * y0
      s01 += x0 * y1
      s11 += x1 * y1
      s21 += x2 * y1
      s31 += x3 * y1
      k += 2
    }
    var first = SIMD4(s00.x + s00.y, s10.x + s10.y, s20.x + s20.y, s30.x + s30.y)
    var second = SIMD4(s01.x + s01.y, s11.x + s11.y, s21.x + s21.y, s31.x + s31.y)
    if k < count {
      let x = SIMD4(a0[k], a1[k], a2[k], a3[k])
      first += x * b0[k]
      second += x * b1[k]
    }
    return (first, second)
  }

  /// to += t_0 x_0 + ... + t_3 x_3 for rows x, x + stride, ...
  @inline(__always)
  package static func add(
    _ t: SIMD4<Double>, _ x: UnsafePointer<Double>, _ stride: Int, to: UnsafeMutablePointer<Double>, _ count: Int
  ) {
    let (x0, x1, x2, x3) = (x, x + stride, x + 2 * stride, x + 3 * stride)
    var j = 0
    while j + 2 <= count {
      let left = pair(x0, j) * t.x + pair(x1, j) * t.y
      let right = pair(x2, j) * t.z + pair(x3, j) * t.w
      UnsafeMutableRawPointer(to + j).storeBytes(
        of: pair(UnsafePointer(to), j) + (left + right), as: SIMD2<Double>.self)
      j += 2
    }
    if j < count { to[j] += (t.x * x0[j] + t.y * x1[j]) + (t.z * x2[j] + t.w * x3[j]) }
  }

  @inline(__always)
  private static func pair(_ a: UnsafePointer<Double>, _ k: Int) -> SIMD2<Double> {
    UnsafeRawPointer(a + k).loadUnaligned(as: SIMD2<Double>.self)
  }

  /// Puts the Cholesky factor of the first rows, as many as fours hold, in their place (Golub and Van Loan 2013, section
  /// 4.2.6, by blocks of sixteen rows).
  /// - Returns: how many rows; nil when the matrix is not positive definite.
  static func factor(_ a: UnsafeMutablePointer<Double>, _ size: Int) -> Int? {
    let rows = size / 4 * 4
    for block in stride(from: 0, to: rows, by: 16) {
      let end = min(block + 16, rows)
      for column in stride(from: 0, to: end, by: 4) {
        for row in stride(from: max(block, column), to: end, by: 4) {
          let (c0, c1) = products(a + row * size, size, a + column * size, size, column)
          let (c2, c3) = products(a + row * size, size, a + (column + 2) * size, size, column)
          let sums = (c0, c1, c2, c3)
          for i in 0..<4 {
            let own = a + (row + i) * size + column
            for j in 0..<(row == column ? i + 1 : 4) {
              let other = a + (column + j) * size + column
              var value = own[j] - (j == 0 ? sums.0 : j == 1 ? sums.1 : j == 2 ? sums.2 : sums.3)[i]
              for k in 0..<j { value -= own[k] * other[k] }
              if row == column, i == j {
                guard value > 0, value.isFinite else { return nil }
                own[j] = value.squareRoot()
              } else {
                own[j] = value / other[j]
              }
            }
          }
        }
      }
    }
    for i in 0..<rows { for j in (i + 1)..<max(size, i + 1) { a[i * size + j] = 0 } }
    return rows
  }
}
