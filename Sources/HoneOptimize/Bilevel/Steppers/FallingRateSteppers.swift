/// Adam on lambda (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1), projected, its rate
/// falling in a straight line to nothing over the steps.
struct AdamStepper: OuterStepper {
  let rate: Double

  func run<Estimating: HypergradientEstimator>(
    _ objective: inout OuterObjective<Estimating>, from start: OuterObjective<Estimating>.Point
  ) -> Bool {
    var here = start
    var moments = AdamMoments(size: start.lambda.count)
    let first = objective.reach(start)
    for k in 0..<max(1, objective.steps) {
      guard objective.reach(here) > 1e-7 * first else { return true }
      let length = rate * (1 - Double(k) / Double(max(1, objective.steps)))
      let lambda = objective.domain.projected(Vectors.sum(here.lambda, -length, moments.step(here.slope)))
      guard let next = objective.at(lambda) else { return false }
      here = next
    }
    return false
  }
}

/// BO-REP's outer step (Hao, Gong and Liu, "Bilevel optimization under unbounded smoothness: a new algorithm and convergence
/// analysis", ICLR 2024): however steep Phi is, lambda goes the same way,
///
///     m <- beta m + (1 - beta) d,   lambda <- lambda - eta m / |m|
///
/// The paper's eta is constant; here it falls in a straight line to nothing over the steps, so that it ends somewhere.
struct MomentumStepper: OuterStepper {
  let rate: Double
  /// beta
  var memory = 0.9

  func run<Estimating: HypergradientEstimator>(
    _ objective: inout OuterObjective<Estimating>, from start: OuterObjective<Estimating>.Point
  ) -> Bool {
    var here = start
    var momentum = start.slope
    let first = objective.reach(start)
    for k in 0..<max(1, objective.steps) {
      guard objective.reach(here) > 1e-7 * first else { return true }
      for i in momentum.indices { momentum[i] = memory * momentum[i] + (1 - memory) * here.slope[i] }
      let norm = Vectors.norm(momentum)
      guard norm > 0 else { return true }
      let length = rate * (1 - Double(k) / Double(max(1, objective.steps)))
      let lambda = objective.domain.projected(Vectors.sum(here.lambda, -length / norm, momentum))
      guard let next = objective.at(lambda) else { return false }
      here = next
    }
    return false
  }
}
