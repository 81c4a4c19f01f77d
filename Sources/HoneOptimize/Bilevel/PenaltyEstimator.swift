/// The hypergradient by the penalty reformulation, without second derivatives (Kwon et al., "A fully first-order method for
/// stochastic bilevel optimization", ICML 2023, equation 4; Shen and Chen, "On penalty-based bilevel gradient descent
/// method", ICML 2023):
///
///     z = argmin h + g / gamma,   dPhi/dlambda ~ dg/dlambda(z) + gamma (dh/dlambda(z) - dh/dlambda(w*))
///
/// Its error falls as 1 / gamma down to what the inner accuracy allows, which gamma multiplies.
struct PenaltyEstimator<Problem: BilevelProblem>: HypergradientEstimator {
  let problem: Problem
  let gamma: Double
  /// Of the inner gradients, relative to their length at the first start.
  let tolerance: Double
  private(set) var count = OracleCount()
  private let solver = InnerSolver()
  private var linear = LinearSolver(.auto)
  private var w: [Double]
  private var z: [Double]?
  private var scale: Double?

  init(_ problem: Problem, gamma: Double = 1_000, tolerance: Double = 1e-7) {
    self.problem = problem
    self.gamma = gamma
    self.tolerance = tolerance
    w = problem.innerStart
  }

  mutating func at(_ lambda: [Double]) throws(BilevelError) -> Hypergradient {
    var gradient = Array(repeating: 0.0, count: problem.innerDimension)
    if scale == nil {
      _ = problem.inner(problem.innerStart, lambda, gradient: &gradient)
      count.inner += 1
      scale = max(Vectors.norm(gradient), 1e-300)
    }
    let size = scale ?? 1
    let low = try solver.solve(problem, lambda, from: w, tolerance: tolerance * size, &linear, &count)
    let penalized = Penalized(problem: problem, gamma: gamma)
    let high = try solver.solve(penalized, lambda, from: z ?? low.w, tolerance: tolerance * size, &linear, &count)
    count.outer += 1
    var direction = Array(repeating: 0.0, count: problem.outerDimension)
    var atZ = direction
    var atW = direction
    // g and its own slope in lambda are those at w*: z leans towards g.
    let value = problem.outer(low.w, lambda, gradientW: &gradient, gradientLambda: &direction)
    problem.innerOuterGradient(high.w, lambda, into: &atZ)
    problem.innerOuterGradient(low.w, lambda, into: &atW)
    count.inner += 2
    for i in direction.indices { direction[i] += gamma * (atZ[i] - atW[i]) }
    guard value.isFinite, Vectors.isFinite(direction) else {
      throw BilevelError(.notFinite, "the hypergradient by penalty is not finite")
    }
    (w, z) = (low.w, high.w)
    return Hypergradient(
      value: value, direction: direction,
      errorEstimate: 1 / gamma + gamma * max(low.gradientNorm, high.gradientNorm) / size, inner: low.w)
  }
}

/// h + g / gamma as an inner problem.
private struct Penalized<Problem: BilevelProblem>: BilevelProblem {
  let problem: Problem
  let gamma: Double

  var innerDimension: Int { problem.innerDimension }
  var outerDimension: Int { problem.outerDimension }
  var domain: [ClosedRange<Double>] { problem.domain }
  var innerStart: [Double] { problem.innerStart }

  func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    let h = problem.inner(w, lambda, gradient: &gradient)
    var ofG = gradient
    var ofLambda = Array(repeating: 0.0, count: outerDimension)
    let g = problem.outer(w, lambda, gradientW: &ofG, gradientLambda: &ofLambda)
    Vectors.add(1 / gamma, ofG, to: &gradient)
    return h + g / gamma
  }

  func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    problem.innerOuterGradient(w, lambda, into: &result)
  }

  func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double {
    problem.outer(w, lambda, gradientW: &gradientW, gradientLambda: &gradientLambda)
  }
}
