import HoneNumerics

/// Self-tuning networks with a linear best response (MacKay, Vicol, Lorraine, Duvenaud and Grosse, ICLR 2019, algorithm 1;
/// centred at the lambda of now as in Bae and Grosse, "Delta-STN", NeurIPS 2020):
///
///     w^(lambda + epsilon) = w + W epsilon;   w, W descend h(w + W epsilon, lambda + epsilon), epsilon ~ N(0, sigma^2)
///     lambda descends g(w + W epsilon, lambda + epsilon), minus tau times the entropy of epsilon where that is learned
///
/// `responses` steps of the first kind to one of the second. When lambda moves, w moves along W with it. Of h only the
/// gradient in w is asked, so lambda may enter it in any way that can be computed.
public struct SelfTuningLoop: Hashable, Sendable {
  public var limits: BilevelLoopLimits
  /// sigma: how far the response is fitted around lambda, of each coordinate at the start.
  public var spread: Double
  /// tau; nil: sigma stays. Else it is learned: wide where g does not mind.
  public var entropy: Double?
  public var outerRate: Double
  public var responses: Int
  public var seed: UInt64

  public init(
    spread: Double = 0.1, entropy: Double? = nil, outerRate: Double = 0.05, responses: Int = 2, seed: UInt64 = 0,
    limits: BilevelLoopLimits = BilevelLoopLimits()
  ) {
    self.spread = spread
    self.entropy = entropy
    self.outerRate = outerRate
    self.responses = max(1, responses)
    self.seed = seed
    self.limits = limits
  }

  /// - Throws: `invalid` for sizes that do not fit, `notFinite` when it diverges.
  public func run(_ problem: some BilevelProblem, from start: [Double]? = nil) throws(BilevelError) -> BilevelLoopReport
  {
    var oracles = try LoopOracles(problem, from: start)
    let lambda = oracles.origin(start)
    var state = SelfTuningState(loop: self, problem: problem, lambda: lambda)
    // Half for w and half for W: together below 1 / the largest curvature.
    state.rate = 0.5 * oracles.rate(state.w, lambda)
    return try oracles.drive(&state, limits)
  }
}

private struct SelfTuningState<Problem: BilevelProblem>: LoopState {
  let loop: SelfTuningLoop
  var lambda: [Double]
  var w: [Double]
  /// W, one row a lambda.
  var response: [[Double]]
  /// sigma
  var spread: [Double]
  var rate = 0.0
  var random: RandomStream

  init(loop: SelfTuningLoop, problem: Problem, lambda: [Double]) {
    self.loop = loop
    self.lambda = lambda
    w = problem.innerStart
    response = Array(repeating: Array(repeating: 0.0, count: w.count), count: lambda.count)
    spread = Array(repeating: loop.spread, count: lambda.count)
    random = RandomStream(seed: loop.seed, name: "self-tuning")
  }

  mutating func advance(_ k: Int, _ oracles: inout LoopOracles<Problem>) {
    for _ in 0..<loop.responses { fit(&oracles) }
    let unit = lambda.map { _ in loop.entropy == nil ? 0 : random.normal() }
    let epsilon = unit.indices.map { spread[$0] * unit[$0] }
    let (_, ofW, ofLambda) = oracles.outer(answer(epsilon), Vectors.sum(lambda, 1, epsilon))
    let slope = lambda.indices.map { ofLambda[$0] + Vectors.dot(response[$0], ofW) }
    let next = oracles.domain.projected(Vectors.sum(lambda, -loop.outerRate, slope))
    let moved = Vectors.sum(next, -1, lambda)
    w = answer(moved)
    lambda = next
    guard let tau = loop.entropy else { return }
    // d/d log sigma of E g - tau sum log sigma, kept between a hundredth and a hundred times the start.
    for i in spread.indices {
      let factor = 1 - loop.outerRate * (slope[i] * epsilon[i] - tau)
      spread[i] = min(max(spread[i] * min(max(factor, 0.5), 2), 0.01 * loop.spread), 100 * loop.spread)
    }
  }

  /// w + W epsilon
  private func answer(_ epsilon: [Double]) -> [Double] {
    var result = w
    for i in epsilon.indices where epsilon[i] != 0 { Vectors.add(epsilon[i], response[i], to: &result) }
    return result
  }

  private mutating func fit(_ oracles: inout LoopOracles<Problem>) {
    let epsilon = spread.map { $0 * random.normal() }
    let gradient = oracles.inner(answer(epsilon), Vectors.sum(lambda, 1, epsilon))
    let usual = spread.reduce(0) { $0 + $1 * $1 }
    // A long epsilon must not make a step too long: together at most 2 rate.
    let scale = rate / max(usual, Vectors.dot(epsilon, epsilon))
    Vectors.add(-rate, gradient, to: &w)
    for i in epsilon.indices { Vectors.add(-scale * epsilon[i], gradient, to: &response[i]) }
  }
}
