/// Minimizes the outer objective by hypergradients. What gives them, how the inner problem is solved and how lambda moves
/// are named apart; any goes with any.
///
/// With a shrinkage the objective is Phi(lambda) + rho mean_i (lambda_i - mean lambda)^2: many lambdas on few validation rows
/// fit them and nothing else (`Shrinkage`).
public struct BilevelSearch: Sendable {
  /// Where hypergradients come from. Of `implicit`, `neumann`, `penalty` and `response` the error is known, of the others not.
  public enum Estimator: Hashable, Sendable {
    /// The implicit function theorem, solved as named.
    case implicit(LinearMethod)
    /// The same by a Neumann series of so many terms; rate nil: 1 / the largest curvature.
    case neumann(terms: Int, rate: Double? = nil)
    /// First derivatives alone.
    case penalty(gamma: Double)
    /// How w* answers a small step of each lambda: asks h for nothing but its gradient in w.
    case response(spread: Double)
    /// Through T steps of gradient descent, back through all or the last `window` of them. With `InnerMethod.aggregated`
    /// the steps are BDA's.
    case unrolled(steps: Int, rate: Double, window: Int?)
    case forward(steps: Int, rate: Double)
    /// BO-REP's: w is renewed by `steps` steps every `every`-th time, q by one a time. With `adam` and `momentum` only.
    case lazy(every: Int, steps: Int)
  }

  public enum Stop: String, Codable, Sendable {
    /// No step lowers the objective any more.
    case converged
    /// The outer steps are used up, or there was no answer further on.
    case steps
    /// The oracle calls are used up.
    case budget
  }

  public struct Report: Hashable, Sendable {
    public var lambda: [Double]
    /// w at `lambda`.
    public var inner: [Double]
    /// Phi(lambda), without the shrinkage.
    public var value: Double
    /// dPhi/dlambda, without the shrinkage.
    public var direction: [Double]
    /// Phi at the start.
    public var startValue: Double
    /// rho
    public var shrinkage: Double
    /// Of the direction, relative to its length, an upper estimate; infinite where none is known.
    public var errorEstimate: Double
    /// Of the value, likewise.
    public var valueError: Double
    public var count: OracleCount
    public var evaluations: Int
    public var stop: Stop
  }

  public var estimator: Estimator
  public var inner: InnerMethod
  public var step: OuterStep
  /// Asked of the hypergradient: its error relative to its length. HOAG and MAID set it themselves.
  public var tolerance: Double
  /// Oracle calls.
  public var budget: Int
  /// Outer steps.
  public var steps: Int
  /// Inner solves start from the last solution; false: always from the problem's start. Where the inner problem has many
  /// minima the two may end elsewhere.
  public var isWarm: Bool

  public init(
    estimator: Estimator = .implicit(.auto), inner: InnerMethod = .newton, step: OuterStep = .lbfgs,
    tolerance: Double = 1e-4, budget: Int = 1_000_000, steps: Int = 200, isWarm: Bool = true
  ) {
    self.estimator = estimator
    self.inner = inner
    self.step = step
    self.tolerance = tolerance
    self.budget = budget
    self.steps = steps
    self.isWarm = isWarm
  }

  /// - Parameters:
  ///   - start: m numbers; nil: the middle of the box nearest to zero, which is zero where the box holds it; of a simplex
  ///     its middle.
  ///   - shrinkage: rho, 0 or more.
  /// - Throws: `BilevelError` when there is no answer at the start. Later failures end the search with the best so far.
  public func run(_ problem: some BilevelProblem, from start: [Double]? = nil, shrinkage: Double = 0)
    throws(BilevelError) -> Report
  {
    try check(problem, start, shrinkage)
    guard problem.geometry == .logarithmic || problem.geometry == .simplex && step == .lbfgs else {
      return try chosen(problem, start, shrinkage)
    }
    let other = Reparameterized(problem)
    let origin = OuterDomain(problem).projected(start ?? OuterDomain(problem).origin)
    var report = try chosen(other, other.coordinates(origin), shrinkage)
    report.lambda = other.lambda(report.lambda)
    // The direction is that in the coordinates moved in, taken back.
    report.direction = try hypergradient(of: problem, at: report.lambda).direction
    return report
  }

  /// Phi and its gradient at one lambda, as exact as `tolerance` where the estimator's error is known.
  public func hypergradient(of problem: some BilevelProblem, at lambda: [Double]) throws(BilevelError) -> Hypergradient
  {
    try check(problem, lambda, 0)
    return try open(problem, Accurate(lambda: lambda))
  }

  private struct Accurate: EstimatorUse {
    let lambda: [Double]
    func use(_ estimator: some HypergradientEstimator) throws(BilevelError) -> Hypergradient {
      var estimator = estimator
      return try estimator.accurate(at: lambda)
    }
  }

  private struct Walk: EstimatorUse {
    let search: BilevelSearch
    let start: [Double]?
    let shrinkage: Double
    func use(_ estimator: some HypergradientEstimator) throws(BilevelError) -> Report {
      try search.walk(estimator, start, shrinkage)
    }
  }

  private func chosen(_ problem: some BilevelProblem, _ start: [Double]?, _ shrinkage: Double) throws(BilevelError)
    -> Report
  {
    try open(problem, Walk(search: self, start: start, shrinkage: shrinkage))
  }

