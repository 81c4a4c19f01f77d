import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// What a study found, and how sure that is.
public struct Report: Hashable, Codable, Sendable {
  /// Why the search ended.
  public enum Stop: String, Codable, Sendable {
    case trials, rollouts, requests, tokens, money, time, target
    case oracleCalls = "oracle_calls"
    /// A finite space was tried whole.
    case exhausted
    /// Round after round the proposer gave nothing that could be tried.
    case proposer
    /// The scheduler found nothing more that is worth a rollout.
    case scheduler
    /// Going on was expected to gain less than it costs.
    case gain
  }
  public var study: String
  public var objective: Objective
  public var stop: Stop
  /// More about it; only where `stop` does not say it all.
  public var stopReason: String?
  /// Why the optimizer searched as it did; nil for one that has nothing to choose, and in reports of older versions.
  public var optimizerReason: String?
  public var trials: Int
  public var failed: Int
  /// The trial that is the untuned workflow.
  public var startTrial: Int
  public var start: Estimate?
  public var bestTrial: Int
  public var best: Estimate
  /// What the best trial is expected to score again on rows like those of validation: less than it scored, because being
  /// the best of many is partly luck. Nil in reports of older versions.
  public var winner: Winner?
  public var assignment: Assignment
  /// On the validation examples, by which the winner was chosen: its gain is too good by that choice.
  public var validation: Comparison?
  /// On the sealed test; nil when there is none, when the budget left no room, or when the start was not beaten.
  public var test: Comparison?
  /// Why there is no test.
  public var untested: String
  /// Some test rollouts were run, though without a comparison where `test` is nil. Nil in reports of older versions.
  public var isTestOpened: Bool?
  /// The trade-off between score and outcomes, where the objective names outcomes.
  public var front: ParetoFront?
  public var spend: Spend
  /// Seconds over all sessions.
  public var seconds: Double

  /// The winner is not the start and the sealed test shows it: the interval of its gain lies above 0.
  public var isImproved: Bool {
    bestTrial != startTrial && (test.map { $0.gainInterval.lower > 0 && $0.pValue < 0.05 } ?? false)
  }
}

/// What a study is about to do and what it can show, told before anything is spent.
public struct Plan: Hashable, Codable, Sendable {
  public var train: Int
  public var validation: Int
  public var test: Int
  /// Smallest gain that these many examples are likely to show, for scores from 0 to 1; nil for fewer than two.
  public var smallestValidationGain: Double?
  public var smallestTestGain: Double?
}

/// News from a running study, in order.
public enum Progress: Sendable {
  case opened(trialsDone: Int, resumed: Bool)
  case plan(Plan)
  case began(TrialRecord)
  /// Rollouts of the trial that are done, of how many.
  case rollouts(trial: Int, done: Int, total: Int)
  case ended(TrialRecord, incumbent: Int?, spend: Spend, seconds: Double)
  /// What the scheduler says of a trial that is about to end: "culled after 8 of 64 examples".
  case remark(trial: Int, String)
  case attempted(Attempt)
  /// Why an optimizer that chooses searches as it does: at the start, and when that changes.
  case optimizer(String, reason: String)
  /// A proposer is asked.
  case asking(String)
  /// Rows in two splits, a budget that is nearly used, trials that fail: at most once a session each.
  case warning(String)
  /// Rollouts on the sealed test, of the start and of the winner; first with none done.
  case testing(done: Int, total: Int)
  case finished(Report)
}
