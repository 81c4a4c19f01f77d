import Foundation
import Hone
import HoneModel
import HoneTesting
import HoneTrace
import Testing

@testable import HoneTasks

/// Several steps in one task file, run with a scripted model.
@Suite(.serialized)
struct StepRunTests {
  static let passages = """
    {"text": "The Saxon Garden is called Ogród Saski in Polish."}
    {"text": "The Panthers defense gave up 308 points."}
    {"text": "Drogo was ennobled by Henry the Third."}
    """

  static let threeSteps = """
      - { name: query, prompt: { system: $rewriter, user: "{question}", max_tokens: 9 } }
      - { name: passages, retrieve: { from: passages.jsonl, query: "{query}", top_k: $topK } }
      - { name: reply, prompt: { system: $answerer, user: "{passages} | {question}", temperature: $temperature } }
    """

  static let parameters = """
      rewriter: { prompt: "Write keywords." }
      topK: { int: [1, 3], initial: 1 }
      answerer: { prompt: "Answer." }
      temperature: { float: [0.0, 1.0], initial: 0.5 }
    """

  static func task(
    _ steps: String = threeSteps, parameters: String = parameters, score: String = "{ exact_match: expected }",
    in folder: DataTests.Folder, more: String = ""
  ) throws -> TaskFile {
    let text = """
      version: 1
      study: s
      goal: { maximize: accuracy }
      model: { endpoint: "http://scripted/v1", name: m }
      \(more)
      data: { train: train.jsonl }
      workflow:
        steps:
      \(steps)
      parameters:
      \(parameters)
      score: \(score)
      """
    return try TaskFile.parse([UInt8](text.utf8), path: "task.yaml", directory: folder.path)
  }

  static func folder(_ files: [String: String] = [:]) throws -> DataTests.Folder {
    try DataTests.Folder(["passages.jsonl": passages].merging(files) { $1 })
  }

  static let example = Example(
    id: "1", fields: ["question": "How many points did they surrender?", "expected": "308"])

  /// Says keywords to the first prompt and the number in the passages to the second.
  static let model = ScriptedModel { request in
    request.messages[0].content == "Write keywords."
      ? "Panthers defense points" : request.messages[1].content.contains("308") ? "308" : "unknown"
  }

