/// HOAG (Pedregosa, "Hyperparameter optimization with approximate gradient", ICML 2016, algorithm 1): gradient steps on
/// lambda with hypergradients of an accuracy epsilon_k that falls along a summable schedule, and a step 1 / L that adapts.
///
/// L begins at |d| / sqrt(m). It falls by a twentieth when the value fell as much as L and both accuracies let one expect,
/// and doubles when the value rose; when it rose by more than a fifth the step is also taken back and epsilon halved. The
/// constants are those of the author's program, which leaves L alone when a value rises by less.
public struct HOAGStepper: OuterStepper, Hashable, Sendable {
  /// How epsilon_k falls, k = 1, 2, ...
  public enum Schedule: String, Codable, Sendable, CaseIterable {
    /// epsilon_0 0.9^k
    case exponential
    /// epsilon_0 / k^2
    case quadratic
    /// epsilon_0 / k^3
    case cubic
  }

  public var schedule: Schedule
  /// epsilon_0, relative.
  public var accuracy: Double

  public init(_ schedule: Schedule = .quadratic, accuracy: Double = 1e-1) {
    self.schedule = schedule
    self.accuracy = accuracy
  }

  func accuracy(at k: Int) -> Double {
    switch schedule {
    case .exponential: (0..<k).reduce(accuracy) { value, _ in 0.9 * value }
    case .quadratic: accuracy / Double(k * k)
    case .cubic: accuracy / Double(k * k * k)
    }
  }

  func run<Estimating: HypergradientEstimator>(
    _ objective: inout OuterObjective<Estimating>, from start: OuterObjective<Estimating>.Point
  ) -> Bool {
    var here = start
    let first = objective.reach(start)
    guard first > 0 else { return true }
    let size = Vectors.norm(start.slope) / Double(start.lambda.count).squareRoot()
    var constant = size > 1e-3 ? size : 1
    var (factor, before) = (1.0, accuracy)
    for k in 1...max(1, objective.steps) {
      let epsilon = max(1e-12, factor * accuracy(at: k))
      objective.estimator.tolerance = epsilon
      let lambda = objective.domain.projected(Vectors.sum(here.lambda, -1 / constant, here.slope))
      let change = Vectors.norm(Vectors.sum(lambda, -1, here.lambda))
      guard change > 1e-12 else { return true }
      guard let next = objective.at(lambda) else { return false }
      let slack = 0.25 * epsilon + before * 1.25 * change
      before = epsilon
      if next.value <= here.value + slack - constant * change * change {
        constant *= 0.95
      } else if next.value > here.value + slack {
        constant *= 2
      }
      if next.value > here.value + 0.2 * abs(here.value) + slack {
        factor *= 0.5
      } else {
        here = next
      }
      if objective.reach(here) <= 1e-7 * first { return true }
    }
    return false
  }
}
