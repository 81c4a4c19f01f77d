import HoneNumerics

/// Chooses a solver's knob from a grid, anew for each of a stream of similar solves, so that their costs come near those of
/// the best fixed value (Khodak, Chow, Balcan and Talwalkar, "Learning to relax: setting solver parameters across a sequence
/// of linear system instances", ICLR 2024, algorithm 1).
///
/// The bandit is Tsallis-INF with alpha = 1/2 (Zimmert and Seldin, "Tsallis-INF: an optimal algorithm for stochastic and
/// adversarial bandits", JMLR 22, 2021, algorithms 1 and 2): L_i sums cost / p_i of the solves at i, and
///
///     p_i = 4 / (eta (L_i - x))^2,   x such that sum_i p_i = 1,   eta = 2 / sqrt(t)
///
/// with costs in [0, 1], which for K values keeps the regret of T solves below 4 sqrt(K T) + 1, whatever the solves are and
/// without knowing T. Costs here have no known range: they are taken as parts of the range seen so far, in whose units the
/// regret then stands.
public struct KnobBandit: Sendable {
  public let grid: [Double]
  private var random: RandomStream
  /// sum cost / p_i of the solves at i.
  private var costs: [Double]
  /// sum 1 / p_i of the same solves: what an offset of all costs is multiplied with.
  private var draws: [Double]
  private var solves = 0
  private var range: ClosedRange<Double>?
  /// What was drawn, and with which probability.
  private var drawn: (place: Int, probability: Double)?

  /// - Parameter grid: an empty one is the knob 0 alone.
  public init(grid: [Double], seed: UInt64 = 0) {
    self.grid = grid.isEmpty ? [0] : grid
    random = RandomStream(seed: seed, name: "knob")
    costs = Array(repeating: 0, count: self.grid.count)
    draws = costs
  }

  /// How often each of the grid is drawn next.
  public var probabilities: [Double] {
    guard let range, range.upperBound > range.lowerBound else {
      return Array(repeating: 1 / Double(grid.count), count: grid.count)
    }
    let size = range.upperBound - range.lowerBound
    let losses = grid.indices.map { (costs[$0] - range.lowerBound * draws[$0]) / size }
    return Self.weights(losses, rate: 2 / Double(solves + 1).squareRoot())
  }

  /// The value for the next solve.
  public mutating func next() -> Double {
    let p = probabilities
    var (place, rest) = (0, random.uniform())
    while place + 1 < p.count, rest >= p[place] {
      rest -= p[place]
      place += 1
    }
    drawn = (place, p[place])
    return grid[place]
  }

  /// What the solve with the last `next` took, such as its iterations. Ignored without one, or when not finite.
  public mutating func tell(cost: Double) {
    guard let (place, probability) = drawn, cost.isFinite else { return }
    drawn = nil
    solves += 1
    costs[place] += cost / probability
    draws[place] += 1 / probability
    range = min(range?.lowerBound ?? cost, cost)...max(range?.upperBound ?? cost, cost)
  }

  /// p, by Newton's method from the side of x where it cannot overshoot: sum p is convex in x and rises.
  static func weights(_ losses: [Double], rate eta: Double) -> [Double] {
    // Here the least loss alone has p = 1.
    var x = (losses.min() ?? 0) - 2 / eta
    var p: [Double] = []
    for _ in 0..<100 {
      p = losses.map { 4 / ((eta * ($0 - x)) * (eta * ($0 - x))) }
      let excess = p.reduce(-1, +)
      guard excess > 1e-14 else { break }
      x -= excess / (eta * p.reduce(0) { $0 + $1 * $1.squareRoot() })
    }
    let sum = p.reduce(0, +)
    return p.map { $0 / sum }
  }
}
