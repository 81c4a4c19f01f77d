import HoneModel
import HoneTrace

/// The optimizer for who does not want to choose one: it looks at the space and at how many trials there are, and says why
/// it takes which member.
///
/// Numbers and choices are searched by the Gaussian process or by the Parzen estimator; every fifth proposal comes from the
/// other one, so that a model that does not fit a task cannot lose all of it. Both learn from every trial. Text and free
/// code are changed by a proposer on every other turn, as in `Joint`. Every member bounds what an ask may cost, and the
/// dearer one rests where it would be dear: what an ask costs depends on counts alone, never on a clock.
public struct Auto: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// Part of the proposals that come from the other model, from 0 to 1.
    public var insurance: Double
    /// Words, as `Joint` has them; its numbers are not used.
    public var words: Joint.Settings
    /// Rollouts are shown to a proposer; a space without text needs none.
    public var needsRollouts: Bool

    public init(insurance: Double = 0.2, words: Joint.Settings = Joint.Settings(), needsRollouts: Bool = true) {
      self.insurance = insurance
      self.words = words
      self.needsRollouts = needsRollouts
    }
  }

  public struct State: Codable, Sendable, Equatable {
    var process: GaussianProcessSearch.State
    var parzen: TPE.State
    var words: Joint.State
    /// Proposals of any member that were begun, and those that changed numbers: whose turn it is.
    var begun = 0
    var numbers = 0
  }

  public let settings: Settings
  public var name: String { "auto" }
  public var needsRollouts: Bool { settings.needsRollouts }

  private let process = GaussianProcessSearch()
  private let parzen = TPE()
  private var words: Joint {
    // Words alone: its numbers take the turn only when words fail.
    var settings = settings.words
    settings.textShare = 1
    return Joint(settings)
  }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> { words.requestsPerAsk(space) }

  public func start(_ problem: Problem) -> State {
    State(process: process.start(problem), parzen: parzen.start(problem), words: words.start(problem))
  }

  public func tell(_ event: Event, state: inout State) {
    if Choice(state.process.history.space.encodable.count).hasProcess {
      process.tell(event, state: &state.process)
    }
    parzen.tell(event, state: &state.parzen)
    words.tell(event, state: &state.words)
    guard case .began(_, let proposal) = event else { return }
    switch proposal.origin {
    case process.name, parzen.name:
      state.begun += 1
      state.numbers += 1
    case "optoprime", "sobol": state.begun += 1
    default: break
    }
  }

  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let space = context.problem.space
    let hasNumbers = !space.encodable.isEmpty
    let hasWords = context.model != nil && space.parameters.contains { !$0.domain.isEncodable }
    var answer = Answer()
    var context = context
    func add(_ more: Answer) {
      answer.attempts += more.attempts
      answer.proposals += more.proposals
      context.known.formUnion(more.proposals.map(\.assignment.key))
    }
    let wanted = hasWords ? (hasNumbers ? (0..<count).count { isWordTurn(state.begun + $0) } : count) : 0
    if wanted > 0 { add(try await words.ask(wanted, state: state.words, context: context)) }
    guard hasNumbers else { return answer }
    let rest = count - answer.proposals.count
    guard rest > 0 else { return answer }
    let choice = Choice(space, trials: state.parzen.trials.count)
    let others = (0..<rest).count { isInsurance(state.numbers + $0) }
    let turns = [(choice.main, rest - others, choice.reason), (choice.other, others, Self.insuranceReason)]
    for (member, turns, reason) in turns where turns > 0 {
      let more = try await ask(member, turns, state, context)
      add(Answer(more.proposals.map { noted($0, reason) }, attempts: more.attempts))
    }
    return answer
  }

  private func ask(
    _ member: Choice.Member, _ count: Int, _ state: State, _ context: AskContext
  ) async throws(ModelError) -> Answer {
    switch member {
    case .process: try await process.ask(count, state: state.process, context: context)
    case .parzen: try await parzen.ask(count, state: state.parzen, context: context)
    }
  }

  /// Why this member, what the budget allows and how noisy scores are: what a study's log and report show. The same words
  /// as long as nothing of that changes.
  public func reason(for problem: Problem, progress: SearchProgress) -> String? {
    let space = problem.space
    guard !space.encodable.isEmpty else { return "Only text and code: a proposer changes them." }
    let choice = Choice(space, trials: progress.trials)
    let numbers = "Numbers and choices by \(choice.main.title): \(choice.reason)."
    let insured = choice.main == choice.other ? nil : "One proposal in five by \(choice.other.title)."
    let hasWords = space.parameters.contains { !$0.domain.isEncodable }
    let words = hasWords ? "Text on every other turn by a proposer, if there is one." : nil
    return [numbers, insured, words, Self.budget(space, progress.mostTrials), Self.noise(progress.noise)]
      .compactMap(\.self).joined(separator: " ")
  }

  private static func budget(_ space: Space, _ most: Int?) -> String? {
    guard let most else { return nil }
    if space.cardinality == 1 { return "There is one assignment." }
    if let all = space.cardinality, all <= most { return "The budget of \(most) trials covers all \(all) assignments." }
    return most <= StartDesign.size
      ? "A budget of \(most) trials is spent on a Sobol design, before any model."
      : "The budget of \(most) trials begins with a Sobol design of \(StartDesign.size)."
  }

  private static func noise(_ share: Double?) -> String? {
    share.map { share in
      switch share {
      case ..<0.2: "Noise is small beside the spread between trials."
      case ..<0.6: "Noise may be up to half of the spread between trials: near the best, gains are uncertain."
      default: "Noise may be most of the spread between trials: more examples would tell them apart."
      }
    }
  }

  private static let insuranceReason = "the other model's turn, one in five"

  private func noted(_ proposal: Proposal, _ reason: String) -> Proposal {
    var proposal = proposal
    proposal.note = "\(proposal.note); \(reason)"
    return proposal
  }

  /// Every other one, the first one a word.
  private func isWordTurn(_ turn: Int) -> Bool { isDue(turn, settings.words.textShare, isFirst: true) }

  /// Spread evenly, none at the start.
  private func isInsurance(_ turn: Int) -> Bool { isDue(turn, settings.insurance, isFirst: false) }

  private func isDue(_ turn: Int, _ share: Double, isFirst: Bool) -> Bool {
    let share = min(max(share, 0), 1)
    func due(_ turn: Int) -> Double { (Double(turn) * share).rounded(isFirst ? .up : .down) }
    return due(turn + 1) > due(turn)
  }

  /// Which model a space and a history's length ask for.
  struct Choice {
    enum Member: Equatable {
      case process, parzen

      var title: String { self == .process ? "a Gaussian process" : "a Parzen estimator (TPE)" }
    }

    /// Most dimensions in which the process leads, and most trials: beyond, the Parzen estimator is cheaper and as good.
    /// Choices and conditions do not count: the process was the better one on them too.
    static let dimensions = 20
    static let trials = 200
    /// Most dimensions in which a Gaussian process is fitted at all.
    static let widest = 40

    let main: Member
    let other: Member
    let reason: String

    init(_ space: Space, trials: Int) {
      let parameters = space.encodable
      let found: (Member, String)
      if parameters.count > Self.dimensions {
        found = (.parzen, "\(parameters.count) parameters are many for a Gaussian process")
      } else if trials > Self.trials {
        found = (.parzen, "beyond 200 trials density estimates are cheap and good")
      } else {
        found = (.process, "at most 20 parameters and 200 trials, where it learns most from each")
      }
      (main, reason) = found
      other = main == .process || parameters.count > Self.widest ? .parzen : .process
    }

    /// Of this many parameters: whether the process is worth its price.
    init(_ dimensions: Int) {
      (main, other, reason) = (.parzen, dimensions > Self.widest ? .parzen : .process, "")
    }

    var hasProcess: Bool { main == .process || other == .process }
  }
}
