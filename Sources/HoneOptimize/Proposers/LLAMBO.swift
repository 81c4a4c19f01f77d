import HoneModel
import HoneNumerics
import HoneTrace

/// Search of numbers and choices with a language model's knowledge: it warm-starts, samples candidates that could reach a
/// target score, and predicts scores, while a Gaussian process watches over it.
///
/// Liu, Astorga, Seedat and van der Schaar, "Large Language Models to Enhance Bayesian Optimization" (ICLR 2024, arXiv
/// 2402.03921): zero-shot warm start (section 4), candidates conditioned on a target score (section 6, s' = s_min - alpha
/// (s_max - s_min)), discriminative surrogate by in-context examples in permuted orders (section 5.1) and generative one by
/// the probability of the class "good" (section 5.2).
///
/// Other than there: one request gives all candidates and one predicts all of them, so that a trial takes at most three
/// requests; every value is checked against its domain; the target is finite on any scale of scores. The model's
/// opinion is a belief that is added to the process's acquisition and fades with the trials (Hvarfner et al., pi-BO, ICLR
/// 2022), weighted by how well it predicted results that it was not shown (`LLAMBOSkill`). Where the model gives nothing
/// usable, and at its worst, this is the search `gp`.
public struct LLAMBO: Optimizer {
  /// How much the model is told before anything is measured.
  public enum Context: String, Hashable, Sendable, CaseIterable {
    /// The parameters alone.
    case none
    /// And the score, its direction and the workflow's purpose.
    case partial
    /// And the card that describes the data.
    case full
  }

  public enum Surrogate: String, Hashable, Sendable, CaseIterable {
    /// Predicts scores.
    case discriminative
    /// Classifies into good and bad, by log-probabilities where the endpoint has them.
    case generative
    /// The Gaussian process alone ranks the candidates.
    case none
  }

  public struct Settings: Hashable, Sendable {
    public var context: Context
    /// What the data are like, for `.full`.
    public var card: String
    /// Configurations of the warm start, and those of a later request.
    public var start: Int
    public var candidates: Int
    /// How far beyond the best score the target lies, in parts of the distance from the median to the best; negative: short
    /// of it.
    public var alpha: Double
    public var surrogate: Surrogate
    /// Requests for predictions, each with the results in another order.
    public var permutations: Int
    /// Requests that a trial may take, retries included.
    public var requests: Int
    /// Beta of pi-BO: weight of the model's opinion, about a tenth of the trials planned.
    public var confidence: Double
    public var temperature: Double
    /// The longest reply, in tokens.
    public var maxTokens: Int
    /// Most tokens of the results in a prompt, estimated.
    public var tokenCap: Int
    public var prompts: PromptLibrary

    public init(
      context: Context = .full, card: String = "", start: Int = 5, candidates: Int = 10, alpha: Double = 0.1,
      surrogate: Surrogate = .discriminative, permutations: Int = 2, requests: Int = 3, confidence: Double = 5,
      temperature: Double = 0.8, maxTokens: Int = 1_500, tokenCap: Int = 2_000, prompts: PromptLibrary = PromptLibrary()
    ) {
      self.context = context
      self.card = card
      self.start = max(1, start)
      self.candidates = max(1, candidates)
      self.alpha = alpha
      self.surrogate = surrogate
      self.permutations = max(1, permutations)
      self.requests = max(1, requests)
      self.confidence = confidence
      self.temperature = temperature
      self.maxTokens = maxTokens
      self.tokenCap = tokenCap
      self.prompts = prompts
    }
  }

  public struct State: Codable, Sendable, Equatable {
    var process: GaussianProcessSearch.State
    var memory: AttemptMemory
    var skill = LLAMBOSkill()
    /// Configurations of the warm start, as they were accepted.
    var warm: [Value] = []
    /// Trials that the model proposed.
    var own: [Int] = []
  }

  public let settings: Settings
  public var name: String { "llambo" }
  public var needsRollouts: Bool { false }

  private let process = GaussianProcessSearch()

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> {
    guard !space.encodable.isEmpty else { return 0...0 }
    let predictions =
      switch settings.surrogate {
      case .discriminative: settings.permutations
      case .generative: 1
      case .none: 0
      }
    return min(settings.requests, 1 + predictions)...settings.requests
  }

  public func start(_ problem: Problem) -> State {
    State(
      process: process.start(problem),
      memory: AttemptMemory(best: 12, newest: 12, direction: problem.objective.direction))
  }

