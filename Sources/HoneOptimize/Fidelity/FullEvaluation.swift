import HoneTrace

/// Every trial on every example, one trial after another; with screening a trial that is clearly worse than the best one on
/// the first examples is dropped there.
public struct FullEvaluation: Scheduler {
  /// Examples after which a trial is looked at; nil: none is dropped.
  public var screening: Int?
  /// Proposals a round.
  public var batch: Int

  public var name: String { "full" }

  public init(screening: Int? = nil, batch: Int = 1) {
    self.screening = screening
    self.batch = max(1, batch)
  }

  public func next(_ context: ScheduleContext) -> Allocation {
    let table = context.table
    guard let row = table.rows.first(where: \.isOpen) else {
      return context.isExhausted ? .stop("there is nothing more to try") : .propose(batch)
    }
    let all = Allocation.run([Allocation.Work(trial: row.trial, examples: Array(0..<table.examples))])
    guard let screening, screening < table.examples,
      let incumbent = table.rows.first(where: { $0.trial == context.incumbent }), incumbent.trial != row.trial
    else { return all }
    let first = row.scores.prefix(screening)
    guard first.allSatisfy({ $0 != nil }) else {
      return .run([Allocation.Work(trial: row.trial, examples: Array(0..<screening))])
    }
    let sign = context.problem.objective.direction == .maximize ? 1.0 : -1.0
    return Self.isHopeless(Array(first), than: incumbent.scores, sign: sign) ? .close([row.trial]) : all
  }

  /// On the same first examples the best trial is better, beyond what chance gives one time in twenty.
  private static func isHopeless(_ scores: [Double?], than best: [Double?], sign: Double) -> Bool {
    let differences = zip(scores, best).compactMap { a, b in a.flatMap { a in b.map { (a - $0) * sign } } }
    guard let estimate = Estimate(differences), estimate.count >= 4 else { return false }
    return estimate.mean + 1.645 * estimate.deviation / Double(estimate.count).squareRoot() < 0
  }
}
