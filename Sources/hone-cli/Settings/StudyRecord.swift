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
  private let requests: [String: Value]
  /// Null when there is none, or when it is one of an earlier session.
  private let report: Value
  /// Calls of the attempts that led to trials.
  private let asked: Set<String>

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
            value: try ValueEncoder.value(rollout).without(Self.timed), calls: rollout.callKeys))
      }
    }
    let isTested = isCurrent && (document["test"]?.object != nil || broken.contains { $0.split == .test })
    // A test that was cut short is run no further in a replay; one of an earlier winner is not run again.
    let sides = [document["startTrial"]?.int, document["bestTrial"]?.int]
    rollouts = rows.filter { $0.place.split != .test || isTested && sides.contains($0.place.trial) }
    self.broken = broken
    self.isTested = isTested
    requests = Dictionary(
      try await store.calls(of: study, limit: nil).map { ($0.key, $0.request) }, uniquingKeysWith: { first, _ in first }
    )
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
  func difference(to replay: StudyRecord) -> JSONDifference? {
    let (mine, theirs) = parts(replayedAs: replay)
    return zip(mine, theirs).lazy.compactMap { mine, theirs in
      JSONDifference.first(mine.value, theirs.value, at: "$.\(mine.name)")
    }.first
  }

  /// How much is compared with a replay.
  func bytes(comparedWith replay: StudyRecord) -> Int {
    parts(replayedAs: replay).recorded.reduce(0) { $0 + $1.value.canonicalJSON.utf8.count }
  }

  private typealias Part = (name: String, value: Value)

  private func parts(replayedAs replay: StudyRecord) -> (recorded: [Part], replayed: [Part]) {
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
    func parts(_ record: StudyRecord, _ rows: [Row]) -> [Part] {
      // In this order, so that a difference in a request is named before its hash.
      let calls = rows.flatMap(\.calls).map { key in
        ["request": record.requests[key] ?? .null, "sha256": .string(key)] as Value
      }
      return [
        ("calls", .array(calls)), ("events", record.events), ("rollouts", .array(rows.map(\.value))),
        ("report", isReported ? record.report.without(left) : .null),
      ]
    }
    return (parts(self, recorded), parts(replay, replayed))
  }

  /// Every call belongs to what is compared, so that the spend is comparable too.
  private func isAccounted(by rows: [Row]) -> Bool {
    Set(requests.keys).isSubset(of: asked.union(rows.flatMap(\.calls)))
  }
}
