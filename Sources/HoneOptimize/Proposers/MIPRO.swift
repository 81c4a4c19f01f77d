import HoneModel
import HoneNumerics
import HoneTrace

/// MIPROv2: instructions that a model writes from notes on the data, from what the program is and from where it went wrong;
/// demonstrations made of what worked; and a search that combines them with each other and with numbers.
///
/// Opsahl-Ong et al., "Optimizing Instructions and Demonstrations for Multi-Stage Language Model Programs" (EMNLP 2024, arXiv
/// 2406.11695): grounded proposal (section 4.1), bootstrapped demonstrations (`BootstrapFewShot`), and a tree-structured
/// Parzen estimator over the index of each instruction and of each set of demonstrations (section 4.2). Other than there: the
/// pools grow while the study runs, with instructions written from what the best trial so far still gets wrong; scores on
/// fewer examples are compared on those that both trials answered; numbers and choices are searched in the same space.
public struct MIPRO: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// How the model is asked; its `parameters` are narrowed to text and free code, and to demonstrations.
    public var text: ProposerSettings
    /// Instructions written at the first ask; later ones come one by one.
    public var start: Int
    /// Requests for notes on the data, in a study.
    public var notes: Int
    /// Bootstrapped demonstrations in a set, at most.
    public var demonstrations: Int
    /// Labelled demonstrations in a set beside those, at most.
    public var labelled: Int
    /// Sets of demonstrations for a parameter, in a study.
    public var sets: Int
    /// The score from which on a rollout may become a demonstration; nil: see `BootstrapFewShot.threshold`.
    public var threshold: Double?

    public init(
      text: ProposerSettings = ProposerSettings(temperatures: [1.0], maxTokens: 1_200, tokenCap: 6_000),
      start: Int = 2, notes: Int = 2, demonstrations: Int = 4, labelled: Int = 4, sets: Int = 8,
      threshold: Double? = nil
    ) {
      self.text = text
      self.start = max(1, start)
      self.notes = max(0, notes)
      self.demonstrations = max(0, demonstrations)
      self.labelled = max(0, labelled)
      self.sets = max(0, sets)
      self.threshold = threshold
    }
  }

  /// Where trials lie and what they scored, and what was written: a function of the events told.
  public struct State: Codable, Sendable, Equatable {
    var history: TrialHistory
    var memory: AttemptMemory
    /// The texts of each trial, by its number.
    var texts: [Int: [String: String]] = [:]
    /// Texts offered by requests and by rollouts, in their order; not all of them were tried.
    var offers: [Offer] = []
    /// Notes on the data, and the requests they took.
    var notes = ""
    var observed = 0

    struct Offer: Hashable, Codable, Sendable {
      var parameter: String
      var text: String
    }
  }

  public let settings: Settings
  public var name: String { "mipro" }
  public var needsRollouts: Bool { true }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  /// The first ask is the dearest; turns of search ask nothing.
  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> {
    let each = settings.text.wordsOnly(space).requests(space)
    guard each.upperBound > 0 else { return each }
    let notes = settings.notes > 0 ? 1 : 0
    return (notes + 1)...(notes * (1 + max(0, settings.text.repairs)) + settings.start * each.upperBound)
  }

  public func start(_ problem: Problem) -> State {
    State(
      history: TrialHistory(problem, owner: name),
      memory: AttemptMemory(
        best: settings.text.memoryBest, newest: settings.text.memoryNewest, direction: problem.objective.direction))
  }

  public func tell(_ event: Event, state: inout State) {
    state.history.tell(event)
    state.memory.tell(event)
    switch event {
    case .began(let trial, let proposal):
      let words = state.history.space.parameters.filter { !$0.domain.isEncodable }.map(\.name)
      state.texts[trial] = proposal.assignment.values.filter { words.contains($0.key) }.compactMapValues(\.string)
    case .failed(let trial, _, _) where event.isInfrastructureFailure:
      if !state.history.holds(trial) { state.texts[trial] = nil }
    case .attempted(let attempt) where attempt.origin == name:
      // A request for notes counts whatever came of it.
      if attempt.reasoning.hasPrefix(Self.notesKey), attempt.outcome != .modelFailed { state.observed += 1 }
      if attempt.outcome == .applied { learn(attempt.suggestion, &state) }
    case .completed, .failed, .attempted: break
    }
  }

  /// What a request, or a rollout, has given.
  private func learn(_ suggestion: Value, _ state: inout State) {
    if let notes = suggestion[Self.notesKey]?["text"]?.string {
      state.notes = notes
      return
    }
    for parameter in state.history.space.parameters where !parameter.domain.isEncodable {
      guard let value = suggestion[parameter.name], let text = (try? parameter.domain.accept(value))?.string else {
        continue
      }
      let offer = State.Offer(parameter: parameter.name, text: text)
      if !state.offers.contains(offer) { state.offers.append(offer) }
    }
  }

  /// Where an attempt keeps notes: an object in it is no parameter's text.
  static let notesKey = "notes on the data"

  /// - Throws: as `ProposalRound.propose`.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    var round = MIPRORound(self, state, context)
    var turn = state.history.own
    while round.answer.proposals.count < count {
      let before = round.answer.proposals.count
      do {
        try await round.propose(turn)
      } catch {
        guard !round.answer.proposals.isEmpty else { throw error }
        round.fail(with: error)
        break
      }
      guard round.answer.proposals.count > before else { break }
      turn += 1
    }
    return round.answer
  }
}
