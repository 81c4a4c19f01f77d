import HoneModel
import HoneNumerics
import HoneTrace

/// What is searched, in which direction, and from which seed.
public struct Problem: Hashable, Codable, Sendable {
  public var space: Space
  public var objective: Objective
  public var seed: UInt64

  public init(space: Space, objective: Objective, seed: UInt64) {
    self.space = space
    self.objective = objective
    self.seed = seed
  }
}

/// What is made better.
public struct Objective: Hashable, Codable, Sendable {
  public enum Direction: String, Codable, Sendable, CaseIterable { case maximize, minimize }
  /// The field's name for the score, such as "accuracy".
  public var metric: String
  public var direction: Direction
  /// What the workflow is for, in words for a proposer.
  public var purpose: String
  /// Further outcomes that matter beside the score, such as `["tokens": .minimize]`: with any, the search looks for the
  /// whole Pareto front. Empty: the score alone counts.
  public var outcomes: [String: Direction]

  public init(
    metric: String = "score", direction: Direction = .maximize, purpose: String = "",
    outcomes: [String: Direction] = [:]
  ) {
    self.metric = metric
    self.direction = direction
    self.purpose = purpose
    self.outcomes = outcomes
  }

  /// True when `a` is strictly better than `b`.
  public func isBetter(_ a: Double, than b: Double) -> Bool { direction == .maximize ? a > b : a < b }

  private enum CodingKeys: String, CodingKey { case metric, direction, purpose, outcomes }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      metric: try values.decode(String.self, forKey: .metric),
      direction: try values.decode(Direction.self, forKey: .direction),
      purpose: try values.decode(String.self, forKey: .purpose),
      outcomes: try values.decodeIfPresent([String: Direction].self, forKey: .outcomes) ?? [:])
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(metric, forKey: .metric)
    try values.encode(direction, forKey: .direction)
    try values.encode(purpose, forKey: .purpose)
    // Left out where the score alone counts: such studies are stored as they always were.
    if !outcomes.isEmpty { try values.encode(outcomes, forKey: .outcomes) }
  }
}

/// An assignment to try, and where it comes from.
public struct Proposal: Hashable, Codable, Sendable {
  /// Valid in the problem's space.
  public var assignment: Assignment
  /// The optimizer that made it: "initial", "random", "optoprime".
  public var origin: String
  /// The trial it was made from.
  public var parent: Int?
  /// Why, in one or two sentences, for people.
  public var note: String

  public init(_ assignment: Assignment, origin: String, parent: Int? = nil, note: String = "") {
    self.assignment = assignment
    self.origin = origin
    self.parent = parent
    self.note = note
  }
}

/// One try of a proposer to make a proposal, whatever came of it. Every one is stored.
public struct Attempt: Hashable, Codable, Sendable {
  public enum Outcome: String, Codable, Sendable {
    case applied, rejected, duplicate, truncated, malformed, terminated, modelFailed, fallback
  }
  public var origin: String
  public var outcome: Outcome
  /// What was wrong with it; empty when it was applied.
  public var rejections: [Rejection]
  /// The values as the model gave them, before checking; null when none could be read.
  public var suggestion: Value
  /// The model's own reasoning.
  public var reasoning: String
  /// Keys of the model calls it took.
  public var callKeys: [String]
  /// Tokens of those calls; nil where they are not known.
  public var tokens: Int?

  public init(
    origin: String, outcome: Outcome, rejections: [Rejection] = [], suggestion: Value = .null, reasoning: String = "",
    callKeys: [String] = [], tokens: Int? = nil
  ) {
    self.origin = origin
    self.outcome = outcome
    self.rejections = rejections
    self.suggestion = suggestion
    self.reasoning = reasoning
    self.callKeys = callKeys
    self.tokens = tokens
  }
}

/// How good a trial was measured to be.
public struct Estimate: Hashable, Codable, Sendable {
  /// Mean score over `count` rollouts. Finite.
  public var mean: Double
  /// Standard deviation of the rollouts' scores (n - 1 in the denominator); 0 for one rollout.
  public var deviation: Double
  public var count: Int

  public init(mean: Double, deviation: Double, count: Int) {
    self.mean = mean
    self.deviation = deviation
    self.count = count
  }

  /// Nil for no scores.
  public init?(_ scores: [Double]) {
    guard !scores.isEmpty else { return nil }
    let mean = scores.reduce(0, +) / Double(scores.count)
    let squares = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    self.init(
      mean: mean, deviation: scores.count > 1 ? (squares / Double(scores.count - 1)).squareRoot() : 0,
      count: scores.count)
  }
}

/// What is told to an optimizer, in the order it happened. The stored events are all an optimizer's memory.
public enum Event: Hashable, Codable, Sendable {
  /// A trial was begun; it is pending until it completes, fails or is interrupted.
  case began(trial: Int, Proposal)
  /// A trial has a score on the validation examples; `screened` when it was dropped after the first few of them.
  case completed(trial: Int, Estimate, screened: Bool, outcomes: [String: Double])
  /// A trial has no score: nothing failed is ever best. With the kind `infrastructure` only the endpoint or the machine
  /// failed, which says nothing about the assignment: an optimizer forgets that the trial was begun, and an earlier score
  /// of it still counts. Without a kind the assignment is at fault: a point to keep away from.
  case failed(trial: Int, reason: String, kind: RolloutRecord.Failure.Kind? = nil)
  case attempted(Attempt)
}

