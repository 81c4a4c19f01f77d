import HoneModel
import HoneNumerics
import HoneTrace

/// Evolution of texts with a language model as the operator of variation.
///
/// Guo et al., "Connecting Large Language Models with Evolutionary Algorithms Yields Powerful Prompt Optimizers" (EvoPrompt,
/// ICLR 2024, arXiv 2309.08532): the genetic algorithm (Algorithm 2: two parents by roulette wheel, crossover and mutation in
/// one request, the best of old and new survive) and differential evolution (Algorithm 3: only the parts in which two members
/// differ are mutated, combined with the best one and crossed with a base, each member in its turn). The population is the best
/// trials so far; until there are enough, the best one is varied.
public struct EvoPrompt: Optimizer {
  public enum Algorithm: String, Hashable, Sendable, CaseIterable {
    case genetic
    case differential
  }

  public struct Settings: Hashable, Sendable {
    /// How the model is asked; its `parameters` are narrowed to text and free code.
    public var text: ProposerSettings
    public var algorithm: Algorithm
    /// Members of the population.
    public var population: Int

    public init(
      text: ProposerSettings = ProposerSettings(temperatures: [0.5], maxTokens: 1_200),
      algorithm: Algorithm = .differential, population: Int = 10
    ) {
      self.text = text
      self.algorithm = algorithm
      self.population = max(2, population)
    }
  }

  public struct State: Codable, Sendable, Equatable {
    var memory: AttemptMemory
    /// Children begun: whose turn as a base it is.
    var begun = 0
  }

  public let settings: Settings
  public var name: String { "evoprompt" }
  public var needsRollouts: Bool { false }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> { settings.text.wordsOnly(space).requests(space) }

  public func start(_ problem: Problem) -> State {
    State(
      memory: AttemptMemory(best: settings.population, newest: 0, direction: problem.objective.direction))
  }

  public func tell(_ event: Event, state: inout State) {
    state.memory.tell(event)
    if case .began(_, let proposal) = event, proposal.origin == name { state.begun += 1 }
  }

  /// - Throws: as `ProposalRound.propose`.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let text = settings.text.wordsOnly(context.problem.space)
    var round = try ProposalRound(name, text, context, parent: context.incumbent.map(AskContext.Parent.init))
    // Worst first, as the memory shows them.
    let population = Array(state.memory.seen(in: context).shown.filter { $0.mean != nil && !$0.screened }.reversed())
    return try await round.propose(count) { round, request in messages(round, population, state.begun, request) }
  }

  /// - Parameter population: the best first.
  private func messages(_ round: ProposalRound, _ population: [AttemptMemory.Entry], _ begun: Int, _ request: Int)
    -> [ChatMessage]
  {
    let context = round.context
    var random = context.random("\(name)/parents/\(request)")
    func shown(_ entry: AttemptMemory.Entry?) -> String {
      let values = entry?.values ?? .object(round.base.values)
      return PromptSections.values(round.parameters, of: Assignment(values.object ?? [:]))
    }
    var sections = [
      "objective": PromptSections.objective(context), "constraints": PromptSections.constraints(round.parameters),
      "best": shown(population.first), "names": round.names, "format": round.format,
    ]
    var template = "vary"
    switch settings.algorithm {
    case .genetic where population.count >= 2:
      template = "ga"
      let (first, second) = roulette(population, &random)
      (sections["first"], sections["second"]) = (shown(first), shown(second))
    case .differential where population.count >= 3:
      template = "de"
      let place = (begun + request) % population.count
      let others = population.indices.filter { $0 != place }.shuffled(using: &random)
      (sections["first"], sections["second"]) = (shown(population[others[0]]), shown(population[others[1]]))
      sections["base"] = shown(population[place])
    default: break
    }
    sections = PromptSections.filled(sections)
    sections["boundary"] = PromptSections.boundary(context, name, request, apartFrom: sections)
    let prompts = settings.text.prompts
    return [
      ChatMessage(.system, prompts.render("evoprompt-system", sections)),
      ChatMessage(.user, prompts.render("evoprompt-\(template)", sections)),
    ]
  }

  /// Two different members, each drawn with a chance in proportion to its score above the worst one's; the worst has half the
  /// chance of the next.
  private func roulette(_ population: [AttemptMemory.Entry], _ random: inout RandomStream)
    -> (AttemptMemory.Entry, AttemptMemory.Entry)
  {
    let scores = population.map { $0.mean ?? 0 }
    let worst = scores.last ?? 0
    // Divided by the greatest first, so that no sum overflows.
    let unit = max(scores.map { abs($0 / 2 - worst / 2) }.max() ?? 0, .leastNormalMagnitude)
    let heights = scores.map { abs($0 / 2 - worst / 2) / unit }
    let floor = (heights.filter { $0 > 0 }.min() ?? 1) / 2
    func draw(apartFrom taken: Int?) -> Int {
      let weights = heights.indices.map { $0 == taken ? 0 : max(heights[$0], floor) }
      var left = random.uniform() * weights.reduce(0, +)
      for (index, weight) in weights.enumerated() where weight > 0 {
        left -= weight
        if left < 0 { return index }
      }
      return weights.lastIndex { $0 > 0 } ?? 0
    }
    let first = draw(apartFrom: nil)
    return (population[first], population[draw(apartFrom: first)])
  }
}
