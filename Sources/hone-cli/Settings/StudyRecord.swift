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
  private let rollouts: [Row]
  private let requests: [String: Value]
  private let report: Value

  private struct Row: Sendable {
    let place: Place
    let value: Value
    let calls: [String]
  }

  private struct Place: Hashable, Sendable {
    let trial: Int
    let split: Split
    var example = ""
    var `repeat` = 0
  }

  /// Where a rollout failed: which of the others had begun by then is a matter of time, and so is what they cost.
  private let broken: Set<Place>

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
    var rows: [Row] = []
    var broken: Set<Place> = []
    for trial in 0..<count {
      // Stored as they ended; which one ended first is no result.
      let stored = try await store.rollouts(of: study, trial: trial, split: nil, traces: true).sorted {
        ($0.split.rawValue, $0.example, $0.repeat) < ($1.split.rawValue, $1.example, $1.repeat)
      }
      for rollout in stored {
        if rollout.failure != nil { broken.insert(Place(trial: trial, split: rollout.split)) }
        rows.append(
          Row(
            place: Place(trial: trial, split: rollout.split, example: rollout.example, repeat: rollout.repeat),
            value: try Value(encoding: rollout).without(Self.timed), calls: rollout.callKeys))
      }
    }
    rollouts = rows
    self.broken = broken
    requests = Dictionary(
      try await store.calls(of: study, limit: nil).map { ($0.key, $0.request) }, uniquingKeysWith: { first, _ in first }
    )
    let document = try await store.document("report", study: study)
    isFinished = document != nil && count == records.count
    report = isFinished && limit == nil ? (document ?? .null).without(Self.timed) : .null
  }

  /// The first difference, in the order in which things happened.
  func difference(to other: StudyRecord) -> JSONDifference? {
    zip(parts(sharedWith: other), other.parts(sharedWith: self)).lazy.compactMap { mine, theirs in
      JSONDifference.first(mine.value, theirs.value, at: "$.\(mine.name)")
    }.first
  }

  /// How much is compared.
  var bytes: Int { parts(sharedWith: self).reduce(0) { $0 + $1.value.canonicalJSON.utf8.count } }

  private func parts(sharedWith other: StudyRecord) -> [(name: String, value: Value)] {
    let broken = broken.union(other.broken)
    let theirs = Set(other.rollouts.map(\.place))
    let rows = rollouts.filter { row in
      !broken.contains(Place(trial: row.place.trial, split: row.place.split)) || theirs.contains(row.place)
    }
    let calls = rows.flatMap(\.calls).map { ["key": .string($0), "request": requests[$0] ?? .null] as Value }
    return [
      ("calls", .array(calls)), ("events", events), ("rollouts", .array(rows.map(\.value))),
      ("report", broken.isEmpty ? report : report.without(["spend"])),
    ]
  }
}
