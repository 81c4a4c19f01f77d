import HoneModel
import HoneOptimize
import HoneTrace

/// What a study is. Stored when the study is made; later openings are compared with it.
public struct StudyDefinition: Hashable, Codable, Sendable {
  public var name: String
  public var problem: Problem
  /// Hash of the workflow: two workflows with one fingerprint give the same rollouts.
  public var fingerprint: String
  /// Hash of the examples and their split.
  public var data: String
  /// Name and settings of the optimizer, as canonical as they were given.
  public var optimizer: Value
  /// Everything else that decides results: minibatch, repeats, splits.
  public var settings: Value

  public init(
    name: String, problem: Problem, fingerprint: String, data: String, optimizer: Value, settings: Value = [:]
  ) {
    self.name = name
    self.problem = problem
    self.fingerprint = fingerprint
    self.data = data
    self.optimizer = optimizer
    self.settings = settings
  }
}

/// Who works on a study. On one machine a dead owner is known at once by its process identity.
public struct Owner: Hashable, Codable, Sendable {
  public var host: String
  public var process: Int32
  /// When the process began, in clock ticks since boot: a process id that is used again has another one.
  public var started: Int64

  public init(host: String, process: Int32, started: Int64) {
    self.host = host
    self.process = process
    self.started = started
  }
}

/// State of a trial.
public enum TrialState: String, Codable, Sendable {
  case running, complete, failed, interrupted
}

/// One trial as it stands.
public struct TrialRecord: Hashable, Codable, Sendable {
  public var number: Int
  public var state: TrialState
  public var proposal: Proposal
  public var estimate: Estimate?
  public var screened: Bool
  public var outcomes: [String: Double]
  /// Why it failed or was interrupted.
  public var reason: String

  public init(
    number: Int, state: TrialState, proposal: Proposal, estimate: Estimate? = nil, screened: Bool = false,
    outcomes: [String: Double] = [:], reason: String = ""
  ) {
    self.number = number
    self.state = state
    self.proposal = proposal
    self.estimate = estimate
    self.screened = screened
    self.outcomes = outcomes
    self.reason = reason
  }
}

/// One line of `hone list`.
public struct StudySummary: Hashable, Codable, Sendable {
  public var name: String
  public var objective: Objective
  public var trials: Int
  public var complete: Int
  public var failed: Int
  public var running: Int
  public var best: Double?
  public var bestTrial: Int?
  public var spend: Spend
  public var seconds: Double

  public init(
    name: String, objective: Objective, trials: Int, complete: Int, failed: Int, running: Int, best: Double?,
    bestTrial: Int?, spend: Spend, seconds: Double
  ) {
    self.name = name
    self.objective = objective
    self.trials = trials
    self.complete = complete
    self.failed = failed
    self.running = running
    self.best = best
    self.bestTrial = bestTrial
    self.spend = spend
    self.seconds = seconds
  }
}

/// Keeps studies. Whatever a method has returned from survives kill -9 and power loss.
///
/// One suite of tests (`HoneTesting.StoreConformance`) holds for every implementation. Several processes may use one
/// store; everything that is written together is written in one transaction.
public protocol Store: Sendable {
  /// Makes the study, or returns the stored definition when one of that name exists (the caller compares).
  func open(_ definition: StudyDefinition) async throws(StoreError) -> StudyDefinition
  func definition(of study: String) async throws(StoreError) -> StudyDefinition?
  /// The study goes on under another definition of the same name, as when its space is widened; its trials stay.
  func redefine(_ definition: StudyDefinition) async throws(StoreError)
  /// By name.
  func studies() async throws(StoreError) -> [StudySummary]
  /// Deletes the study and all that belongs to it.
  func remove(_ study: String) async throws(StoreError)

  /// Takes the study for one driver. Trials a dead owner left `running` become `interrupted` first.
  /// - Throws: `StoreError.busy` naming the living owner.
  func acquire(_ study: String, owner: Owner) async throws(StoreError)
  /// Gives the study back and adds the seconds it ran.
  func release(_ study: String, owner: Owner, seconds: Double) async throws(StoreError)

