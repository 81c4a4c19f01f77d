import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// Rollouts of a trial, what they say of it, and its end.
extension StudyDriver {
  /// Runs what is not there yet of one trial's work. A trial that has all its scores, or failed, ends at once; others when
  /// the scheduler turns to something new.
  mutating func measure(_ work: Allocation.Work, _ driver: inout OptimizerDriver) async throws {
    guard table.rows.indices.contains(work.trial), table.rows[work.trial].isOpen else { return }
    let number = work.trial
    if began[number] == nil {
      progress(.began(trials[number]))
      began[number] = elapsed.seconds
    }
    do {
      if trials[number].state != .running {
        try await store.resume(trial: number, study: name, owner: owner)
        trials[number].state = .running
      }
      let jobs = jobs
      let places = work.examples.filter(jobs.indices.contains)
      let batch = try await run(places.map { jobs[$0] }, of: trials[number])
      for (place, rollout) in zip(places, batch.rollouts) {
        if let rollout { record(rollout, at: place) }
      }
      if let failure = batch.failure {
        if failure.kind == .infrastructure, best == nil {
          throw batch.cause.map { StudyError.model($0) } ?? .failing(failure.message)
        }
        let kinds = Set(batch.rollouts.compactMap { $0?.failure?.kind })
        let kind: RolloutRecord.Failure.Kind? = kinds == [.infrastructure] ? .infrastructure : nil
        try await end(.failed(trial: number, reason: failure.message, kind: kind), &driver)
      } else if table.rows[number].count == table.examples {
        try await end(number, screened: false, &driver)
      }
    } catch {
      try await interrupt(error)
      throw error
    }
  }

  /// Stored also when the task is cancelled: SQLite's writes are not cancelled with it.
  private mutating func interrupt(_ error: any Error) async throws {
    let running = trials.indices.filter { trials[$0].state == .running }
    try? await store.interrupt(trials: running, reason: Self.reason(error), study: name)
    for number in running { trials[number].state = .interrupted }
  }

  /// Ends the trials that were measured since the optimizer was last asked, so that it knows all there is.
  mutating func endMeasured(_ driver: inout OptimizerDriver) async throws {
    let open: Set<TrialState> = [.running, .interrupted]
    for number in trials.indices where open.contains(trials[number].state) && table.rows[number].count > 0 {
      try await end(number, screened: false, &driver)
    }
  }

  /// - Parameter screened: it was dropped, and gets no further rollouts.
  mutating func end(_ number: Int, screened: Bool, _ driver: inout OptimizerDriver) async throws {
    if trials[number].state != .running {
      try await store.resume(trial: number, study: name, owner: owner)
      trials[number].state = .running
    }
    try await end(completed(number, screened: screened), &driver)
  }

  private mutating func end(_ event: Event, _ driver: inout OptimizerDriver) async throws {
    guard let number = event.trial, trials.indices.contains(number) else { return }
    try await store.finish(event, study: name)
    driver.tell(event)
    if event.isInfrastructureFailure { unjudged.insert(number) }
    trials[number].apply(event)
    updateRow(trials[number])
    let seconds = elapsed.seconds - (began.removeValue(forKey: number) ?? elapsed.seconds)
    let spend = try await spend(of: number)
    spends[number] = spend
    let budget = searchBudget
    if ledger.budget != budget { open(budget, spent: ledger.spent) }
    if let remark = scheduler.remark(on: number, context) { progress(.remark(trial: number, remark)) }
    progress(.ended(trials[number], incumbent: best?.number, spend: spend.spend, seconds: seconds))
    warn()
    try checkFailures(trials[number])
    try checkOutcomes(driver)
  }

  private func completed(_ number: Int, screened: Bool) -> Event {
    guard let estimate = table.rows[number].estimate else {
      return .failed(trial: number, reason: "no rollout has a score")
    }
    var sums: [String: (sum: Double, count: Int)] = [:]
    for outcomes in table.rows[number].outcomes {
      for (name, value) in outcomes {
        sums[name, default: (0, 0)] = (sums[name, default: (0, 0)].sum + value, sums[name, default: (0, 0)].count + 1)
      }
    }
    return .completed(
      trial: number, estimate, screened: screened, outcomes: sums.mapValues { $0.sum / Double($0.count) })
  }

  // MARK: - The table

  mutating func addRow(_ trial: TrialRecord) {
    table.rows.append(
      ScoreTable.Row(
        trial: trial.number, assignment: trial.proposal.assignment,
        scores: Array(repeating: nil, count: table.examples),
        outcomes: Array(repeating: [:], count: table.examples)))
    updateRow(trial)
  }

  /// A trial's state says whether it may be measured further.
  mutating func updateRow(_ trial: TrialRecord) {
    guard table.rows.indices.contains(trial.number) else { return }
    let isWhole = trial.state == .complete && table.rows[trial.number].count == table.examples
    table.rows[trial.number].hasFailed = trial.state == .failed
    table.rows[trial.number].isFeasible =
      trial.state != .complete || settings.constraints.allSatisfy { $0.holds(trial.outcomes) }
    table.rows[trial.number].isOpen =
      trial.state != .failed && !isWhole && !(trial.state == .complete && trial.screened)
  }

  mutating func record(_ rollout: RolloutRecord, at place: Int) {
    guard table.rows.indices.contains(rollout.trial), let score = rollout.score else { return }
    table.rows[rollout.trial].scores[place] = score
    table.rows[rollout.trial].outcomes[place] = rollout.outcomes
  }

