import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// Proposers and numeric search under one budget: whoever has been paying off gets more of the turns, nobody falls below a
/// floor.
///
/// Thierens, "An adaptive pursuit strategy for allocating operator probabilities" (GECCO 2005): equation 5, the estimated
/// reward Q_a += alpha (R - Q_a) of the member whose trial ended; equations 8 and 9, the probability of the best member goes
/// towards P_max by beta, that of every other towards P_min. The reward of a trial is what it gained over the best score before
/// it, by token of its rollouts and of the requests that proposed it, as part of the greatest such gain so far. Trials that no
/// member proposed change nothing. Members are asked about text alone or about numbers alone; where a study has several texts,
/// the turn's one is drawn by how often it leads to outputs that were not the best (`Credit`).
public struct Portfolio: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// Members by name, of `Portfolio.members`; those that a space or a study without a model has no use for rest.
    public var members: [String]
    /// Part of the turns that every member keeps at least, from 0 to 1 / members.
    public var floor: Double
    /// How fast rewards and probabilities follow: alpha and beta, from 0 to 1.
    public var adaptation: Double
    public var pursuit: Double
    /// How text is asked for; its parameters are narrowed to the turn's.
    public var text: ProposerSettings

    public init(
      members: [String] = Portfolio.usual, floor: Double = 0.08, adaptation: Double = 0.3, pursuit: Double = 0.2,
      text: ProposerSettings = ProposerSettings()
    ) {
      self.members = members
      self.floor = floor
      self.adaptation = adaptation
      self.pursuit = pursuit
      self.text = text
    }
  }

  /// Whom it asks where nothing is said.
  public static let usual = ["auto", "llambo", "optoprime", "gepa", "opro", "textgrad", "evoprompt"]
  /// Whom it can ask: numbers by `auto` and `llambo`, text by the others, demonstrations by `mipro`.
  public static let members = usual + ["mipro", "forest", "alphaopt"]
  private static let numeric: Set = ["auto", "llambo"]
  /// What members are called in `Proposal.origin`: numbers of `auto` come from its own members.
  private static let origins = ["gp": "auto", "tpe": "auto", "sobol": "auto"]

  public struct State: Codable, Sendable, Equatable {
    var numbers: Auto.State
    var llambo: LLAMBO.State
    var optoprime: OptoPrime.State
    var gepa: GEPA.State
    var opro: OPRO.State
    var textgrad: TextGrad.State
    var evoprompt: EvoPrompt.State
    var mipro: MIPRO.State
    var forest: Forest.State
    var alphaopt: AlphaOPT.State
    /// Q and P by member, in the settings' order.
    var rewards: [Double]
    var probabilities: [Double]
    /// Tokens of each member's requests since a trial of its own was last begun.
    var spent: [Int]
    /// Of each trial with a score, turned so that more is better.
    var scores: [Int: Score] = [:]
    /// The greatest gain by token so far.
    var greatest = 0.0
    /// Trials that a member proposed, not yet ended: its place, and the tokens that the proposal took.
    var running: [Int: Turn] = [:]

    struct Score: Codable, Sendable, Equatable {
      var mean: Double
      var count: Int
    }

    /// Of the trials with at least half as many rollouts as any other: a lucky mean of a few is none to beat.
    var best: Double? {
      let most = scores.values.map(\.count).max() ?? 0
      return scores.values.filter { 2 * $0.count >= most }.map(\.mean).max()
    }

    struct Turn: Codable, Sendable, Equatable {
      var member: Int
      var tokens: Int
    }
  }

  public let settings: Settings
  public var name: String { "portfolio" }
  public var needsRollouts: Bool { true }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  /// The dearest member's; at most all of them together, because who gives nothing hands the turn on.
  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> {
    let words = settings.text.wordsOnly(space).parameters ?? []
    func narrowed(_ text: ProposerSettings) -> ProposerSettings { self.narrowed(text, to: words) }
    let asks = settings.members.map { member in
      switch member {
      case "auto": 0...0
      case "llambo": LLAMBO().requestsPerAsk(space)
      case "textgrad":
        TextGrad(TextGrad.Settings(text: narrowed(TextGrad.Settings().text))).requestsPerAsk(space)
      case "gepa": narrowed(GEPA.Settings().text).requests(space)
      case "opro": narrowed(OPRO().settings).requests(space)
      case "evoprompt": narrowed(EvoPrompt.Settings().text).requests(space)
      case "mipro": MIPRO(MIPRO.Settings(text: narrowed(MIPRO.Settings().text))).requestsPerAsk(space)
      case "forest": Forest(Forest.Settings(text: narrowed(Forest.Settings().text))).requestsPerAsk(space)
      case "alphaopt": AlphaOPT(AlphaOPT.Settings(text: narrowed(AlphaOPT.Settings().text))).requestsPerAsk(space)
      default: narrowed(settings.text).requests(space)
      }
    }
    return (asks.map(\.lowerBound).max() ?? 0)...asks.reduce(0) { $0 + $1.upperBound }
  }

  public func start(_ problem: Problem) -> State {
    let count = max(1, settings.members.count)
    return State(
      numbers: Auto().start(problem), llambo: LLAMBO().start(problem),
      optoprime: OptoPrime(settings.text).start(problem),
      gepa: GEPA().start(problem), opro: OPRO().start(problem), textgrad: TextGrad().start(problem),
      evoprompt: EvoPrompt().start(problem), mipro: MIPRO().start(problem), forest: Forest().start(problem),
      alphaopt: AlphaOPT().start(problem), rewards: Array(repeating: 0, count: count),
      probabilities: Array(repeating: 1 / Double(count), count: count), spent: Array(repeating: 0, count: count))
  }

  // MARK: - Learning

  public func tell(_ event: Event, state: inout State) {
    Auto().tell(event, state: &state.numbers)
    LLAMBO().tell(event, state: &state.llambo)
    OptoPrime(settings.text).tell(event, state: &state.optoprime)
    GEPA().tell(event, state: &state.gepa)
    OPRO().tell(event, state: &state.opro)
    TextGrad().tell(event, state: &state.textgrad)
    EvoPrompt().tell(event, state: &state.evoprompt)
    MIPRO().tell(event, state: &state.mipro)
    Forest().tell(event, state: &state.forest)
    AlphaOPT().tell(event, state: &state.alphaopt)
    switch event {
    case .attempted(let attempt):
      if let member = member(attempt.origin) { state.spent[member] += attempt.tokens ?? 0 }
    case .began(let trial, let proposal):
      guard let member = member(proposal.origin) else { return }
      state.running[trial] = State.Turn(member: member, tokens: state.spent[member])
      state.spent[member] = 0
      // Who was asked before in vain has spent and gained nothing.
      for other in state.spent.indices where state.spent[other] > 0 {
        state.spent[other] = 0
        pursue(other, 0, &state)
      }
    case .completed(let trial, let estimate, _, let outcomes):
      reward(trial, estimate, tokens: (outcomes["tokens"] ?? 0) * Double(estimate.count), &state)
    case .failed(let trial, _, let kind):
      if kind != .infrastructure { state.scores[trial] = nil }
      guard let turn = state.running.removeValue(forKey: trial), kind != .infrastructure else { return }
      pursue(turn.member, 0, &state)
    }
  }

  private func reward(_ trial: Int, _ estimate: Estimate, tokens: Double, _ state: inout State) {
    let isMaximized = state.gepa.isMaximized
    let score = isMaximized ? estimate.mean : -estimate.mean
    let gain = max(0, score - (state.best ?? score))
    let turn = state.running.removeValue(forKey: trial)
    guard score.isFinite else { return }
    state.scores[trial] = State.Score(mean: score, count: estimate.count)
    guard let turn else { return }
    // A workflow that counts no tokens pays by the rollout.
    let cost = max(1, (tokens > 0 ? tokens : Double(estimate.count)) + Double(turn.tokens))
    let value = gain / cost
    guard value.isFinite else { return }
    state.greatest = max(state.greatest, value)
    pursue(turn.member, state.greatest > 0 ? value / state.greatest : 0, &state)
  }

  private func member(_ origin: String) -> Int? { settings.members.firstIndex(of: Self.origins[origin] ?? origin) }

  /// Equations 5, 8 and 9.
  private func pursue(_ member: Int, _ reward: Double, _ state: inout State) {
    guard state.rewards.indices.contains(member) else { return }
    state.rewards[member] += settings.adaptation * (reward - state.rewards[member])
    let count = state.rewards.count
    let least = min(max(settings.floor, 0), 1 / Double(count))
    let most = 1 - least * Double(count - 1)
    guard let top = state.rewards.max(), top > 0, let best = state.rewards.firstIndex(of: top) else { return }
    for place in state.probabilities.indices {
      let aim = place == best ? most : least
      state.probabilities[place] += settings.pursuit * (aim - state.probabilities[place])
    }
  }

  // MARK: - Asking

  /// The parent that the turn's member wants.
  public func parent(_ state: State, _ context: AskContext) -> Int? {
    switch order(state, context).first {
    case "gepa": GEPA().parent(state.gepa, context)
    case "forest": Forest().parent(state.forest, context)
    default: nil
    }
  }

  /// - Throws: as the member whose turn it is, when nobody else has something to offer.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    var answer = Answer()
    for member in order(state, context) {
      let more = try await ask(member, count - answer.proposals.count, state, context)
      answer.attempts += more.attempts
      answer.proposals += more.proposals
      if !answer.proposals.isEmpty { break }
    }
    return answer
  }

  /// The members that can be of use: the one whose turn it is, then the others, the likelier the earlier.
  private func order(_ state: State, _ context: AskContext) -> [String] {
    let space = context.problem.space
    let hasNumbers = !space.encodable.isEmpty
    let hasText = space.parameters.contains { !$0.domain.isEncodable && !$0.domain.holdsDemonstrations }
    let hasShots = space.parameters.contains { $0.domain.holdsDemonstrations }
    var left = settings.members.indices.filter { place in
      let name = settings.members[place]
      guard name != "auto" else { return hasNumbers }
      guard context.model != nil else { return false }
      return Self.numeric.contains(name) ? hasNumbers : hasText || name == "mipro" && hasShots
    }
    var random = context.random("\(name)/turn")
    guard !left.isEmpty else { return [] }
    var draw = random.uniform() * left.reduce(0) { $0 + state.probabilities[$1] }
    let turn = left.firstIndex { place in
      draw -= state.probabilities[place]
      return draw < 0
    }
    let first = left.remove(at: turn ?? left.count - 1)
    left.sort { a, b in
      state.probabilities[a] == state.probabilities[b] ? a < b : state.probabilities[a] > state.probabilities[b]
    }
    return ([first] + left).map { settings.members[$0] }
  }

  private func ask(_ member: String, _ count: Int, _ state: State, _ context: AskContext) async throws(ModelError)
    -> Answer
  {
    var numbers = context
    numbers.model = nil
    let parameters = turnParameters(context)
    func narrowed(_ text: ProposerSettings) -> ProposerSettings { self.narrowed(text, to: parameters) }
    switch member {
    case "auto": return try await Auto().ask(count, state: state.numbers, context: numbers)
    case "llambo": return try await LLAMBO().ask(count, state: state.llambo, context: context)
    case "gepa":
      return try await GEPA(GEPA.Settings(text: narrowed(GEPA.Settings().text))).ask(
        count, state: state.gepa, context: context)
    case "opro":
      return try await OPRO(narrowed(OPRO().settings)).ask(count, state: state.opro, context: context)
    case "textgrad":
      return try await TextGrad(TextGrad.Settings(text: narrowed(TextGrad.Settings().text))).ask(
        count, state: state.textgrad, context: context)
    case "evoprompt":
      return try await EvoPrompt(EvoPrompt.Settings(text: narrowed(EvoPrompt.Settings().text))).ask(
        count, state: state.evoprompt, context: context)
    case "mipro":
      var text = narrowed(MIPRO.Settings().text)
      text.parameters = parameters + context.problem.space.parameters.filter(\.domain.holdsDemonstrations).map(\.name)
      return try await MIPRO(MIPRO.Settings(text: text)).ask(count, state: state.mipro, context: context)
    case "forest":
      return try await Forest(Forest.Settings(text: narrowed(Forest.Settings().text))).ask(
        count, state: state.forest, context: context)
    case "alphaopt":
      return try await AlphaOPT(AlphaOPT.Settings(text: narrowed(AlphaOPT.Settings().text))).ask(
        count, state: state.alphaopt, context: context)
    default:
      return try await OptoPrime(narrowed(settings.text)).ask(count, state: state.optoprime, context: context)
    }
  }

  private func narrowed(_ text: ProposerSettings, to parameters: [String]) -> ProposerSettings {
    var text = text
    text.parameters = parameters
    text.fallback = false
    text.prompts = settings.text.prompts
    text.tries = text.tries ?? 1
    return text
  }

  /// The text of this turn: one, drawn by the trace's credit.
  private func turnParameters(_ context: AskContext) -> [String] {
    let text = settings.text.wordsOnly(context.problem.space)
    let base = context.parent?.assignment ?? context.incumbent?.assignment ?? context.problem.space.initial
    let names = text.changeable(context.problem.space, base: base).map(\.name)
    guard names.count > 1 else { return names }
    let weights = Credit.weights(of: names, context.rollouts, context.problem.objective.direction)
    var random = context.random("\(name)/parameter")
    var draw = random.uniform() * weights.reduce(0, +)
    for (name, weight) in zip(names, weights) {
      draw -= weight
      if draw < 0 { return [name] }
    }
    return [names[names.count - 1]]
  }
}
