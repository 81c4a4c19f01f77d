import HoneNumerics

/// BSVRB (Hu, Qiu, Guo, Zhang and Yang, "Blockwise stochastic variance-reduced methods with parallel speedup for multi-block
/// bilevel optimization", ICML 2023): of many inner problems that share lambda a few are drawn each time; of those w_i and
/// q_i take a step, and the slope of lambda is followed by a recursive estimate (STORM) that the draws leave little noise in,
///
///     w_i <- w_i - s dh_i/dw,   q_i <- q_i - s (H_i q_i - dg_i/dw)          i drawn
///     G(lambda) = mean over the drawn of dg_i/dlambda - (d2h_i/dlambda dw) q_i
///     z_t = G(now) + (1 - beta) (z_{t-1} - G(the same blocks, before)),   lambda <- lambda - eta z
///
/// Blocks give whole gradients, so their own estimates need no recursion. eta and beta fall as 1 / (1 + t / `horizon`), since
/// draws differ for ever.
public struct BlockLoop: Hashable, Sendable {
  /// How many are drawn.
  public var sample: Int
  /// eta
  public var outerRate: Double
  /// beta
  public var renewal: Double
  public var horizon: Int
  public var seed: UInt64
  public var limits: BilevelLoopLimits

  public init(
    sample: Int = 2, outerRate: Double = 0.05, renewal: Double = 0.2, horizon: Int = 1_000, seed: UInt64 = 0,
    limits: BilevelLoopLimits = BilevelLoopLimits(tolerance: 0)
  ) {
    self.sample = max(1, sample)
    self.outerRate = outerRate
    self.renewal = min(max(renewal, 0), 1)
    self.horizon = max(1, horizon)
    self.seed = seed
    self.limits = limits
  }

  /// - Throws: `invalid` for sizes that do not fit, `notFinite` when it diverges.
  public func run<Block: BilevelProblem>(_ problem: BlockProblem<Block>, from start: [Double]? = nil)
    throws(BilevelError) -> BilevelLoopReport
  {
    var oracles = try LoopOracles(problem, from: start)
    var parts: [LoopOracles<Block>] = []
    for block in problem.blocks { parts.append(try LoopOracles(block, from: start)) }
    let lambda = oracles.origin(start)
    var state = BlockState(loop: self, parts: parts, lambda: lambda)
    for i in parts.indices { state.rates[i] = state.parts[i].rate(state.weights[i], lambda) }
    return try oracles.drive(&state, limits)
  }
}

private struct BlockState<Block: BilevelProblem>: LoopState {
  typealias Problem = BlockProblem<Block>
  let loop: BlockLoop
  var parts: [LoopOracles<Block>]
  var rates: [Double]
  var lambda: [Double]
  var weights: [[Double]]
  var adjoints: [[Double]]
  var slope: [Double]?
  /// What the step before began with.
  var earlier: (lambda: [Double], weights: [[Double]], adjoints: [[Double]])
  var random: RandomStream

  init(loop: BlockLoop, parts: [LoopOracles<Block>], lambda: [Double]) {
    (self.loop, self.parts, self.lambda) = (loop, parts, lambda)
    rates = Array(repeating: 0, count: parts.count)
    weights = parts.map(\.problem.innerStart)
    adjoints = weights.map { Array(repeating: 0, count: $0.count) }
    earlier = (lambda, weights, adjoints)
    random = RandomStream(seed: loop.seed, name: "blocks")
  }

  var w: [Double] { weights.flatMap(\.self) }
  var own: OracleCount {
    var all = OracleCount()
    for part in parts { all.add(part.count) }
    return all
  }

  mutating func advance(_ k: Int, _ oracles: inout LoopOracles<Problem>) {
    var now = Array(repeating: 0.0, count: lambda.count)
    var before = now
    let drawn = draw()
    let share = 1 / Double(drawn.count)
    let began = (lambda, weights, adjoints)
    for i in drawn {
      if slope != nil {
        Vectors.add(share, partial(i, earlier.lambda, earlier.weights[i], earlier.adjoints[i]).slope, to: &before)
      }
      let gradient = parts[i].inner(weights[i], lambda)
      let here = partial(i, lambda, weights[i], adjoints[i])
      Vectors.add(share, here.slope, to: &now)
      Vectors.add(-rates[i], gradient, to: &weights[i])
      Vectors.add(-rates[i], here.residual, to: &adjoints[i])
    }
    let falling = 1 / (1 + Double(k) / Double(loop.horizon))
    if let slope { Vectors.add(1 - loop.renewal * falling, Vectors.sum(slope, -1, before), to: &now) }
    slope = now
    earlier = began
    lambda = oracles.domain.projected(Vectors.sum(lambda, -loop.outerRate * falling, now))
  }

  /// Different blocks, in order.
  private mutating func draw() -> [Int] {
    var places = Array(parts.indices)
    let count = min(loop.sample, places.count)
    for i in 0..<count {
      places.swapAt(i, i + min(Int(random.uniform() * Double(places.count - i)), places.count - i - 1))
    }
    return places[..<count].sorted()
  }

  /// dg_i/dlambda - (d2h_i/dlambda dw) q, and H_i q - dg_i/dw.
  private mutating func partial(_ i: Int, _ lambda: [Double], _ w: [Double], _ q: [Double]) -> (
    slope: [Double], residual: [Double]
  ) {
    let (_, ofW, ofLambda) = parts[i].outer(w, lambda)
    let (hessian, mixed) = parts[i].products(w, lambda, q)
    return (Vectors.sum(ofLambda, -1, mixed), Vectors.sum(hessian, -1, ofW))
  }
}
