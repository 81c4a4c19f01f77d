import HoneModel
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct TextGradTests {
  static let space = Space([
    ParameterSpec(name: "plan", domain: .text(TextDomain(maxLength: 5_000)), initial: "Plan it."),
    ParameterSpec(name: "answer", domain: .text(TextDomain(maxLength: 5_000)), initial: "Answer it."),
    ParameterSpec(name: "k", domain: .int(IntDomain(1...9)), initial: 3),
  ])
  static let problem = Problem(space: space, objective: Objective(purpose: "Answer questions."), seed: 2)

  /// plan, question -> draft; draft, answer, k -> output.
  static func rollout(_ id: String, score: Double, plan: String = "Plan it.") -> RolloutRecord {
    let trace = Trace(
      nodes: [
        Trace.Node(kind: .parameter, name: "plan", value: .string(plan)),
        Trace.Node(kind: .input, name: "question", value: .string("question \(id)")),
        Trace.Node(kind: .step, name: "draft", inputs: [0, 1], value: "a draft", doc: "Drafts an answer."),
        Trace.Node(kind: .parameter, name: "answer", value: "Answer it."),
        Trace.Node(kind: .parameter, name: "k", value: 3),
        Trace.Node(kind: .step, name: "reply", inputs: [2, 3, 4, 1], value: "an answer"),
      ], feedback: [Feedback(node: 5, text: "too long, \(id)", score: score)])
    return RolloutRecord(
      trial: 0, split: .train, example: id, repeat: 0, cacheKey: id, score: score, feedback: "too long, \(id)",
      output: "an answer", trace: trace)
  }

  static func context(_ rollouts: [RolloutRecord], model: any ChatModel, plan: String = "Plan it.") -> AskContext {
    let start = Assignment(["plan": .string(plan), "answer": "Answer it.", "k": 3])
    return AskContext(
      problem: problem, round: 1, known: [start.key], parent: .init(trial: 0, assignment: start), rollouts: rollouts,
      model: model)
  }

  /// Feedback for every input asked about, then new values.
  static func model() -> ScriptedModel {
    ScriptedModel { request in
      let text = request.messages[1].content
      if text.contains("#Step\nreply") {
        return #"{"feedback": {"draft": "shorter draft", "answer": "ask for one word"}}"#
      }
      if text.contains("#Step\ndraft") { return #"{"feedback": {"plan": "plan for one word"}}"# }
      return #"{"reasoning": "r", "suggestion": {"plan": "Plan one word.", "answer": "One word."}}"#
    }
  }

  @Test func feedbackGoesBackStepByStep() async throws {
    let model = Self.model()
    let answer = try await TextGrad().ask(
      1, state: TextGrad.State(), context: Self.context([Self.rollout("q1", score: 0)], model: model))
    #expect(
      answer.proposals.map(\.assignment) == [Assignment(["plan": "Plan one word.", "answer": "One word.", "k": 3])])
    #expect(answer.proposals[0].parent == 0 && answer.attempts.map(\.outcome) == [.applied, .applied, .applied])
    let prompts = model.requests.map { $0.messages[1].content }
    // The last step first; what may not change is named as such; k is a number and stays.
    #expect(prompts.count == 3)
    #expect(prompts[0].contains("\"too long, q1 (score 0)\"") && prompts[0].contains("k = 3 (cannot be changed)"))
    #expect(prompts[0].contains("of these inputs what is wrong with it, or missing in it, that led to this output"))
    #expect(prompts[0].contains("it should change: draft, answer."), "\(prompts[0])")
    #expect(prompts[1].contains("draft: Drafts an answer.") && prompts[1].contains("\"shorter draft\""))
    #expect(prompts[2].contains("plan, example 1: \"plan for one word\""))
    #expect(prompts[2].contains("answer, example 1: \"ask for one word\""))
  }

  @Test func theWorstRolloutsComeFirstAndRequestsAreCapped() async throws {
    let rollouts = [("a", 1.0), ("b", 0.0), ("c", 0.5), ("d", 0.25)].map { Self.rollout($0, score: $1) }
    let model = Self.model()
    _ = try await TextGrad().ask(1, state: TextGrad.State(), context: Self.context(rollouts, model: model))
    let asked = model.requests.map { $0.messages[1].content }.filter { $0.contains("#Step\nreply") }
    #expect(asked.count == 3)
    #expect(asked[0].contains("too long, b") && asked[1].contains("too long, d") && asked[2].contains("too long, c"))
    let capped = Self.model()
    let answer = try await TextGrad(.init(requests: 2)).ask(
      1, state: TextGrad.State(), context: Self.context(rollouts, model: capped))
    #expect(capped.requests.count == 3 && answer.proposals.count == 1)
  }

  /// TextGrad 0.1.8 shows only the first and last ten words of a long value.
  @Test func valuesAreShownWhole() async throws {
    let long = (0..<300).map { "word\($0)" }.joined(separator: " ")
    let model = Self.model()
    _ = try await TextGrad().ask(
      1, state: TextGrad.State(),
      context: Self.context([Self.rollout("q", score: 0, plan: long)], model: model, plan: long))
    #expect(model.requests.last?.messages[1].content.contains("plan = \"\(long)\"") ?? false)
    #expect(model.requests[1].messages[1].content.contains("plan = \"\(long)\""))
  }

  @Test func nothingToSayMeansNoUpdate() async throws {
    let model = ScriptedModel([#"{"feedback": {"draft": "Nothing.", "answer": " nothing "}}"#])
    let answer = try await TextGrad().ask(
      1, state: TextGrad.State(), context: Self.context([Self.rollout("q", score: 1)], model: model))
    #expect(answer.proposals.isEmpty && model.requests.count == 1 && answer.attempts.map(\.outcome) == [.applied])
  }

  @Test(arguments: ["", "prose", #"{"feedback": 3}"#, #"{"feedback": {"other": "x"}}"#, #"{"feedback": {"plan": 3}}"#])
  func garbledFeedbackIsAskedForOnceMore(_ text: String) async throws {
    let model = ScriptedModel([text])
    let answer = try await TextGrad().ask(
      1, state: TextGrad.State(), context: Self.context([Self.rollout("q", score: 0)], model: model))
    #expect(answer.proposals.isEmpty && model.requests.count == 2)
    #expect(answer.attempts.allSatisfy { $0.outcome != .applied && !$0.rejections.isEmpty })
  }
}
