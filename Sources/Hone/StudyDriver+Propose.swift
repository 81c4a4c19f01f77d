import HoneModel
import HoneNumerics
import HoneOptimize
import HoneStore
import HoneTrace
import Logging

/// New trials: what the optimizer is shown, and what becomes of its answer.
extension StudyDriver {
  /// - Returns: why the search ends, when round after round nothing usable came.
  mutating func propose(_ count: Int, _ driver: inout OptimizerDriver) async throws -> Report.Stop? {
    let answer = try await ask(count, driver)
    guard !answer.proposals.isEmpty else { return try await endEmptyRound(answer.attempts, &driver) }
    emptyRounds.proposed()
    _ = try await begin(answer.proposals, attempts: answer.attempts, &driver)
    return nil
  }

  mutating func begin(_ proposals: [Proposal], attempts: [Attempt], _ driver: inout OptimizerDriver)
    async throws -> [Int]
  {
    let numbers = try await store.begin(proposals, attempts: attempts, study: name, owner: owner)
    for attempt in attempts {
      driver.tell(.attempted(attempt))
      progress(.attempted(attempt))
    }
    for (number, proposal) in zip(numbers, proposals) {
      driver.tell(.began(trial: number, proposal))
      trials.append(TrialRecord(number: number, state: .running, proposal: proposal))
      if let trial = trials.last { addRow(trial) }
    }
    return numbers
  }

  /// Keeps what was tried in vain; nil when another round is worth its requests.
  private mutating func endEmptyRound(_ attempts: [Attempt], _ driver: inout OptimizerDriver) async throws
    -> Report.Stop?
  {
    guard !attempts.isEmpty else {
      isExhausted = true
      return nil
    }
    emptyRounds.add(endingAt: try await store.events(of: name).count + attempts.count)
    try await store.setDocument(EmptyRounds.document, emptyRounds.value, study: name)
    _ = try await begin([], attempts: attempts, &driver)
    guard emptyRounds.inARow.isMultiple(of: max(1, settings.emptyRounds)) else { return nil }
    stopReason = emptyRounds.reason(attempts)
    return .proposer
  }

  /// Says why the optimizer searches as it does, once a session and whenever that changes.
  mutating func explain(_ driver: OptimizerDriver) {
    guard let reason = reason(driver), reason != optimizerReason else { return }
    optimizerReason = reason
    logger?.info("\(driver.name): \(reason)", metadata: ["study": "\(name)", "trials": "\(trials.count)"])
    progress(.optimizer(driver.name, reason: reason))
  }

  /// Of an optimizer that is asked at all.
  func reason(_ driver: OptimizerDriver) -> String? {
    guard scheduler.asksOptimizer else { return nil }
    return driver.reason(
      SearchProgress(
        trials: trials.count, mostTrials: caps.trials,
        estimates: trials.compactMap { $0.state == .complete ? $0.estimate : nil }))
  }

  private mutating func ask(_ count: Int, _ driver: OptimizerDriver) async throws -> Answer {
    explain(driver)
    let round = trials.count + emptyRounds.count
    var context = AskContext(problem: problem, round: round, model: proposer)
    context.known = known
    if let best, let estimate = best.estimate {
      context.incumbent = .init(trial: best.number, assignment: best.proposal.assignment, estimate: estimate)
      context.table = table
      let parent = driver.parent(context).flatMap { trials.indices.contains($0) ? trials[$0] : nil } ?? best
      context.parent = .init(trial: parent.number, assignment: parent.proposal.assignment)
      // Without a proposer nobody reads them.
      if driver.needsRollouts, proposer != nil {
        context.rollouts = try await minibatch(of: parent, round: round)
        context.labels = labels(of: context.rollouts)
      }
    }
    progress(.asking(driver.name))
    let scope = CallScope(repeat: round)
    let asking = CallContext(
      ledger: ledger, archive: calls, cassette: cassette, mode: mode, role: "proposer", scope: scope)
    let count = min(count, (caps.trials ?? .max) - trials.count)
    let answer = try await CallContext.$current.withValue(asking) {
      try await driver.ask(max(1, count), context: context)
    }
    if Task.isCancelled { throw CancellationError() }
    let answered = scope.records
    if !answered.isEmpty { try await store.append(rollouts: [], calls: answered, study: name) }
    calls.noteStored(answered)
    return answer
  }

  /// The right answers to examples that are shown, where the data have them.
  private func labels(of rollouts: [RolloutRecord]) -> [String: String] {
    let shown = Set(rollouts.map(\.example))
    let rows = data.train.filter { shown.contains($0.id) }
    let pairs = rows.compactMap { row in runner.label(of: row).map { (row.id, $0) } }
    return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }

  /// What is not proposed again: all that was begun, but for an assignment that only the infrastructure kept from being
  /// measured. After a few such trials it is left alone too: its requests may be what the endpoint fails at.
  private var known: Set<String> {
    var known: Set<String> = []
    var unjudgedTrials: [String: Int] = [:]
    for trial in trials {
      let key = trial.proposal.assignment.key
      if unjudged.contains(trial.number) { unjudgedTrials[key, default: 0] += 1 }
      if !unjudged.contains(trial.number) || unjudgedTrials[key, default: 0] >= Self.infrastructureTrials {
        known.insert(key)
      }
    }
    return known
  }

  /// Trials of one assignment that may fail by infrastructure before it is not proposed any more.
  static let infrastructureTrials = 3

  /// Rollouts of a trial on a few training examples, with traces and feedback. Drawn anew each round.
  private mutating func minibatch(of trial: TrialRecord, round: Int) async throws -> [RolloutRecord] {
    guard !data.train.isEmpty else { return [] }
    var stream = RandomStream(seed: problem.seed, name: "study/minibatch/\(round)")
    let chosen = Array(data.train.indices).shuffled(using: &stream).prefix(settings.minibatch).sorted()
    let jobs = jobs(.train, chosen.map { data.train[$0] })
    let batch = try await run(jobs, of: trial)
    return batch.rollouts.compactMap(\.self)
  }
}
