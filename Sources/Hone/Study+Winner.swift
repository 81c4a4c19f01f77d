import HoneOptimize
import HoneStore

extension Study {
  /// The trial that the study recommends as it stands, and what it is expected to score again; nil while no trial has a
  /// score, or none keeps the constraints. A running study may be asked too.
  public func winner() async throws -> Winner? {
    guard let definition = try await store.definition(of: name) else { return nil }
    let trials = try await store.trials(of: name)
    let candidates = Candidates(trials, constraints: definition.constraints)
    let rollouts = try await store.rollouts(of: name, trial: nil, split: .validation, traces: false)
    var winner = candidates.winner(rollouts, definition.problem.objective, confidence: definition.confidence)
    // Those that were dropped on the way competed too.
    winner?.candidates = trials.count { $0.state == .complete }
    return winner
  }

  /// The trial that the study recommends as it stands.
  public func best() async throws -> TrialRecord? {
    guard let definition = try await store.definition(of: name) else { return nil }
    let candidates = Candidates(try await store.trials(of: name), constraints: definition.constraints)
    if candidates.isEven { return candidates.highest(definition.problem.objective) }
    guard let winner = try await winner() else { return nil }
    return candidates.trials.first { $0.number == winner.trial }
  }
}

/// The trials of which one may be recommended: complete, not dropped on the way, and within the constraints.
struct Candidates {
  let trials: [TrialRecord]

  init(_ trials: [TrialRecord], constraints: [OutcomeConstraint]) {
    self.trials = trials.filter { trial in
      trial.state == .complete && !trial.screened && trial.estimate != nil
        && constraints.allSatisfy { $0.holds(trial.outcomes) }
    }
  }

  /// All are measured on as many examples: `Winner` orders them as their means do, and need not be asked.
  var isEven: Bool { Set(trials.compactMap(\.estimate?.count)).count <= 1 }

  /// The one with the best mean, of equals the first.
  func highest(_ objective: Objective) -> TrialRecord? {
    trials.reduce(nil) { best, trial in
      guard let best, let old = best.estimate?.mean, let mean = trial.estimate?.mean else { return best ?? trial }
      return objective.isBetter(mean, than: old) ? trial : best
    }
  }

  func winner(_ table: ScoreTable, _ objective: Objective, confidence: Double) -> Winner? {
    Winner(
      ScoreTable(examples: table.examples, rows: trials.map { table.rows[$0.number] }), objective,
      confidence: confidence)
  }

  /// - Parameter rollouts: of all trials on the validation examples.
  fileprivate func winner(_ rollouts: [RolloutRecord], _ objective: Objective, confidence: Double) -> Winner? {
    let scored = rollouts.filter { $0.score != nil && $0.failure == nil }
    let places = Set(scored.map(\.place)).sorted { ($0.example, $0.repeat) < ($1.example, $1.repeat) }
    let columns = Dictionary(uniqueKeysWithValues: zip(places, places.indices))
    var rows: [Int: ScoreTable.Row] = [:]
    for trial in trials {
      rows[trial.number] = ScoreTable.Row(
        trial: trial.number, assignment: trial.proposal.assignment,
        scores: Array(repeating: nil, count: places.count))
    }
    for rollout in scored {
      guard let column = columns[rollout.place] else { continue }
      rows[rollout.trial]?.scores[column] = rollout.score
    }
    let table = ScoreTable(examples: places.count, rows: trials.compactMap { rows[$0.number] })
    return Winner(table, objective, confidence: confidence)
  }
}

extension StudyDefinition {
  /// Of the intervals it reports.
  package var confidence: Double { settings["confidence"]?.number ?? 0.95 }

  /// Bounds on outcomes that its winner has to keep.
  package var constraints: [OutcomeConstraint] {
    (settings["constraints"]?.array ?? []).compactMap { constraint in
      constraint["outcome"]?.string.map {
        OutcomeConstraint(
          outcome: $0, atMost: constraint["at_most"]?.number, atLeast: constraint["at_least"]?.number)
      }
    }
  }
}
