/// A problem all of whose lambdas are one number.
struct TiedProblem<Problem: BilevelProblem>: BilevelProblem {
  let problem: Problem

  var innerDimension: Int { problem.innerDimension }
  var outerDimension: Int { 1 }
  var innerStart: [Double] { problem.innerStart }
  /// What all boxes hold; the first box where they share nothing.
  var domain: [ClosedRange<Double>] {
    let all = problem.domain
    guard let lower = all.map(\.lowerBound).max(), let upper = all.map(\.upperBound).min() else { return [] }
    return lower <= upper ? [lower...upper] : [all[0]]
  }

  func spread(_ lambda: [Double]) -> [Double] { Array(repeating: lambda[0], count: problem.outerDimension) }

  func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    problem.inner(w, spread(lambda), gradient: &gradient)
  }

  func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    var each = spread([0])
    problem.innerOuterGradient(w, spread(lambda), into: &each)
    result[0] = each.reduce(0, +)
  }

  func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double {
    var each = spread([0])
    let value = problem.outer(w, spread(lambda), gradientW: &gradientW, gradientLambda: &each)
    gradientLambda[0] = each.reduce(0, +)
    return value
  }

  func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature {
    Curvature(base: problem.curvature(w, spread(lambda)), outerDimension: problem.outerDimension)
  }

  private struct Curvature: BilevelCurvature {
    let base: any BilevelCurvature
    let outerDimension: Int
    var gradientsAProduct: Int { base.gradientsAProduct }
    func hessianProduct(_ v: [Double], into result: inout [Double]) { base.hessianProduct(v, into: &result) }
    func hessian() -> [Double]? { base.hessian() }
    func mixedProduct(_ v: [Double], into result: inout [Double]) {
      var each = Array(repeating: 0.0, count: outerDimension)
      base.mixedProduct(v, into: &each)
      result[0] = each.reduce(0, +)
    }
  }
}
