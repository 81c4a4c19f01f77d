/// Asynchronous successive halving: promotes a trial as soon as it is in the best part of its rung, else begins another.
///
/// Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar, "A System for Massively Parallel
/// Hyperparameter Tuning" (MLSys 2020), algorithm 2, with the number of examples as the resource: rungs of r, r eta,
/// r eta^2, ... examples, the highest promotable rung first, no barrier between trials. When no trial can be begun any
/// more, one trial of each rung is promoted even where 1 / eta of the rung is less than one.
public struct ASHA: Scheduler {
  /// Examples of the first rung, r.
  public var fewest: Int
  /// Most examples of a trial, R; nil: all of them, or where rollouts are capped an eighth of the budget.
  public var most: Int?
  /// One in so many is promoted.
  public var eta: Int
  /// New trials asked for at a time.
  public var batch: Int

  /// Part of the budget that one trial gets at most.
  static let share = 8

  public init(fewest: Int = 8, most: Int? = nil, eta: Int = 2, batch: Int = 1) {
    self.fewest = max(1, fewest)
    self.most = most
    self.eta = max(2, eta)
    self.batch = max(1, batch)
  }

  public var name: String { "asha" }

  public func next(_ context: ScheduleContext) -> Allocation {
    if let end = context.end { return end }
    let matrix = LossMatrix(context.table, context.problem.objective)
    let rungs = rungs(context, matrix.measured)
    return Self.next(context, matrix, rungs, eta: eta, batch: batch)
      ?? .stop("no trial is left to begin or to promote")
  }

  private func rungs(_ context: ScheduleContext, _ measured: Int) -> [Int] {
    let budget = context.rolloutsLeft.map { measured + $0 }
    let cap = most ?? budget.map { max(fewest * eta, $0 / Self.share) }
    return Self.rungs(fewest, min(cap ?? .max, context.table.examples), eta)
  }

  /// r, r eta, r eta^2, ... and the most.
  static func rungs(_ fewest: Int, _ most: Int, _ eta: Int) -> [Int] {
    var rungs = [min(fewest, most)]
    while let last = rungs.last, last < most { rungs.append(last < most / eta ? last * eta : most) }
    return rungs
  }

  /// Works off unfinished rungs, then one promotion, then new trials; nil when there is none of them.
  ///
  /// One promotion at a time: of several, those that were measured when a study was killed would decide what is promoted
  /// next. Nothing is lost by it, for the rollouts of a promotion run side by side.
  static func next(_ context: ScheduleContext, _ matrix: LossMatrix, _ rungs: [Int], eta: Int, batch: Int)
    -> Allocation?
  {
    let rows = matrix.rows
    let unfinished = rows.indices.compactMap { index -> (index: Int, reach: Int)? in
      // Between two rungs: begun, or promoted and interrupted.
      guard rows[index].isOpen, let reach = rungs.first(where: { $0 >= rows[index].reached }) else { return nil }
      return reach > rows[index].reached ? (index, reach) : nil
    }
    if let run = context.run(unfinished) { return run }
    for rung in rungs.indices.dropLast().reversed() {
      let entered = rows.indices.filter { rows[$0].reached >= rungs[rung] && !rows[$0].hasFailed }
      let least = context.canPropose || entered.isEmpty ? 0 : 1
      let best = matrix.ranked(entered, first: rungs[rung]).prefix(max(least, entered.count / eta))
      if let index = best.first(where: { rows[$0].isOpen && rows[$0].reached == rungs[rung] }) {
        return context.run([index], to: rungs[rung + 1])
      }
    }
    return context.canPropose ? context.propose(batch) : nil
  }
}
