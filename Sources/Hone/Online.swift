import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// Tunes a live workflow while it serves: ask for settings, serve with them, tell the reward when it comes, if it comes.
///
/// ```swift
/// let online = try await Online.open("shop.db", named: "answers", space: space)
/// let ticket = try await online.ask()
/// let answer = try await serve(question, ticket.assignment)
/// // Later, from anywhere in the process, in any order, once or never:
/// try await online.tell(ticket.id, reward: thumbsUp ? 1 : 0)
/// // When the model behind the settings is another one:
/// try await online.switched(to: "small-2")
/// try await online.close()
/// ```
///
/// Every request counts, so settings that look good are used most and others only as far as they may be better: Thompson
/// sampling on a posterior of the settings' main effects and interactions (`DriftGuard`). After a switch, said or detected,
/// a test decides whether what was learned before is kept.
///
/// Durable: what `ask` and `tell` have returned from survives kill -9, and the next `open` goes on exactly there, also with
/// rewards for older tickets. One process at a time: another one's `open` throws `StoreError.busy`. It may be opened with a
/// space that has grown by choices, by wider ranges or by combinations that are allowed now: every reward counts on.
public actor Online {
  /// Settings to serve one request with.
  public struct Ticket: Hashable, Codable, Sendable {
    /// What the reward is told for.
    public var id: String
    public var assignment: Assignment
  }

  /// Where it stands.
  public struct Status: Hashable, Sendable {
    /// Requests served, and those of them whose reward is known.
    public var asked: Int
    public var told: Int
    /// What it would use if nothing more were to be learned.
    public var best: Assignment
    /// Switches told of, changes detected, and tests that threw away what was known before.
    public var switches: Int
    public var detected: Int
    public var resets: Int
  }

  private struct Request {
    var arm: Int
    var trial: Int
    /// Number of its `ask` among all events.
    var asked: Int
    var reward: Double?
    var told: Int?
  }

  private let store: any Store
  private let name: String
  private let problem: Problem
  private let arms: [Assignment]
  private let owner: Owner
  private var run: any BanditRun
  private var requests: [Request] = []
  /// Events so far: asks, rewards, switches.
  private var events = 0
  private var switches: [Switch] = []
  private var trials: [Int: Task<Int, any Error>] = [:]
  private var isOpen = true

  private struct Switch: Codable {
    var label: String
    var event: Int
  }

  /// Settings there may be at most.
  public static let mostArms = BanditScheduler.mostArms

  /// - Parameters:
  ///   - path: of the database, which is made when it is not there.
  ///   - space: finite; text stays as it is.
  ///   - direction: whether more reward is better, or less, as of latency.
  /// - Throws: `StudyError`: the space has no end or does not hold the stored one, the stored study is another one, or
  ///   another process has it.
  public static func open(
    _ path: String, named name: String, space: Space, direction: Objective.Direction = .maximize, seed: UInt64 = 0,
    drift: DriftGuard = DriftGuard()
  ) async throws(StudyError) -> Online {
    let store: any Store
    do {
      store = try await SQLiteStore(path: path)
    } catch {
      throw Study.studyError(error)
    }
    return try await open(store, named: name, space: space, direction: direction, seed: seed, drift: drift)
  }

  /// The same in a store that is open already.
  public static func open(
    _ store: any Store, named name: String, space: Space, direction: Objective.Direction = .maximize,
    seed: UInt64 = 0, drift: DriftGuard = DriftGuard()
  ) async throws(StudyError) -> Online {
    guard let arms = space.assignments(base: space.initial, limit: mostArms), !arms.isEmpty else {
      throw .refused(
        "online tuning needs at most \(mostArms) settings, and this space has more or none",
        hint: "give every number a step, and leave out parameters that need not be tuned live")
    }
    let problem = Problem(space: space, objective: Objective(metric: "reward", direction: direction), seed: seed)
    let online = Online(store: store, name: name, problem: problem, arms: arms, drift: drift)
    try await online.begin(drift)
    return online
  }

  private init(store: any Store, name: String, problem: Problem, arms: [Assignment], drift: DriftGuard) {
    self.store = store
    self.name = name
    self.problem = problem
    self.arms = arms
    owner = Owner.current
    run = drift.start(
      BanditTask(arms: Arms(problem.space, assignments: arms), batch: 1, seed: problem.seed))
  }

  /// Takes the study and learns again what the store remembers of it.
  private func begin(_ drift: DriftGuard) async throws(StudyError) {
    let definition = StudyDefinition(
      name: name, problem: problem, fingerprint: "online", data: "online",
      optimizer: [
        "use": .string(drift.name), "policy": .string(drift.policy.rawValue), "detects": .bool(drift.detects),
      ], settings: ["online": true])
    let stored: StudyDefinition
    do {
      stored = try await store.open(definition)
      if let reason = Self.difference(stored, definition) {
        throw StudyError.refused(
          "the online study \"\(name)\" cannot go on so: \(reason)",
          hint: "choices and ranges may grow where the start stays; open anything else under another name")
      }
      try await store.acquire(name, owner: owner)
    } catch {
      throw Self.error(error)
    }
    do {
      if stored != definition { try await Study(store: store, name: name).widen(stored, to: definition) }
      try await load()
    } catch {
      try? await store.release(name, owner: owner, seconds: 0)
      throw Self.error(error)
    }
  }

  /// Why what is stored cannot go on as what is opened; nil: it can.
  private static func difference(_ stored: StudyDefinition, _ new: StudyDefinition) -> String? {
    if stored.fingerprint != new.fingerprint { return "it is a study of a workflow on examples" }
    if stored.problem.seed != new.problem.seed { return "it was begun with seed \(stored.problem.seed)" }
    if stored.problem.objective != new.problem.objective {
      return "it was begun to \(stored.problem.objective.direction.rawValue) the reward"
    }
    if stored.optimizer != new.optimizer {
      return "it was begun with another guard against drift, \(stored.optimizer.text)"
    }
    return new.problem.space.narrowing(of: stored.problem.space)
  }

  /// What goes wrong here is neither a workflow's fault nor mended by a new study.
  private static func error(_ error: any Error) -> StudyError {
    let error = Study.studyError(error)
    guard case .failing(let reason) = error else { return error }
    return .refused(reason, hint: "close this online study and open it again: what was stored is kept")
  }

  // MARK: Serve

  /// Settings for the next request. Asks before a reward is known get different settings only as far as chance has it.
  public func ask() async throws(StudyError) -> Ticket {
    guard isOpen else { throw Self.closed }
    guard let pull = run.next().first else { throw Self.empty }
    let number = requests.count
    let id = Self.id(number)
    run.tell(.pulled([Pull(arm: pull.arm, questions: [number])]))
    requests.append(Request(arm: pull.arm, trial: -1, asked: nextEvent()))
    do {
      let trial = try await trial(of: pull.arm)
      requests[number].trial = trial
      try await store.append(rollouts: [record(number)], calls: [], study: name)
    } catch {
      throw Self.error(error)
    }
    return Ticket(id: id, assignment: arms[pull.arm])
  }

  /// The reward of a request, thumbs or a number on any scale. The first one counts; told again, nothing changes.
  ///
  /// - Throws: for an id that no `ask` gave, and a reward that is not finite.
  public func tell(_ id: String, reward: Double) async throws(StudyError) {
    guard isOpen else { throw Self.closed }
    guard reward.isFinite else {
      throw .refused(
        "the reward of \(id.prefix(60)) is not a finite number",
        hint: "tell a number, such as 1 for thumbs up and 0 for thumbs down; a reward that never came is not told")
    }
    guard let number = Self.number(id), requests.indices.contains(number), requests[number].trial >= 0 else {
      throw .refused(
        "there is no ticket \"\(id.prefix(60))\" in \(name)", hint: "tell the id of a ticket that ask() gave")
    }
    if requests[number].told == nil {
      requests[number].reward = reward
      requests[number].told = nextEvent()
      learn(number)
    }
    do {
      // Stored again when an earlier try was cut short; the store keeps the first.
      try await store.append(rollouts: [record(number)], calls: [], study: name)
    } catch {
      throw Self.error(error)
    }
  }

  /// What serves the requests is another one from now on, such as a new version of the model.
  public func switched(to label: String) async throws(StudyError) {
    guard isOpen else { throw Self.closed }
    switches.append(Switch(label: label, event: nextEvent()))
    run.tell(.switched)
    do {
      let list = switches.map { ["label": .string($0.label), "event": .int($0.event)] as Value }
      try await store.setDocument(Self.document, .array(list), study: name)
    } catch {
      throw Self.error(error)
    }
  }

  public var status: Status {
    let guarded = run as? DriftGuard.Run
    return Status(
      asked: requests.count, told: requests.count { $0.told != nil }, best: arms[run.best], switches: switches.count,
      detected: guarded?.detected ?? 0, resets: guarded?.resets ?? 0)
  }

  /// Gives the study back. Tickets without a reward stay open for the next process.
  public func close() async throws(StudyError) {
    guard isOpen else { return }
    isOpen = false
    do {
      var scores: [Int: [Double]] = [:]
      for request in requests where request.trial >= 0 {
        scores[request.trial, default: []] += request.reward.map { [$0] } ?? []
      }
      for trial in scores.keys.sorted() {
        if let estimate = Estimate(scores[trial] ?? []) {
          try await store.finish(
            .completed(trial: trial, estimate, screened: false, outcomes: [:]), study: name)
        } else {
          try await store.interrupt(trials: [trial], reason: "no reward yet", study: name)
        }
      }
      try await store.release(name, owner: owner, seconds: 0)
    } catch {
      throw Self.error(error)
    }
  }

  // MARK: Memory

  private static let document = "online"
  private static let closed = StudyError.refused(
    "this online study was closed", hint: "open it again: it goes on where it stopped")
  private static let empty = StudyError.refused(
    "there is no setting left to serve with", hint: "serve with the space's start, and open the study in a wider space")

  private static func id(_ number: Int) -> String { "request-\(number)" }
  private static func number(_ id: String) -> Int? { id.hasPrefix("request-") ? Int(id.dropFirst(8)) : nil }

  private func nextEvent() -> Int {
    defer { events += 1 }
    return events
  }

  private func learn(_ number: Int) {
    guard let reward = requests[number].reward else { return }
    let sign = problem.objective.direction == .maximize ? 1.0 : -1.0
    run.tell(.rewarded(arm: requests[number].arm, question: number, reward: sign * reward))
  }

  /// The arm's trial, begun when it is first used.
  private func trial(of arm: Int) async throws -> Int {
    if let task = trials[arm] { return try await task.value }
    let (store, name, owner) = (store, name, owner)
    let proposal = Proposal(arms[arm], origin: run is DriftGuard.Run ? "structured-thompson" : "online")
    let task = Task { () throws -> Int in
      guard let trial = try await store.begin([proposal], attempts: [], study: name, owner: owner).first else {
        throw StudyError.failing("the store began no trial for the setting")
      }
      return trial
    }
    trials[arm] = task
    do {
      return try await task.value
    } catch {
      trials[arm] = nil
      throw error
    }
  }

  /// A request as a rollout. The order of asks and rewards is kept with it, so that the memory is rebuilt exactly.
  private func record(_ number: Int) -> RolloutRecord {
    let request = requests[number]
    var outcomes = ["asked_at": Double(request.asked)]
    outcomes["told_at"] = request.told.map(Double.init)
    return RolloutRecord(
      trial: request.trial, split: .validation, example: Self.id(number), repeat: 0,
      cacheKey: Hashing.hex("online/\(name)/\(number)"), score: request.reward, outcomes: outcomes,
      failure: request.told == nil ? RolloutRecord.Failure(.infrastructure, "no reward yet") : nil)
  }

  private func load() async throws {
    let keys = Dictionary(arms.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
    var armOfTrial: [Int: Int] = [:]
    for trial in try await store.trials(of: name) {
      // A space that grew may write an old value in another way.
      let old = trial.proposal.assignment
      guard let arm = keys[((try? problem.space.accept(old.values)) ?? old).key] else { continue }
      armOfTrial[trial.number] = arm
      let number = trial.number
      if trials[arm] == nil { trials[arm] = Task { number } }
      if trial.state != .running { try await store.resume(trial: number, study: name, owner: owner) }
    }
    var found: [Int: Request] = [:]
    var order: [(event: Int, number: Int?, isTold: Bool)] = []
    for rollout in try await store.rollouts(of: name, trial: nil, split: .validation, traces: false) {
      guard let number = Self.number(rollout.example), let arm = armOfTrial[rollout.trial],
        let asked = rollout.outcomes["asked_at"].map({ Int($0) })
      else { continue }
      let told = rollout.score == nil ? nil : rollout.outcomes["told_at"].map { Int($0) }
      found[number] = Request(arm: arm, trial: rollout.trial, asked: asked, reward: rollout.score, told: told)
      order.append((asked, number, false))
      if let told { order.append((told, number, true)) }
    }
    let list = try await store.document(Self.document, study: name)?.array ?? []
    switches = list.map { Switch(label: $0["label"]?.string ?? "", event: $0["event"]?.int ?? 0) }
    order += switches.map { ($0.event, nil, false) }
    // A request whose storing was cut short by a kill leaves a gap: nobody was served with it.
    let count = (found.keys.max() ?? -1) + 1
    requests = (0..<count).map { found[$0] ?? Request(arm: 0, trial: -1, asked: -1) }
    events = (order.map(\.event).max() ?? -1) + 1
    for entry in order.sorted(by: { $0.event < $1.event }) {
      guard let number = entry.number else {
        run.tell(.switched)
        continue
      }
      if entry.isTold {
        learn(number)
      } else {
        run.tell(.pulled([Pull(arm: requests[number].arm, questions: [number])]))
      }
    }
  }
}
