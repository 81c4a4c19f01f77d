import HoneModel
import HoneNumerics
import HoneOptimize
import HoneStore
import HoneTrace
import Logging

/// The loop of a study: the scheduler says what to pay for next, the optimizer proposes, rollouts are run and recorded, the
/// optimizer is told. Everything it decides follows from what is stored and the seed, so that a study that was killed goes
/// on as if nothing had happened.
struct StudyDriver: Sendable {
  let store: any Store
  let name: String
  let runner: any Runner
  let data: DataSplits
  let settings: StudySettings
  let scheduler: any Scheduler
  let problem: Problem
  let owner: Owner
  let proposer: (any ChatModel)?
  /// The study's own record.
  let calls: KnownCalls
  let cassette: (any CallArchive)?
  let mode: CassetteMode
  let elapsed: Elapsed
  let logger: Logger?
  let progress: @Sendable (Progress) -> Void

  /// By number, as stored.
  var trials: [TrialRecord] = []
  /// Scores on the validation examples, a row a trial: row n is trial n.
  var table = ScoreTable(examples: 0)
  /// Seconds at which this session began to measure a trial that has not ended.
  var began: [Int: Double] = [:]
  var ledger = Ledger(budget: Budget())
  /// What the validation rollouts of each trial took.
  var spends: [Int: TrialSpend] = [:]
  var rollouts = 0
  /// Of them, those of the sealed test.
  var tested = 0
  /// What the search might spend, session by session.
  var plans: [SearchCaps] = []
  /// In a replay, which of them was last in force.
  var planned = 0
  var earlierSeconds = 0.0
  /// The same reason again and again says that the workflow is broken, not the assignments.
  var failures = (reason: "", count: 0)
  /// Trials that failed by infrastructure alone.
  var unjudged: Set<Int> = []
  var warnings = StudyWarnings()
  var emptyRounds = EmptyRounds()
  /// The optimizer has nothing more to propose.
  var isExhausted = false
  /// More about the end of the search than its kind says.
  var stopReason: String?
  /// Why the optimizer searches as it does, as it was last told.
  var optimizerReason: String?
  /// Rollouts that the stop rule let pass.
  var passed: [Allocation.Work] = []

  mutating func run(_ optimizer: any Optimizer) async throws -> Report {
    let events = try await store.events(of: name)
    var driver = OptimizerDriver(optimizer, problem: problem, events: events)
    emptyRounds = EmptyRounds(try await store.document(EmptyRounds.document, study: name), events: events)
    unjudged = Set(events.filter(\.isInfrastructureFailure).compactMap(\.trial))
    try await load()
    let done = trials.count { $0.state == .complete || $0.state == .failed }
    progress(.opened(trialsDone: done, resumed: !trials.isEmpty))
    progress(.plan(plan))
    explain(driver)
    for warning in StudyWarnings.overlaps(data) { progress(.warning(warning)) }
    if trials.isEmpty {
      if let cap = settings.budget.oracleCalls, runner.oracleCallsPerTrial > cap {
        throw StudyError.budget(
          .oracleCalls, "one trial may make \(runner.oracleCallsPerTrial) oracle calls, and the budget is \(cap)")
      }
      _ = try await begin([Proposal(problem.space.initial, origin: "initial")], attempts: [], &driver)
    }
    var stop: Report.Stop
    do {
      stop = try await search(&driver)
    } catch let error as ModelError where error.kind == .budget {
      stop = Self.stop(error)
      if best == nil { throw startless(stop) }
    } catch let cap as Cap {
      stop = cap.stop
      if best == nil { throw startless(stop) }
    }
    return try await report(stop, driver)
  }

  /// Does what the scheduler wants next until it, the budget or the optimizer ends the search.
  private mutating func search(_ driver: inout OptimizerDriver) async throws -> Report.Stop {
    while true {
      try await endSession(&driver)
      switch scheduler.next(context) {
      case .run(let work):
        guard work.contains(where: isNew) else { throw stuck("rollouts that are there already") }
        if try await isTooDear(work) {
          try await endMeasured(&driver)
          return .gain
        }
        for work in work { try await measure(work, &driver) }
      case .close(let numbers):
        guard numbers.contains(where: { isOpen($0) }) else { throw stuck("an end of trials that have ended") }
        for number in numbers where isOpen(number) { try await end(number, screened: true, &driver) }
      case .begin(let proposals):
        try await endMeasured(&driver)
        if let stop = reached() { return stop }
        if isTooDear() { return .gain }
        var known = Set(trials.map(\.proposal.assignment.key))
        let new = proposals.filter { known.insert($0.assignment.key).inserted }
        guard !new.isEmpty else { throw stuck("trials that are there already") }
        _ = try await begin(new, attempts: [], &driver)
      case .propose(let count):
        try await endMeasured(&driver)
        if let stop = reached() { return stop }
        if isTooDear() { return .gain }
        if let stop = try await propose(count, &driver) { return stop }
      case .stop(let reason):
        try await endMeasured(&driver)
        // Nothing more to try stands above nothing more to measure.
        if let stop = reached() { return stop }
        if isExhausted { return .exhausted }
        stopReason = reason
        return .scheduler
      }
    }
  }

