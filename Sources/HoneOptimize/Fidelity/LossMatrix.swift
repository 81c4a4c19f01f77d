import HoneTrace

/// A score table as schedulers rank it: losses of each trial on the leading examples of the shared order.
///
/// Losses are scores turned so that less is better and divided by the greatest magnitude in the table, so that sums and
/// squares of scores up to 1e300 stay finite. A score that is not finite counts as the worst there can be.
struct LossMatrix {
  struct Row {
    let trial: Int
    /// Of the examples measured without a gap, in their order; in [-1, 1].
    let losses: [Double]
    /// By further outcome of the objective, of the same examples, turned so that less is better; nil when one is missing
    /// or not finite, and where the score alone counts.
    let costs: [[Double]]?
    /// May be given rollouts.
    let isOpen: Bool
    let hasFailed: Bool
    let isFeasible: Bool

    var reached: Int { losses.count }

    /// Mean loss on the first `count` examples, all of which must be measured.
    func mean(first count: Int) -> Double {
      var sum = 0.0
      for index in 0..<count { sum += losses[index] }
      return sum / Double(max(1, count))
    }

    /// By goal: the score, then the outcomes, on each example.
    var goals: [[Double]]? { costs.map { [losses] + $0 } }

    /// Means of all goals on the first `count` examples; nil without the outcomes.
    func means(first count: Int) -> [Double]? {
      costs.map { costs in
        [mean(first: count)] + costs.map { $0.prefix(count).reduce(0) { $0 + $1 / Double(max(1, count)) } }
      }
    }
  }

  let rows: [Row]
  /// One unit of loss, in the units of the scores.
  let scale: Double
  /// Measured places of the whole table, also those beyond a gap.
  let measured: Int

  /// The objective names further outcomes.
  let hasOutcomes: Bool

  init(_ table: ScoreTable, _ objective: Objective) {
    let goals = ParetoGoals(objective)
    var (greatest, measured) = (0.0, 0)
    for row in table.rows {
      for case let score? in row.scores {
        measured += 1
        if score.isFinite { greatest = max(greatest, abs(score)) }
      }
    }
    let unit = greatest > 0 ? greatest : 1
    let sign = goals.signs[0]
    rows = table.rows.map { row in
      var losses: [Double] = []
      losses.reserveCapacity(row.scores.count)
      for score in row.scores {
        guard let score else { break }
        losses.append(score.isFinite ? sign * (score / unit) : 1)
      }
      return Row(
        trial: row.trial, losses: losses, costs: goals.costs(row, first: losses.count),
        isOpen: row.isOpen && !row.hasFailed, hasFailed: row.hasFailed, isFeasible: row.isFeasible)
    }
    scale = unit
    self.measured = measured
    hasOutcomes = goals.count > 1
  }

  /// These rows by mean loss on the first `count` examples, the best first: trials that break a constraint last, of equals
  /// the one begun first. With further outcomes by front (`ParetoOrder`), trials that lack one behind the fronts.
  func ranked(_ indices: [Int], first count: Int) -> [Int] {
    guard hasOutcomes else { return rankedByScore(indices, first: count) }
    let known = indices.compactMap { index in
      rows[index].isFeasible ? rows[index].means(first: count).map { (index: index, means: $0) } : nil
    }
    let isKnown = Set(known.map(\.index))
    return ParetoOrder.ranked(known.map(\.means)).map { known[$0].index }
      + rankedByScore(indices.filter { !isKnown.contains($0) }, first: count)
  }

  private func rankedByScore(_ indices: [Int], first count: Int) -> [Int] {
    let keys = indices.map { (index: $0, isFeasible: rows[$0].isFeasible, mean: rows[$0].mean(first: count)) }
    return keys.sorted { a, b in
      if a.isFeasible != b.isFeasible { return a.isFeasible }
      return a.mean == b.mean ? a.index < b.index : a.mean < b.mean
    }.map(\.index)
  }
}

extension ParetoGoals {
  /// By outcome, of the first `count` examples, less being better; nil when one is missing or not finite, and for the
  /// score alone.
  fileprivate func costs(_ row: ScoreTable.Row, first count: Int) -> [[Double]]? {
    guard self.count > 1, row.outcomes.count >= count else { return nil }
    var costs: [[Double]] = []
    for (name, sign) in zip(outcomes, signs.dropFirst()) {
      let values = row.outcomes.prefix(count).compactMap { $0[name] }.filter(\.isFinite)
      guard values.count == count else { return nil }
      costs.append(values.map { sign * $0 })
    }
    return costs
  }
}

extension ScheduleContext {
  /// The optimizer may be asked for another trial.
  var canPropose: Bool { !isExhausted && trialsLeft ?? 1 > 0 }

  /// Why nothing can be done at all; nil when something can.
  var end: Allocation? {
    if table.examples == 0 { return .stop("there are no examples") }
    if let left = rolloutsLeft, left <= 0 { return .stop("the budget of rollouts is used up") }
    if table.rows.isEmpty, !canPropose { return .stop("there are no trials") }
    return nil
  }

  /// Up to `count` new trials, as far as the budget of trials goes.
  func propose(_ count: Int) -> Allocation { .propose(max(1, min(count, trialsLeft ?? .max))) }

  /// The missing examples of these rows among the first `reach`, row by row, as far as the budget of rollouts goes; nil
  /// when nothing is missing.
  func run(_ indices: [Int], to reach: Int) -> Allocation? {
    run(indices.map { (index: $0, reach: reach) })
  }

  func run(_ wanted: [(index: Int, reach: Int)]) -> Allocation? {
    var left = rolloutsLeft ?? .max
    var work: [Allocation.Work] = []
    for (index, reach) in wanted {
      guard left > 0 else { break }
      let row = table.rows[index]
      let missing = (0..<min(reach, row.scores.count)).filter { row.scores[$0] == nil }.prefix(left)
      guard !missing.isEmpty else { continue }
      left -= missing.count
      work.append(Allocation.Work(trial: row.trial, examples: Array(missing)))
    }
    return work.isEmpty ? nil : .run(work)
  }
}
