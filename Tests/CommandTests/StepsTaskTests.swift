import Foundation
import HoneTesting
import HoneTrace
import Testing

/// `tasks/xquad-steps.yaml`, two prompts and a retriever: offline, from recorded replies.
@Suite(.serialized) struct StepsTaskTests {
  @Test func tunesAndReplaysOffline() async throws {
    let listener = try FaultServer { _ in [.close] }
    defer { listener.stop() }
    let program = try Program(["OPENAI_BASE_URL": "http://127.0.0.1:\(listener.port)/v1"])
    defer { program.remove() }
    let task = Program.sources.appendingPathComponent("tasks/xquad-steps.yaml").path
    let cassette = Program.sources.appendingPathComponent("traces/xquad-steps.cassette.jsonl").path
    let result = try await program.run("tune", task, "--replay", cassette, "--json", "--quiet")
    #expect(result.code == 0, "\(result)")
    let objects = try result.objects()
    let trials = objects.filter { $0["schema"] == "hone.trial/1" }
    #expect(trials.count == 6)
    let report = try #require(objects.last)
    #expect(report["test"]?["count"] == 24, "\(report)")
    #expect(listener.connections == 0)
    // Every step stands in the trace, and what it reads.
    let exported = try await program.run("export", "xquad-steps").out
    for step in ["query.render", "query", "passages", "reply.render", "reply"] {
      #expect(exported.contains("\"name\":\"\(step)\""), "\(step)")
    }
    let again = try await program.run("replay", "xquad-steps")
    #expect(again.code == 0 && again.out.contains("Same \(trials.count) trials"), "\(again)")
  }

  @Test func checkShowsTheSteps() async throws {
    let program = try Program()
    defer { program.remove() }
    let task = Program.sources.appendingPathComponent("tasks/xquad-steps.yaml").path
    let shown = try await program.run("check", task)
    #expect(shown.code == 0, "\(shown)")
    #expect(shown.out.contains("query     prompt    reads $rewriter, question"), "\(shown)")
    #expect(shown.out.contains("passages  retrieve  reads $topK, $words, query"))
    #expect(shown.out.contains("each 2 requests"))
    let steps = try await program.run("check", task, "--json").objects().first?["steps"]?.array ?? []
    #expect(steps.map { $0["kind"]?.string } == ["prompt", "retrieve", "prompt"])
  }
}
