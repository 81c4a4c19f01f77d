import HoneTrace

/// Code that turns an input into an output, reading `@Parameter` properties. It runs untuned as it stands.
///
///     struct Answering: Workflow {
///       @Parameter(0...1) var temperature = 0.2
///       func run(_ question: Traced<String>) async throws -> Traced<String> { … }
///     }
public protocol Workflow: Parameterized, Sendable {
  /// Codable, so that examples have a stable identity and rollouts can be stored.
  associatedtype Input: Codable & Sendable
  associatedtype Output: Codable & Sendable

  func run(_ input: Traced<Input>) async throws -> Traced<Output>
}

/// An input and what the workflow should make of it.
public struct Labeled<Input: Codable & Sendable, Expected: Codable & Sendable>: Codable, Sendable {
  public var input: Input
  public var expected: Expected

  public init(input: Input, expected: Expected) {
    self.input = input
    self.expected = expected
  }
}

/// How good an output is, and why in words that a proposer can use.
public struct Score: Hashable, Sendable {
  /// Finite; anything else fails the rollout.
  public var value: Double
  public var feedback: String
  /// Further named numbers for constraints, such as "latency_ms".
  public var outcomes: [String: Double]

  public init(_ value: Double, feedback: String = "", outcomes: [String: Double] = [:]) {
    self.value = value
    self.feedback = feedback
    self.outcomes = outcomes
  }
}

/// One cap of a study.
public enum Limit: Hashable, Sendable {
  case trials(Int)
  case rollouts(Int)
  case requests(Int)
  case tokens(Int)
  case money(Double)
  case seconds(Double)
}

extension Budget {
  /// Of two limits on one thing the smaller counts.
  public init(_ limits: [Limit]) {
    self.init()
    for limit in limits {
      switch limit {
      case .trials(let cap): trials = min(trials ?? cap, cap)
      case .rollouts(let cap): rollouts = min(rollouts ?? cap, cap)
      case .requests(let cap): requests = min(requests ?? cap, cap)
      case .tokens(let cap): tokens = min(tokens ?? cap, cap)
      case .money(let cap): money = min(money ?? cap, cap)
      case .seconds(let cap): seconds = min(seconds ?? cap, cap)
      }
    }
  }
}