  // MARK: - Rollouts

  /// - Parameters:
  ///   - begins: called when some are about to be run: there are new ones, and the caps have room for them.
  ///   - ended: told how many are done; nil: the trial's progress is.
  mutating func run(
    _ jobs: [RolloutRunner.Job], of trial: TrialRecord, begins: @Sendable () -> Void = {},
    ended: (@Sendable (Int) -> Void)? = nil
  ) async throws -> RolloutRunner.Batch {
    // Only a proposer looks at traces, and only at those of training examples.
    let split = jobs.first?.split
    let known = try await store.rollouts(of: name, trial: trial.number, split: split, traces: split == .train)
    let stored = Set(known.map(\.place))
    let isNew = jobs.map { !stored.contains($0.place) }
    let left = split == .test ? settings.budget.rollouts.map { $0 - rollouts } : searchLeft
    if let left, isNew.count(where: \.self) > left { throw Cap(stop: .rollouts) }
    if let cap = settings.budget.seconds, earlierSeconds + elapsed.seconds >= cap { throw Cap(stop: .time) }
    let runner = RolloutRunner(
      store: store, study: name, runner: runner, parallel: settings.parallel, calls: calls, cassette: cassette,
      mode: mode, elapsed: elapsed, deadline: settings.budget.seconds.map { $0 - earlierSeconds } ?? .infinity)
    if isNew.contains(true) { begins() }
    let (number, progress) = (trial.number, progress)
    let total = jobs.count
    let batch = await runner.run(
      jobs, trial: number, assignment: trial.proposal.assignment, ledger: ledger, known: known,
      ended: ended ?? { progress(.rollouts(trial: number, done: $0, total: total)) })
    let made = zip(batch.rollouts, isNew).count { $0 != nil && $1 }
    rollouts += made
    if split == .test { tested += made }
    if let error = batch.error { throw error }
    return batch
  }

  private mutating func warn() {
    var texts = warnings.budget(
      settings.budget, spent: ledger.spent, seconds: earlierSeconds + elapsed.seconds, hasTest: !data.test.isEmpty)
    if let text = warnings.failures(trials) { texts.append(text) }
    for text in texts { progress(.warning(text)) }
  }

  private static func reason(_ error: any Error) -> String {
    (error as? ModelError)?.message ?? (error is CancellationError ? "stopped" : "\(error)")
  }

  private func spend(of trial: Int) async throws -> TrialSpend {
    try await store.rollouts(of: name, trial: trial, split: .validation, traces: false).reduce(into: TrialSpend()) {
      $0.add($1)
    }
  }

  /// Trials that fail in one way, one after another, before the study ends: while no trial has a score, or when only the
  /// endpoint or the machine fails.
  static let identicalFailures = 5
  /// The same where some trial has a score: the workflow works, so each failure says something about its setting, and a bad
  /// region of the space holds many such settings.
  static let identicalFailuresOfSettings = 30

  /// - Throws: when the same thing went wrong so often that it is no setting's fault.
  private mutating func checkFailures(_ trial: TrialRecord) throws {
    count(trial)
    guard failures.count >= Self.identicalFailures else { return }
    let isOutage = unjudged.contains(trial.number)
    let hasScore = trials.contains { $0.state == .complete }
    guard isOutage || !hasScore || failures.count >= Self.identicalFailuresOfSettings else { return }
    let none = hasScore ? "" : ", and none has a score"
    throw StudyError.failing("\(failures.count) trials in a row failed in the same way\(none): \(trial.reason)")
  }

  /// Complete trials after which an outcome that none of them has is missing for good.
  static let trialsForOutcomes = 3

  /// - Throws: when an outcome that the goal, a constraint or the optimizer needs never comes.
  private func checkOutcomes(_ driver: OptimizerDriver) throws {
    let needs =
      problem.objective.outcomes.keys.sorted().map { ($0, "the goal names") }
      + settings.constraints.map { ($0.outcome, "a constraint bounds") }
      + (scheduler.asksOptimizer ? driver.neededOutcomes : []).map { ($0, "the optimizer \(driver.name) needs") }
    guard !needs.isEmpty else { return }
    let complete = trials.filter { $0.state == .complete }
    guard complete.count >= Self.trialsForOutcomes else { return }
    guard let (name, user) = needs.first(where: { need in !complete.contains { $0.outcomes[need.0] != nil } }) else {
      return
    }
    let known = Set(complete.flatMap(\.outcomes.keys)).sorted()
    let near = Nearest.name(to: name, among: known).map { "did you mean \($0)? " } ?? ""
    throw StudyError.refused(
      "none of \(complete.count) trials has the outcome \"\(name)\", which \(user); "
        + (known.isEmpty ? "they have none at all" : "they have \(known.joined(separator: ", "))"),
      hint: near
        + "correct the name, or let the workflow or the score give the outcome; the corrected study is another one")
  }

  mutating func count(_ trial: TrialRecord) {
    guard trial.state == .failed else {
      failures = ("", 0)
      return
    }
    failures = trial.reason == failures.reason ? (trial.reason, failures.count + 1) : (trial.reason, 1)
  }
}

extension TrialRecord {
  fileprivate mutating func apply(_ event: Event) {
    switch event {
    case .completed(_, let estimate, let screened, let outcomes):
      state = .complete
      self.estimate = estimate
      self.screened = screened
      self.outcomes = outcomes
    case .failed(_, let reason, _):
      state = .failed
      self.reason = reason
    default: break
    }
  }
}
