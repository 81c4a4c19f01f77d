import Foundation
import Hone
import HoneTesting
import Testing

@testable import RAG

/// `Examples/RAG` as a whole, from the recorded embeddings.
struct RAGTests {
  /// A setup whose model fails each request that the cassette does not answer.
  private static func setup() throws -> Setup {
    try Setup(
      articles: Package.path("tasks/data/xquad-rag/articles.jsonl"),
      cassette: Package.path("traces/rag-xquad.cassette.jsonl"), isLive: false, transport: noNetwork)
  }

  private static let noNetwork = ScriptedTransport { _ in
    .failure(TransportError(.connection, "no socket may be opened", sent: false))
  }

  private static func questions() throws -> [Question] {
    try JSONLines.read(Question.self, Package.path("tasks/data/xquad-rag/questions.jsonl"))
  }

  /// A line of `Fixtures/rag-grid.csv`, which `RAG grid` wrote: a setting, its accuracy and tokens.
  private static func grid() throws -> [(assignment: Assignment, accuracy: String, tokens: String)] {
    let path = (Bundle.module.resourcePath ?? "") + "/Fixtures/rag-grid.csv"
    return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").dropFirst().map { line in
      let cells = line.split(separator: ",").map(String.init)
      try #require(cells.count == 6)
      let values: [String: Value] = [
        "chunkSize": try .parse(json: cells[0]), "retriever": .string(cells[1]), "topK": try .parse(json: cells[2]),
        "compression": try .parse(json: cells[3]),
      ]
      return (Assignment(values), cells[4], cells[5])
    }
  }

  @Test(arguments: Retriever.allCases)
  func everyStageIsATracedStepThatItsParameterFeeds(_ retriever: Retriever) async throws {
    let setup = try Self.setup()
    let rag = RAG(library: try await setup.library([64]))
    let space = try Space(of: rag)
    #expect(space.parameters.map(\.name) == ["chunkSize", "retriever", "topK", "compression"])
    let assignment = try space.accept(
      ["chunkSize": 64, "retriever": retriever.parameterValue, "topK": 3, "compression": 0.7])
    let recorder = Recorder()
    let question = try Self.questions()[0]
    let context = try await setup.answer(question, rag, assignment, recorder: recorder)
    #expect(context.passages.count == 3)
    let trace = recorder.finish()
    let steps = trace.nodes.filter { $0.kind == .step }
    #expect(steps.map(\.name) == ["chunk", "retrieve", "fuse", "compress"])
    let inputs = steps.map { step in step.inputs.map { trace.nodes[$0].name } }
    #expect(
      inputs == [
        ["chunkSize"], ["question", "chunk", "retriever"], ["retrieve", "topK"], ["fuse", "chunk", "compression"],
      ])
    #expect(steps[0].value == "487 chunks of 64 words")
    #expect(steps[1].value["bm25"]?.array?.isEmpty == (retriever == .dense))
    #expect(steps[1].value["dense"]?.array?.count == (retriever == .bm25 ? 0 : 100))
    #expect(steps[2].value.array?.count == 3)
  }

  /// Each way of finding and every size of chunk.
  @Test(arguments: [
    (32, "bm25", 7, 0.5), (64, "hybrid", 3, 1), (128, "dense", 1, 0.9), (256, "bm25", 5, 0.7), (256, "hybrid", 1, 1),
  ])
  func anOfflineRunGivesTheRecordedFigures(_ size: Int, _ retriever: String, _ topK: Int, _ ratio: Double) async throws
  {
    let assignment = Assignment([
      "chunkSize": .int(size), "retriever": .string(retriever), "topK": .int(topK), "compression": .double(ratio),
    ])
    let setup = try Self.setup()
    let rag = RAG(library: try await setup.library([size]))
    let recorded = try #require(try Self.grid().first { $0.assignment.key == assignment.key })
    let score = try await setup.meanScore(
      rag, try Space(of: rag).accept(assignment.values),
      Array(try Self.questions().prefix(Setup.gridQuestions)))
    #expect(String(format: "%.4f", score.value) == recorded.accuracy)
    #expect(String(format: "%.1f", score.outcomes["tokens"] ?? 0) == recorded.tokens)
    #expect(Self.noNetwork.requests.isEmpty)
  }

  @Test func aChunkThatWasNotRecordedIsAnErrorAndNotARequest() async throws {
    let setup = try Self.setup()
    await #expect(throws: ModelError.self) { _ = try await setup.library([100]) }
    #expect(Self.noNetwork.requests.isEmpty)
  }

  @Test func stepsBecomeLinesOfHoneTrace() async throws {
    let setup = try Self.setup()
    let rag = RAG(library: try await setup.library([256], embeds: false))
    let assignment = try Space(of: rag).accept(["chunkSize": 256, "retriever": "bm25", "topK": 1, "compression": 1])
    let recorder = Recorder()
    let question = try Self.questions()[0]
    _ = try await setup.answer(question, rag, assignment, recorder: recorder)
    let lines = Batch.lines(recorder.finish())
    #expect(lines.map { $0["step"]?.string } == ["chunk", "retrieve", "fuse", "compress"])
    let ids = lines.compactMap { $0["id"] }
    #expect(Set(ids).count == 4)
    #expect(lines.allSatisfy { $0["output"] != nil && $0["error"] == nil && $0["doc"]?.string != nil })
    #expect(lines[0]["inputs"] == ["$chunkSize"])
    #expect(lines[1]["inputs"] == [.string(question.question), ids[0], "$retriever"])
    #expect(lines[2]["inputs"] == [ids[1], "$topK"])
    #expect(lines[3]["inputs"] == [ids[2], ids[0], "$compression"])
  }
}
