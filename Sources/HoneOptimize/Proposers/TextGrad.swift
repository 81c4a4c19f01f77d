import HoneModel
import HoneTrace

/// Textual gradients: a model carries feedback backwards through the trace, step by step, to the parameters, and writes new
/// values that take it up.
///
/// Yuksekgonul et al., "TextGrad: Automatic Differentiation via Text" (arXiv 2406.07496): equation 3, feedback on a step's
/// input from the step and the feedback on its output; equation 4, the update. On Hone's own graph: only steps between a
/// parameter that may change and an output with feedback are asked about, one request a step, and values are shown whole. A
/// new value is a proposal like any other: it is measured before it is believed.
public struct TextGrad: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// How the model is asked; its `parameters` are narrowed to text and free code.
    public var text: ProposerSettings
    /// Rollouts whose feedback is carried back, the worst first.
    public var examples: Int
    /// Requests of one ask for feedback, at most; rollouts it does not reach are left out.
    public var requests: Int

    public init(
      text: ProposerSettings = ProposerSettings(temperatures: [0.7], maxTokens: 1_200, tokenCap: 6_000),
      examples: Int = 3, requests: Int = 12
    ) {
      self.text = text
      self.examples = max(1, examples)
      self.requests = max(1, requests)
    }
  }

  /// Nothing: what it does follows from the rollouts it is shown.
  public struct State: Codable, Sendable, Equatable {}

  public let settings: Settings
  public var name: String { "textgrad" }
  public var needsRollouts: Bool { true }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  /// Of a workflow of one step; each further one on the way asks once more an example.
  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> {
    let update = settings.text.wordsOnly(space).requests(space)
    guard update.upperBound > 0 else { return update }
    return (min(settings.examples, settings.requests) + 1)...(settings.requests + update.upperBound)
  }

  public func start(_ problem: Problem) -> State { State() }
  public func tell(_ event: Event, state: inout State) {}

  /// - Throws: as `ProposalRound.propose`.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let text = settings.text.wordsOnly(context.problem.space)
    let parent = context.parent ?? context.incumbent.map(AskContext.Parent.init)
    var round = try ProposalRound(name, text, context, parent: parent)
    guard let model = context.model, !round.parameters.isEmpty else { return Answer() }
    var pass = TextGradPass(
      settings: settings, context: context, base: round.base, parameters: round.parameters,
      talk: ProposerTalk(origin: name, model: model, limit: settings.requests))
    for rollout in worst(context) { try await pass.carryBack(rollout) }
    guard !pass.gradients.isEmpty else { return Answer([], attempts: pass.talk.attempts) }
    var answer = try await round.propose(count) { round, request in update(round, pass.gradients, request) }
    answer.attempts = pass.talk.attempts + answer.attempts
    return answer
  }

  private func worst(_ context: AskContext) -> [RolloutRecord] {
    let sign = context.problem.objective.direction == .maximize ? 1.0 : -1.0
    let order = context.rollouts.enumerated().sorted { a, b in
      let (x, y) = (a.element.score.map { sign * $0 } ?? -.infinity, b.element.score.map { sign * $0 } ?? -.infinity)
      return x == y ? a.offset < b.offset : x < y
    }
    return order.prefix(settings.examples).map(\.element)
  }

  private func update(_ round: ProposalRound, _ gradients: [TextGradPass.Gradient], _ request: Int) -> [ChatMessage] {
    let context = round.context
    let said = round.parameters.flatMap { parameter in
      gradients.filter { $0.parameter == parameter.name }.map { gradient in
        "\(parameter.name), example \(gradient.example): \(Value.string(gradient.text).canonicalJSON)"
      }
    }
    var sections = PromptSections.filled([
      "objective": PromptSections.objective(context), "constraints": PromptSections.constraints(round.parameters),
      "values": PromptSections.values(round.parameters, of: round.base), "feedback": said.joined(separator: "\n"),
      "names": round.names, "format": round.format,
    ])
    sections["boundary"] = PromptSections.boundary(context, "\(name)/update", request, apartFrom: sections)
    return TextGradPass.messages("update", sections, settings.text.prompts)
  }
}

/// The backward pass of one ask.
struct TextGradPass {
  /// What is said of a parameter, by one rollout.
  struct Gradient: Hashable {
    var parameter: String
    /// The rollout's place among those shown, from 1.
    var example: Int
    var text: String
  }

  let settings: TextGrad.Settings
  let context: AskContext
  let base: Assignment
  let parameters: [ParameterSpec]
  var talk: ProposerTalk
  private(set) var gradients: [Gradient] = []
  private var rollouts = 0

  init(
    settings: TextGrad.Settings, context: AskContext, base: Assignment, parameters: [ParameterSpec], talk: ProposerTalk
  ) {
    self.settings = settings
    self.context = context
    self.base = base
    self.parameters = parameters
    self.talk = talk
  }

