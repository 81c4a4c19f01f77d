import HoneNumerics

/// L-BFGS in the box, with a line search. Hypergradients begin rough and are halved in error from one to the next, down to
/// what is asked: far from the optimum an exact one is wasted.
struct BoxStepper: OuterStepper {
  /// The error asked for in the end.
  let asked: Double
  /// Of the first hypergradient.
  static let roughest = 1e-2

  func run<Estimating: HypergradientEstimator>(
    _ objective: inout OuterObjective<Estimating>, from start: OuterObjective<Estimating>.Point
  ) -> Bool {
    let ranges = objective.domain.ranges
    var box = BoxLBFGS(
      lower: ranges.map(\.lowerBound), upper: ranges.map(\.upperBound), iterations: objective.steps)
    box.tolerance = 0.01 * asked * max(abs(start.value), 1e-12)
    box.scalesFirstStep = true
    var isFirst = true
    _ = box.minimize(from: start.lambda) { lambda in
      if isFirst {
        isFirst = false
        return (start.value, start.slope)
      }
      objective.estimator.tolerance = max(asked, 0.5 * objective.estimator.tolerance)
      return objective.at(lambda).map { ($0.value, $0.slope) }
    }
    return !objective.isSpent
  }
}