extension Event {
  /// The trial it is about; nil for an attempt.
  package var trial: Int? {
    switch self {
    case .began(let trial, _), .completed(let trial, _, _, _), .failed(let trial, _, _): trial
    case .attempted: nil
    }
  }

  /// Says nothing about the trial's assignment.
  package var isInfrastructureFailure: Bool {
    if case .failed(_, _, .infrastructure?) = self { true } else { false }
  }
}

/// Proposes assignments and is told results.
///
/// An optimizer is a function of the problem and the events told: after a restart `start` and the same `tell`s give the
/// same state, and the same state gives the same `ask`. Nothing else is remembered.
public protocol Optimizer: Configured, Sendable {
  associatedtype State: Codable & Sendable & Equatable

  /// The name used in task files, in `Proposal.origin` and for random streams.
  var name: String { get }

  /// Needs the parent's rollouts with traces and feedback in `AskContext.rollouts`.
  var needsRollouts: Bool { get }

  /// Outcomes without which it cannot search as it should; by default none. A study says when they never come.
  var neededOutcomes: [String] { get }

  /// Model requests of an ask for one proposal: when each reply can be used, and at most, with every repair and every further
  /// try; by default none.
  func requestsPerAsk(_ space: Space) -> ClosedRange<Int>

  /// Why it searches as it does, in a few sentences for people; nil for one that has nothing to choose.
  func reason(for problem: Problem, progress: SearchProgress) -> String?

  func start(_ problem: Problem) -> State

  /// Learns one event. Must accept any sequence, also trials that other optimizers proposed.
  func tell(_ event: Event, state: inout State)

  /// The trial that the next ask is to change, whose rollouts it is shown; nil: the incumbent.
  func parent(_ state: State, _ context: AskContext) -> Int?

  /// Up to `count` new assignments: valid, different from each other and from every known one. Fewer, or none, when it
  /// has no more to offer; a finite space that is used up gives none.
  func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer
}

extension Optimizer {
  public var neededOutcomes: [String] { [] }
  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> { 0...0 }
  public func reason(for problem: Problem, progress: SearchProgress) -> String? { nil }
  public func parent(_ state: State, _ context: AskContext) -> Int? { nil }
}

/// What `ask` gives back.
public struct Answer: Hashable, Sendable {
  public var proposals: [Proposal]
  public var attempts: [Attempt]

  public init(_ proposals: [Proposal] = [], attempts: [Attempt] = []) {
    self.proposals = proposals
    self.attempts = attempts
  }
}

/// What an optimizer may look at when asked, beside its state.
public struct AskContext: Sendable {
  public var problem: Problem
  /// How many times the study has asked before; with the problem's seed it names the random stream.
  public var round: Int
  /// Keys of all assignments that were ever begun and may not be begun again.
  public var known: Set<String>
  /// The best trial so far: its number, its assignment, its estimate.
  public var incumbent: Incumbent?
  /// The trial whose rollouts are shown: the optimizer's `parent`, else the incumbent.
  public var parent: Parent?
  /// Rollouts of the parent on training examples, newest minibatch, with traces and feedback.
  public var rollouts: [RolloutRecord]
  /// What the workflow should have answered in them, by example, where the data say so.
  public var labels: [String: String]
  /// All trials' scores by validation example; nil where nobody keeps them.
  public var table: ScoreTable?
  /// For proposers; nil when the study has none.
  public var model: (any ChatModel)?

  public struct Incumbent: Hashable, Sendable {
    public var trial: Int
    public var assignment: Assignment
    public var estimate: Estimate

    public init(trial: Int, assignment: Assignment, estimate: Estimate) {
      self.trial = trial
      self.assignment = assignment
      self.estimate = estimate
    }
  }

  public struct Parent: Hashable, Sendable {
    public var trial: Int
    public var assignment: Assignment

    public init(trial: Int, assignment: Assignment) {
      self.trial = trial
      self.assignment = assignment
    }

    public init(_ incumbent: Incumbent) {
      self.init(trial: incumbent.trial, assignment: incumbent.assignment)
    }
  }

  public init(
    problem: Problem, round: Int, known: Set<String> = [], incumbent: Incumbent? = nil, parent: Parent? = nil,
    rollouts: [RolloutRecord] = [], labels: [String: String] = [:], table: ScoreTable? = nil,
    model: (any ChatModel)? = nil
  ) {
    self.problem = problem
    self.round = round
    self.known = known
    self.incumbent = incumbent
    self.parent = parent
    self.rollouts = rollouts
    self.labels = labels
    self.table = table
    self.model = model
  }

  /// The stream of random numbers for this ask.
  public func random(_ name: String) -> RandomStream {
    RandomStream(seed: problem.seed, name: "\(name)/\(round)")
  }
}
