/// MAID (Salehi, Mukherjee, Roberts and Ehrhardt, "An adaptively inexact first-order method for bilevel optimization with
/// application to hyperparameter learning", 2023): hypergradients only as exact as a step needs, each with a certified
/// error, and a line search whose test holds in spite of the errors of the values.
///
/// A direction z is taken when its error is at most (1 - eta) |z|: then -z descends. A step beta rho^i is taken when
///
///     g(lambda+) + e+ - (g(lambda) - e) <= -c |lambda+ - lambda|^2 / (beta rho^i)
///
/// where e bounds the error of a value. The paper has |dg/dw| epsilon + L_g epsilon^2 / 2 for e, which needs constants; here it
/// is the adjoint estimate |q'(dh/dw)|, doubled. After a success accuracies relax and beta grows; when `attempts` steps
/// fail, or errors exceed what a step can gain, accuracies tighten by tau twice and it is tried again. Not the paper's: beta also follows the bend seen over the last
/// step (Barzilai and Borwein 1988), so that a bad first beta costs little.
public struct MAIDStepper: OuterStepper, Hashable, Sendable {
  /// beta_0, the first step's length in lambda a unit of slope.
  public var step: Double
  /// epsilon_0 = delta_0, of the inner and the linear solve, relative.
  public var accuracy: Double
  /// eta
  public var margin: Double = 1e-4
  /// rho
  public var backtrack: Double = 0.5
  /// tau
  public var tighten: Double = 0.5
  /// By which accuracies relax after a success.
  public var relax: Double = 1.25
  /// c
  public var decrease: Double = 1e-4
  public var attempts: Int = 6

  public init(step: Double = 0.1, accuracy: Double = 1e-1) {
    self.step = step
    self.accuracy = accuracy
  }

  func run<Estimating: HypergradientEstimator>(
    _ objective: inout OuterObjective<Estimating>, from start: OuterObjective<Estimating>.Point
  ) -> Bool {
    objective.estimator.tolerance = min(0.5, accuracy)
    var beta = step
    guard var here = descent(&objective, start.lambda) else { return false }
    let first = objective.reach(here)
    for _ in 0..<max(1, objective.steps) {
      if objective.reach(here) <= 1e-7 * first { return true }
      let (lambda, used, isFirst): ([Double], Double, Bool)
      let outcome = search(&objective, here, beta)
      switch outcome {
      case .taken(let point, let length, let isBeta): (lambda, used, isFirst) = (point, length, isBeta)
      case .none: return !objective.isSpent
      case .tooLong, .tooRough:
        guard objective.estimator.tolerance > 1e-11 else { return true }
        if case .tooLong(let last) = outcome { beta = last }
        objective.estimator.tolerance *= tighten * tighten
        guard let again = descent(&objective, here.lambda) else { return false }
        here = again
        continue
      }
      objective.estimator.tolerance = min(0.5, relax * objective.estimator.tolerance)
      guard let next = descent(&objective, lambda) else { return false }
      let s = Vectors.sum(next.lambda, -1, here.lambda)
      let y = Vectors.sum(next.slope, -1, here.slope)
      let sy = Vectors.dot(s, y)
      let bend = sy > 0 ? Vectors.dot(s, s) / sy : 100 * used
      beta = isFirst ? min(max(bend, used), 100 * used) : min(max(bend, 0.1 * used), 2 * used)
      let gain = here.value - next.value
      here = next
      if gain.magnitude <= 1e-12 * abs(next.value), objective.estimator.tolerance < 1e-6 { return true }
    }
    return false
  }

  /// A hypergradient whose error leaves it a direction of descent.
  private func descent<Estimating: HypergradientEstimator>(
    _ objective: inout OuterObjective<Estimating>, _ lambda: [Double]
  ) -> OuterObjective<Estimating>.Point? {
    while true {
      guard let point = objective.at(lambda, isCertified: true) else { return nil }
      let error = point.found.errorEstimate * Vectors.norm(point.found.direction)
      if error <= (1 - margin) * Vectors.norm(point.slope) || objective.estimator.tolerance < 1e-11 { return point }
      objective.estimator.tolerance *= tighten
    }
  }

  private enum Outcome {
    /// Where to, by which step, and whether that was the first tried.
    case taken([Double], Double, Bool)
    /// Nothing was gained down to this step.
    case tooLong(Double)
    /// The values' errors are larger than what a step should gain: shorter ones would only be worse.
    case tooRough
    case none
  }

  private func search<Estimating: HypergradientEstimator>(
    _ objective: inout OuterObjective<Estimating>, _ here: OuterObjective<Estimating>.Point, _ beta: Double
  ) -> Outcome {
    var length = beta
    for attempt in 0..<attempts {
      let lambda = objective.domain.projected(Vectors.sum(here.lambda, -length, here.slope))
      let change = Vectors.norm(Vectors.sum(lambda, -1, here.lambda))
      guard change > 0, let there = objective.value(at: lambda) else { return .none }
      let worst = there.value + there.error - (here.value - here.found.valueError)
      if worst <= -decrease * change * change / length { return .taken(lambda, length, attempt == 0) }
      if there.error + here.found.valueError > 0.5 * change * change / length { return .tooRough }
      length *= backtrack
    }
    return .tooLong(length)
  }
}
