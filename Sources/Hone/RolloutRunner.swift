import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// Runs rollouts of one trial, several at a time, and stores each as it ends. The results stand in the order asked for,
/// whichever ended first.
///
/// In a replay, which can be made again at will, those that asked a model are stored together: at the end, and once a
/// second on the way.
struct RolloutRunner: Sendable {
  let store: any Store
  let study: String
  let runner: any Runner
  let parallel: Int
  let calls: KnownCalls
  let cassette: (any CallArchive)?
  let mode: CassetteMode
  let elapsed: Elapsed
  /// What `elapsed` may say at most when a rollout is begun.
  var deadline = Double.infinity

  struct Job: Sendable {
    let split: Split
    let example: Example
    let `repeat`: Int

    var place: Place { Place(example: example.id, repeat: `repeat`) }
  }

  /// Where a rollout stands in its trial and split.
  struct Place: Hashable, Sendable {
    let example: String
    let `repeat`: Int
  }

  /// What became of a batch.
  struct Batch: Sendable {
    /// By job; nil when it was not begun or did not count.
    var rollouts: [RolloutRecord?]
    /// The first failure, by job.
    var failure: RolloutRecord.Failure?
    /// The model call's error behind it.
    var cause: ModelError?
    /// An error after which nothing can succeed, or cancellation.
    var error: (any Error)?
  }

  /// - Parameters:
  ///   - known: rollouts of the trial and split that are stored already.
  ///   - ended: called after each rollout with how many are done.
  func run(
    _ jobs: [Job], trial: Int, assignment: Assignment, ledger: Ledger, known: [RolloutRecord],
    ended: @escaping @Sendable (Int) -> Void
  ) async -> Batch {
    let good = Dictionary(
      known.lazy.filter { $0.failure == nil }.map { ($0.place, $0) }, uniquingKeysWith: { first, _ in first })
    var batch = Batch(rollouts: jobs.map { good[$0.place] })
    var waiting = jobs.indices.filter { batch.rollouts[$0] == nil }[...]
    var done = jobs.count - waiting.count
    var failedAt = jobs.count
    var unstored: [Ended] = []
    var storedAt = elapsed.seconds
    await withTaskGroup(of: Ended.self) { group in
      func begin() {
        guard batch.error == nil, failedAt == jobs.count, !Task.isCancelled, let index = waiting.popFirst() else {
          return
        }
        // A workflow that calls no model meets no ledger.
        guard elapsed.seconds < deadline else {
          batch.error = StudyDriver.Cap(stop: .time)
          return
        }
        let job = jobs[index]
        group.addTask {
          await self.rollout(job, at: index, trial: trial, assignment: assignment, ledger: ledger)
        }
      }
      for _ in 0..<max(1, parallel) { begin() }
      while let end = await group.next() {
        if let error = end.error {
          batch.error = batch.error ?? error
        } else {
          if !end.isStored { unstored.append(end) }
          batch.rollouts[end.index] = end.record
          if let failure = end.record.failure, end.index < failedAt {
            failedAt = end.index
            batch.failure = failure
            batch.cause = end.cause
          }
          done += 1
          ended(done)
        }
        begin()
        if !unstored.isEmpty, elapsed.seconds - storedAt >= Self.longestUnstored {
          await store(&unstored, &batch)
          storedAt = elapsed.seconds
        }
      }
    }
    await store(&unstored, &batch)
    if Task.isCancelled { batch.error = batch.error ?? CancellationError() }
    return batch
  }

  /// Seconds a rollout of a replay may wait to be stored.
  private static let longestUnstored = 1.0

  private func store(_ unstored: inout [Ended], _ batch: inout Batch) async {
    guard !unstored.isEmpty else { return }
    let calls = unstored.flatMap(\.calls)
    do {
      try await store.append(rollouts: unstored.map(\.record), calls: calls, study: study)
      self.calls.noteStored(calls)
    } catch {
      batch.error = batch.error ?? error
      for end in unstored { batch.rollouts[end.index] = nil }
    }
    unstored = []
  }

