import HoneNumerics

/// The loops behind array operations, always in the same order. Shapes fit: operations have checked them.
enum Kernels {
  @inline(__always)
  static func map(_ a: Tensor, _ f: (Double) -> Double) -> Tensor {
    Tensor(
      fill(a.count) { y in
        a.elements.withUnsafeBufferPointer { a in
          for i in 0..<a.count { y[i] = f(a[i]) }
        }
      }, a.shape)
  }

  /// Element by element; a scalar meets every element of the other.
  @inline(__always)
  static func zip(_ a: Tensor, _ b: Tensor, _ f: (Double, Double) -> Double) -> Tensor {
    if a.shape == b.shape {
      return Tensor(
        fill(a.count) { y in
          a.elements.withUnsafeBufferPointer { a in
            b.elements.withUnsafeBufferPointer { b in
              for i in 0..<a.count { y[i] = f(a[i], b[i]) }
            }
          }
        }, a.shape)
    }
    if a.shape == .scalar {
      let first = a.elements[0]
      return map(b) { f(first, $0) }
    }
    let second = b.elements[0]
    return map(a) { f($0, second) }
  }

  static func add(_ a: Tensor, _ b: Tensor) -> Tensor { zip(a, b) { $0 + $1 } }
  static func multiply(_ a: Tensor, _ b: Tensor) -> Tensor { zip(a, b) { $0 * $1 } }

  /// The sum of two tangents, each of which may be nil, in the shape of the output.
  static func add(_ a: Tensor?, _ b: Tensor?, _ shape: Tensor.Shape) -> Tensor {
    switch (a, b) {
    case (let a?, let b?): spread(add(a, b), to: shape)
    case (let a?, nil), (nil, let a?): spread(a, to: shape)
    case (nil, nil): Tensor(repeating: 0, shape)
    }
  }

  /// A scalar over a whole shape; anything else as it is.
  static func spread(_ a: Tensor, to shape: Tensor.Shape) -> Tensor {
    a.shape == .scalar && shape != .scalar ? Tensor(repeating: a.elements[0], shape) : a
  }

  static func sum(_ a: Tensor) -> Double { a.elements.reduce(0, +) }

  static func dot(_ a: Tensor, _ b: Tensor) -> Double {
    a.elements.withUnsafeBufferPointer { a in
      b.elements.withUnsafeBufferPointer { b in
        guard let first = a.baseAddress, let second = b.baseAddress else { return 0 }
        return HoneNumerics.dot(first, second, a.count)
      }
    }
  }

  /// One number a row.
  @inline(__always)
  static func rows(_ a: Tensor, _ f: (UnsafeBufferPointer<Double>) -> Double) -> Tensor {
    let (rows, columns) = (a.shape.rows, a.shape.columns)
    return Tensor(
      fill(rows) { y in
        a.elements.withUnsafeBufferPointer { a in
          for row in 0..<rows { y[row] = f(UnsafeBufferPointer(rebasing: a[(row * columns)..<((row + 1) * columns)])) }
        }
      }, a.shape.withoutColumns)
  }

  /// One row for each row of two arrays of one shape: `f(a, b, y)`.
  @inline(__always)
  static func rows(
    _ a: Tensor, _ b: Tensor,
    _ f: (UnsafeBufferPointer<Double>, UnsafeBufferPointer<Double>, UnsafeMutableBufferPointer<Double>) -> Void
  ) -> Tensor {
    let (rows, columns) = (a.shape.rows, a.shape.columns)
    return Tensor(
      fill(a.count) { y in
        a.elements.withUnsafeBufferPointer { a in
          b.elements.withUnsafeBufferPointer { b in
            for row in 0..<rows {
              let range = (row * columns)..<((row + 1) * columns)
              f(
                UnsafeBufferPointer(rebasing: a[range]), UnsafeBufferPointer(rebasing: b[range]),
                UnsafeMutableBufferPointer(rebasing: y[range]))
            }
          }
        }
      }, a.shape)
  }

  /// C = A B, A' B or A B', of m x k and k x n numbers, row after row.
  static func product(
    _ a: [Double], _ b: [Double], _ transposing: TransposedFactor, m: Int, k: Int, n: Int
  ) -> [Double] {
    fill(m * n) { c in
      a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
          switch transposing {
          case .second: rowsByRows(a, b, c, m, k, n)
          case .neither where n == 1: rowsByRows(a, b, c, m, k, 1)
          case .neither:
            for i in 0..<m {
              for l in 0..<k { add(a[i * k + l], b + l * n, to: c + i * n, n) }
            }
          case .first where n == 1:
            for l in 0..<k { add(b[l], a + l * m, to: c, m) }
          case .first:
            for l in 0..<k {
              for i in 0..<m { add(a[l * m + i], b + l * n, to: c + i * n, n) }
            }
          }
        }
      }
    }
  }

  private static func rowsByRows(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ c: UnsafeMutablePointer<Double>, _ m: Int, _ k: Int,
    _ n: Int
  ) {
    for i in 0..<m {
      for j in 0..<n { c[i * n + j] = HoneNumerics.dot(a + i * k, b + j * k, k) }
    }
  }

  @inline(__always)
  private static func add(
    _ t: Double, _ from: UnsafePointer<Double>, to: UnsafeMutablePointer<Double>, _ count: Int
  ) {
    for j in 0..<count { to[j] += t * from[j] }
  }

  /// An array of zeros, then filled in place.
  @inline(__always)
  static func fill(_ count: Int, _ body: (UnsafeMutableBufferPointer<Double>) -> Void) -> [Double] {
    Array(unsafeUninitializedCapacity: count) { buffer, initialized in
      let part = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
      part.initialize(repeating: 0)
      body(part)
      initialized = count
    }
  }
}
