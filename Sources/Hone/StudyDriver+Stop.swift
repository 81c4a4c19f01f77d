import HoneOptimize
import HoneStore
import HoneTrace

/// The end of a search by `StopRule`: going on is expected to gain less than it costs.
///
/// The rule is asked only where the table is that of a study which was never cut: before new trials, and before rollouts
/// of trials that have some. Rollouts it has let pass are stored, so that a study that is killed in the middle of them runs
/// the rest without asking again. Decisions follow from stored scores alone.
extension StudyDriver {
  /// Where rollouts that were let pass are kept.
  static let passedDocument = "stop-rule"

  /// Asked before new trials are begun.
  mutating func isTooDear() -> Bool {
    guard let rule = stopRule else { return false }
    let decision = rule.decide(table, problem.objective, newTrial: newTrialExamples, canPropose: isMoreToPropose)
    guard let decision, decision.stops else { return false }
    stopReason = decision.reason
    return true
  }

  /// Asked before rollouts. Full evaluation measures whole what was begun.
  mutating func isTooDear(_ work: [Allocation.Work]) async throws -> Bool {
    guard stopRule != nil, newTrialExamples == nil, !passed.contains(where: isNew) else { return false }
    // What was begun gets its first rollouts.
    if !table.rows.contains(where: { $0.isOpen && $0.count == 0 }), isTooDear() { return true }
    passed = work
    let items = work.map { ["trial": .int($0.trial), "examples": .array($0.examples.map { .int($0) })] as Value }
    try await store.setDocument(Self.passedDocument, .array(items), study: name)
    return false
  }

  mutating func loadPassed() async throws {
    guard stopRule != nil else { return }
    passed = (try await store.document(Self.passedDocument, study: name)?.array ?? []).compactMap { item in
      item["trial"]?.int.map { Allocation.Work(trial: $0, examples: (item["examples"]?.array ?? []).compactMap(\.int)) }
    }
  }

  /// Nil when it is off. A gain in the score alone does not say what a front gains.
  private var stopRule: StopRule? {
    guard let cost = settings.costPerExample, problem.objective.outcomes.isEmpty else { return nil }
    // Under full evaluation the first trials are a design: before a model has proposed some, they say little of what the
    // next one may gain. Schedulers begin many at once.
    return StopRule(costPerExample: cost, fewestTrials: newTrialExamples == nil ? 4 : 8)
  }

  /// What full evaluation gives a new trial: all examples, or those of the screening. Nil: the scheduler may give any number.
  private var newTrialExamples: [Int]? {
    guard let full = scheduler as? FullEvaluation else { return nil }
    return (full.screening.map { [$0] } ?? []) + [table.examples]
  }

  /// From what is stored, not from what this session was told.
  private var isMoreToPropose: Bool {
    if let cap = caps.trials, trials.count >= cap { return false }
    guard let size = problem.space.cardinality else { return true }
    return Set(trials.map(\.proposal.assignment.key)).count < size
  }
}
