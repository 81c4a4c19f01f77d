import HoneNumerics

/// L-BFGS in the box, with a line search.
struct BoxStepper: OuterStepper {
  func run<Estimating: HypergradientEstimator>(
    _ objective: inout OuterObjective<Estimating>, from start: OuterObjective<Estimating>.Point
  ) -> Bool {
    let ranges = objective.domain.ranges
    var box = BoxLBFGS(
      lower: ranges.map(\.lowerBound), upper: ranges.map(\.upperBound), iterations: objective.steps)
    box.tolerance = 0.01 * objective.estimator.tolerance * max(abs(start.value), 1e-12)
    box.scalesFirstStep = true
    var isFirst = true
    _ = box.minimize(from: start.lambda) { lambda in
      if isFirst {
        isFirst = false
        return (start.value, start.slope)
      }
      return objective.at(lambda).map { ($0.value, $0.slope) }
    }
    return !objective.isSpent
  }
}
