import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// Everything of a study that a replay must give again: no clock's figures, no process's, and nothing of a round or a test
/// that a budget or a signal cut short.
struct StudyRecord: Sendable {
  /// Ended trials from the first on, up to the first that is not.
  let trials: Int
  /// Trials that were begun.
  let begun: Int
  /// The sealed test was run to its end, or to a failure.
  let isTested: Bool
  private let events: Value
  private let rollouts: [Row]
  /// Keys of all calls.
  private let calls: Set<String>
  /// Null when there is none, or when it is one of an earlier session.
  private let report: Value
  /// Calls of the attempts that led to trials.
  private let asked: Set<String>

  private struct Row: Sendable {
    let place: Place
    /// Without the seconds it took.
    let rollout: RolloutRecord
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
  private static let timed: Set<String> = [
    "seconds", "attempts", "stop", "stopReason", "untested", "isTestOpened", "optimizerReason",
  ]

  /// - Parameters:
  ///   - limit: only the first trials.
  ///   - isReported: the report is one of these trials alone.
  init(of study: String, in store: any Store, limit: Int? = nil, isReported: Bool = true) async throws {
    let records = try await store.trials(of: study)
    let ended = try await Self.ended(records, study, store)
    let count = min(limit ?? ended, ended)
    trials = count
    begun = records.count
    let kept = Self.kept(try await store.events(of: study), trials: count)
    events = try ValueEncoder.value(kept)
    asked = Set(
      kept.flatMap { event -> [String] in
        guard case .attempted(let attempt) = event else { return [] }
        return attempt.callKeys
      })
    let document = try await store.document("report", study: study) ?? .null
    let isCurrent = isReported && document["trials"]?.int == records.count
    report = isCurrent ? document.without(Self.timed) : .null
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
            rollout: rollout.untimed))
      }
    }
    let isTested = isCurrent && (document["test"]?.object != nil || broken.contains { $0.split == .test })
    // A test that was cut short is run no further in a replay; one of an earlier winner is not run again.
    let sides = [document["startTrial"]?.int, document["bestTrial"]?.int]
    rollouts = rows.filter { $0.place.split != .test || isTested && sides.contains($0.place.trial) }
    self.broken = broken
    self.isTested = isTested
    calls = try await store.callKeys(of: study)
  }

  /// Events of the first trials, and the attempts that led to them.
  /// How many trials can be compared: up to the first that was cut short. One that no rollout was spent on, as a bandit
  /// leaves an arm, was not.
  private static func ended(_ records: [TrialRecord], _ study: String, _ store: any Store) async throws -> Int {
    var count = 0
    for (number, record) in records.enumerated() {
      if record.state == .complete || record.state == .failed {
        count = number + 1
      } else if try await !store.rollouts(of: study, trial: number, split: .validation, traces: false).isEmpty {
        break
      }
    }
    return count
  }

  private static func kept(_ events: [Event], trials: Int) -> [Event] {
    var kept = events.filter { event in event.trial.map { $0 < trials } ?? true }
    while case .attempted? = kept.last { kept.removeLast() }
    return kept
  }

  /// The first difference of a replay to this, in the order in which things happened.
  ///
  /// - Parameter archive: the calls of both.
  func difference(to replay: StudyRecord, archive: any CallArchive) async throws -> JSONDifference? {
    let (mine, theirs) = parts(replayedAs: replay)
    let (asked, answered) = (mine.rows.flatMap(\.rollout.callKeys), theirs.rows.flatMap(\.rollout.callKeys))
    if let index = (0..<max(asked.count, answered.count)).first(where: { asked[at: $0] != answered[at: $0] }) {
      return try await Self.difference(asked[at: index], answered[at: index], "$.calls[\(index)]", archive)
    }
    if let found = JSONDifference.first(mine.events, theirs.events, at: "$.events") { return found }
    for index in 0..<max(mine.rows.count, theirs.rows.count) {
      // What is equal has equal JSON, and is nearly everything.
      let (one, other) = (mine.rows[at: index]?.rollout, theirs.rows[at: index]?.rollout)
      guard one != other else { continue }
      let (a, b) = (try one.map { try Self.value($0) }, try other.map { try Self.value($0) })
      if let found = JSONDifference.first(a, b, at: "$.rollouts[\(index)]") { return found }
    }
    return JSONDifference.first(mine.report, theirs.report, at: "$.report")
  }

  /// Of two calls that have different keys: in the request where it is there to see.
  private static func difference(_ mine: String?, _ theirs: String?, _ path: String, _ archive: any CallArchive)
    async throws -> JSONDifference?
  {
    func call(_ key: String?) async throws -> Value? {
      guard let key else { return nil }
      return ["request": try await archive.call(for: key)?.request ?? .null, "sha256": .string(key)]
    }
    return JSONDifference.first(try await call(mine), try await call(theirs), at: path)
  }

  private static func value(_ rollout: RolloutRecord) throws -> Value {
    try ValueEncoder.value(rollout).without(timed)
  }

  /// How much is compared with a replay: the length of all texts and numbers as JSON, without the names of members.
  func bytes(comparedWith replay: StudyRecord) -> Int {
    let recorded = parts(replayedAs: replay).recorded
    return recorded.rows.reduce(recorded.events.bytes + recorded.report.bytes) { $0 + $1.rollout.bytes }
  }

  private struct Parts {
    let events: Value
    let rows: [Row]
    let report: Value
  }

  private func parts(replayedAs replay: StudyRecord) -> (recorded: Parts, replayed: Parts) {
    let unequal = broken.union(replay.broken)
    let shared = Set(rollouts.map(\.place)).intersection(replay.rollouts.map(\.place))
    // Examples drawn for a round of which no trial came: they are of the trial that was best then.
    let drawn = rollouts.map(\.place).filter { $0.split == .train && !shared.contains($0) }
    let isCut = Set(drawn.map(\.trial)).count == 1
    func rows(_ record: StudyRecord, _ drawn: Set<Place>) -> [Row] {
      record.rollouts.filter { row in
        let isEqual = !unequal.contains(Place(trial: row.place.trial, split: row.place.split))
        return !drawn.contains(row.place) && (isEqual || shared.contains(row.place))
      }
    }
    let recorded = rows(self, isCut ? Set(drawn) : [])
    let replayed = rows(replay, [])
    var left: Set<String> = []
    if begun != replay.begun { left.insert("trials") }
    if !unequal.isEmpty || !isAccounted(by: recorded) || !replay.isAccounted(by: replayed) { left.insert("spend") }
    // Without a whole last trial the replay may have ended early, without a report.
    let isReported = report != .null && (begun == trials || replay.report != .null)
    func parts(_ record: StudyRecord, _ rows: [Row]) -> Parts {
      Parts(events: record.events, rows: rows, report: isReported ? record.report.without(left) : .null)
    }
    return (parts(self, recorded), parts(replay, replayed))
  }

  /// Every call belongs to what is compared, so that the spend is comparable too.
  private func isAccounted(by rows: [Row]) -> Bool {
    calls.isSubset(of: asked.union(rows.flatMap(\.rollout.callKeys)))
  }
}
