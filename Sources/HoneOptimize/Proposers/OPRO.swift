import HoneModel
import HoneTrace

/// OPRO: a language model sees earlier values in the order of their scores, with a few examples of the task, and writes
/// values that score better.
///
/// Yang et al., "Large Language Models as Optimizers" (ICLR 2024, arXiv 2309.03409), section 4: the best 20 attempts,
/// ascending, and three examples drawn anew for each request. Scores are shown as they are, not as whole percents.
public struct OPRO: Optimizer {
  public typealias Settings = ProposerSettings
  public typealias State = AttemptMemory

  public let settings: Settings
  public var name: String { "opro" }
  public var needsRollouts: Bool { true }

  /// Examples in a request.
  static let examples = 3

  public init(_ settings: Settings = Settings(temperatures: [1.0], memoryBest: 20, memoryNewest: 0)) {
    self.settings = settings
  }

  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> { settings.requests(space) }

  public func start(_ problem: Problem) -> AttemptMemory {
    AttemptMemory(
      best: settings.memoryBest, newest: settings.memoryNewest, direction: problem.objective.direction)
  }

  public func tell(_ event: Event, state: inout AttemptMemory) { state.tell(event) }

  /// - Throws: as `ProposalRound.propose`.
  public func ask(_ count: Int, state: AttemptMemory, context: AskContext) async throws(ModelError) -> Answer {
    var round = try ProposalRound(name, settings, context, parent: context.incumbent.map(AskContext.Parent.init))
    let memory = state.seen(in: context)
    return try await round.propose(count) { round, request in
      messages(round, memory, request)
    }
  }

  private func messages(_ round: ProposalRound, _ memory: AttemptMemory, _ request: Int) -> [ChatMessage] {
    let context = round.context
    var random = context.random("\(name)/examples/\(request)")
    let shown = context.rollouts.shuffled(using: &random).prefix(Self.examples)
    var sections = PromptSections.filled([
      "objective": PromptSections.objective(context), "score": PromptSections.score(context),
      "constraints": PromptSections.constraints(round.parameters),
      "attempts": PromptSections.attempts(memory, round.parameters, tokenCap: settings.tokenCap / 2),
      "examples": PromptSections.examples(Array(shown), tokenCap: settings.tokenCap / 2),
      "names": round.names, "format": round.format,
    ])
    sections["boundary"] = PromptSections.boundary(context, name, request, apartFrom: sections)
    return [
      ChatMessage(.system, settings.prompts.render("opro-system", sections)),
      ChatMessage(.user, settings.prompts.render("opro-user", sections)),
    ]
  }
}