  var context: ScheduleContext {
    ScheduleContext(
      problem: problem, table: table, incumbent: best?.number,
      rolloutsLeft: scheduler.plansWithRollouts ? searchLeft : nil,
      trialsLeft: caps.trials.map { max(0, $0 - trials.count) }, isExhausted: isExhausted, repeats: settings.repeats)
  }

  func isNew(_ work: Allocation.Work) -> Bool {
    isOpen(work.trial)
      && work.examples.contains { 0..<table.examples ~= $0 && table.rows[work.trial].scores[$0] == nil }
  }

  private func isOpen(_ number: Int) -> Bool { table.rows.indices.contains(number) && table.rows[number].isOpen }

  private func stuck(_ wish: String) -> StudyError {
    .failing("the scheduler \(scheduler.name) goes in circles: it asks for \(wish)")
  }

  // MARK: - Where the study stands

  private mutating func load() async throws {
    trials = try await store.trials(of: name)
    for trial in trials where trial.state == .complete || trial.state == .failed { count(trial) }
    earlierSeconds = try await store.seconds(of: name)
    let spent = try await store.spend(of: name)
    let jobs = jobs
    table = ScoreTable(examples: jobs.count)
    for trial in trials { addRow(trial) }
    let indices = Dictionary(zip(jobs.map(\.place), jobs.indices), uniquingKeysWith: { first, _ in first })
    for rollout in try await store.rollouts(of: name, trial: nil, split: nil, traces: false) {
      rollouts += 1
      if rollout.split == .test { tested += 1 }
      guard rollout.split == .validation, let index = indices[rollout.place] else { continue }
      record(rollout, at: index)
      spends[rollout.trial, default: TrialSpend()].add(rollout)
    }
    for trial in trials { updateRow(trial) }
    open(searchBudget, spent: spent)
    try await loadCaps()
    try await loadPassed()
  }

  /// From here on calls are counted against this budget.
  mutating func open(_ budget: Budget, spent: Spend) {
    ledger = Ledger(
      budget: budget, spent: spent, seconds: earlierSeconds + elapsed.seconds, clock: elapsed.clock)
  }

  private var plan: Plan {
    Plan(
      train: data.train.count, validation: data.validation.count, test: data.test.count,
      smallestValidationGain: Comparison.smallestGain(count: data.validation.count),
      smallestTestGain: Comparison.smallestGain(count: data.test.count))
  }

  var jobs: [RolloutRunner.Job] { jobs(.validation, data.validation) }

  func jobs(_ split: Split, _ examples: [Example]) -> [RolloutRunner.Job] {
    examples.flatMap { example in
      (0..<settings.repeats).map { RolloutRunner.Job(split: split, example: example, repeat: $0) }
    }
  }

  /// The trial that the study would recommend now.
  var best: TrialRecord? {
    let candidates = candidates
    if candidates.isEven { return candidates.highest(problem.objective) }
    return candidates.winner(table, problem.objective, confidence: settings.confidence).map { trials[$0.trial] }
  }

  var candidates: Candidates { Candidates(trials, constraints: settings.constraints) }

  private func reached() -> Report.Stop? {
    let ended = trials.count { $0.state == .complete || $0.state == .failed }
    if let cap = caps.trials, ended >= cap { return .trials }
    if let target = settings.target, let mean = best?.estimate?.mean, !problem.objective.isBetter(target, than: mean) {
      return .target
    }
    if let left = searchLeft, left == 0 { return .rollouts }
    if let cap = settings.budget.seconds, earlierSeconds + elapsed.seconds >= cap { return .time }
    if let cap = settings.budget.oracleCalls, oracleCalls + runner.oracleCallsPerTrial > cap { return .oracleCalls }
    return nil
  }

  /// Calls of oracles so far; of a trial that does not tell, what it may have made at most.
  private var oracleCalls: Int {
    trials.reduce(0) { sum, trial in
      sum + (trial.outcomes["oracle_calls"].map { Int($0.rounded()) } ?? runner.oracleCallsPerTrial)
    }
  }

  /// A cap was reached in the middle of a trial, which is interrupted and goes on when there is room again.
  struct Cap: Error {
    let stop: Report.Stop
  }

  /// There is nothing to report yet.
  private func startless(_ stop: Report.Stop) -> StudyError {
    // Those of a batch that was cut are stored and not yet in the table.
    .budget(
      stop,
      "the budget of \(stop.rawValue) is used up before the start was measured: \(searched) of \(table.examples) "
        + "rollouts")
  }

  private static func stop(_ error: ModelError) -> Report.Stop {
    switch error.cap {
    case .tokens: .tokens
    case .money: .money
    case .time: .time
    case .requests, nil: .requests
    }
  }
}
