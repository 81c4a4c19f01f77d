/// Second derivatives as central differences of gradients, step 1e-4 (1 + |w|) / |v|: about four digits, two gradients a
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
