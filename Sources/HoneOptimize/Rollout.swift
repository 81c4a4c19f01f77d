import HoneModel
import HoneTrace

/// Which part of the data an example belongs to.
public enum Split: String, Codable, Sendable, CaseIterable {
  /// Proposers see these examples, their outputs and feedback.
  case train
  /// Trials are compared on these.
  case validation
  /// Sealed: the start and the winner are scored on these once, for the report.
  case test
}

/// One run of a workflow under one assignment on one example.
public struct RolloutRecord: Hashable, Codable, Sendable {
  public var trial: Int
  public var split: Split
  /// The example's stable id.
  public var example: String
  public var `repeat`: Int
  /// SHA-256 in hex of {workflow fingerprint, assignment, example content, repeat}: the rollout cache's key.
  public var cacheKey: String
  /// Finite; nil when the rollout failed.
  public var score: Double?
  public var feedback: String
  public var output: Value
  /// Further named outcomes, such as "latency_ms"; all finite.
  public var outcomes: [String: Double]
  public var failure: Failure?
  public var spend: Spend
  /// Keys of the model calls made, so that a trace can be followed to them.
  public var callKeys: [String]
  public var seconds: Double
  /// What happened inside, with the feedback on it; nil when recording was off.
  public var trace: Trace?

  public struct Failure: Hashable, Codable, Sendable {
    public enum Kind: String, Codable, Sendable {
      /// The endpoint, the network or the machine: says nothing about the assignment, and may be tried again.
      case infrastructure
      /// The workflow threw, crashed or timed out under this assignment.
      case workflow
      /// The score was missing or not finite.
      case score
    }
    public var kind: Kind
    public var message: String

    public init(_ kind: Kind, _ message: String) {
      self.kind = kind
      self.message = message
    }
  }

  public init(
    trial: Int, split: Split, example: String, repeat: Int, cacheKey: String, score: Double? = nil,
    feedback: String = "", output: Value = .null, outcomes: [String: Double] = [:], failure: Failure? = nil,
    spend: Spend = Spend(), callKeys: [String] = [], seconds: Double = 0, trace: Trace? = nil
  ) {
    self.trial = trial
    self.split = split
    self.example = example
    self.repeat = `repeat`
    self.cacheKey = cacheKey
    self.score = score
    self.feedback = feedback
    self.output = output
    self.outcomes = outcomes
    self.failure = failure
    self.spend = spend
    self.callKeys = callKeys
    self.seconds = seconds
    self.trace = trace
  }
}
