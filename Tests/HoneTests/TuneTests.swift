import Foundation
import Hone
import HoneSwiftTesting
import HoneTesting
import Testing

private struct Greeting: Workflow {
  @Parameter(0...10) var loudness = 0
  @Parameter(oneOf: ["Hello", "Bye"]) var word = "Bye"
  let model: any ChatModel

  func run(_ name: Traced<String>) async throws -> Traced<String> {
    try await step("greet", name, $word, $loudness) { name, word, loudness in
      try await model.complete("\(word) \(name)\(String(repeating: "!", count: loudness))")
    }
  }
}

/// Without a model, so that its rollouts can be shared.
private struct Shouting: Workflow {
  @Parameter(0...4) var loudness = 0

  func run(_ name: Traced<String>) async throws -> Traced<String> {
    step("shout", name, $loudness) { name, loudness in name + String(repeating: "!", count: loudness) }
  }
}

@Suite struct TuneTests {
  private static let names = (0..<24).map { Labeled(input: "guest \($0)", expected: $0) }

  private static func model() -> ModelClient {
    ModelClient(
      Endpoint(base: "http://127.0.0.1:9/v1", model: "echo"), transport: ScriptedTransport.chat { $0.prompt })
  }

  private func tune(_ store: any Store) async throws -> Tuned<Greeting> {
    try await Study(store: store, name: "greeting").tune(
      Greeting(model: Self.model()), on: Self.names, within: [.trials(20), .rollouts(1_000)], seed: 2
    ) { output, _ in
      Score((output.hasPrefix("Hello") ? 0.5 : 0) + Double(output.count { $0 == "!" }) / 20)
    }
  }

  @Test func theTunedWorkflowSeesTheWinningValues() async throws {
    let best = try await tune(MemoryStore())
    #expect(best.word == "Hello")
    #expect(best.loudness >= 5)
    let expected = "Hello Ada" + String(repeating: "!", count: best.loudness)
    #expect(try await best.run("Ada") == expected)
    // The workflow itself keeps its default.
    #expect(Greeting(model: Self.model()).word == "Bye")
  }

  @Test func everyRolloutHasATraceFromItsParametersToItsOutput() async throws {
    let store = MemoryStore()
    _ = try await tune(store)
    let rollouts = try await store.rollouts(of: "greeting", trial: 1, split: .validation, traces: true)
    #expect(!rollouts.isEmpty)
    for rollout in rollouts {
      let names = try #require(rollout.trace).nodes.map(\.name)
      #expect(names.contains("word") && names.contains("loudness") && names.contains("greet"))
      #expect(rollout.callKeys.count == 1)
    }
  }

  @Test func aThrownErrorFailsTheTrialAndTheStudyGoesOn() async throws {
    struct Refused: Error {}
    let best = try await Study(store: MemoryStore(), name: "greeting").tune(
      Greeting(model: Self.model()), on: Self.names, within: [.trials(10)], seed: 2
    ) { output, _ in
      if output.hasPrefix("Hello") { throw Refused() }
      return Score(0.5)
    }
    #expect(best.word == "Bye")
    #expect(best.report.failed > 0)
  }

  /// Opposite scores in one store: each study finds its own winner, and a version that is given names the score too.
  @Test func scoresOfAnotherScoreFunctionAreNotReused() async throws {
    let store = MemoryStore()
    func tune(_ study: String, version: String? = nil, _ isLoud: Bool) async throws -> Tuned<Shouting> {
      try await Study(store: store, name: study).tune(
        Shouting(), on: Self.names, within: [.trials(5)], seed: 1, version: version
      ) { output, _ in Score(output.hasSuffix("!!") == isLoud ? 1 : 0) }
    }
    let loud = try await tune("loud", true)
    let quiet = try await tune("quiet", false)
    #expect(loud.loudness >= 2 && loud.report.best.mean == 1)
    #expect(quiet.loudness < 2 && quiet.report.best.mean == 1)
    #expect(try await tune("loud/2", version: "2", true).loudness >= 2)
    #expect(try await tune("quiet/3", version: "3", false).loudness < 2)
  }

  @Test func aRecordedRunReplaysWithoutAnEndpoint() async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "hone-\(UUID().uuidString).jsonl").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let recorded = try await replay(path, mode: .record) {
      try await Greeting(model: Self.model()).run(Traced("Ada")).value
    }
    let dead = ModelClient(
      Endpoint(base: "http://127.0.0.1:9/v1", model: "echo"),
      transport: ScriptedTransport { _ in .failure(TransportError(.connection, "no socket may be opened", sent: false))
      })
    let again = try await replay(path) { try await Greeting(model: dead).run(Traced("Ada")).value }
    #expect(again == recorded)
    await #expect(throws: (any Error).self) {
      try await replay(path) { try await Greeting(model: dead).run(Traced("Bob")).value }
    }
  }
}

@Suite struct ReplayingTests {
  @Test(.replaying("traces/answering.cassette.jsonl"))
  func theTraitPutsTheCassetteAroundTheTest() async throws {
    let context = try #require(CallContext.current)
    #expect(context.mode == .replay)
    #expect(try await context.cassette?.calls(path: "chat/completions", limit: 1).count == 1)
  }
}