  /// Numbers the proposals from the next free trial number on, marks them `running`, and appends their `began` events
  /// behind the attempts that led to them. Safe to call from many processes at once.
  func begin(_ proposals: [Proposal], attempts: [Attempt], study: String, owner: Owner) async throws(StoreError)
    -> [Int]
  /// An interrupted trial goes on, or a complete one that was not dropped is measured on more examples: `running` again.
  /// What it was measured to be stays until it ends anew.
  func resume(trial: Int, study: String, owner: Owner) async throws(StoreError)
  /// Stores rollouts with their traces (and any calls that were answered by a cassette and are not yet archived), in one
  /// transaction. A rollout that is already there (same trial, split, example, repeat) is replaced if it had failed, else
  /// left.
  func append(rollouts: [RolloutRecord], calls: [CallRecord], study: String) async throws(StoreError)
  /// Ends a trial: `event` is `completed` or `failed`. Idempotent; a late result of an interrupted trial is accepted once.
  func finish(_ event: Event, study: String) async throws(StoreError)
  /// `failed`/`interrupted` trials keep their rollouts.
  func interrupt(trials: [Int], reason: String, study: String) async throws(StoreError)

  /// Everything an optimizer is told, in order.
  func events(of study: String) async throws(StoreError) -> [Event]
  /// By number.
  func trials(of study: String) async throws(StoreError) -> [TrialRecord]
  /// By trial, split, example order of insertion. Traces are read only when asked for.
  func rollouts(of study: String, trial: Int?, split: Split?, traces: Bool) async throws(StoreError) -> [RolloutRecord]
  /// A completed rollout with this cache key, in any study of the store.
  func rollout(cacheKey: String) async throws(StoreError) -> RolloutRecord?

  /// The study's own record of model calls.
  func archive(of study: String) -> any CallArchive
  /// Keys of all its calls.
  func callKeys(of study: String) async throws(StoreError) -> Set<String>
  /// Calls in the order they were made.
  func calls(of study: String, limit: Int?) async throws(StoreError) -> [CallRecord]
  /// Requests, tokens and money of all calls of the study, failed ones included.
  func spend(of study: String) async throws(StoreError) -> Spend
  /// The same by who asked, as `CallRecord.role` has it; embeddings are `embedding`, whoever needed them.
  func spendByRole(of study: String) async throws(StoreError) -> [String: Spend]
  /// Seconds run so far, over all sessions.
  func seconds(of study: String) async throws(StoreError) -> Double

  /// A named JSON document beside a study (the final report, the sealed test's result).
  func setDocument(_ name: String, _ value: Value, study: String) async throws(StoreError)
  func document(_ name: String, study: String) async throws(StoreError) -> Value?
}

extension Store {
  public func callKeys(of study: String) async throws(StoreError) -> Set<String> {
    Set(try await calls(of: study, limit: nil).map(\.key))
  }

  public func spendByRole(of study: String) async throws(StoreError) -> [String: Spend] {
    try await calls(of: study, limit: nil).reduce(into: [:]) { roles, call in
      roles[call.path == "embeddings" ? "embedding" : call.role, default: Spend()].add(
        call.usage, requests: call.attempts)
    }
  }
}

/// What went wrong in a store, with its exit code's meaning.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    /// Waited 30 s for another writer, or another process drives the study: try again (75).
    case busy
    /// Disk full (74).
    case full
    /// Read or write failed (74).
    case io
    /// Not a database, or damaged (65).
    case corrupt
    /// Made by a newer program, or by another one (65).
    case foreign
    /// No permission (77).
    case permission
    /// The file or its folder cannot be made (73).
    case cannotCreate
    /// A network file system, where SQLite's locks do not hold (73).
    case networkFileSystem
    /// No such study or trial (66).
    case notFound
  }
  public var kind: Kind
  /// One sentence with the path.
  public var message: String
  /// What to do about it.
  public var hint: String

  /// - Parameter hint: nil for the kind's own.
  public init(_ kind: Kind, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.message = message
    self.hint = hint ?? kind.hint
  }

  public var description: String { message }
}

extension StoreError.Kind {
  /// What to do when nothing more is known.
  var hint: String {
    switch self {
    case .busy: "wait for the other process to end and run the same command again"
    case .full: "free some space and run the same command again: it goes on where it stopped"
    case .io: "check the disk, and the folder's owner and mode"
    case .corrupt: "`hone db check` says what is wrong, `hone db recover NEW` saves what can be read"
    case .foreign: "name a file that this version of Hone wrote"
    case .permission: "check the owner and mode of file and folder"
    case .cannotCreate: "choose another path"
    case .networkFileSystem: "keep the database on a local disk"
    case .notFound: "`hone list` names the studies there are"
    }
  }
}
