import HoneModel
import HoneNumerics
import HoneOptimize
import HoneStore
import HoneTrace

/// The loop of a study: propose, run, record, tell. Everything it decides follows from the stored events and the seed, so
/// that a study that was killed goes on as if nothing had happened.
struct StudyDriver: Sendable {
  let store: any Store
  let name: String
  let runner: any Runner
  let data: DataSplits
  let settings: StudySettings
  let problem: Problem
  let owner: Owner
  let proposer: (any ChatModel)?
  let cassette: (any CallArchive)?
  let mode: CassetteMode
  let elapsed: Elapsed
  let progress: @Sendable (Progress) -> Void

  /// By number, as stored.
  var trials: [TrialRecord] = []
  /// Scores on the validation examples by trial, in the examples' order.
  var scores: [Int: [Double?]] = [:]
  var ledger = Ledger(budget: Budget())
  var rollouts = 0
  var earlierSeconds = 0.0
  /// The same reason again and again says that the workflow is broken, not the assignments.
  var failures = (reason: "", count: 0)
  var warnings = StudyWarnings()
  var emptyRounds = EmptyRounds()
  /// More about the end of the search than its kind says.
  var stopReason: String?

  static let identicalFailures = 5

  mutating func run(_ optimizer: any Optimizer) async throws -> Report {
    let events = try await store.events(of: name)
    var driver = OptimizerDriver(optimizer, problem: problem, events: events)
    emptyRounds = EmptyRounds(try await store.document(EmptyRounds.document, study: name), events: events)
    try await load()
    let done = trials.count { $0.state == .complete || $0.state == .failed }
    progress(.opened(trialsDone: done, resumed: !trials.isEmpty))
    progress(.plan(plan))
    for warning in StudyWarnings.overlaps(data) { progress(.warning(warning)) }
    if trials.isEmpty {
      _ = try await begin([Proposal(problem.space.initial, origin: "initial")], attempts: [], &driver)
    }
    var stop: Report.Stop?
    do {
      for trial in trials where trial.state == .interrupted || trial.state == .running {
        try await store.resume(trial: trial.number, study: name, owner: owner)
        try await finish(trial.number, &driver)
      }
      while stop == nil {
        stop = reached()
        guard stop == nil else { break }
        let answer = try await ask(driver)
        guard !answer.proposals.isEmpty else {
          stop = try await endEmptyRound(answer.attempts, &driver)
          continue
        }
        emptyRounds.proposed()
        for number in try await begin(answer.proposals, attempts: answer.attempts, &driver) {
          try await finish(number, &driver)
        }
      }
    } catch let error as ModelError where error.kind == .budget && best != nil {
      stop = Self.stop(error)
    } catch let cap as Cap {
      guard best != nil else { throw cap.error }
      stop = cap.stop
    }
    return try await report(stop ?? .exhausted)
  }

  // MARK: - Where the study stands

  private mutating func load() async throws {
    trials = try await store.trials(of: name)
    for trial in trials where trial.state == .complete || trial.state == .failed { count(trial) }
    earlierSeconds = try await store.seconds(of: name)
    var searchBudget = settings.budget
    if let requests = searchBudget.requests { searchBudget.requests = max(1, requests - testReserve(of: requests)) }
    ledger = Ledger(
      budget: searchBudget, spent: try await store.spend(of: name), seconds: earlierSeconds + elapsed.seconds)
    let jobs = jobs
    let indices = Dictionary(zip(jobs.map(\.place), jobs.indices), uniquingKeysWith: { first, _ in first })
    for rollout in try await store.rollouts(of: name, trial: nil, split: nil, traces: false) {
      rollouts += 1
      guard rollout.split == .validation, let score = rollout.score, let index = indices[rollout.place] else {
        continue
      }
      scores[rollout.trial, default: Array(repeating: nil, count: jobs.count)][index] = score
    }
  }

  /// Requests kept for the sealed test, at most half of what there is.
  private func testReserve(of requests: Int) -> Int {
    let needed = data.test.count * settings.repeats * 2
    return needed * 2 <= requests ? needed : 0
  }

  private var plan: Plan {
    Plan(
      train: data.train.count, validation: data.validation.count, test: data.test.count,
      smallestValidationGain: Comparison.smallestGain(count: data.validation.count),
      smallestTestGain: Comparison.smallestGain(count: data.test.count))
  }

  private var jobs: [RolloutRunner.Job] { jobs(.validation, data.validation) }

  func jobs(_ split: Split, _ examples: [Example]) -> [RolloutRunner.Job] {
    examples.flatMap { example in
      (0..<settings.repeats).map { RolloutRunner.Job(split: split, example: example, repeat: $0) }
    }
  }

