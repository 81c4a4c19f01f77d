/// What a loop of its own ends with. It says nothing of the error: `BilevelSearch.hypergradient` at `lambda` does.
public struct BilevelLoopReport: Hashable, Sendable {
  public var lambda: [Double]
  /// The w the loop carries, near w*(lambda) and leaning towards g as far as the loop lets it.
  public var inner: [Double]
  /// g(inner, lambda)
  public var value: Double
  public var count: OracleCount
  public var steps: Int
  /// How far the last step moved lambda and w.
  public var change: Double
  public var stop: BilevelSearch.Stop
}

/// When a loop ends.
public struct BilevelLoopLimits: Hashable, Sendable {
  public var steps: Int
  /// Oracle calls.
  public var budget: Int
  /// A step that moves lambda and w by less, relative to 1 + their lengths, is the last.
  public var tolerance: Double

  public init(steps: Int = 10_000, budget: Int = 10_000_000, tolerance: Double = 1e-10) {
    self.steps = steps
    self.budget = budget
    self.tolerance = tolerance
  }
}

/// What a loop carries from step to step.
protocol LoopState {
  associatedtype Problem: BilevelProblem
  var lambda: [Double] { get }
  var w: [Double] { get }
  /// Calls of oracles that the state counts itself.
  var own: OracleCount { get }
  /// Step k = 0, 1, ...
  mutating func advance(_ k: Int, _ oracles: inout LoopOracles<Problem>) throws(BilevelError)
}

extension LoopState {
  var own: OracleCount { OracleCount() }
}

/// A problem's oracles, counted.
struct LoopOracles<Problem: BilevelProblem> {
  let problem: Problem
  let domain: OuterDomain
  private(set) var count = OracleCount()

  /// - Throws: `invalid` for sizes that do not fit.
  init(_ problem: Problem, from start: [Double]?) throws(BilevelError) {
    try BilevelChecks.sizes(problem, start)
    guard problem.geometry != .logarithmic else {
      throw BilevelError(
        .invalid, "this loop moves lambda as it is, not by logarithms",
        hint: "let the problem take exp(lambda), or use BilevelSearch")
    }
    self.problem = problem
    domain = OuterDomain(problem)
  }

  func origin(_ start: [Double]?) -> [Double] { domain.projected(start ?? domain.origin) }

  /// dh/dw
  mutating func inner(_ w: [Double], _ lambda: [Double]) -> [Double] {
    var gradient = w
    _ = problem.inner(w, lambda, gradient: &gradient)
    count.inner += 1
    return gradient
  }

  /// dh/dlambda
  mutating func innerLambda(_ w: [Double], _ lambda: [Double]) -> [Double] {
    var gradient = lambda
    problem.innerOuterGradient(w, lambda, into: &gradient)
    count.inner += 1
    return gradient
  }

  mutating func outer(_ w: [Double], _ lambda: [Double]) -> (value: Double, w: [Double], lambda: [Double]) {
    var (ofW, ofLambda) = (w, lambda)
    let value = problem.outer(w, lambda, gradientW: &ofW, gradientLambda: &ofLambda)
    count.outer += 1
    return (value, ofW, ofLambda)
  }

  /// (d2h/dw dw) v and (d2h/dlambda dw) v
  mutating func products(_ w: [Double], _ lambda: [Double], _ v: [Double]) -> (hessian: [Double], mixed: [Double]) {
    let curvature = problem.curvature(w, lambda)
    var (hessian, mixed) = (w, lambda)
    curvature.hessianProduct(v, into: &hessian)
    curvature.mixedProduct(v, into: &mixed)
    count.add(hessianProducts: 1, mixedProducts: 1, of: curvature)
    return (hessian, mixed)
  }

  /// 1 / the largest curvature of h.
  mutating func rate(_ w: [Double], _ lambda: [Double]) -> Double {
    PowerIteration.rate(problem.curvature(w, lambda), count: &count, size: w.count)
  }

  mutating func drive<State: LoopState>(_ state: inout State, _ limits: BilevelLoopLimits) throws(BilevelError)
    -> BilevelLoopReport where State.Problem == Problem
  {
    var (done, change) = (0, Double.infinity)
    var stop = BilevelSearch.Stop.steps
    while done < limits.steps {
      guard count.total + state.own.total < limits.budget else {
        stop = .budget
        break
      }
      let (w, lambda) = (state.w, state.lambda)
      try state.advance(done, &self)
      done += 1
      let (movedW, movedLambda) = (Vectors.sum(state.w, -1, w), Vectors.sum(state.lambda, -1, lambda))
      change = Vectors.norm(movedW) + Vectors.norm(movedLambda)
      guard change.isFinite else {
        throw BilevelError(
          .notFinite, "step \(done) left the numbers that fit",
          hint: "take shorter steps, inner ones below 2 / the largest curvature")
      }
      if change <= limits.tolerance * (1 + Vectors.norm(state.w) + Vectors.norm(state.lambda)) {
        stop = .converged
        break
      }
    }
    let value = outer(state.w, state.lambda).value
    guard value.isFinite else { throw BilevelError(.notFinite, "the outer objective is not finite (g = \(value))") }
    count.add(state.own)
    return BilevelLoopReport(
      lambda: state.lambda, inner: state.w, value: value, count: count, steps: done, change: change, stop: stop)
  }
}