  static func run(
    _ task: TaskFile, _ values: [String: Value] = [:], model: (any ChatModel)? = model,
    embedder: (any EmbeddingModel)? = nil, example: Example = example
  ) async throws -> (outcome: Outcome, trace: Trace) {
    let runner = TaskRunner(
      task, train: [], endpoint: nil, model: model, embedder: embedder,
      environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"])
    let recorder = Recorder()
    let assignment = try runner.space.accept(values, defaults: runner.space.initial)
    let context = TraceContext(recorder: recorder, assignment: assignment)
    let outcome = await TraceContext.$current.withValue(context) { await runner.run(example, repeat: 0) }
    return (outcome, recorder.finish())
  }

  static func names(_ trace: Trace, reaching node: Int?) throws -> Set<String> {
    let subgraph = trace.subgraph(of: [Feedback(node: try #require(node), text: "")])
    return Set(subgraph.nodes.map { trace.nodes[$0].name })
  }

  // MARK: - Outputs and the trace

  @Test func outputsFlowFromStepToStep() async throws {
    let folder = try Self.folder()
    let model = ScriptedModel(["Panthers defense points", "308"])
    let (outcome, trace) = try await Self.run(try Self.task(in: folder), model: model)
    #expect(outcome.score == 1 && outcome.output == "308")
    #expect(model.requests.count == 2)
    #expect(model.requests[0].messages.last?.content == "How many points did they surrender?")
    #expect(
      model.requests[1].messages.last?.content
        == "The Panthers defense gave up 308 points. | How many points did they surrender?")
    #expect(model.requests[1].temperature == 0.5 && model.requests[0].maxTokens == 9)
    // 1 prompt token and a quarter of the reply's bytes each.
    #expect(outcome.outcomes == ["tokens": 1 + 5 + 1 + 1])
    let steps = trace.nodes.filter { $0.kind == .step }
    #expect(steps.map(\.name) == ["query.render", "query", "passages", "reply.render", "reply", "score"])
    #expect(steps.first { $0.name == "passages" }?.value == "The Panthers defense gave up 308 points.")
  }

  @Test func eachNodeHasTheInputsItReads() async throws {
    let folder = try Self.folder()
    let (_, trace) = try await Self.run(try Self.task(in: folder))
    func inputs(_ name: String) -> Set<String>? {
      trace.nodes.first { $0.name == name }.map { Set($0.inputs.map { trace.nodes[$0].name }) }
    }
    #expect(inputs("query.render") == ["rewriter", "question"])
    #expect(inputs("query") == ["query.render"])
    #expect(inputs("passages") == ["topK", "query"])
    #expect(inputs("reply.render") == ["answerer", "passages", "question"])
    #expect(inputs("reply") == ["reply.render", "temperature"])
    #expect(inputs("score") == ["reply"])
    #expect(trace.nodes.count { $0.name == "question" } == 1, "a field is one input, however many steps read it")
  }

  @Test func creditReachesTheParametersOfEveryStep() async throws {
    let folder = try Self.folder()
    let (outcome, trace) = try await Self.run(try Self.task(in: folder))
    #expect(
      try Self.names(trace, reaching: outcome.node)
        == [
          "rewriter", "query.render", "query", "topK", "passages", "answerer", "reply.render", "temperature", "reply",
        ])
  }

  /// The step that went wrong ends the rollout; what stands below it has no part in that.
  @Test func aFailureHasOnlyWhatLedToIt() async throws {
    let folder = try Self.folder()
    let steps = """
        - { name: query, prompt: { system: $rewriter, user: "{question}" } }
        - { name: check, command: [sh, -c, 'echo "no: $$0" >&2; exit 3', "{query}"] }
        - { name: reply, prompt: { system: $answerer, user: "{check} {question}" } }
      """
    let model = ScriptedModel(["keywords"])
    let (outcome, trace) = try await Self.run(try Self.task(steps, in: folder), model: model)
    #expect(outcome.score == nil && outcome.failure?.kind == .workflow)
    #expect(outcome.failure?.message.hasPrefix("check: the command ended with exit code 3") == true)
    #expect(outcome.failure?.message.contains("no: keywords") == true)
    #expect(model.requests.count == 1)
    #expect(trace.nodes.last?.kind == .failure && trace.nodes.last?.name == "check")
    #expect(try Self.names(trace, reaching: outcome.node) == ["rewriter", "query.render", "query", "check"])
  }

  @Test func whatNothingReadsHasNoCredit() async throws {
    let folder = try Self.folder()
    let steps = """
        - { name: aside, prompt: { system: $rewriter, user: "{question}" } }
        - { name: reply, prompt: { system: $answerer, user: "{question}" } }
      """
    let task = try Self.task(steps, in: folder)
    #expect(task.warnings.contains { $0.message == "aside: no later step reads this one's output" })
    let (outcome, trace) = try await Self.run(task)
    #expect(try Self.names(trace, reaching: outcome.node) == ["answerer", "reply.render", "reply"])
  }

  @Test func anEndpointsTroubleIsOfTheInfrastructure() async throws {
    let folder = try Self.folder()
    let model = ScriptedModel { (_, index) throws(ModelError) in
      if index == 1 { throw ModelError(.rateLimited, "slow down") }
      return ScriptedModel.reply("points")
    }
    let (outcome, trace) = try await Self.run(try Self.task(in: folder), model: model)
    #expect(outcome.failure?.kind == .infrastructure && outcome.failure?.message == "reply: slow down")
    #expect(trace.nodes.last?.kind == .failure && trace.nodes.last?.name == "reply")
  }

  // MARK: - Commands

  @Test func aCommandSeesTheRowAndTheOutputsAbove() async throws {
    let folder = try Self.folder()
    let script =
      "import sys,json; e=json.load(open(sys.argv[1])); print(sorted(e)); print(e['query'], sys.argv[2], sys.stdin.read())"
    let steps = """
        - { name: query, prompt: { system: $rewriter, user: "{question}" } }
        - name: check
          command: [python3, -c, "\(script)", "{example.json}", $topK]
          stdin: "<{query}>"
        - { name: reply, prompt: { system: $answerer, user: "{check}", temperature: $temperature } }
      """
    let model = ScriptedModel(["keys", "done"])
    let (outcome, trace) = try await Self.run(try Self.task(steps, in: folder), ["topK": 2], model: model)
    #expect(
      model.requests.last?.messages.last?.content == "['expected', 'query', 'question']\nkeys 2 <keys>",
      "without the line's end")
    let check = try #require(trace.nodes.first { $0.name == "check" })
    #expect(Set(check.inputs.map { trace.nodes[$0].name }) == ["topK", "example", "query"])
    #expect(try Self.names(trace, reaching: outcome.node).isSuperset(of: ["rewriter", "topK", "answerer"]))
  }

  @Test func aLastCommandsLineIsTheScore() async throws {
    let folder = try Self.folder()
    let steps = """
        - { name: query, prompt: { system: $rewriter, user: "{question}" } }
        - { name: loss, command: [sh, -c, 'echo "{\\"loss\\": 0.25, \\"size\\": 3}"', "{query}"] }
      """
    let (outcome, _) = try await Self.run(try Self.task(steps, score: "{ json: loss }", in: folder))
    #expect(outcome.score == 0.25, "\(outcome)")
    #expect(outcome.outcomes == ["size": 3, "tokens": 1 + 5])
  }

  @Test func aStepRunsInASandboxWhenCodeIsWritten() throws {
    let folder = try Self.folder()
    let steps = """
        - { name: query, prompt: { system: $rewriter, user: "{question}" } }
        - { name: check, command: [python3, -c, $program, "{query}"] }
      """
    let task = try Self.task(
      steps, parameters: Self.parameters + "\n  program: { code: \"print(1)\", language: python }", in: folder)
    #expect(task.isSandboxed)
    #expect(try !Self.task(in: folder).isSandboxed)
  }

  // MARK: - Texts among the parameters

  @Test func aPromptMayHoldTheOutputsOfStepsAbove() async throws {
    let folder = try Self.folder()
    let parameters = Self.parameters.replacing("\"Answer.\"", with: "\"Answer {question} from {passages}\"")
    let steps = Self.threeSteps.replacing("user: \"{passages} | {question}\"", with: "user: \"Begin.\"")
    let model = ScriptedModel(["Drogo", "x"])
    let (_, trace) = try await Self.run(try Self.task(steps, parameters: parameters, in: folder), model: model)
    #expect(
      model.requests[1].messages[0].content
        == "Answer How many points did they surrender? from Drogo was ennobled by Henry the Third.")
    let render = try #require(trace.nodes.first { $0.name == "reply.render" })
    #expect(Set(render.inputs.map { trace.nodes[$0].name }) == ["answerer", "question", "passages"])
  }