  /// The estimator named, made for the problem and given to its use.
  private func open<Use: EstimatorUse>(_ problem: some BilevelProblem, _ use: Use) throws(BilevelError) -> Use.Result {
    switch estimator {
    case .implicit(let method):
      return try use.use(
        ImplicitEstimator(problem, tolerance: tolerance, method: method, inner: inner, isWarm: isWarm))
    case .neumann(let terms, let rate):
      let series = NeumannSeries(terms: max(0, terms), rate: rate)
      return try use.use(
        ImplicitEstimator(problem, tolerance: tolerance, inner: inner, series: series, isWarm: isWarm))
    case .penalty(let gamma):
      return try use.use(PenaltyEstimator(problem, gamma: gamma, tolerance: tolerance, inner: inner))
    case .response(let spread):
      return try use.use(ResponseEstimator(problem, spread: spread, tolerance: tolerance, inner: inner))
    case .unrolled(let steps, let rate, let window):
      var aggregation: Double?
      if case .aggregated(let alpha, _) = inner { aggregation = alpha }
      return try use.use(
        UnrolledEstimator(problem, steps: steps, rate: rate, window: window, aggregation: aggregation))
    case .forward(let steps, let rate): return try use.use(ForwardEstimator(problem, steps: steps, rate: rate))
    case .lazy(let interval, let steps): return try use.use(LazyEstimator(problem, every: interval, steps: steps))
    }
  }

  private func check(_ problem: some BilevelProblem, _ start: [Double]?, _ shrinkage: Double) throws(BilevelError) {
    try BilevelChecks.sizes(problem, start)
    guard shrinkage >= 0, shrinkage.isFinite else { throw BilevelError(.invalid, "the shrinkage must be 0 or more") }
    guard tolerance > 0, tolerance.isFinite else { throw BilevelError(.invalid, "the tolerance must be above 0") }
  }

  private func fits<Estimating: HypergradientEstimator>(_ estimator: Estimating.Type) throws(BilevelError) {
    if case .maid = step, !Estimating.knowsErrors {
      throw BilevelError(
        .invalid, "MAID goes by the errors of hypergradients, and this estimator does not know its own",
        hint: "take implicit, neumann, penalty or response, or another stepper")
    }
    guard Estimating.lags else { return }
    switch step {
    case .adam, .momentum: return
    case .lbfgs, .hoag, .maid:
      throw BilevelError(
        .invalid, "the lazy estimator's values lag behind lambda, and this stepper compares values",
        hint: "take it with adam or momentum")
    }
  }

  private func walk<Estimating: HypergradientEstimator>(
    _ estimator: Estimating, _ start: [Double]?, _ shrinkage: Double
  ) throws(BilevelError) -> Report {
    try fits(Estimating.self)
    var objective = OuterObjective(estimator, shrinkage: shrinkage, budget: budget, steps: steps)
    // Rough ones only where the values' errors come with them.
    if case .implicit = self.estimator, step == .lbfgs {
      objective.estimator.tolerance = max(tolerance, BoxStepper.roughest)
    }
    guard let first = objective.at(objective.domain.projected(start ?? objective.domain.origin)) else {
      throw objective.failure ?? BilevelError(.budget, "the budget of \(budget) oracle calls is used up at the start")
    }
    let isConverged =
      switch step {
      case .lbfgs: BoxStepper(asked: tolerance).run(&objective, from: first)
      case .hoag(let stepper): stepper.run(&objective, from: first)
      case .maid(let stepper): stepper.run(&objective, from: first)
      case .adam(let rate): AdamStepper(rate: rate).run(&objective, from: first)
      case .momentum(let rate): MomentumStepper(rate: rate).run(&objective, from: first)
      }
    objective.certifyBest(asked: tolerance)
    let best = objective.best ?? first
    return Report(
      lambda: best.lambda, inner: best.found.inner, value: best.found.value, direction: best.found.direction,
      startValue: first.found.value, shrinkage: shrinkage, errorEstimate: best.found.errorEstimate,
      valueError: best.found.valueError, count: objective.estimator.count, evaluations: objective.evaluations,
      stop: objective.isSpent ? .budget : isConverged ? .converged : .steps)
  }
}

/// What is done with an estimator, whichever it is.
private protocol EstimatorUse {
  associatedtype Result
  func use(_ estimator: some HypergradientEstimator) throws(BilevelError) -> Result
}

/// What every run asks of its problem first.
enum BilevelChecks {
  static func sizes(_ problem: some BilevelProblem, _ start: [Double]?) throws(BilevelError) {
    let (m, n) = (problem.outerDimension, problem.innerDimension)
    guard m > 0, n > 0, problem.domain.count == m, problem.innerStart.count == n else {
      throw BilevelError(.invalid, "the problem's sizes do not fit: m = \(m), n = \(n)")
    }
    if problem.geometry == .logarithmic {
      guard problem.domain.allSatisfy({ $0.lowerBound > 0 && $0.upperBound.isFinite }) else {
        throw BilevelError(.invalid, "a logarithmic range of lambda must be finite and begin above 0")
      }
    }
    guard start.map({ $0.count == m && Vectors.isFinite($0) }) ?? true else {
      throw BilevelError(.invalid, "a start needs \(m) finite numbers")
    }
  }
}