  /// Carries one rollout's feedback to the parameters: nodes from the last to the first, each after all that use it.
  mutating func carryBack(_ rollout: RolloutRecord) async throws(ModelError) {
    rollouts += 1
    let trace = rollout.recordedOrPlainTrace(base)
    let names = Set(parameters.map(\.name))
    var leads = [Bool](repeating: false, count: trace.nodes.count)
    for (index, node) in trace.nodes.enumerated() {
      leads[index] =
        node.kind == .parameter
        ? names.contains(node.name) : node.inputs.contains { (0..<index).contains($0) && leads[$0] }
    }
    let subgraph = trace.subgraph()
    var said: [Int: [String]] = [:]
    for feedback in subgraph.feedback {
      let score = feedback.score.map { " (score \(PromptSections.rounded($0).canonicalJSON))" } ?? ""
      said[feedback.node, default: []].append((feedback.text.isEmpty ? "no words" : feedback.text) + score)
    }
    for index in subgraph.nodes.reversed() {
      guard let feedback = said[index] else { continue }
      let node = trace.nodes[index]
      if node.kind == .parameter {
        guard names.contains(node.name) else { continue }
        gradients += feedback.map { Gradient(parameter: node.name, example: rollouts, text: $0) }
        continue
      }
      var inputs: [(index: Int, label: String)] = []
      for input in node.inputs where (0..<index).contains(input) && leads[input] {
        guard !inputs.contains(where: { $0.index == input }) else { continue }
        let name = trace.nodes[input].name
        let same = inputs.count { $0.label == name || $0.label.hasPrefix("\(name) (") }
        inputs.append((input, same == 0 ? name : "\(name) (\(same + 1))"))
      }
      guard !inputs.isEmpty else { continue }
      let answers = try await ask(trace, node, inputs, feedback)
      for (input, label) in inputs {
        guard let text = answers?[label], !Self.isNothing(text) else { continue }
        said[input, default: []].append(text)
      }
    }
  }

  static func isNothing(_ text: String) -> Bool {
    let word = text.lowercased().filter(\.isLetter)
    return word.isEmpty || word == "nothing"
  }

  private mutating func ask(
    _ trace: Trace, _ node: Trace.Node, _ inputs: [(index: Int, label: String)], _ feedback: [String]
  ) async throws(ModelError) -> [String: String]? {
    let labels = inputs.map(\.label)
    let known = inputs.map { "\($0.label) = \(Self.shown(trace.nodes[$0.index].value, settings))" }
    let others = node.inputs.filter { input in
      trace.nodes.indices.contains(input) && !inputs.contains { $0.index == input }
    }.map { "\(trace.nodes[$0].name) = \(Self.shown(trace.nodes[$0].value, settings)) (cannot be changed)" }
    let members = labels.map { "\(Value.string($0).canonicalJSON): \"what to change\"" }.joined(separator: ", ")
    var sections = PromptSections.filled([
      "objective": PromptSections.objective(context),
      "step": node.doc.map { "\(node.name): \($0)" } ?? node.name,
      "inputs": (known + others).joined(separator: "\n"), "output": Self.shown(node.value, settings),
      "feedback": feedback.map { Value.string($0).canonicalJSON }.joined(separator: "\n"),
      "names": labels.joined(separator: ", "), "format": "{\"feedback\": {\(members)}}",
    ])
    sections["boundary"] = PromptSections.boundary(
      context, "textgrad/backward", talk.attempts.count, apartFrom: sections)
    let properties = Dictionary(labels.map { ($0, ["type": "string"] as Value) }, uniquingKeysWith: { a, _ in a })
    let request = ChatRequest(
      Self.messages("backward", sections, settings.text.prompts), temperature: settings.text.temperatures.first ?? 0.7,
      maxTokens: settings.text.maxTokens,
      format: .jsonSchema(
        name: "feedback", schema: ProposalSchema.object(["feedback": ProposalSchema.object(properties)])))
    let form = sections["format"] ?? ""
    return try await talk.ask(request, repairs: settings.text.repairs) { reply, rejections in
      ProposerTalk.repair(reply, rejections, form: form)
    } read: { reply in
      Self.read(reply, labels)
    }
  }

  /// Feedback by input; an input that is not named gets none.
  static func read(_ reply: ChatReply, _ labels: [String]) -> (attempt: Attempt, found: [String: String]?) {
    func refused(_ outcome: Attempt.Outcome, _ kind: Rejection.Kind, _ reason: String) -> (Attempt, [String: String]?) {
      (Attempt(origin: "", outcome: outcome, rejections: [Rejection(kind, reason)]), nil)
    }
    guard reply.finish != .length else { return refused(.truncated, .truncated, "the answer was cut off; write less") }
    let objects = (try? LooseJSON.objects(in: reply.text)) ?? []
    guard let object = objects.lazy.compactMap({ $0["feedback"]?.object }).first else {
      return refused(.malformed, .malformed, "the answer holds no JSON object with \"feedback\"")
    }
    let found = object.compactMapValues(\.string).filter { labels.contains($0.key) }
    guard !found.isEmpty else {
      return refused(.rejected, .empty, "\"feedback\" must name \(labels.joined(separator: ", "))")
    }
    let suggestion = Value.object(found.mapValues(Value.string))
    return (Attempt(origin: "", outcome: .applied, suggestion: ["gradients": suggestion]), found)
  }

  /// A value whole, as far as a quarter of the prompt goes; a longer one says that it was cut.
  private static func shown(_ value: Value, _ settings: TextGrad.Settings) -> String {
    let text = value.canonicalJSON
    let cap = max(400, settings.text.tokenCap * 3 / 4)
    return text.count > cap ? "\(text.prefix(cap)) ... (cut)" : text
  }

  static func messages(_ name: String, _ sections: [String: String], _ prompts: PromptLibrary) -> [ChatMessage] {
    [
      ChatMessage(.system, prompts.render("textgrad-system", sections)),
      ChatMessage(.user, prompts.render("textgrad-\(name)", sections)),
    ]
  }
}
