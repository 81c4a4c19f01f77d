import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneTesting
import HoneTrace
import Testing

@testable import HoneTasks

/// Demonstrations that a parameter holds, in a task file of two prompts.
struct DemonstrationTests {
  private static let example = Example(
    id: "1", fields: ["text": "My card is gone", "label": "lost_card", "intent": "unused"])

  private func task() throws -> TaskFile {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: fixture("forms/shots.yaml")))
    return try TaskFile.parse([UInt8](bytes), path: "task.yaml", directory: "/")
  }

  private func run(_ task: TaskFile, _ example: Example, _ values: [String: Value] = [:]) async throws -> (
    requests: [ChatRequest], outcome: Outcome, trace: Trace
  ) {
    let seen = Lock<[ChatRequest]>([])
    let model = FunctionModel { request throws(ModelError) in
      seen.withLock { $0.append(request) }
      return request.messages.first?.content == "Name the topic." ? "cards" : "lost_card"
    }
    let runner = TaskRunner(task, train: [], endpoint: nil, model: model)
    let recorder = Recorder()
    let assignment = try runner.space.accept(values, defaults: runner.space.initial)
    let context = TraceContext(recorder: recorder, assignment: assignment)
    let outcome = await TraceContext.$current.withValue(context) { await runner.run(example, repeat: 0) }
    #expect(runner.label(of: example) == "lost_card")
    return (seen.withLock { $0 }, outcome, recorder.finish())
  }

  @Test func theyAreEarlierTurnsInTheFormOfThePrompt() async throws {
    let topics = Demonstrations([Demonstration(inputs: ["text": "Money is late"], output: "transfers")])
    let (requests, _, _) = try await run(try task(), Self.example, ["topics": topics.parameterValue])
    #expect(
      requests[0].messages.map(\.content) == ["Name the topic.", "Money is late", "transfers", "My card is gone"])
    #expect(requests[0].messages.map(\.role) == [.system, .user, .assistant, .user])
    // With templates of their own.
    #expect(
      requests[1].messages.map(\.content) == [
        "Name the intent.", "I lost my card", "Intent: lost_card", "What is my PIN?", "Intent: show_pin",
        "cards: My card is gone",
      ])
  }

  @Test func noExampleIsShownToItself() async throws {
    let example = Example(id: "2", fields: ["text": "I lost my card", "label": "lost_card"])
    let (requests, _, _) = try await run(try task(), example)
    // The topic that the first step gives is the demonstration's, too.
    #expect(requests[1].messages.count == 4 && !requests[1].messages.contains { $0.content == "Intent: lost_card" })
  }

  /// What a rollout records becomes a demonstration of the step that the parameter feeds.
  @Test func aRolloutBecomesADemonstration() async throws {
    let task = try task()
    let (_, outcome, trace) = try await run(task, Self.example)
    let rollout = RolloutRecord(
      trial: 0, split: .train, example: "1", repeat: 0, cacheKey: "k", score: outcome.score, output: outcome.output,
      trace: trace)
    let problem = Problem(space: task.space, objective: Objective(), seed: 1)
    let settings = MIPRO.Settings(text: ProposerSettings(parameters: ["topics", "shots"]))
    let optimizer = MIPRO(settings)
    var context = AskContext(problem: problem, round: 1, known: [task.space.initial.key], rollouts: [rollout])
    context.incumbent = .init(
      trial: 0, assignment: task.space.initial, estimate: Estimate(mean: 0.5, deviation: 0, count: 2))
    let answer = try await optimizer.ask(1, state: optimizer.start(problem), context: context)
    let offered = answer.attempts.map(\.suggestion)
    #expect(offered.contains(["topics": #"{"inputs":{"text":"My card is gone"},"output":"cards"}"#]))
    let shots = Demonstrations([
      Demonstration(inputs: ["text": "My card is gone", "topic": "cards"], output: "lost_card")
    ])
    #expect(offered.contains(["shots": shots.parameterValue]))
  }

  /// The winner's demonstrations are written back into the file.
  @Test func theyAreWrittenBack() throws {
    let folder = try DataTests.Folder([
      "task.yaml": String(contentsOfFile: fixture("forms/shots.yaml"), encoding: .utf8)
    ])
    let shots = Demonstrations([Demonstration(inputs: ["text": "a \"b\"\nc"], output: "d: e")])
    let path = "\(folder.path)/task.yaml"
    let task = try TaskFile.load(path: path)
    var assignment = task.space.initial
    assignment.values["shots"] = shots.parameterValue
    assignment.values["topics"] = shots.parameterValue
    let text = try TaskFile.rewritten(path: path, with: assignment)
    let again = try TaskFile.parse([UInt8](text.utf8), path: path, directory: folder.path)
    #expect(again.space.initial == assignment)
  }
}