  /// The best complete trial that keeps the constraints; of equals the first.
  var best: TrialRecord? {
    var best: TrialRecord?
    for trial in trials where trial.state == .complete && !trial.screened {
      guard let mean = trial.estimate?.mean, settings.constraints.allSatisfy({ $0.holds(trial.outcomes) }) else {
        continue
      }
      guard let old = best?.estimate?.mean else {
        best = trial
        continue
      }
      if problem.objective.isBetter(mean, than: old) { best = trial }
    }
    return best
  }

  private func reached() -> Report.Stop? {
    let ended = trials.count { $0.state == .complete || $0.state == .failed }
    if let cap = settings.budget.trials, ended >= cap { return .trials }
    if let target = settings.target, let mean = best?.estimate?.mean, !problem.objective.isBetter(target, than: mean) {
      return .target
    }
    if let cap = settings.budget.rollouts, rollouts >= cap { return .rollouts }
    if let cap = settings.budget.seconds, earlierSeconds + elapsed.seconds >= cap { return .time }
    return nil
  }

  /// A cap was reached in the middle of a trial, which is interrupted and goes on when there is room again.
  struct Cap: Error {
    let stop: Report.Stop

    /// When there is nothing to report yet.
    var error: ModelError {
      ModelError(.budget, "the budget of \(stop.rawValue) ended the study before its start was measured")
    }
  }

  private static func stop(_ error: ModelError) -> Report.Stop {
    switch error.cap {
    case .tokens: .tokens
    case .money: .money
    case .time: .time
    case .requests, nil: .requests
    }
  }

  // MARK: - Propose

