import HoneOptimize

/// How a trial ended, as it is stored: nothing that is not finite is ever a score.
struct Ending: Sendable {
  var trial: Int
  var state: TrialState
  var estimate: Estimate?
  var screened = false
  var outcomes: [String: Double] = [:]
  var reason = ""
  /// Of a failure; nil: the assignment is at fault.
  var kind: RolloutRecord.Failure.Kind?

  /// - Throws: `io` for an event that ends no trial.
  init(_ event: Event) throws(StoreError) {
    switch event {
    case .completed(let trial, let estimate, let screened, let outcomes):
      self.trial = trial
      let bad = outcomes.filter { !$0.value.isFinite }.keys.min()
      if !estimate.mean.isFinite || !estimate.deviation.isFinite {
        state = .failed
        reason = "its score is not finite (\(estimate.mean), deviation \(estimate.deviation))"
      } else if let bad {
        state = .failed
        reason = "its outcome \(bad) is not finite"
      } else {
        state = .complete
        self.estimate = estimate
        self.screened = screened
        self.outcomes = outcomes
      }
    case .failed(let trial, let reason, let kind):
      self.trial = trial
      state = .failed
      self.reason = reason
      self.kind = kind
    case .began, .attempted: throw StoreError(.io, "an event was given to finish that ends no trial")
    }
  }

  /// The event as it is told.
  var event: Event {
    if state == .complete, let estimate {
      return .completed(trial: trial, estimate, screened: screened, outcomes: outcomes)
    }
    return .failed(trial: trial, reason: reason, kind: kind)
  }
}
