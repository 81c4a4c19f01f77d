/// Second derivatives as central differences of gradients, step 1e-4 (1 + |w|) / |v|: about seven digits, two gradients a
/// product.
struct DifferenceCurvature<Problem: BilevelProblem>: BilevelCurvature {
  private let problem: Problem
  private let w: [Double]
  private let lambda: [Double]
  private let scale: Double

  init(_ problem: Problem, _ w: [Double], _ lambda: [Double]) {
    self.problem = problem
    self.w = w
    self.lambda = lambda
    scale = 1e-4 * (1 + Vectors.norm(w))
  }

  var gradientsAProduct: Int { 2 }

  func hessianProduct(_ v: [Double], into result: inout [Double]) {
    difference(v, into: &result) { w, gradient in _ = problem.inner(w, lambda, gradient: &gradient) }
  }

  func mixedProduct(_ v: [Double], into result: inout [Double]) {
    difference(v, into: &result) { w, gradient in problem.innerOuterGradient(w, lambda, into: &gradient) }
  }

  private func difference(_ v: [Double], into result: inout [Double], _ gradient: ([Double], inout [Double]) -> Void) {
    let length = Vectors.norm(v)
    guard length > 0, length.isFinite else {
      for i in result.indices { result[i] = length == 0 ? 0 : .nan }
      return
    }
    let step = scale / length
    var back = result
    gradient(Vectors.sum(w, step, v), &result)
    gradient(Vectors.sum(w, -step, v), &back)
    for i in result.indices { result[i] = (result[i] - back[i]) / (2 * step) }
  }
}

/// Products with the Hessian as forward differences from a gradient that is known, step 1e-6 (1 + |w|) / |v|: about five
/// digits for one gradient a product. Enough for the steps of an inner solve, which mend each other's errors.
struct ForwardCurvature<Problem: BilevelProblem>: BilevelCurvature {
  let problem: Problem
  let w: [Double]
  let lambda: [Double]
  /// dh/dw at w.
  let gradient: [Double]

  var gradientsAProduct: Int { 1 }

  func hessianProduct(_ v: [Double], into result: inout [Double]) {
    let length = Vectors.norm(v)
    guard length > 0, length.isFinite else {
      for i in result.indices { result[i] = length == 0 ? 0 : .nan }
      return
    }
    let step = 1e-6 * (1 + Vectors.norm(w)) / length
    _ = problem.inner(Vectors.sum(w, step, v), lambda, gradient: &result)
    for i in result.indices { result[i] = (result[i] - gradient[i]) / step }
  }

  func mixedProduct(_ v: [Double], into result: inout [Double]) {
    DifferenceCurvature(problem, w, lambda).mixedProduct(v, into: &result)
  }
}