  private mutating func begin(_ proposals: [Proposal], attempts: [Attempt], _ driver: inout OptimizerDriver)
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
    }
    return numbers
  }

  /// Keeps what was tried in vain; nil when another round is worth its requests.
  private mutating func endEmptyRound(_ attempts: [Attempt], _ driver: inout OptimizerDriver) async throws
    -> Report.Stop?
  {
    guard !attempts.isEmpty else { return .exhausted }
    emptyRounds.add(endingAt: try await store.events(of: name).count + attempts.count)
    try await store.setDocument(EmptyRounds.document, emptyRounds.value, study: name)
    _ = try await begin([], attempts: attempts, &driver)
    guard emptyRounds.inARow.isMultiple(of: max(1, settings.emptyRounds)) else { return nil }
    stopReason = emptyRounds.reason(attempts)
    return .proposer
  }

  private mutating func ask(_ driver: OptimizerDriver) async throws -> Answer {
    let round = trials.count + emptyRounds.count
    var context = AskContext(problem: problem, round: round, model: proposer)
    context.known = Set(trials.map(\.proposal.assignment.key))
    if let best, let estimate = best.estimate {
      context.incumbent = .init(trial: best.number, assignment: best.proposal.assignment, estimate: estimate)
      if driver.needsRollouts { context.rollouts = try await minibatch(of: best, round: round) }
    }
    progress(.asking(driver.name))
    let scope = CallScope(repeat: round)
    let calls = CallContext(
      ledger: ledger, archive: store.archive(of: name), cassette: cassette, mode: mode, role: "proposer", scope: scope)
    let count = min(settings.batch, (settings.budget.trials ?? .max) - trials.count)
    let answer = try await CallContext.$current.withValue(calls) {
      try await driver.ask(max(1, count), context: context)
    }
    if Task.isCancelled { throw CancellationError() }
    if !scope.records.isEmpty { try await store.append(rollouts: [], calls: scope.records, study: name) }
    return answer
  }

  /// Rollouts of the best trial on a few training examples, with traces and feedback. Drawn anew each round.
  private mutating func minibatch(of trial: TrialRecord, round: Int) async throws -> [RolloutRecord] {
    guard !data.train.isEmpty else { return [] }
    var stream = RandomStream(seed: problem.seed, name: "study/minibatch/\(round)")
    let chosen = Array(data.train.indices).shuffled(using: &stream).prefix(settings.minibatch).sorted()
    let jobs = jobs(.train, chosen.map { data.train[$0] })
    let batch = try await run(jobs, of: trial)
    return batch.rollouts.compactMap(\.self)
  }

  // MARK: - Run

  /// - Parameter ended: told how many are done; nil: the trial's progress is.
  mutating func run(
    _ jobs: [RolloutRunner.Job], of trial: TrialRecord, ended: (@Sendable (Int) -> Void)? = nil
  ) async throws -> RolloutRunner.Batch {
    // Only a proposer looks at traces, and only at those of training examples.
    let split = jobs.first?.split
    let known = try await store.rollouts(of: name, trial: trial.number, split: split, traces: split == .train)
    let stored = Set(known.map(\.place))
    let isNew = jobs.map { !stored.contains($0.place) }
    if let cap = settings.budget.rollouts, rollouts + isNew.count(where: \.self) > cap { throw Cap(stop: .rollouts) }
    if let cap = settings.budget.seconds, earlierSeconds + elapsed.seconds >= cap { throw Cap(stop: .time) }
    let runner = RolloutRunner(
      store: store, study: name, runner: runner, parallel: settings.parallel, cassette: cassette, mode: mode,
      elapsed: elapsed)
    let (number, progress) = (trial.number, progress)
    let total = jobs.count
    let batch = await runner.run(
      jobs, trial: number, assignment: trial.proposal.assignment, ledger: ledger, known: known,
      ended: ended ?? { progress(.rollouts(trial: number, done: $0, total: total)) })
    rollouts += zip(batch.rollouts, isNew).count { $0 != nil && $1 }
    if let error = batch.error { throw error }
    return batch
  }

  /// Runs a trial that was begun to its end, or marks it interrupted and throws.
  private mutating func finish(_ number: Int, _ driver: inout OptimizerDriver) async throws {
    guard let index = trials.firstIndex(where: { $0.number == number }) else { return }
    progress(.began(trials[index]))
    let began = elapsed.seconds
    do {
      let event = try await measure(trials[index])
      try await store.finish(event, study: name)
      driver.tell(event)
      trials[index].apply(event)
      let spend = try await spend(of: number)
      progress(
        .ended(trials[index], incumbent: best?.number, spend: spend, seconds: elapsed.seconds - began))
      warn()
    } catch {
      // Stored also when the task is cancelled: SQLite's writes are not cancelled with it.
      try? await store.interrupt(trials: [number], reason: Self.reason(error), study: name)
      trials[index].state = .interrupted
      throw error
    }
    try checkFailures(trials[index])
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

  private func spend(of trial: Int) async throws -> Spend {
    try await store.rollouts(of: name, trial: trial, split: .validation, traces: false).reduce(Spend()) {
      $0 + $1.spend
    }
  }

  /// - Throws: when the start fails, or the same thing went wrong five times.
  private mutating func checkFailures(_ trial: TrialRecord) throws {
    count(trial)
    if failures.count >= Self.identicalFailures {
      throw StudyError.failing("\(failures.count) trials in a row failed in the same way: \(trial.reason)")
    }
  }

  private mutating func count(_ trial: TrialRecord) {
    guard trial.state == .failed else {
      failures = ("", 0)
      return
    }
    failures = trial.reason == failures.reason ? (trial.reason, failures.count + 1) : (trial.reason, 1)
  }

  private mutating func measure(_ trial: TrialRecord) async throws -> Event {
    let jobs = jobs
    var stages = [jobs.count]
    let prefix = min(settings.minibatch, data.validation.count) * settings.repeats
    if settings.screening, prefix < jobs.count, let best, best.number != trial.number { stages = [prefix, jobs.count] }
    var records: [RolloutRecord] = []
    for stage in stages {
      let batch = try await run(Array(jobs[..<stage]), of: trial)
      if let failure = batch.failure {
        if failure.kind == .infrastructure, best == nil {
          throw batch.cause.map { StudyError.model($0) } ?? .failing(failure.message)
        }
        return .failed(trial: trial.number, reason: failure.message)
      }
      records = batch.rollouts.compactMap(\.self)
      scores[trial.number] = batch.rollouts.map { $0?.score }
      if stage < jobs.count, isHopeless(trial.number, count: stage) {
        return completed(trial, records, screened: true)
      }
    }
    return completed(trial, records, screened: false)
  }

  private func completed(_ trial: TrialRecord, _ records: [RolloutRecord], screened: Bool) -> Event {
    guard let estimate = Estimate(records.compactMap(\.score)) else {
      return .failed(trial: trial.number, reason: "no rollout has a score")
    }
    var sums: [String: (sum: Double, count: Int)] = [:]
    for record in records {
      for (name, value) in record.outcomes {
        sums[name, default: (0, 0)] = (sums[name, default: (0, 0)].sum + value, sums[name, default: (0, 0)].count + 1)
      }
    }
    return .completed(
      trial: trial.number, estimate, screened: screened, outcomes: sums.mapValues { $0.sum / Double($0.count) })
  }

  /// On the same first examples the best trial is better, beyond what chance gives one time in twenty.
  private func isHopeless(_ trial: Int, count: Int) -> Bool {
    guard let best, let theirs = scores[best.number], let ours = scores[trial] else { return false }
    let sign = problem.objective.direction == .maximize ? 1.0 : -1.0
    let differences = zip(ours, theirs).prefix(count).compactMap { a, b in a.flatMap { a in b.map { (a - $0) * sign } }
    }
    guard let estimate = Estimate(differences), estimate.count >= 4 else { return false }
    return estimate.mean + 1.645 * estimate.deviation / Double(estimate.count).squareRoot() < 0
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
    case .failed(_, let reason):
      state = .failed
      self.reason = reason
    default: break
    }
  }
}
