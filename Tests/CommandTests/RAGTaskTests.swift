import Foundation
import HoneTesting
import HoneTrace
import Testing

/// `tasks/rag-xquad.yaml` with the built `RAG`: offline, from recorded embeddings.
@Suite(.serialized) struct RAGTaskTests {
  /// A copy of the task that runs this build's program, on few questions, with a server at the model's address that would
  /// notice a connection.
  private func writeTask(in program: Program, listener: FaultServer, _ changes: [(String, String)] = []) throws {
    let tasks = Program.sources.appendingPathComponent("tasks").path
    var text = try String(contentsOfFile: tasks + "/rag-xquad.yaml", encoding: .utf8)
    let executable = Program.executable.deletingLastPathComponent().appendingPathComponent("RAG").path
    let edits =
      changes + [
        ("../.build/release/RAG", executable), ("data/xquad-rag/", tasks + "/data/xquad-rag/"),
        ("../traces/", Program.sources.path + "/traces/"),
        (
          "split: { train: 0, validation: 0.5, test: 0.5, seed: 0 }",
          "split: { train: 0.8, validation: 0.1, test: 0.1, seed: 0 }"
        ),
        ("  batch: 50", "  batch: 30\n  env: { OPENAI_BASE_URL: \"http://127.0.0.1:\(listener.port)/v1\" }"),
      ]
    for (old, new) in edits {
      #expect(text.contains(old), "the task has no \(old)")
      text = text.replacingOccurrences(of: old, with: new)
    }
    try program.write("task.yaml", text)
  }

  @Test func tunesOfflineWithoutASocket() async throws {
    let program = try Program()
    defer { program.remove() }
    let listener = try FaultServer { _ in [.close] }
    defer { listener.stop() }
    try writeTask(in: program, listener: listener)
    let result = try await program.run("tune", "task.yaml", "--trials", "4", "--json", "--quiet", "--force")
    #expect(result.code == 0, "\(result)")
    let objects = try result.objects()
    let trials = objects.filter { $0["schema"] == "hone.trial/1" }
    #expect(trials.count == 4 && trials.allSatisfy { $0["state"] == "complete" })
    for trial in trials {
      let (accuracy, tokens) = (trial["score"]?.number ?? -1, trial["outcomes"]?["tokens"]?.number ?? 0)
      #expect((0...1).contains(accuracy) && tokens > 50 && tokens < 4000, "\(trial)")
    }
    let retrievers = Set(trials.compactMap { $0["assignment"]?["retriever"]?.string })
    #expect(retrievers.count > 1, "some of them need embeddings: \(retrievers)")
    let front = try #require(objects.last?["front"])
    let points = front["points"]?.array ?? []
    #expect(front["trials"] == 4 && (1...4).contains(points.count))
    #expect(points.allSatisfy { $0["outcomes"]?["tokens"]?["mean"]?.number != nil }, "\(front)")
    #expect(listener.connections == 0)
    // The stages stand in the trace.
    let rollout = try await program.run("show", "rag-xquad/0", "--json").objects()
    #expect(rollout.count { $0["split"] == "validation" } == 2)
    #expect(rollout.allSatisfy { $0["score"]?.number != nil }, "\(rollout)")
    let exported = try await program.run("export", "rag-xquad").out
    for step in ["chunk", "retrieve", "fuse", "compress"] { #expect(exported.contains("\"name\":\"\(step)\"")) }
  }

  @Test func whatWasNotRecordedFailsAndIsNotAsked() async throws {
    let program = try Program()
    defer { program.remove() }
    let listener = try FaultServer { _ in [.close] }
    defer { listener.stop() }
    let rows = (0..<20).map {
      #"{"id":"\#($0)","article":0,"question":"Question \#($0)?","answer":"308","first":6,"last":6}"# + "\n"
    }
    try program.write("questions.jsonl", rows.joined())
    try writeTask(
      in: program, listener: listener,
      [("data/xquad-rag/questions.jsonl", "questions.jsonl"), ("[bm25, dense, hybrid]", "[dense]")])
    let result = try await program.run("tune", "task.yaml", "--trials", "1", "--force")
    #expect(result.code != 0)
    #expect(result.error.contains("was never recorded"), "\(result)")
    #expect(listener.connections == 0)
  }
}