  private struct Ended: Sendable {
    var index: Int
    var record: RolloutRecord
    /// Those a cassette answered, which are not stored yet when the rollout is not.
    var calls: [CallRecord] = []
    var isStored = true
    /// Set when the rollout does not count: it was cancelled, or what went wrong ends the study.
    var error: (any Error)?
    var cause: ModelError?
  }

  private func rollout(_ job: Job, at index: Int, trial: Int, assignment: Assignment, ledger: Ledger) async -> Ended {
    let key = Hashing.rollout(
      fingerprint: runner.fingerprint, assignment: assignment, example: job.example, repeat: job.repeat)
    var record = RolloutRecord(
      trial: trial, split: job.split, example: job.example.id, repeat: job.repeat, cacheKey: key)
    do {
      if !runner.asksModel, let cached = try await store.rollout(cacheKey: key), cached.callKeys.isEmpty {
        let reused = Self.reuse(cached, as: record)
        try await store.append(rollouts: [reused], calls: [], study: study)
        return Ended(index: index, record: reused)
      }
    } catch {
      return Ended(index: index, record: record, error: error)
    }
    let recorder = Recorder()
    let scope = CallScope(repeat: job.repeat)
    let context = CallContext(
      ledger: ledger, archive: self.calls, cassette: cassette, mode: mode, role: "workflow", scope: scope)
    let began = elapsed.seconds
    let outcome = await TraceContext.$current.withValue(TraceContext(recorder: recorder, assignment: assignment)) {
      await CallContext.$current.withValue(context) { await runner.run(job.example, repeat: job.repeat) }
    }
    if let error = outcome.error, error.endsStudy || error.kind == .cancelled {
      return Ended(index: index, record: record, error: error)
    }
    if Task.isCancelled, outcome.failure != nil {
      return Ended(index: index, record: record, error: CancellationError())
    }
    record.fill(outcome)
    record.spend = scope.spend
    record.callKeys = scope.callKeys
    record.seconds = elapsed.seconds - began
    let words = outcome.feedback.isEmpty ? outcome.failure?.message ?? "" : outcome.feedback
    let node = outcome.node ?? recorder.lastFailure
    record.trace = recorder.finish(
      feedback: node.map { [Feedback(node: $0, text: words, score: record.score)] } ?? [])
    let answered = scope.records
    calls.hold(answered)
    // One without calls may be used again for the next.
    if mode == .replay, !record.callKeys.isEmpty {
      return Ended(index: index, record: record, calls: answered, isStored: false, cause: outcome.error)
    }
    do {
      try await store.append(rollouts: [record], calls: answered, study: study)
      calls.noteStored(answered)
      return Ended(index: index, record: record, cause: outcome.error)
    } catch {
      return Ended(index: index, record: record, error: error)
    }
  }

  private static func reuse(_ cached: RolloutRecord, as record: RolloutRecord) -> RolloutRecord {
    var copy = cached
    copy.trial = record.trial
    copy.split = record.split
    copy.example = record.example
    copy.repeat = record.repeat
    copy.spend = Spend()
    return copy
  }
}

extension RolloutRecord {
  var place: RolloutRunner.Place { RolloutRunner.Place(example: example, repeat: `repeat`) }

  /// Takes over what came of a run; a score that is missing or not finite is a failure.
  fileprivate mutating func fill(_ outcome: Outcome) {
    output = outcome.output
    feedback = outcome.feedback
    outcomes = outcome.outcomes.filter { $0.value.isFinite }
    failure = outcome.failure
    if failure == nil {
      if let score = outcome.score, score.isFinite {
        self.score = score
      } else {
        failure = Failure(.score, outcome.score.map { "the score is \($0)" } ?? "there is no score")
      }
    }
  }
}