  public func tell(_ event: Event, state: inout State) {
    process.tell(event, state: &state.process)
    state.memory.tell(event)
    switch event {
    case .began(let trial, let proposal) where proposal.origin == name: state.own.append(trial)
    case .attempted(let attempt) where attempt.origin == name:
      if let warm = attempt.suggestion[LLAMBORound.startKey]?.array { state.warm += warm }
      state.skill.learn(attempt.suggestion[LLAMBORound.probesKey])
    default: break
    }
  }

  /// - Throws: errors after which no request can succeed (`ModelError.endsStudy`), and cancellation; all others become
  ///   attempts, and the Gaussian process proposes.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    guard let model = context.model else {
      throw ModelError(
        .configuration, "the optimizer llambo needs a proposer model, and the study has none",
        hint: "name one, or use the optimizer auto")
    }
    guard !context.problem.space.encodable.isEmpty else { return Answer() }
    var round = LLAMBORound(optimizer: self, state: state, context: context, model: model, count: count)
    while round.proposals.count < count {
      do {
        if try await round.proposeOne() { continue }
        guard try await numeric(&round, state) else { break }
      } catch {
        guard !round.proposals.isEmpty else { throw error }
        round.talk.fail(with: error)
        break
      }
    }
    return round.answer
  }

  /// The process's next point, where the model has no turn or gave nothing.
  private func numeric(_ round: inout LLAMBORound, _ state: State) async throws(ModelError) -> Bool {
    var context = round.context
    context.known = round.taken
    var state = state.process
    // What was proposed in this ask is pending.
    for (index, proposal) in round.proposals.enumerated() {
      process.tell(.began(trial: -1 - index, proposal), state: &state)
    }
    let answer = try await process.ask(1, state: state, context: context)
    guard let proposal = answer.proposals.first else { return false }
    round.add(proposal)
    return true
  }
}

/// How well a model knows the problem: of pairs of results that it was not shown, how many it put in their right order, and
/// how often a trial of its own was better than one that was not.
///
/// Hidden results are asked for together with candidates, so that they cost no request. A function of stored events.
struct LLAMBOSkill: Codable, Sendable, Equatable {
  private(set) var right = 0.0
  private(set) var pairs = 0.0

  /// - Parameter probes: a list of { "predicted", "measured" }.
  mutating func learn(_ probes: Value?) {
    let values = (probes?.array ?? []).compactMap { probe -> (predicted: Double, measured: Double)? in
      guard let predicted = probe["predicted"]?.number, let measured = probe["measured"]?.number else { return nil }
      return (predicted, measured)
    }
    for (index, a) in values.enumerated() {
      for b in values[(index + 1)...] where a.measured != b.measured {
        pairs += 1
        if a.predicted == b.predicted {
          right += 0.5
        } else if (a.predicted < b.predicted) == (a.measured < b.measured) {
          right += 1
        }
      }
    }
  }

  /// - Parameter own: numbers of the trials that the model proposed; those among the first eight trials count.
  mutating func learn(own: Set<Int>, among trials: [TrialHistory.Trial]) {
    let scored = trials.prefix(8).compactMap { trial in trial.loss.map { (number: trial.number, loss: $0) } }
    for mine in scored where own.contains(mine.number) {
      for other in scored where !own.contains(other.number) {
        pairs += 1
        right += mine.loss < other.loss ? 1 : mine.loss == other.loss ? 0.5 : 0
      }
    }
  }

  /// From 0, no better than chance, to 1. Without evidence 1/2, as if three quarters of two pairs had been right.
  var weight: Double { max(0, 2 * (1.5 + right) / (2 + pairs) - 1) }
}

/// The score that candidates are asked to reach.
enum TargetScore {
  /// s' = best + alpha R towards the better, R the distance from the median to the best, or from the worst where that is 0.
  ///
  /// Finite for every list of finite scores; nil where all are equal: any better score will do.
  static func target(_ scores: [Double], _ direction: Objective.Direction, alpha: Double) -> Double? {
    let sorted = scores.filter(\.isFinite).sorted { direction == .maximize ? $0 > $1 : $0 < $1 }
    guard let best = sorted.first, let worst = sorted.last, best != worst else { return nil }
    // Halves, so that no difference overflows.
    let middle = sorted[sorted.count / 2]
    let range = abs((middle == best ? worst : middle) / 2 - best / 2)
    let step = 2 * alpha * range
    let target = direction == .maximize ? best + step : best - step
    return target.isFinite ? target : best
  }
}
