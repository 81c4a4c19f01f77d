/// How lambda moves from hypergradient to hypergradient.
public enum OuterStep: Hashable, Sendable {
  /// L-BFGS in the box: few steps, each with a line search. In a simplex it moves through softmax.
  case lbfgs
  case hoag(HOAGStepper)
  case maid(MAIDStepper)
  /// Adam, its rate falling in a straight line to nothing.
  case adam(rate: Double = 0.1)
  /// BO-REP's normalized momentum, its rate falling in a straight line to nothing.
  case momentum(rate: Double = 0.1)
}

/// Moves lambda until nothing is gained, or steps or budget are used up; the objective remembers the best.
protocol OuterStepper {
  /// - Returns: nothing is left to gain.
  func run<Estimating: HypergradientEstimator>(
    _ objective: inout OuterObjective<Estimating>, from start: OuterObjective<Estimating>.Point
  ) -> Bool
}
