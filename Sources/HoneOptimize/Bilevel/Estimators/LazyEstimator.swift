/// The estimator of BO-REP (Hao, Gong and Liu, "Bilevel optimization under unbounded smoothness: a new algorithm and
/// convergence analysis", ICLR 2024): w is refined well once, then only every I-th time by N steps, and q follows its
/// linear system by one step a time:
///
///     w <- w - alpha dh/dw   (N times, every I-th call),   q <- q - alpha (H q - dg/dw),   d = dg/dlambda - (d2h/dlambda dw) q
///
/// Cheap while lambda moves slowly. What its direction errs by is worked out when asked (`certified`), as for the implicit
/// one, at the w and q it has.
struct LazyEstimator<Problem: BilevelProblem>: HypergradientEstimator {
  static var lags: Bool { true }

  let problem: Problem
  /// I
  let interval: Int
  /// N
  let steps: Int
  var tolerance: Double = 1e-2
  private var own = OracleCount()
  private var w: [Double]
  private var q: [Double]
  private var calls = 0
  private var rate = 0.0
  private var judge: ImplicitEstimator<Problem>
  /// Steps of the first refinement.
  private static var refinement: Int { 500 }

  var count: OracleCount {
    var all = own
    all.add(judge.count)
    return all
  }

  init(_ problem: Problem, every interval: Int, steps: Int) {
    self.problem = problem
    self.interval = max(1, interval)
    self.steps = max(1, steps)
    w = problem.innerStart
    q = Array(repeating: 0, count: problem.innerDimension)
    judge = ImplicitEstimator(problem)
  }

  mutating func at(_ lambda: [Double]) throws(BilevelError) -> Hypergradient {
    if calls % interval == 0 {
      rate = PowerIteration.rate(problem.curvature(w, lambda), count: &own, size: w.count)
      let here = try InnerSolver.Point(problem, lambda, w, &own)
      let solver = GradientSolver(rate: rate, steps: calls == 0 ? Self.refinement : steps)
      w = try solver.solve(problem, lambda, from: here, 0, &own).w
    }
    var gradientW = w
    var direction = Array(repeating: 0.0, count: problem.outerDimension)
    let value = problem.outer(w, lambda, gradientW: &gradientW, gradientLambda: &direction)
    own.outer += 1
    let curvature = problem.curvature(w, lambda)
    var product = q
    for _ in 0..<(calls == 0 ? Self.refinement : 1) {
      curvature.hessianProduct(q, into: &product)
      Vectors.add(-1, gradientW, to: &product)
      Vectors.add(-rate, product, to: &q)
      own.add(hessianProducts: 1, of: curvature)
    }
    var mixed = direction
    curvature.mixedProduct(q, into: &mixed)
    own.add(mixedProducts: 1, of: curvature)
    Vectors.add(-1, mixed, to: &direction)
    calls += 1
    guard value.isFinite, Vectors.isFinite(direction) else {
      throw BilevelError(.notFinite, "the lazy hypergradient is not finite")
    }
    var result = Hypergradient(value: value, direction: direction, errorEstimate: .infinity, inner: w)
    result.adjoint = q
    return result
  }

  mutating func certified(_ found: Hypergradient, at lambda: [Double]) throws(BilevelError) -> Hypergradient {
    try judge.certified(found, at: lambda)
  }
}
