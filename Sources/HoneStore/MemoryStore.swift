import HoneModel
import HoneOptimize
import HoneTrace

/// Keeps studies in memory, for tests and for studies that nobody needs to see again: it does all a store does except
/// outliving its process.
public final class MemoryStore: Store {
  private let studiesByName = Lock([String: Study]())

  public init() {}

  private struct Study {
    var definition: StudyDefinition
    var driver: Owner?
    var seconds = 0.0
    var events: [Event] = []
    var trials: [TrialRecord] = []
    var owners: [Int: Owner] = [:]
    var rollouts: [RolloutRecord] = []
    var places: [RolloutKey: Int] = [:]
    /// The first rollout with a score, by cache key.
    var scored: [String: Int] = [:]
    var calls: [CallRecord] = []
    var callPlaces: [String: Int] = [:]
    var documents: [String: Value] = [:]

    var spend: Spend {
      calls.reduce(into: Spend()) { sum, call in sum.add(call.usage, requests: call.attempts) }
    }
  }

  private struct RolloutKey: Hashable {
    var trial: Int
    var split: Split
    var example: String
    var `repeat`: Int
  }

  private func change<Result>(_ study: String, _ body: (inout Study) throws(StoreError) -> Result) throws(StoreError)
    -> Result
  {
    try studiesByName.withLock { studies throws(StoreError) in
      guard var found = studies.removeValue(forKey: study) else { throw SQLiteStore.noStudy(study) }
      // Put back also after an error: every method checks before it changes anything.
      defer { studies[study] = found }
      return try body(&found)
    }
  }

  public func open(_ definition: StudyDefinition) async throws(StoreError) -> StudyDefinition {
    studiesByName.withLock { studies in
      if let stored = studies[definition.name] { return stored.definition }
      studies[definition.name] = Study(definition: definition)
      return definition
    }
  }

  public func redefine(_ definition: StudyDefinition) async throws(StoreError) {
    try change(definition.name) { $0.definition = definition }
  }

  public func definition(of study: String) async throws(StoreError) -> StudyDefinition? {
    studiesByName.withLock { $0[study]?.definition }
  }

