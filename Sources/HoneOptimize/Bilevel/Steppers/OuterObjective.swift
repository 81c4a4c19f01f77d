/// What an outer stepper sees: values and slopes of Phi + rho mean_i (lambda_i - mean lambda)^2 within a budget, and the
/// best point so far.
struct OuterObjective<Estimating: HypergradientEstimator> {
  struct Point {
    var lambda: [Double]
    /// With the shrinkage.
    var value: Double
    /// With the shrinkage.
    var slope: [Double]
    var found: Hypergradient
  }

  var estimator: Estimating
  let domain: OuterDomain
  /// rho
  let shrinkage: Double
  /// Oracle calls.
  let budget: Int
  /// Of steps.
  let steps: Int
  /// Of one that lags the last.
  private(set) var best: Point?
  private(set) var evaluations = 0
  private(set) var isSpent = false
  private(set) var failure: BilevelError?

  init(_ estimator: Estimating, shrinkage: Double, budget: Int, steps: Int) {
    self.estimator = estimator
    domain = OuterDomain(estimator.problem)
    self.shrinkage = shrinkage
    self.budget = budget
    self.steps = steps
  }

  /// - Returns: nil when the budget is used up or there is no answer here.
  mutating func at(_ lambda: [Double], isCertified: Bool = false) -> Point? {
    guard hasBudget() else { return nil }
    evaluations += 1
    do {
      var found = try estimator.at(lambda)
      if isCertified { found = try estimator.certified(found, at: lambda) }
      let (value, slope) = penalty(lambda)
      let point = Point(
        lambda: lambda, value: found.value + value, slope: Vectors.sum(found.direction, 1, slope), found: found)
      if Estimating.lags || best.map({ Self.worst(point) < Self.worst($0) }) ?? true { best = point }
      return point
    } catch {
      failure = error
      return nil
    }
  }

  /// The most the value may be: a rough one that seems low does not outlive a better one that is known.
  private static func worst(_ point: Point) -> Double {
    point.value + (point.found.valueError.isFinite ? point.found.valueError : 0)
  }

  /// The value alone, and the error of that.
  mutating func value(at lambda: [Double]) -> (value: Double, error: Double)? {
    guard hasBudget() else { return nil }
    evaluations += 1
    do {
      let found = try estimator.value(at: lambda)
      return (found.value + penalty(lambda).value, found.error)
    } catch {
      failure = error
      return nil
    }
  }

  /// Puts the best point's errors as upper estimates in the place of what its solves left; a rough one is worked out again.
  mutating func certifyBest(asked: Double) {
    guard !isSpent, let point = best else { return }
    estimator.tolerance = asked
    guard let found = try? estimator.certified(point.found, at: point.lambda) else { return }
    best?.found = found
    guard found.errorEstimate > 2 * asked, found.errorEstimate.isFinite, !Estimating.lags,
      let again = try? estimator.accurate(at: point.lambda), again.errorEstimate < found.errorEstimate
    else { return }
    best?.found = again
  }

  /// How far a step of 1 against the slope would go within the domain: zero where nothing is left to gain.
  func reach(_ point: Point) -> Double {
    Vectors.norm(Vectors.sum(domain.projected(Vectors.sum(point.lambda, -1, point.slope)), -1, point.lambda))
  }

  private mutating func hasBudget() -> Bool {
    if estimator.count.total >= budget { isSpent = true }
    return !isSpent
  }

  private func penalty(_ lambda: [Double]) -> (value: Double, slope: [Double]) {
    guard shrinkage > 0 else { return (0, Array(repeating: 0, count: lambda.count)) }
    let m = Double(lambda.count)
    let mean = lambda.reduce(0, +) / m
    let value = lambda.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) } * shrinkage / m
    return (value, lambda.map { 2 * shrinkage / m * ($0 - mean) })
  }
}
