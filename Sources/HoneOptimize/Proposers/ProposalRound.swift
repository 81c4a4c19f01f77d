import HoneModel
import HoneNumerics
import HoneTrace

/// One ask of a proposer under way: it changes some parameters of one parent, a reply a proposal.
///
/// Every reply ends in an exact valid assignment or in a typed rejection; a rejected one is sent back with the reason; then
/// numeric search near the parent steps in, where there are numbers. Requests are made one after another.
struct ProposalRound {
  let settings: ProposerSettings
  let context: AskContext
  let parent: AskContext.Parent?
  let base: Assignment
  let parameters: [ParameterSpec]
  private let judge: ProposalJudge
  private var talk: ProposerTalk
  private var taken: Set<String>
  /// Requests so far, those that repair a reply aside.
  private var fresh = 0
  private(set) var proposals: [Proposal] = []

  /// - Parameter parent: nil: the start.
  /// - Throws: when the study has no proposer.
  init(_ name: String, _ settings: ProposerSettings, _ context: AskContext, parent: AskContext.Parent?)
    throws(ModelError)
  {
    guard let model = context.model else {
      throw ModelError(
        .configuration, "the optimizer \(name) needs a proposer model, and the study has none",
        hint: "name one, or use the optimizer sobol")
    }
    self.settings = settings
    self.context = context
    self.parent = parent
    base = parent?.assignment ?? context.problem.space.initial
    parameters = settings.changeable(context.problem.space, base: base)
    judge = ProposalJudge(space: context.problem.space, changeable: Set(parameters.map(\.name)), base: base)
    talk = ProposerTalk(origin: name, model: model)
    taken = context.known
  }

  /// - Parameters:
  ///   - isWhole: some proposals are of no use without the others: where the budget ends between them, none is returned, and
  ///     the same ask goes on there with a larger one.
  ///   - messages: of a fresh request, the how-many-th of this ask it is.
  /// - Throws: errors after which no request can succeed (`ModelError.endsStudy`), and cancellation; all others become
  ///   attempts. When some proposals are already made, they are returned and the error shows at the next ask.
  mutating func propose(
    _ count: Int, isWhole: Bool = false, messages: (ProposalRound, Int) -> [ChatMessage]
  ) async throws(ModelError) -> Answer {
    guard !parameters.isEmpty else { return Answer() }
    while proposals.count < count {
      do {
        guard try await proposeOne(messages) else { break }
      } catch {
        guard !proposals.isEmpty, !(isWhole && error.kind == .budget) else { throw error }
        talk.fail(with: error)
        break
      }
    }
    return Answer(proposals, attempts: talk.attempts)
  }

  /// Adds one proposal; false when there is none to be had.
  private mutating func proposeOne(_ messages: (ProposalRound, Int) -> [ChatMessage]) async throws(ModelError) -> Bool {
    for _ in 0..<settings.tries(parameters) {
      if try await askModel(messages) { return true }
      if talk.attempts.last?.outcome == .terminated { break }
    }
    return canFallBack && fallBack()
  }

  /// One fresh request and its repairs.
  private mutating func askModel(_ messages: (ProposalRound, Int) -> [ChatMessage]) async throws(ModelError) -> Bool {
    let temperatures = settings.temperatures
    let temperature = temperatures.isEmpty ? 0.7 : temperatures[(context.round + fresh) % temperatures.count]
    let request = ChatRequest(
      messages(self, fresh), temperature: temperature, maxTokens: settings.maxTokens,
      format: .jsonSchema(name: "proposal", schema: ProposalSchema.schema(for: parameters)))
    fresh += 1
    let before = talk.attempts.count
    let (judge, taken) = (judge, taken)
    let found = try await talk.ask(request, repairs: settings.repairs, repair: repair) { reply in
      let verdict = judge.judge(reply, taken: taken)
      return (verdict.attempt, verdict.assignment)
    }
    guard let found, let reasoning = talk.attempts.last?.reasoning else { return false }
    add(found, note: talk.attempts.count == before + 1 ? reasoning : "repaired: \(reasoning)")
    return true
  }

  private func repair(_ reply: String, _ rejections: [Rejection]) -> [ChatMessage] {
    ProposerTalk.repair(reply, rejections) { reasons in
      settings.prompts.render("optoprime-repair", ["reasons": reasons, "format": format, "names": names])
    }
  }

  /// The form of a reply, and what may be changed, for prompts.
  var format: String { ProposalSchema.example(for: parameters) }
  var names: String { parameters.map(\.name).joined(separator: ", ") }

  private var canFallBack: Bool { settings.fallback && parameters.contains { $0.domain.isEncodable } }

  /// Numeric search near the parent in place of the model.
  private mutating func fallBack() -> Bool {
    let space = context.problem.space
    let movable = Set(parameters.filter(\.domain.isEncodable).map(\.name))
    let search = NeighbourSearch(space: space.pinned(at: base, except: movable), base: base, known: taken)
    var random = context.random("\(talk.origin)/fallback/\(talk.attempts.count)")
    guard let assignment = search.assignments(1, random: &random).first else { return false }
    talk.attempts.append(
      Attempt(
        origin: talk.origin, outcome: .fallback, suggestion: .object(assignment.values),
        reasoning: "the model gave no usable proposal; a point near the incumbent's numbers instead"))
    add(assignment, note: "numeric point near the incumbent; the model gave no usable proposal")
    return true
  }

  private mutating func add(_ assignment: Assignment, note: String) {
    taken.insert(assignment.key)
    proposals.append(
      Proposal(assignment, origin: talk.origin, parent: parent?.trial, note: String(note.prefix(300))))
  }
}