  public func studies() async throws(StoreError) -> [StudySummary] {
    studiesByName.withLock { studies in
      studies.values.map(Self.summary).sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
  }

  private static func summary(_ study: Study) -> StudySummary {
    let objective = study.definition.problem.objective
    var best: (score: Double, trial: Int)?
    for trial in study.trials where trial.state == .complete && !trial.screened {
      guard let score = trial.estimate?.mean else { continue }
      if best.map({ objective.isBetter(score, than: $0.score) }) ?? true { best = (score, trial.number) }
    }
    func count(_ state: TrialState) -> Int { study.trials.count { $0.state == state } }
    return StudySummary(
      name: study.definition.name, objective: objective, trials: study.trials.count, complete: count(.complete),
      failed: count(.failed), running: count(.running), best: best?.score, bestTrial: best?.trial, spend: study.spend,
      seconds: study.seconds)
  }

  public func remove(_ study: String) async throws(StoreError) {
    let removed = studiesByName.withLock { $0.removeValue(forKey: study) }
    if removed == nil { throw SQLiteStore.noStudy(study) }
  }

  public func acquire(_ study: String, owner: Owner) async throws(StoreError) {
    try change(study) { study throws(StoreError) in
      if let driver = study.driver, driver == owner || driver.isAlive(silence: 0) {
        throw SQLiteStore.busy(study.definition.name, driver, "memory")
      }
      for (index, trial) in study.trials.enumerated() where trial.state == .running {
        if let holder = study.owners[trial.number], holder != owner, holder.isAlive(silence: 0) { continue }
        study.trials[index].state = .interrupted
        study.trials[index].reason = "its process ended before the trial did"
      }
      study.driver = owner
    }
  }

  public func release(_ study: String, owner: Owner, seconds: Double) async throws(StoreError) {
    try change(study) { study in
      guard study.driver == owner else { return }
      study.driver = nil
      study.seconds += seconds.isFinite ? max(0, seconds) : 0
    }
  }

  public func begin(_ proposals: [Proposal], attempts: [Attempt], study: String, owner: Owner) async throws(StoreError)
    -> [Int]
  {
    guard !proposals.isEmpty || !attempts.isEmpty else { return [] }
    return try change(study) { study in
      study.events += attempts.map { .attempted($0) }
      let first = study.trials.count
      for (offset, proposal) in proposals.enumerated() {
        study.trials.append(TrialRecord(number: first + offset, state: .running, proposal: proposal))
        study.owners[first + offset] = owner
        study.events.append(.began(trial: first + offset, proposal))
      }
      return Array(first..<study.trials.count)
    }
  }

  public func resume(trial: Int, study: String, owner: Owner) async throws(StoreError) {
    try change(study) { state throws(StoreError) in
      guard state.trials.indices.contains(trial) else { throw SQLiteStore.noTrial(trial, study) }
      switch state.trials[trial].state {
      case .interrupted: break
      case .running:
        if let holder = state.owners[trial], holder != owner, holder.isAlive(silence: 0) {
          throw SQLiteStore.busy(study, holder, "memory")
        }
      case .complete:
        if state.trials[trial].screened { throw SQLiteStore.hasEnded(trial, study) }
      case .failed: throw SQLiteStore.hasEnded(trial, study)
      }
      state.trials[trial].state = .running
      state.trials[trial].reason = ""
      state.owners[trial] = owner
    }
  }

  public func append(rollouts: [RolloutRecord], calls: [CallRecord], study: String) async throws(StoreError) {
    guard !rollouts.isEmpty || !calls.isEmpty else { return }
    try change(study) { study in
      for call in calls { Self.add(call, to: &study) }
      for rollout in rollouts { Self.add(rollout.stored, to: &study) }
    }
  }

  private static func add(_ rollout: RolloutRecord, to study: inout Study) {
    let key = RolloutKey(
      trial: rollout.trial, split: rollout.split, example: rollout.example, repeat: rollout.repeat)
    if let place = study.places[key] {
      guard study.rollouts[place].failure != nil else { return }
      study.rollouts[place] = rollout
      note(rollout, at: place, in: &study)
      return
    }
    study.places[key] = study.rollouts.count
    study.rollouts.append(rollout)
    note(rollout, at: study.rollouts.count - 1, in: &study)
  }

  private static func note(_ rollout: RolloutRecord, at place: Int, in study: inout Study) {
    guard rollout.failure == nil, rollout.score != nil else { return }
    study.scored[rollout.cacheKey] = min(place, study.scored[rollout.cacheKey] ?? place)
  }

  private static func add(_ call: CallRecord, to study: inout Study) {
    guard study.callPlaces[call.key] == nil else { return }
    study.callPlaces[call.key] = study.calls.count
    study.calls.append(call)
  }

  public func finish(_ event: Event, study: String) async throws(StoreError) {
    let ending = try Ending(event)
    try change(study) { state throws(StoreError) in
      guard state.trials.indices.contains(ending.trial) else { throw SQLiteStore.noTrial(ending.trial, study) }
      var trial = state.trials[ending.trial]
      guard trial.state == .running || trial.state == .interrupted else { return }
      trial.state = ending.state
      trial.estimate = ending.estimate
      trial.screened = ending.screened
      trial.outcomes = ending.outcomes
      trial.reason = ending.reason
      state.trials[ending.trial] = trial
      state.events.append(ending.event)
    }
  }

  public func interrupt(trials: [Int], reason: String, study: String) async throws(StoreError) {
    try change(study) { study in
      for trial in trials where study.trials.indices.contains(trial) && study.trials[trial].state == .running {
        study.trials[trial].state = .interrupted
        study.trials[trial].reason = reason
      }
    }
  }

  public func events(of study: String) async throws(StoreError) -> [Event] { try change(study) { $0.events } }

  public func trials(of study: String) async throws(StoreError) -> [TrialRecord] { try change(study) { $0.trials } }

  public func rollouts(of study: String, trial: Int?, split: Split?, traces: Bool) async throws(StoreError)
    -> [RolloutRecord]
  {
    let chosen = try change(study) { study in
      study.rollouts.enumerated().filter { _, rollout in
        (trial.map { $0 == rollout.trial } ?? true) && (split.map { $0 == rollout.split } ?? true)
      }
    }
    return chosen.sorted { a, b in
      let (x, y) = (a.element, b.element)
      return (x.trial, SQLiteStore.number(x.split), a.offset) < (y.trial, SQLiteStore.number(y.split), b.offset)
    }.map { _, rollout in
      var rollout = rollout
      if !traces { rollout.trace = nil }
      return rollout
    }
  }

  public func rollout(cacheKey: String) async throws(StoreError) -> RolloutRecord? {
    studiesByName.withLock { studies in
      for name in studies.keys.sorted() {
        if let study = studies[name], let place = study.scored[cacheKey] { return study.rollouts[place] }
      }
      return nil
    }
  }

  public func archive(of study: String) -> any CallArchive { Archive(store: self, study: study) }

  private struct Archive: CallArchive {
    let store: MemoryStore
    let study: String

    func call(for key: String) async throws -> CallRecord? {
      try store.change(study) { study in study.callPlaces[key].map { study.calls[$0] } }
    }
    func append(_ record: CallRecord) async throws {
      try store.change(study) { study in MemoryStore.add(record, to: &study) }
    }
    func calls(path: String, limit: Int) async throws -> [CallRecord] {
      try store.change(study) { study in Array(study.calls.lazy.filter { $0.path == path }.prefix(max(0, limit))) }
    }
  }

  public func calls(of study: String, limit: Int?) async throws(StoreError) -> [CallRecord] {
    try change(study) { study in Array(study.calls.prefix(max(0, limit ?? study.calls.count))) }
  }

  public func spend(of study: String) async throws(StoreError) -> Spend { try change(study) { $0.spend } }

  public func seconds(of study: String) async throws(StoreError) -> Double { try change(study) { $0.seconds } }

  public func setDocument(_ name: String, _ value: Value, study: String) async throws(StoreError) {
    try change(study) { $0.documents[name] = value }
  }

  public func document(_ name: String, study: String) async throws(StoreError) -> Value? {
    try change(study) { $0.documents[name] }
  }
}
