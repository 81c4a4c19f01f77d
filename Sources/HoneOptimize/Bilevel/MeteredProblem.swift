import HoneTrace

/// A problem whose oracles are counted where they are asked, and which says nothing more once so many calls were made: every
/// value is then not a number, and a search ends with the best it has.
///
/// So a cap on oracle calls is kept whatever estimator, solver or stepper asks.
struct MeteredProblem<Problem: BilevelProblem>: BilevelProblem {
  let problem: Problem
  let meter: OracleMeter

  init(_ problem: Problem, _ meter: OracleMeter) {
    self.problem = problem
    self.meter = meter
  }

  var innerDimension: Int { problem.innerDimension }
  var outerDimension: Int { problem.outerDimension }
  var domain: [ClosedRange<Double>] { problem.domain }
  var geometry: BilevelGeometry { problem.geometry }
  var innerStart: [Double] { problem.innerStart }

  func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    guard meter.take(\.inner) else { return .nan }
    return problem.inner(w, lambda, gradient: &gradient)
  }

  func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    if meter.take(\.inner) { return problem.innerOuterGradient(w, lambda, into: &result) }
    for i in result.indices { result[i] = .nan }
  }

  func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double {
    guard meter.take(\.outer) else { return .nan }
    return problem.outer(w, lambda, gradientW: &gradientW, gradientLambda: &gradientLambda)
  }

  func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature {
    Curvature(base: problem.curvature(w, lambda), meter: meter)
  }

  func roughCurvature(_ w: [Double], _ lambda: [Double], gradient: [Double]) -> any BilevelCurvature {
    Curvature(base: problem.roughCurvature(w, lambda, gradient: gradient), meter: meter)
  }

  fileprivate struct Curvature: BilevelCurvature {
    let base: any BilevelCurvature
    let meter: OracleMeter

    /// Differences are calls of the problem's own `inner`, not of the metered one.
    var gradientsAProduct: Int { base.gradientsAProduct }

    func hessianProduct(_ v: [Double], into result: inout [Double]) {
      if take(\.hessianProducts) { return base.hessianProduct(v, into: &result) }
      for i in result.indices { result[i] = .nan }
    }

    func mixedProduct(_ v: [Double], into result: inout [Double]) {
      if take(\.mixedProducts) { return base.mixedProduct(v, into: &result) }
      for i in result.indices { result[i] = .nan }
    }

    func hessian() -> [Double]? { meter.take(\.factorizations) ? base.hessian() : nil }

    private func take(_ kind: WritableKeyPath<OracleCount, Int>) -> Bool {
      base.gradientsAProduct == 0 ? meter.take(kind) : meter.take(\.inner, base.gradientsAProduct)
    }
  }
}

extension MeteredProblem: ValidatedProblem where Problem: ValidatedProblem {
  var validationCount: Int { problem.validationCount }

  func validating(on rows: [Int]) -> MeteredProblem { MeteredProblem(problem.validating(on: rows), meter) }

  /// A judgement of what was found, not a step on the way: it is not counted.
  func validationLosses(_ w: [Double], rows: [Int]) -> [Double] { problem.validationLosses(w, rows: rows) }
}

extension MeteredProblem: MonotoneProblem where Problem: MonotoneProblem {
  var outerFloor: Double { problem.outerFloor }

  func convexity(_ lambda: [Double]) -> [Double]? { problem.convexity(lambda) }

  func outerCurvature(_ w: [Double]) -> (any BilevelCurvature)? {
    problem.outerCurvature(w).map { Curvature(base: $0, meter: meter) }
  }
}

/// Counts calls of oracles up to a cap.
final class OracleMeter: Sendable {
  let cap: Int
  private let state = Lock((count: OracleCount(), isSpent: false))

  init(cap: Int) { self.cap = cap }

  var count: OracleCount { state.withLock { $0.count } }

  /// A call was refused.
  var isSpent: Bool { state.withLock { $0.isSpent } }

  /// Counts calls of one kind; false when there is no room for them.
  func take(_ kind: WritableKeyPath<OracleCount, Int>, _ calls: Int = 1) -> Bool {
    state.withLock { state in
      guard state.count.total + calls <= cap else {
        state.isSpent = true
        return false
      }
      state.count[keyPath: kind] += calls
      return true
    }
  }
}
