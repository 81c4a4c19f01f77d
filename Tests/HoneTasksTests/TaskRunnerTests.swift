import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneTrace
import Synchronization
import Testing

@testable import HoneTasks

/// Answers every request with what a function says.
struct FunctionModel: ChatModel {
  var answer: @Sendable (ChatRequest) throws(ModelError) -> String
  func chat(_ request: ChatRequest) async throws(ModelError) -> ChatReply {
    ChatReply(
      text: try answer(request), finish: .stop, usage: Usage(promptTokens: 10, completionTokens: 2), model: "m",
      seconds: 0.1, callKey: "k", replayed: false)
  }
}

struct TaskRunnerTests {
  func triage() throws -> TaskFile {
    try TaskFile.load(path: packageRoot.appending(path: "tasks/ticket-triage.yaml").path)
  }

  func run(
    _ runner: TaskRunner, _ example: Example, _ values: [String: Value], repeat: Int = 0
  ) async throws -> (Outcome, Trace) {
    let recorder = Recorder()
    let assignment = try runner.space.accept(values, defaults: runner.space.initial)
    let context = TraceContext(recorder: recorder, assignment: assignment)
    let outcome = await TraceContext.$current.withValue(context) { await runner.run(example, repeat: `repeat`) }
    return (outcome, recorder.finish())
  }

  @Test func aPromptShowsBalancedDemonstrationsAndNeverTheExample() async throws {
    let task = try triage()
    let data = try task.loadData()
    let seen = Lock<[ChatRequest]>([])
    let model = FunctionModel { request throws(ModelError) in
      seen.withLock { $0.append(request) }
      return " Change_PIN.\n"
    }
    let runner = TaskRunner(task, train: data.train, endpoint: try task.endpoint(environment: [:]), model: model)
    let example = try #require(data.train.first { $0.fields["intent"] == "change_pin" })
    let (outcome, trace) = try await run(runner, example, ["demonstrations": 16, "temperature": 0])
    #expect(outcome.score == 1)
    #expect(outcome.feedback == "Correct.")
    let request = try #require(seen.withLock { $0.first })
    #expect(request.messages.first == ChatMessage(.system, "Classify this message."))
    #expect(request.messages.last == ChatMessage(.user, example.fields["text"]?.string ?? ""))
    #expect(request.messages.count == 2 + 32)
    #expect(request.messages.count { $0.content == example.fields["text"]?.string } == 1)
    let labels = request.messages.filter { $0.role == .assistant }.map(\.content)
    #expect(Dictionary(grouping: labels, by: \.self).values.map(\.count) == Array(repeating: 2, count: 8))
    #expect(trace.nodes.filter { $0.kind == .step }.map(\.name) == ["render", "model", "score"])
    let subgraph = trace.subgraph(of: [Feedback(node: try #require(outcome.node), text: outcome.feedback)])
    let names = Set(subgraph.nodes.map { trace.nodes[$0].name })
    #expect(names.isSuperset(of: ["instruction", "demonstrations", "temperature", "max_tokens", "render", "model"]))
  }

  @Test func aWrongReplyGetsTheFeedback() async throws {
    let task = try triage()
    let data = try task.loadData()
    let runner = TaskRunner(
      task, train: data.train, endpoint: nil, model: FunctionModel { _ throws(ModelError) in "no idea" })
    let (outcome, _) = try await run(runner, data.validation[0], [:])
    #expect(outcome.score == 0)
    #expect(outcome.feedback == "Expected \(data.validation[0].fields["intent"]?.string ?? ""), got no idea.")
  }

  @Test(arguments: [
    ModelError.Kind.connection, .timeout, .server, .rateLimited, .budget, .notRecorded, .authentication,
  ])
  func anEndpointsTroubleIsNoScore(_ kind: ModelError.Kind) async throws {
    let task = try triage()
    let runner = TaskRunner(
      task, train: [], endpoint: nil, model: FunctionModel { _ throws(ModelError) in throw ModelError(kind, "trouble") }
    )
    let (outcome, trace) = try await run(runner, Example(id: "x", fields: ["text": "t", "intent": "i"]), [:])
    #expect(outcome.score == nil)
    #expect(outcome.failure?.kind == .infrastructure)
    #expect(outcome.error?.kind == kind)
    #expect(trace.nodes.last?.kind == .failure)
  }

  @Test func aPromptThatTheEndpointRefusesIsTheWorkflowsFailure() async throws {
    let task = try triage()
    let runner = TaskRunner(
      task, train: [], endpoint: nil,
      model: FunctionModel { _ throws(ModelError) in throw ModelError(.contextExceeded, "too long") })
    let (outcome, _) = try await run(runner, Example(id: "x", fields: ["text": "t", "intent": "i"]), [:])
    #expect(outcome.failure?.kind == .workflow)
  }

  @Test func theFingerprintChangesWithWhatDecidesARollout() throws {
    let task = try triage()
    let data = try task.loadData()
    func print(_ task: TaskFile, _ rows: [Example], _ environment: [String: String] = [:]) throws -> String {
      TaskRunner(task, train: rows, endpoint: try task.endpoint(environment: environment), model: nil).fingerprint
    }
    let base = try print(task, data.train)
    #expect(base.count == 64)
    #expect(try print(task, data.train) == base)
    #expect(try print(task, data.train, ["OPENAI_BASE_URL": "http://other/v1"]) == base)
    #expect(try print(task, Array(data.train.dropLast())) != base)
    #expect(try print(task, data.train, ["HONE_MODEL": "other"]) != base)
  }
}
