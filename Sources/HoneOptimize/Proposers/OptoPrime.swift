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
  public struct Settings: Hashable, Sendable {
    /// The parameters it may change; nil means all.
    public var parameters: [String]?
    /// Sampling temperatures; each request takes the next one, round and round.
    public var temperatures: [Double]
    /// The longest reply, in tokens.
    public var maxTokens: Int
    /// The longest prompt, in estimated tokens; parameters and feedback are never cut for it.
    public var tokenCap: Int
    /// How many of the best and of the newest past trials the prompt shows.
    public var memoryBest: Int
    public var memoryNewest: Int
    /// Requests with the reason of the rejection, after a rejected reply.
    public var repairs: Int
    /// Fresh requests for one proposal before giving up; nil means one where numbers can step in, else three.
    public var tries: Int?
    /// Whether numeric search near the incumbent steps in for a failed proposal.
    public var fallback: Bool
    /// The prompt templates.
    public var prompts: PromptLibrary

    public init(
      parameters: [String]? = nil, temperatures: [Double] = [0.7, 1.0, 0.4, 1.2], maxTokens: Int = 800,
      tokenCap: Int = 3_000, memoryBest: Int = 4, memoryNewest: Int = 3, repairs: Int = 1, tries: Int? = nil,
      fallback: Bool = true, prompts: PromptLibrary = PromptLibrary()
    ) {
      self.parameters = parameters
      self.temperatures = temperatures
      self.maxTokens = maxTokens
      self.tokenCap = tokenCap
      self.memoryBest = memoryBest
      self.memoryNewest = memoryNewest
      self.repairs = repairs
      self.tries = tries
      self.fallback = fallback
      self.prompts = prompts
    }
  }

  public typealias State = AttemptMemory

  public let settings: Settings
  public var name: String { "optoprime" }
  public var needsRollouts: Bool { true }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func start(_ problem: Problem) -> AttemptMemory {
    AttemptMemory(
      best: settings.memoryBest, newest: settings.memoryNewest, direction: problem.objective.direction)
  }

  public func tell(_ event: Event, state: inout AttemptMemory) { state.tell(event) }

  /// - Throws: errors after which no request can succeed (`ModelError.endsStudy`), and cancellation; all others become
  ///   attempts. When some proposals are already made, they are returned and the error shows at the next ask.
  public func ask(_ count: Int, state: AttemptMemory, context: AskContext) async throws(ModelError) -> Answer {
    guard let model = context.model else {
      throw ModelError(
        .configuration, "the optimizer optoprime needs a proposer model, and the study has none",
        hint: "name one, or use the optimizer sobol")
    }
    var round = Round(optimizer: self, state: state, context: context, model: model)
    guard !round.parameters.isEmpty else { return Answer() }
    while round.answer.proposals.count < count {
      do {
        guard try await round.proposeOne() else { break }
      } catch {
        guard !round.answer.proposals.isEmpty else { throw error }
        round.fail(with: error)
        break
      }
    }
    return round.answer
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

  /// The parameters it may change under an assignment, in the space's order.
  func changeable(_ space: Space, base: Assignment) -> [ParameterSpec] {
    space.parameters.filter { parameter in
      base[parameter.name] != nil && settings.parameters?.contains(parameter.name) ?? true
    }
  }
}

extension OptoPrime {
  /// One ask under way.
  struct Round {
    let optimizer: OptoPrime
    let context: AskContext
    let model: any ChatModel
    let base: Assignment
    let parameters: [ParameterSpec]
    let judge: ProposalJudge
    let prompt: OptoPrimePrompt
    var taken: Set<String>
    var requests = 0
    var answer = Answer()

    init(optimizer: OptoPrime, state: AttemptMemory, context: AskContext, model: any ChatModel) {
      self.optimizer = optimizer
      self.context = context
      self.model = model
      base = context.incumbent?.assignment ?? context.problem.space.initial
      parameters = optimizer.changeable(context.problem.space, base: base)
      judge = ProposalJudge(space: context.problem.space, changeable: Set(parameters.map(\.name)), base: base)
      prompt = OptoPrimePrompt(settings: optimizer.settings, parameters: parameters, memory: state)
      taken = context.known
    }

    /// Adds one proposal; false when there is none to be had.
    mutating func proposeOne() async throws(ModelError) -> Bool {
      let tries = max(1, optimizer.settings.tries ?? (canFallBack ? 1 : 3))
      for _ in 0..<tries {
        let ending = try await askModel()
        if ending == .proposed { return true }
        if ending == .terminated { break }
      }
      return canFallBack && fallBack()
    }

    private enum Ending { case proposed, terminated, failed }

    /// One fresh request and its repairs.
    private mutating func askModel() async throws(ModelError) -> Ending {
      let temperatures = optimizer.settings.temperatures
      let temperature = temperatures.isEmpty ? 0.7 : temperatures[(context.round + requests) % temperatures.count]
      var messages = prompt.messages(context, base: base, request: requests)
      requests += 1
      for turn in 0...max(0, optimizer.settings.repairs) {
        let request = ChatRequest(
          messages, temperature: temperature, maxTokens: optimizer.settings.maxTokens,
          format: .jsonSchema(name: "proposal", schema: ProposalSchema.schema(for: parameters)))
        let reply: ChatReply
        do {
          reply = try await model.chat(request)
        } catch {
          if error.endsStudy || error.kind == .cancelled { throw error }
          fail(with: error)
          return .failed
        }
        let verdict = judge.judge(reply, taken: taken)
        var attempt = verdict.attempt
        attempt.origin = optimizer.name
        attempt.callKeys = [reply.callKey]
        answer.attempts.append(attempt)
        if let assignment = verdict.assignment {
          add(assignment, note: turn == 0 ? attempt.reasoning : "repaired: \(attempt.reasoning)")
          return .proposed
        }
        if attempt.outcome == .terminated { return .terminated }
        messages += prompt.repair(reply.text, attempt.rejections)
      }
      return .failed
    }

    mutating func fail(with error: ModelError) {
      answer.attempts.append(
        Attempt(
          origin: optimizer.name, outcome: .modelFailed,
          rejections: [Rejection(.malformed, "no reply (\(error.kind.rawValue)): \(error.message)")]))
    }

    private var canFallBack: Bool {
      optimizer.settings.fallback && parameters.contains { $0.domain.isEncodable }
    }

    /// Numeric search near the incumbent in place of the model.
    private mutating func fallBack() -> Bool {
      let space = context.problem.space
      let movable = Set(parameters.filter(\.domain.isEncodable).map(\.name))
      let search = NeighbourSearch(
        space: space.pinned(at: base, except: movable), base: base, known: taken)
      var random = context.random("\(optimizer.name)/fallback/\(answer.attempts.count)")
      guard let assignment = search.assignments(1, random: &random).first else { return false }
      answer.attempts.append(
        Attempt(
          origin: optimizer.name, outcome: .fallback, suggestion: .object(assignment.values),
          reasoning: "the model gave no usable proposal; a point near the incumbent's numbers instead"))
      add(assignment, note: "numeric point near the incumbent; the model gave no usable proposal")
      return true
    }

    private mutating func add(_ assignment: Assignment, note: String) {
      taken.insert(assignment.key)
      answer.proposals.append(
        Proposal(
          assignment, origin: optimizer.name, parent: context.incumbent?.trial, note: String(note.prefix(300))))
    }
  }
}
