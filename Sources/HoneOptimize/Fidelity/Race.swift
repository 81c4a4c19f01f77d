import Foundation

/// A paired race: all trials run on the same examples, and one that is shown to be worse than the leader is closed.
///
/// After Birattari et al., "A Racing Algorithm for Configuring Metaheuristics" (F-race, GECCO 2002), and López-Ibáñez et
/// al., "The irace Package" (Operations Research Perspectives 3, 2016), whose survivors are the elites of the next race.
/// Their tests are made for one look; here each pair has an e-process that may be looked at after every block: by Ville's
/// inequality a trial that is as good as the leader is ever closed by it with a chance of at most `alpha`.
///
/// The e-process bets on the differences d_t to the leader (`BettingEvidence`), z_t = d_t / max_(s <= t) |d_s|. For 0/1 scores
/// its premise is that both are equally good in the mean; for other scores, whose range is not known beforehand, that
/// differences are as likely of either sign.
///
/// With further outcomes a trial is closed when it is shown to be dominated, as in Zhang, Georgiopoulos and
/// Anagnostopoulos, "S-Race: A Multi-Objective Racing Algorithm" (GECCO 2013): some trial of the front is better in one goal,
/// and better or on no example worse in each of the others.
public struct Race: Scheduler {
  /// Trials of a race; nil: as successive halving.
  public var trials: Int?
  /// Chance, at most, that a leader ever closes a trial that is as good as itself.
  public var alpha: Double
  /// `alpha` is shared among all trials of a race: the chance that the best one is ever closed.
  public var isFamilywise: Bool
  /// Examples before the first test, and from test to test.
  public var fewest: Int
  public var block: Int
  /// New trials asked for at a time.
  public var batch: Int

  public init(
    trials: Int? = nil, alpha: Double = 0.2, isFamilywise: Bool = false, fewest: Int = 8, block: Int = 4, batch: Int = 1
  ) {
    self.trials = trials
    self.alpha = alpha
    self.isFamilywise = isFamilywise
    self.fewest = max(1, fewest)
    self.block = max(1, block)
    self.batch = batch
  }

  public var name: String { "race" }

  public func next(_ context: ScheduleContext) -> Allocation {
    if let end = context.end { return end }
    let examples = context.table.examples
    let matrix = LossMatrix(context.table, context.problem.objective)
    let rows = matrix.rows
    let size = size(context, matrix.measured)
    let alive = rows.indices.filter { rows[$0].isOpen || (rows[$0].reached == examples && !rows[$0].hasFailed) }
    let begins = min(fewest, examples)
    // A race begins `size` trials, each with its first examples.
    if let run = context.run(alive.filter { rows[$0].reached < begins }, to: begins) { return run }
    let missing = rows.isEmpty ? size : (size - rows.count % size) % size
    if missing > 0, context.canPropose { return context.propose(min(batch, missing)) }
    let reached = alive.map { rows[$0].reached }.min() ?? 0
    let level = begins + (max(reached, begins) - begins) / block * block
    let common = reached == examples ? examples : level
    let losers = losers(alive, matrix, common, size)
    if !losers.isEmpty { return .close(losers.map { rows[$0].trial }) }
    let isOver = alive.count <= 1 || reached == examples
    let isCapped = context.rolloutsLeft != nil || context.trialsLeft != nil
    if isOver, isCapped, context.canPropose { return context.propose(min(batch, size)) }
    if !isOver, let run = context.run(alive, to: min(common + block, examples)) { return run }
    return .stop(alive.count == 1 ? "one trial is left of the race" : "\(alive.count) trials cannot be told apart")
  }

  private func size(_ context: ScheduleContext, _ measured: Int) -> Int {
    let fair = context.rolloutsLeft.map { max(2, (measured + $0) / SuccessiveHalving.startingExamples) }
    return max(1, trials ?? fair ?? context.trialsLeft.map { context.table.rows.count + $0 } ?? 32)
  }

  /// Open trials that the leader on the first `count` examples, which all have, is shown to be better than.
  private func losers(_ alive: [Int], _ matrix: LossMatrix, _ count: Int, _ size: Int) -> [Int] {
    guard alive.count > 1, let leader = matrix.ranked(alive, first: count).first else { return [] }
    let rate = isFamilywise ? alpha / Double(max(1, max(size, alive.count) - 1)) : alpha
    if matrix.hasOutcomes { return dominated(alive, matrix, count, rate) }
    let best = matrix.rows[leader].losses
    return alive.filter { index in
      guard index != leader, matrix.rows[index].isOpen else { return false }
      let losses = matrix.rows[index].losses
      return Self.logEvidence((0..<count).map { losses[$0] - best[$0] }) >= -log(rate)
    }
  }

  /// Open trials that one of the front on the first `count` examples is shown to dominate.
  private func dominated(_ alive: [Int], _ matrix: LossMatrix, _ count: Int, _ rate: Double) -> [Int] {
    let known = alive.compactMap { index in
      matrix.rows[index].means(first: count).flatMap { means in
        matrix.rows[index].goals.map { (index: index, means: means, goals: $0) }
      }
    }
    let front = ParetoOrder.members(of: known.map(\.means)).map { known[$0] }
    return known.filter { trial in
      matrix.rows[trial.index].isOpen
        && front.contains { better in
          guard ParetoOrder.dominates(better.means, trial.means) else { return false }
          let differences = zip(trial.goals, better.goals).map { mine, best in
            (0..<count).map { mine[$0] - best[$0] }
          }
          let isShown = differences.map { Self.logEvidence($0) >= -log(rate) }
          return isShown.contains(true)
            && zip(isShown, differences).allSatisfy { isShown, differences in
              isShown || differences.allSatisfy { $0 >= 0 }
            }
        }
    }.map(\.index)
  }

  /// Logarithm of the e-process against "the differences' mean is not above zero".
  static func logEvidence(_ differences: [Double]) -> Double {
    var evidence = BettingEvidence()
    var greatest = 0.0
    for difference in differences where difference != 0 {
      greatest = max(greatest, abs(difference))
      evidence.add(difference / greatest)
    }
    return evidence.log
  }
}
