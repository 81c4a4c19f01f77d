import HoneNumerics

/// Minimizes the outer objective by hypergradients: L-BFGS in the box of lambda over an estimator's values and directions.
///
/// With a shrinkage the objective is Phi(lambda) + rho mean_i (lambda_i - mean lambda)^2: many lambdas on few validation rows
/// fit them and nothing else (`Shrinkage`).
public struct BilevelSearch: Sendable {
  /// Where hypergradients come from.
  public enum Estimator: Hashable, Sendable {
    /// The implicit function theorem, solved as named: its error is known.
    case implicit(LinearMethod)
    /// First derivatives alone; its error is known but for a constant.
    case penalty(gamma: Double)
    /// Through T steps of gradient descent, back through all or the last `window` of them: no error is known.
    case unrolled(steps: Int, rate: Double, window: Int?)
    case forward(steps: Int, rate: Double)
  }

  public enum Stop: String, Codable, Sendable {
    /// No step lowers the objective any more.
    case converged
    /// The oracle calls are used up.
    case budget
  }

  public struct Report: Hashable, Sendable {
    public var lambda: [Double]
    /// w at `lambda`.
    public var inner: [Double]
    /// Phi(lambda), without the shrinkage.
    public var value: Double
    /// Phi at the start.
    public var startValue: Double
    /// rho
    public var shrinkage: Double
    /// Of the last hypergradient, relative to its length; infinite where none is known.
    public var errorEstimate: Double
    public var count: OracleCount
    public var evaluations: Int
    public var stop: Stop
  }

  public var estimator: Estimator
  /// Asked of the hypergradient: its error relative to its length.
  public var tolerance: Double
  /// Oracle calls.
  public var budget: Int
  /// Steps of L-BFGS.
  public var steps: Int
  /// Inner solves start from the last solution; false: always from the problem's start. Where the inner problem has many
  /// minima the two may end elsewhere.
  public var isWarm: Bool

  public init(
    estimator: Estimator = .implicit(.auto), tolerance: Double = 1e-4, budget: Int = 1_000_000, steps: Int = 200,
    isWarm: Bool = true
  ) {
    self.estimator = estimator
    self.tolerance = tolerance
    self.budget = budget
    self.steps = steps
    self.isWarm = isWarm
  }

  /// - Parameters:
  ///   - start: m numbers; nil: the middle of the box nearest to zero, which is zero where the box holds it.
  ///   - shrinkage: rho, 0 or more.
  /// - Throws: `BilevelError` when there is no answer at the start. Later failures end the search with the best so far.
  public func run(_ problem: some BilevelProblem, from start: [Double]? = nil, shrinkage: Double = 0)
    throws(BilevelError) -> Report
  {
    try check(problem, start, shrinkage)
    switch estimator {
    case .implicit(let method):
      let implicit = ImplicitEstimator(problem, tolerance: tolerance, method: method, isWarm: isWarm)
      return try run(problem, implicit, start, shrinkage)
    case .penalty(let gamma): return try run(problem, PenaltyEstimator(problem, gamma: gamma), start, shrinkage)
    case .unrolled(let steps, let rate, let window):
      return try run(
        problem, UnrolledEstimator(problem, steps: steps, rate: rate, window: window), start, shrinkage)
    case .forward(let steps, let rate):
      return try run(problem, ForwardEstimator(problem, steps: steps, rate: rate), start, shrinkage)
    }
  }

  private func check(_ problem: some BilevelProblem, _ start: [Double]?, _ shrinkage: Double) throws(BilevelError) {
    let m = problem.outerDimension
    guard m > 0, problem.innerDimension > 0, problem.domain.count == m,
      problem.innerStart.count == problem.innerDimension
    else { throw BilevelError(.invalid, "the problem's sizes do not fit: m = \(m), n = \(problem.innerDimension)") }
    guard problem.domain.allSatisfy({ $0.lowerBound.isFinite && $0.upperBound.isFinite }) else {
      throw BilevelError(.invalid, "the box of lambda must be finite")
    }
    guard start.map({ $0.count == m && Vectors.isFinite($0) }) ?? true else {
      throw BilevelError(.invalid, "a start needs \(m) finite numbers")
    }
    guard shrinkage >= 0, shrinkage.isFinite else { throw BilevelError(.invalid, "the shrinkage must be 0 or more") }
  }

  private func run<Estimating: HypergradientEstimator>(
    _ problem: some BilevelProblem, _ estimator: Estimating, _ start: [Double]?, _ shrinkage: Double
  ) throws(BilevelError) -> Report {
    var estimator = estimator
    let domain = problem.domain
    let origin = domain.indices.map { i in
      min(max(start?[i] ?? 0, domain[i].lowerBound), domain[i].upperBound)
    }
    let first = try estimator.at(origin)
    var best = (lambda: origin, found: first, value: first.value + Self.penalty(origin, shrinkage).value)
    var evaluations = 1
    var isSpent = false
    var box = BoxLBFGS(lower: domain.map(\.lowerBound), upper: domain.map(\.upperBound), iterations: steps)
    box.tolerance = 0.01 * tolerance * max(abs(first.value), 1e-12)
    box.scalesFirstStep = true
    var isFirst = true
    _ = box.minimize(from: origin) { lambda in
      if isFirst {
        isFirst = false
        return Self.shrunk(first, lambda, shrinkage)
      }
      guard estimator.count.total < budget else {
        isSpent = true
        return nil
      }
      evaluations += 1
      guard let found = try? estimator.at(lambda) else { return nil }
      let whole = Self.shrunk(found, lambda, shrinkage)
      if whole.value < best.value { best = (lambda, found, whole.value) }
      return whole
    }
    return Report(
      lambda: best.lambda, inner: best.found.inner, value: best.found.value, startValue: first.value,
      shrinkage: shrinkage, errorEstimate: best.found.errorEstimate, count: estimator.count, evaluations: evaluations,
      stop: isSpent ? .budget : .converged)
  }

  private static func shrunk(_ found: Hypergradient, _ lambda: [Double], _ rho: Double)
    -> (value: Double, gradient: [Double])
  {
    let (value, gradient) = penalty(lambda, rho)
    return (found.value + value, Vectors.sum(found.direction, 1, gradient))
  }

  /// rho mean_i (lambda_i - mean lambda)^2
  private static func penalty(_ lambda: [Double], _ rho: Double) -> (value: Double, gradient: [Double]) {
    let m = Double(lambda.count)
    let mean = lambda.reduce(0, +) / m
    let value = lambda.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) } * rho / m
    return (value, lambda.map { 2 * rho / m * ($0 - mean) })
  }
}
