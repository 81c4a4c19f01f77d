import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// The end of a study: the winner is compared with the start, on the validation examples and on the sealed test.
extension StudyDriver {
  /// - Throws: `StudyError.failing` when no trial has a score.
  mutating func report(_ stop: Report.Stop, _ driver: OptimizerDriver) async throws -> Report {
    guard let best, let estimate = best.estimate else {
      throw StudyError.failing("no trial has a score: \(stopReason ?? trials.last?.reason ?? "")")
    }
    let start = trials.first { $0.proposal.assignment == problem.space.initial } ?? best
    let (test, untested) = try await test(start, best)
    let opened = try await !store.rollouts(of: name, trial: nil, split: .test, traces: false).isEmpty
    let report = Report(
      study: name, objective: problem.objective, stop: stop, stopReason: stopReason,
      optimizerReason: reason(driver), trials: trials.count,
      failed: trials.count { $0.state == .failed }, startTrial: start.number, start: start.estimate,
      bestTrial: best.number, best: estimate,
      winner: try await Study(store: store, name: name).winner(),
      assignment: best.proposal.assignment,
      validation: compare(table.rows[start.number].scores, table.rows[best.number].scores), test: test,
      untested: untested,
      isTestOpened: opened, front: try await front(), spend: try await store.spend(of: name).rounded,
      seconds: earlierSeconds + elapsed.seconds)
    try await store.setDocument("report", try Value(encoding: report), study: name)
    progress(.finished(report))
    return report
  }

  /// Runs both on the sealed test, with the part of the budget that was kept for it.
  /// - Returns: the comparison, or why there is none.
  private mutating func test(_ start: TrialRecord, _ best: TrialRecord) async throws -> (Comparison?, untested: String)
  {
    guard !data.test.isEmpty else { return (nil, "the task has no test rows") }
    guard best.number != start.number else { return (nil, "the start was not beaten, so the test stays sealed") }
    open(settings.budget, spent: ledger.spent)
    do {
      var sides: [[Double?]] = []
      let (jobs, progress) = (jobs(.test, data.test), progress)
      let known = try await store.rollouts(of: name, trial: nil, split: .test, traces: false)
      let missing = [start, best].map { trial in
        let places = Set(known.lazy.filter { $0.trial == trial.number }.map(\.place))
        return jobs.count { !places.contains($0.place) }
      }
      let total = missing[0] + missing[1]
      for (side, trial) in [start, best].enumerated() {
        // What earlier sessions ran is not run again, and of what has no room nothing is begun.
        let before = (side == 0 ? 0 : missing[0]) - (jobs.count - missing[side])
        let batch = try await run(
          jobs, of: trial, begins: { if side == 0 || missing[0] == 0 { progress(.testing(done: 0, total: total)) } },
          ended: { progress(.testing(done: before + $0, total: total)) })
        if let failure = batch.failure { return (nil, "a test rollout failed: \(failure.message)") }
        sides.append(batch.rollouts.map { $0?.score })
      }
      return (compare(sides[0], sides[1]), "")
    } catch let error as ModelError where error.kind == .budget {
      return (nil, "the budget left no room for the test")
    } catch is Cap {
      return (nil, "the budget left no room for the test")
    }
  }

  private func front() async throws -> ParetoFront? {
    guard !problem.objective.outcomes.isEmpty else { return nil }
    let rollouts = try await store.rollouts(of: name, trial: nil, split: .validation, traces: false)
    return ParetoFront(
      OutcomeTable(trials: trials, rollouts: rollouts), objective: problem.objective, confidence: settings.confidence,
      seed: problem.seed)
  }

  /// Repeats of one example are one observation: its mean.
  private func means(_ scores: [Double?]) -> [Double?] {
    let repeats = max(1, settings.repeats)
    return stride(from: 0, to: scores.count, by: repeats).map { first in
      let known = scores[first..<min(first + repeats, scores.count)].compactMap(\.self)
      return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }
  }

  /// Over the examples that both have a score for.
  private func compare(_ start: [Double?], _ best: [Double?]) -> Comparison? {
    let pairs = zip(means(start), means(best)).compactMap { a, b in a.flatMap { a in b.map { (start: a, best: $0) } } }
    guard !pairs.isEmpty else { return nil }
    let sign = problem.objective.direction == .maximize ? 1.0 : -1.0
    return Comparison(pairs, sign: sign, confidence: settings.confidence, seed: problem.seed)
  }
}
