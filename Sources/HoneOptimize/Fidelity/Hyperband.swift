/// Hyperband over examples: brackets of successive halving, from many trials on few examples to few trials on many.
///
/// Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
/// Optimization" (JMLR 18, 2018), algorithm 1, with the number of examples as the resource: s_max =
/// floor(log_eta(R / r_min)); bracket s = s_max, ..., 0 begins n = ceil((s_max + 1) / (s + 1) eta^s) trials on R eta^-s
/// examples each. While a budget lasts the brackets are begun anew.
public struct Hyperband: Scheduler {
  /// Fewest examples of a trial, r_min.
  public var fewest: Int
  /// Most examples of a trial, R; nil: all of them, or where rollouts are capped the largest r_min eta^s for which all
  /// brackets fit into the budget.
  public var most: Int?
  /// One in so many goes on; the paper's default is 3.
  public var eta: Int
  /// New trials asked for at a time.
  public var batch: Int

  public init(fewest: Int = 8, most: Int? = nil, eta: Int = 3, batch: Int = 1) {
    self.fewest = max(1, fewest)
    self.most = most
    self.eta = max(2, eta)
    self.batch = batch
  }

  public var name: String { "hyperband" }

  public func next(_ context: ScheduleContext) -> Allocation {
    if let end = context.end { return end }
    let matrix = LossMatrix(context.table, context.problem.objective)
    let brackets = brackets(context, matrix.measured)
    let isCapped = context.rolloutsLeft != nil || context.trialsLeft != nil
    var first = 0
    repeat {
      for bracket in brackets {
        let moved = Bracket(first: first, size: bracket.size, depths: bracket.depths, eta: eta)
        if let next = moved.next(context, matrix, batch: batch) { return next }
        first += bracket.size
      }
    } while first < matrix.rows.count || (isCapped && context.canPropose)
    return .stop("every bracket is over")
  }

  /// Brackets of one round, all from row 0.
  private func brackets(_ context: ScheduleContext, _ measured: Int) -> [Bracket] {
    let examples = context.table.examples
    let least = min(fewest, examples)
    var top = min(most ?? examples, examples)
    if most == nil, let left = context.rolloutsLeft { top = affordable(least, top, budget: measured + left) }
    var levels = [max(top, 1)]
    while let last = levels.last, last / eta >= least { levels.append(last / eta) }
    let count = levels.count  // s_max + 1
    return levels.indices.reversed().map { s in
      let power = (0..<s).reduce(1) { product, _ in product * eta }
      let size = (count * power + s) / (s + 1)
      return Bracket(first: 0, size: size, depths: levels[0...s].reversed(), eta: eta)
    }
  }

  /// A round of s_max + 1 brackets costs about (s_max + 1)^2 R examples.
  private func affordable(_ least: Int, _ examples: Int, budget: Int) -> Int {
    var (top, brackets) = (least, 2)
    while top < examples, brackets * brackets * min(top * eta, examples) <= budget {
      top = min(top * eta, examples)
      brackets += 1
    }
    return top
  }
}