  @Test func feedbackMayNameOutputs() async throws {
    let folder = try Self.folder()
    let score = "{ exact_match: expected, feedback: \"Searched {query}, got {output}, not {expected}.\" }"
    let (outcome, _) = try await Self.run(
      try Self.task(score: score, in: folder), model: ScriptedModel(["Drogo", "No."]))
    #expect(outcome.feedback == "Searched Drogo, got No., not 308.")
  }

  // MARK: - Replay, fingerprint, estimate

  @Test func theSameAgainGivesTheSame() async throws {
    let folder = try Self.folder()
    let task = try Self.task(in: folder)
    let first = try await Self.run(task, ["topK": 3])
    let second = try await Self.run(task, ["topK": 3])
    #expect(first.trace.nodes.map(\.value) == second.trace.nodes.map(\.value))
    #expect(first.outcome.score == second.outcome.score)
  }

  /// A server of chat and embeddings; a text's vector counts three letters.
  static let server = ScriptedTransport { request in
    guard request.url.hasSuffix("/embeddings") else {
      return .success(ScriptedTransport.chatReply("seen \(request.prompt.count)"))
    }
    let texts = request.body["input"]?.array?.compactMap(\.string) ?? []
    let rows = texts.enumerated().map { index, text -> Value in
      let vector = ["a", "e", "o"].map { letter in Value.int(1 + text.count { String($0) == letter }) }
      return ["index": .int(index), "embedding": .array(vector)]
    }
    let body: Value = ["data": .array(rows), "usage": ["prompt_tokens": .int(texts.count)]]
    return .success(HTTPReply(status: 200, headers: [], body: [UInt8](body.canonicalJSON.utf8)))
  }

