import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// Everything of a study that a replay must give again: no clock's figures, no process's.
struct StudyRecord: Sendable {
  /// Ended trials from the first on, up to the first that is not.
  let trials: Int
  let isFinished: Bool
  private let events: Value
  private let rollouts: Value
  private let calls: Value
  private let report: Value

  /// What clocks and budgets decide.
  private static let timed: Set<String> = ["seconds", "attempts", "stop", "untested"]

  /// - Parameter limit: only the first trials.
  init(of study: String, in store: any Store, limit: Int? = nil) async throws {
    let records = try await store.trials(of: study)
    let ended = records.prefix { $0.state == .complete || $0.state == .failed }.count
    let count = min(limit ?? ended, ended)
    trials = count
    var kept: [Event] = []
    for event in try await store.events(of: study) {
      switch event {
      case .began(let trial, _), .completed(let trial, _, _, _), .failed(let trial, _):
        if trial < count { kept.append(event) }
      case .attempted: kept.append(event)
      }
    }
    // Attempts behind the last trial that counts belong to trials that did not end.
    if count < records.count || limit != nil {
      while case .attempted? = kept.last { kept.removeLast() }
    }
    events = try Value(encoding: kept)
    var rows: [Value] = []
    var keys: [String] = []
    for trial in 0..<count {
      // Stored as they ended; which one ended first is no result.
      let stored = try await store.rollouts(of: study, trial: trial, split: nil, traces: true).sorted {
        $0.place < $1.place
      }
      for rollout in stored {
        rows.append(try Value(encoding: rollout).without(Self.timed))
        keys += rollout.callKeys
      }
    }
    rollouts = .array(rows)
    let requests = Dictionary(
      try await store.calls(of: study, limit: nil).map { ($0.key, $0.request) }, uniquingKeysWith: { first, _ in first }
    )
    calls = .array(keys.map { ["key": .string($0), "request": requests[$0] ?? .null] })
    let document = try await store.document("report", study: study)
    isFinished = document != nil && count == records.count
    report = isFinished && limit == nil ? (document ?? .null).without(Self.timed) : .null
  }

  /// The first difference, in the order in which things happened.
  func difference(to other: StudyRecord) -> JSONDifference? {
    JSONDifference.first(calls, other.calls, at: "$.calls")
      ?? JSONDifference.first(events, other.events, at: "$.events")
      ?? JSONDifference.first(rollouts, other.rollouts, at: "$.rollouts")
      ?? JSONDifference.first(report, other.report, at: "$.report")
  }

  /// How much was compared.
  var bytes: Int { [events, rollouts, calls, report].reduce(0) { $0 + $1.canonicalJSON.utf8.count } }
}

extension RolloutRecord {
  /// Where it stands among a trial's rollouts.
  var place: (String, String, Int) { (split.rawValue, example, `repeat`) }
}
