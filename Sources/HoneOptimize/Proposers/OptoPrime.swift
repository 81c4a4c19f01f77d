import HoneModel
import HoneNumerics
import HoneTrace

/// OptoPrime: a language model is shown the minimal subgraph of a few rollouts with their feedback, and suggests values
/// for the parameters (Cheng, Nie and Swaminathan, "Trace is the next AutoDiff", arXiv 2406.16218).
///
/// Every reply ends in an exact valid assignment or in a typed rejection; a rejected one is sent back once with the
/// reason; then numeric search near the incumbent steps in, where there are numbers. Requests are made one after another,
/// so that budgets and replays do not depend on timing.
public struct OptoPrime: Optimizer {
  public typealias Settings = ProposerSettings
  public typealias State = AttemptMemory

  public let settings: Settings
  public var name: String { "optoprime" }
  public var needsRollouts: Bool { true }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> { settings.requests(space) }

  public func start(_ problem: Problem) -> AttemptMemory {
    AttemptMemory(
      best: settings.memoryBest, newest: settings.memoryNewest, direction: problem.objective.direction)
  }

  public func tell(_ event: Event, state: inout AttemptMemory) { state.tell(event) }

  /// - Throws: errors after which no request can succeed (`ModelError.endsStudy`), and cancellation; all others become
  ///   attempts. When some proposals are already made, they are returned and the error shows at the next ask.
  public func ask(_ count: Int, state: AttemptMemory, context: AskContext) async throws(ModelError) -> Answer {
    var round = try ProposalRound(name, settings, context, parent: context.incumbent.map(AskContext.Parent.init))
    let prompt = OptoPrimePrompt(settings: settings, parameters: round.parameters, memory: state.seen(in: context))
    return try await round.propose(count) { round, fresh in
      prompt.messages(context, base: round.base, request: fresh)
    }
  }

  /// What would become of a reply, without asking anything: an assignment, or an attempt that says why not.
  ///
  /// - Parameters:
  ///   - base: what parameters keep that the reply does not name.
  ///   - known: keys of the assignments that were tried.
  public static func judge(_ reply: ChatReply, problem: Problem, base: Assignment, known: Set<String>)
    -> (attempt: Attempt, assignment: Assignment?)
  {
    let judge = ProposalJudge(space: problem.space, changeable: Set(base.values.keys), base: base)
    let verdict = judge.judge(reply, taken: known)
    return (verdict.attempt, verdict.assignment)
  }
}
