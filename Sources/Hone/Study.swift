import Foundation
import HoneModel
import HoneNumerics
import HoneOptimize
import HoneStore
import HoneTrace
import Logging

/// A named search: durable, and resumed by running it again.
public struct Study: Sendable {
  public let store: any Store
  public let name: String

  public init(store: any Store, name: String) {
    self.store = store
    self.name = name
  }

  /// The study in a database file, which is made when it is not there.
  public static func open(_ path: String, named name: String) async throws(StoreError) -> Study {
    Study(store: try await SQLiteStore(path: path), name: name)
  }

  /// Searches until the budget, the space or the target ends it, then compares the winner with the start on the sealed
  /// test. A study that exists goes on where it stopped.
  ///
  /// - Parameters:
  ///   - optimizer: where the objective names further outcomes and it learns from scores alone, ParEGO drives it.
  ///   - optimizerSettings: name and settings of the optimizer, as the study keeps them; nil: what the optimizer says.
  ///   - scheduler: decides which rollouts to pay for; nil: every trial is measured whole, screened as the settings say.
  ///   - schedulerSettings: of the scheduler, as the study keeps them; nil: what the scheduler says.
  ///   - proposer: the model that proposers ask; nil when there is none.
  ///   - cassette: answers and records requests as `mode` says.
  ///   - clock: counts the seconds of the budget.
  ///   - logger: told why an optimizer that chooses, as `Auto` does, chose as it did; nil: nobody.
  /// - Throws: `StudyError`; cancelling the task gives `.interrupted`, with running trials marked so.
  public func run(
    _ runner: any Runner, problem: Problem, data: DataSplits, optimizer: any Optimizer,
    optimizerSettings: Value? = nil, settings: StudySettings, scheduler: (any Scheduler)? = nil,
    schedulerSettings: Value? = nil, proposer: (any ChatModel)? = nil, cassette: (any CallArchive)? = nil,
    mode: CassetteMode = .off, clock: any Clock<Duration> = ContinuousClock(), documents: [String: Value] = [:],
    logger: Logger? = Logger(label: "hone.study"), progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) async throws(StudyError) -> Report {
    guard !data.validation.isEmpty else { throw .noData }
    var settings = settings
    // Of several goals screening knows one: a cheap trial with a low score may be on the front.
    if !problem.objective.outcomes.isEmpty { settings.screening = false }
    let measuring = scheduler.map { Value(use: $0.name, settings: schedulerSettings ?? $0.settingsDocument) }
    let definition = StudyDefinition(
      name: name, problem: problem, fingerprint: runner.fingerprint, data: Hashing.data(data),
      optimizer: optimizerSettings ?? Value(use: optimizer.name, settings: optimizer.settingsDocument),
      settings: settings.canonical(scheduler: measuring))
    let owner = Owner.current
    let time = Elapsed(clock)
    let stored: StudyDefinition
    do {
      stored = try await store.open(definition)
      try Self.compare(stored, definition)
      try await store.acquire(name, owner: owner)
    } catch {
      throw Self.studyError(error)
    }
    let result: Result<Report, any Error>
    do {
      if stored.problem.space != problem.space { try await widen(stored, to: definition) }
      for (key, value) in documents { try await store.setDocument(key, value, study: name) }
      var driver = StudyDriver(
        store: store, name: name, runner: runner, data: data, settings: settings,
        scheduler: scheduler ?? settings.fullEvaluation(examples: data.validation.count), problem: problem,
        owner: owner, proposer: proposer, calls: try await KnownCalls(of: name, in: store), cassette: cassette,
        mode: mode, elapsed: time, logger: logger, progress: progress)
      result = .success(try await driver.run(optimizer.exploring(problem.objective)))
    } catch {
      result = .failure(error)
    }
    let (store, name) = (store, name)
    let seconds = time.seconds
    // Also when the task is cancelled: the study must not stay taken.
    let released = await Task { () -> (any Error)? in
      do { try await store.release(name, owner: owner, seconds: seconds) } catch { return error }
      return nil
    }.value
    do {
      let report = try result.get()
      if let released { throw released }
      return report
    } catch {
      throw Self.studyError(error)
    }
  }

  /// The name under which a study keeps its earlier spaces, each with the number of trials that were begun in it.
  public static let earlierSpaces = "earlier-spaces"

  /// Goes on in the definition's wider space. The study must be this process's.
  func widen(_ stored: StudyDefinition, to definition: StudyDefinition) async throws {
    let earlier = try await store.document(Self.earlierSpaces, study: name)?.array ?? []
    let trials = try await store.trials(of: name).count
    let entry: Value = ["trials": .int(trials), "space": try Value(encoding: stored.problem.space)]
    try await store.setDocument(Self.earlierSpaces, .array(earlier + [entry]), study: name)
    try await store.redefine(definition)
  }

  private static func compare(_ stored: StudyDefinition, _ new: StudyDefinition) throws(StudyError) {
    var parts: [String] = []
    // A wider space holds all that was tried: the study goes on in it.
    if !new.problem.space.widens(stored.problem.space) { parts.append("search space") }
    if stored.problem.objective != new.problem.objective { parts.append("goal") }
    if stored.problem.seed != new.problem.seed { parts.append("seed") }
    if stored.fingerprint != new.fingerprint { parts.append("workflow") }
    if stored.data != new.data { parts.append("data") }
    if stored.optimizer != new.optimizer { parts.append("optimizer") }
    if stored.settings != new.settings { parts.append("way of measuring") }
    if !parts.isEmpty { throw .changed(study: new.name, parts: parts) }
  }

  static func studyError(_ error: any Error) -> StudyError {
    switch error {
    case let error as StudyError: error
    case let error as StoreError: .store(error)
    case let error as ModelError: error.kind == .cancelled ? .interrupted : .model(error)
    case is CancellationError: .interrupted
    default: .failing("\(error)")
    }
  }
}

/// Seconds since the session began.
struct Elapsed: Sendable {
  /// For what counts on its own, such as a ledger.
  let clock: any Clock<Duration>
  private let read: @Sendable () -> Double

  init<C: Clock>(_ clock: C) where C.Duration == Duration {
    self.clock = clock
    let start = clock.now
    read = {
      let duration = start.duration(to: clock.now)
      return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
  }

  var seconds: Double { read() }
}
