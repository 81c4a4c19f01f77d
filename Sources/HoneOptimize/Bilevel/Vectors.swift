import HoneNumerics

/// Arithmetic of vectors, always in the same order.
enum Vectors {
  static func dot(_ a: [Double], _ b: [Double]) -> Double {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        guard let first = a.baseAddress, let second = b.baseAddress else { return 0 }
        return HoneNumerics.dot(first, second, min(a.count, b.count))
      }
    }
  }

  static func norm(_ a: [Double]) -> Double {
    let sum = dot(a, a)
    guard !(sum.isFinite && sum > 1e-280) else { return sum.squareRoot() }
    // Squares of very large or very small numbers do not fit.
    let largest = a.reduce(0) { max($0, abs($1)) }
    guard largest > 0, largest.isFinite else { return a.contains(where: \.isNaN) ? .nan : largest }
    return largest * a.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot()
  }

  /// a + t b
  static func sum(_ a: [Double], _ t: Double, _ b: [Double]) -> [Double] {
    var result = a
    add(t, b, to: &result)
    return result
  }

  static func add(_ t: Double, _ b: [Double], to a: inout [Double]) {
    a.withUnsafeMutableBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        for i in 0..<min(a.count, b.count) { a[i] += t * b[i] }
      }
    }
  }

  static func isFinite(_ a: [Double]) -> Bool { a.allSatisfy(\.isFinite) }
}
