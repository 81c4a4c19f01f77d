import HoneTrace

/// Every trial on every example, one trial after another; with screening a trial that is clearly worse than the best one on
/// the first examples is dropped there.
///
/// Screening is a one-sided paired z-test, made once for each trial, so that repeated looks need no correction.
public struct FullEvaluation: Scheduler {
  /// Examples after which a trial is looked at; nil: none is dropped.
  public var screening: Int?
  /// Proposals a round.
  public var batch: Int

  public var name: String { "full" }
  public var plansWithRollouts: Bool { false }

  public init(screening: Int? = nil, batch: Int = 1) {
    self.screening = screening
    self.batch = max(1, batch)
  }

  public func next(_ context: ScheduleContext) -> Allocation {
    if let end = context.end { return end }
    let table = context.table
    guard let index = table.rows.firstIndex(where: { $0.isOpen && !$0.hasFailed && $0.count < table.examples }) else {
      return context.canPropose ? context.propose(batch) : .stop("there is nothing more to try")
    }
    var reach = table.examples
    if let screening, screening < table.examples, let best = context.incumbent, best != table.rows[index].trial {
      let matrix = LossMatrix(table, context.problem.objective)
      if matrix.rows[index].reached < screening {
        reach = screening
      } else if let best = matrix.rows.first(where: { $0.trial == best }),
        Self.isHopeless(matrix.rows[index].losses.prefix(screening), than: best.losses)
      {
        return .close([matrix.rows[index].trial])
      }
    }
    return context.run([index], to: reach) ?? .stop("there is nothing more to try")
  }

  /// On the same first examples the best trial is better, beyond what chance gives one time in twenty.
  private static func isHopeless(_ losses: ArraySlice<Double>, than best: [Double]) -> Bool {
    let differences = zip(losses, best).map { $0 - $1 }
    guard let estimate = Estimate(differences), estimate.count >= 4 else { return false }
    return estimate.mean - 1.645 * estimate.deviation / Double(estimate.count).squareRoot() > 0
  }
}