  /// Runs one rollout with recorded calls.
  private func run(
    _ task: TaskFile, _ transport: ScriptedTransport, _ cassette: Cassette, _ mode: CassetteMode, repeats: [Int]
  ) async throws -> [(Outcome, CallScope)] {
    let endpoint = try #require(try task.endpoint(environment: [:]))
    let embedding = try #require(try task.embeddingEndpoint(environment: [:]))
    let runner = TaskRunner(
      task, train: [], endpoint: endpoint, model: ModelClient(endpoint, transport: transport, environment: [:]),
      embedding: embedding, embedder: ModelClient(embedding, transport: transport, environment: [:]), environment: [:])
    var outcomes: [(Outcome, CallScope)] = []
    for number in repeats {
      let calls = CallContext(cassette: cassette, mode: mode, scope: CallScope(repeat: number))
      let trace = TraceContext(assignment: runner.space.initial)
      let outcome = await CallContext.$current.withValue(calls) {
        await TraceContext.$current.withValue(trace) { await runner.run(Self.example, repeat: number) }
      }
      outcomes.append((outcome, calls.scope))
    }
    return outcomes
  }

  /// Which rollout embeds the documents decides no key: here another one does when it is replayed.
  @Test func embeddingsAreRecordedAndReplayed() async throws {
    let folder = try Self.folder()
    let steps = Self.threeSteps.replacing("top_k: $topK", with: "top_k: 2, method: hybrid, words: 4")
    let embedding = "embedding: { endpoint: \"http://vectors/v1\", name: letters }"
    let task = try Self.task(steps, in: folder, more: embedding)
    let path = folder.path + "/c.jsonl"
    let recorded = try await run(
      task, Self.server, try Cassette(path: path, writable: true), .record, repeats: [0, 1])
    #expect(recorded.allSatisfy { $0.0.score == 0 && $0.0.failure == nil }, "\(recorded.map(\.0))")
    // Two prompts and a query's embedding each, and the documents' once.
    #expect(recorded.map(\.1.callKeys.count) == [4, 3])
    let silent = ScriptedTransport { _ in .failure(TransportError(.cancelled, "nothing may be sent", sent: false)) }
    let replayed = try await run(
      task, silent, try Cassette(path: path, writable: false), .replay, repeats: [1, 0])
    #expect(silent.requests.isEmpty)
    #expect(replayed.map(\.0.output) == recorded.reversed().map(\.0.output))
    #expect(replayed.map(\.1.callKeys.count) == [4, 3])
    #expect(Set(replayed.flatMap(\.1.callKeys)) == Set(recorded.flatMap(\.1.callKeys)))
  }

  @Test func theFingerprintHoldsTheDocuments() throws {
    let folder = try Self.folder()
    let task = try Self.task(in: folder)
    func print() -> String { TaskRunner(task, train: [], endpoint: nil, model: nil).fingerprint }
    let before = print()
    #expect(print() == before)
    try Data((Self.passages + "\n{\"text\": \"more\"}").utf8).write(
      to: URL(fileURLWithPath: folder.path + "/passages.jsonl"))
    #expect(print() != before)
  }

  @Test func theEstimateCountsEveryStep() throws {
    let folder = try Self.folder()
    let rows = (0..<10).map { Example(id: "\($0)", fields: ["question": "What?", "expected": "x"]) }
    let splits = DataSplits(train: [], validation: rows, test: [])
    var task = try Self.task(in: folder)
    task.budget.trials = 3
    let estimate = task.estimate(splits)
    #expect(estimate.requestsPerRollout == 2)
    let asks = 2 * estimate.requestsPerAsk.lowerBound
    #expect(estimate.cost(trials: 3)?.requests == 3 * 10 * 2 + asks)
    // Two prompts of a few words, 9 and 1024 tokens of reply, one passage of about 14 tokens; two of them in the middle.
    let tokens = estimate.tokensPerRollout
    #expect((1033...1100).contains(tokens.lowerBound) && tokens.upperBound > tokens.lowerBound + 9, "\(tokens)")
  }

  @Test func changesAreNamedByTheStep() throws {
    let folder = try Self.folder()
    let before = try Self.task(in: folder).canonical
    let after = try Self.task(Self.threeSteps.replacing("top_k: $topK", with: "top_k: 2"), in: folder).canonical
    let keys = TaskFile.changes(from: before, to: after).map(\.key)
    #expect(keys == ["workflow.steps.passages.retrieve.top_k"])
  }
}
