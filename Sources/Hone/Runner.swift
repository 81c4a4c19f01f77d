import HoneModel
import HoneOptimize
import HoneTrace

/// What a study drives: a Swift workflow with its score, or a task file's prompt or command.
public protocol Runner: Sendable {
  var space: Space { get }

  /// SHA-256 in hex of everything that decides a rollout beside its assignment, example and repeat.
  var fingerprint: String { get }

  /// Every rollout that ends well has calls of a model on record, so that no other one may stand for it. False by default.
  var asksModel: Bool { get }

  /// Runs once. The study has set up a `TraceContext` (assignment, recorder) and a `CallContext`. Never throws: failures
  /// are values.
  func run(_ example: Example, repeat: Int) async -> Outcome

  /// Model requests that one run makes, as far as that is known beforehand; 1 by default.
  var requestsPerRollout: Int { get }

  /// Calls of oracles that a trial makes at most, for fits of its own; 0 by default. Its rollouts have what it made as the
  /// outcome `oracle_calls`.
  var oracleCallsPerTrial: Int { get }

  /// What the workflow should answer, where the data say so: proposers may show it with training examples. Nil by default.
  func label(of example: Example) -> String?
}

extension Runner {
  public var asksModel: Bool { false }
  public var requestsPerRollout: Int { 1 }
  public var oracleCallsPerTrial: Int { 0 }
  public func label(of example: Example) -> String? { nil }
}

/// What came of one run on one example.
public struct Outcome: Sendable {
  public var output: Value
  /// Finite; nil when the run failed.
  public var score: Double?
  /// Words about the output, for proposers.
  public var feedback: String
  /// Further named numbers; all finite.
  public var outcomes: [String: Double]
  public var failure: RolloutRecord.Failure?
  /// The model call's error when that caused the failure.
  public var error: ModelError?
  /// The trace node that the feedback is about.
  public var node: Int?

  public init(
    output: Value = .null, score: Double? = nil, feedback: String = "", outcomes: [String: Double] = [:],
    failure: RolloutRecord.Failure? = nil, error: ModelError? = nil, node: Int? = nil
  ) {
    self.output = output
    self.score = score
    self.feedback = feedback
    self.outcomes = outcomes
    self.failure = failure
    self.error = error
    self.node = node
  }
}
