import Foundation

/// Where lambda may be: the nearest point of it to any other.
struct OuterDomain: Sendable {
  let ranges: [ClosedRange<Double>]
  let isSimplex: Bool

  init(_ problem: some BilevelProblem) {
    ranges = problem.domain
    isSimplex = problem.geometry == .simplex
  }

  /// Where a search starts: the point of the box nearest to zero, the middle of a simplex.
  var origin: [Double] {
    projected(Array(repeating: isSimplex ? 1 / Double(max(1, ranges.count)) : 0, count: ranges.count))
  }

  func projected(_ lambda: [Double]) -> [Double] {
    guard !isSimplex else { return Self.ontoSimplex(lambda) }
    return lambda.indices.map { min(max(lambda[$0], ranges[$0].lowerBound), ranges[$0].upperBound) }
  }

  /// The nearest point with no coordinate below zero and sum one (Duchi, Shalev-Shwartz, Singer and Chandra, "Efficient
  /// projections onto the l1-ball for learning in high dimensions", ICML 2008, figure 1).
  static func ontoSimplex(_ v: [Double]) -> [Double] {
    let sorted = v.sorted(by: >)
    var (sum, theta) = (0.0, 0.0)
    for (j, value) in sorted.enumerated() {
      sum += value
      let candidate = (sum - 1) / Double(j + 1)
      guard value - candidate > 0 else { break }
      theta = candidate
    }
    return v.map { max($0 - theta, 0) }
  }
}

/// A problem seen through other coordinates u of lambda, each lambda_i a function of them: logarithms (lambda_i = exp u_i), or
/// the soft maximum (lambda = softmax u), in which a simplex has no edges.
struct Reparameterized<Problem: BilevelProblem>: BilevelProblem {
  let problem: Problem
  let isSoftmax: Bool
  /// Of u: softmax weights between these are within e^-20 of each other's.
  private static var bounds: ClosedRange<Double> { -10...10 }

  init(_ problem: Problem) {
    self.problem = problem
    isSoftmax = problem.geometry == .simplex
  }

  var innerDimension: Int { problem.innerDimension }
  var outerDimension: Int { problem.outerDimension }
  var innerStart: [Double] { problem.innerStart }
  var domain: [ClosedRange<Double>] {
    problem.domain.map { range in
      isSoftmax ? Self.bounds : log(max(range.lowerBound, 1e-300))...log(max(range.upperBound, 1e-300))
    }
  }

  func lambda(_ u: [Double]) -> [Double] {
    guard isSoftmax else { return u.map { exp($0) } }
    let top = u.max() ?? 0
    let powers = u.map { exp($0 - top) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// The u of a lambda.
  func coordinates(_ lambda: [Double]) -> [Double] {
    let logs = lambda.map { log(max($0, 1e-300)) }
    guard isSoftmax else { return logs }
    let top = logs.max() ?? 0
    return logs.map { max($0 - top, Self.bounds.lowerBound) }
  }

  /// (dlambda/du)' of a slope in lambda.
  private static func pulled(_ slope: [Double], _ lambda: [Double], isSoftmax: Bool) -> [Double] {
    let mean = isSoftmax ? Vectors.dot(slope, lambda) : 0
    return slope.indices.map { lambda[$0] * (slope[$0] - mean) }
  }

  func inner(_ w: [Double], _ u: [Double], gradient: inout [Double]) -> Double {
    problem.inner(w, lambda(u), gradient: &gradient)
  }

  func innerOuterGradient(_ w: [Double], _ u: [Double], into result: inout [Double]) {
    let lambda = lambda(u)
    problem.innerOuterGradient(w, lambda, into: &result)
    result = Self.pulled(result, lambda, isSoftmax: isSoftmax)
  }

  func outer(_ w: [Double], _ u: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double {
    let lambda = lambda(u)
    let value = problem.outer(w, lambda, gradientW: &gradientW, gradientLambda: &gradientLambda)
    gradientLambda = Self.pulled(gradientLambda, lambda, isSoftmax: isSoftmax)
    return value
  }

  func curvature(_ w: [Double], _ u: [Double]) -> any BilevelCurvature {
    let lambda = lambda(u)
    return Curvature(base: problem.curvature(w, lambda), lambda: lambda, isSoftmax: isSoftmax)
  }

  private struct Curvature: BilevelCurvature {
    let base: any BilevelCurvature
    let lambda: [Double]
    let isSoftmax: Bool
    var gradientsAProduct: Int { base.gradientsAProduct }
    func hessianProduct(_ v: [Double], into result: inout [Double]) { base.hessianProduct(v, into: &result) }
    func hessian() -> [Double]? { base.hessian() }
    func mixedProduct(_ v: [Double], into result: inout [Double]) {
      base.mixedProduct(v, into: &result)
      result = Reparameterized.pulled(result, lambda, isSoftmax: isSoftmax)
    }
  }
}
