/// Solves A x = b for a symmetric positive definite A that is only applied (Hestenes and Stiefel 1952; Nocedal and Wright
/// 2006, algorithm 5.3), with a preconditioner.
package struct ConjugateGradient {
  package struct Solution {
    package var x: [Double]
    /// |b - A x| / |b|, as the recursion has it.
    package var residual: Double
    package var iterations: Int
    /// The residual is no greater than was asked for.
    var isConverged: Bool
  }

  /// Relative to |b|.
  var tolerance: Double
  var iterations: Int

  /// - Parameters:
  ///   - start: a guess; nil: zero.
  ///   - precondition: M^-1 r, of an M near A; nil: r itself.
  /// - Throws: `negativeCurvature` when p'Ap <= 0 for a direction p: A is not positive definite.
  func solve(
    _ b: [Double], from start: [Double]? = nil, precondition: (([Double]) -> [Double])? = nil,
    _ apply: ([Double], inout [Double]) -> Void
  ) throws(BilevelError) -> Solution {
    let size = Vectors.norm(b)
    guard size.isFinite else { throw BilevelError(.notFinite, "the right side of the linear system is not finite") }
    var x = start ?? Array(repeating: 0.0, count: b.count)
    var product = Array(repeating: 0.0, count: b.count)
    guard size > 0 else { return Solution(x: product, residual: 0, iterations: 0, isConverged: true) }
    var r = b
    if start != nil {
      apply(x, &product)
      Vectors.add(-1, product, to: &r)
    }
    var z = precondition?(r) ?? r
    var p = z
    var rz = Vectors.dot(r, z)
    var residual = Vectors.norm(r) / size
    var done = 0
    while residual > tolerance, done < iterations {
      apply(p, &product)
      done += 1
      let curvature = Vectors.dot(p, product)
      guard curvature.isFinite else { throw BilevelError(.notFinite, "a Hessian product is not finite") }
      guard curvature > 0 else {
        throw BilevelError(
          .negativeCurvature,
          "the inner problem curves downwards (p'Hp = \(curvature)) where it should have its minimum",
          hint: "solve the inner problem further, or add a little L2 regularization")
      }
      let alpha = rz / curvature
      Vectors.add(alpha, p, to: &x)
      Vectors.add(-alpha, product, to: &r)
      residual = Vectors.norm(r) / size
      guard residual.isFinite else { throw BilevelError(.notFinite, "the linear solve left the numbers that fit") }
      z = precondition?(r) ?? r
      let next = Vectors.dot(r, z)
      let beta = next / rz
      rz = next
      for i in p.indices { p[i] = z[i] + beta * p[i] }
    }
    return Solution(x: x, residual: residual, iterations: done, isConverged: residual <= tolerance)
  }
}
