import HoneModel
import HoneOptimize
import HoneTrace

/// How a study measures trials and when it ends. Changing what decides no result, as the budget, is no other study.
public struct StudySettings: Hashable, Codable, Sendable {
  /// Training rollouts shown to proposers, and the first validation examples a trial is screened on.
  public var minibatch: Int
  /// Ends a trial after the minibatch when it is clearly worse than the best one.
  public var screening: Bool
  /// Rollouts at a time. Changes no result.
  public var parallel: Int
  /// Rollouts of each example.
  public var repeats: Int
  /// Proposals a round.
  public var batch: Int
  /// Rounds in a row without any proposal after which the search ends; the next session tries as many again.
  public var emptyRounds: Int
  /// In a replay, what the study's sessions planned with.
  package var recordedCaps: Value?
  public var budget: Budget
  /// Bounds on outcomes; a trial that breaks one is never best.
  public var constraints: [OutcomeConstraint]
  /// The search ends when a trial's score is at least as good.
  public var target: Double?
  /// What an example costs, in units of the score: the search ends when going on is expected to gain less than that.
  /// Nil, and with further outcomes in the objective: it does not end for this.
  public var costPerExample: Double?
  /// Of intervals.
  public var confidence: Double

  public init(
    minibatch: Int = 16, screening: Bool = true, parallel: Int = 4, repeats: Int = 1, batch: Int = 1,
    emptyRounds: Int = 3, budget: Budget = Budget(), constraints: [OutcomeConstraint] = [], target: Double? = nil,
    costPerExample: Double? = nil, confidence: Double = 0.95
  ) {
    self.minibatch = minibatch
    self.screening = screening
    self.parallel = parallel
    self.repeats = repeats
    self.batch = batch
    self.emptyRounds = emptyRounds
    self.budget = budget
    self.constraints = constraints
    self.target = target
    self.costPerExample = costPerExample
    self.confidence = confidence
  }

  /// What decides results: neither when the search ends nor parallelism.
  /// - Parameter scheduler: its name and settings; nil for full evaluation by these settings.
  func canonical(scheduler: Value?) -> Value {
    var members: [String: Value] = [
      "minibatch": .int(minibatch), "screening": .bool(screening), "repeats": .int(repeats), "batch": .int(batch),
      "confidence": .double(confidence),
      "constraints": .array(
        constraints.map {
          [
            "outcome": .string($0.outcome), "at_most": $0.atMost.map { .double($0) } ?? .null,
            "at_least": $0.atLeast.map { .double($0) } ?? .null,
          ]
        }),
    ]
    members["scheduler"] = scheduler
    return .object(members)
  }

  /// - Parameter examples: of validation.
  func fullEvaluation(examples: Int) -> FullEvaluation {
    FullEvaluation(screening: screening ? min(minibatch, examples) * repeats : nil, batch: batch)
  }
}

/// A bound on the mean of a further outcome.
public struct OutcomeConstraint: Hashable, Codable, Sendable {
  public var outcome: String
  public var atMost: Double?
  public var atLeast: Double?

  public init(outcome: String, atMost: Double? = nil, atLeast: Double? = nil) {
    self.outcome = outcome
    self.atMost = atMost
    self.atLeast = atLeast
  }

  func holds(_ outcomes: [String: Double]) -> Bool {
    guard let value = outcomes[outcome] else { return false }
    return value <= atMost ?? .infinity && value >= atLeast ?? -.infinity
  }
}
