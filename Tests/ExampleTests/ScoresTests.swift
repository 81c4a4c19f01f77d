import Foundation
import Hone
import HoneRetrieval
import HoneTesting
import Testing

@testable import RAG

/// `RAG scores`, from the recorded embeddings.
struct ScoresTests {
  private static func setup() throws -> Setup {
    try Setup(
      articles: Package.path("tasks/data/xquad-rag/articles.jsonl"),
      cassette: Package.path("traces/rag-xquad.cassette.jsonl"), isLive: false,
      transport: ScriptedTransport { _ in
        .failure(TransportError(.connection, "no socket may be opened", sent: false))
      })
  }

  private static func questions() throws -> [Question] {
    try JSONLines.read(Question.self, Package.path("tasks/data/xquad-rag/questions.jsonl"))
  }

  private static func names(_ row: Value, _ size: Int) -> [String] {
    (row["passages\(size)"]?.array ?? []).compactMap { $0["name"]?.string }
  }

  /// The committed rows are those that the mode writes, dealt as their README says.
  @Test(arguments: [("train", 0..<59), ("validation", 59..<79), ("test", 79..<119)])
  func theDataIsWhatTheModeWrites(_ file: String, _ places: Range<Int>) async throws {
    let setup = try Self.setup()
    let scores = try await Scores(setup, sizes: [64, 128])
    let text = try String(contentsOfFile: Package.path("tasks/data/xquad-fusion/\(file).jsonl"), encoding: .utf8)
    let lines = text.split(separator: "\n").map(String.init)
    let questions = try Self.questions().enumerated().filter { places.contains($0.offset % 119) }.map(\.element)
    #expect(lines.count == questions.count)
    for (line, question) in zip(lines, questions).prefix(12) {
      let row = try await setup.withCassette { try await scores.row(question) }
      #expect(row.canonicalJSON == line)
    }
  }

  /// The candidates stand in the order that the pipeline's hybrid gives them, and the answer's chunk is the relevant one.
  @Test func candidatesComeInTheOrderOfTheHybrid() async throws {
    let setup = try Self.setup()
    let scores = try await Scores(setup, sizes: [64])
    let index = try scores.library.index(64)
    for question in try Self.questions().prefix(24) {
      let row = try await setup.withCassette { try await scores.row(question) }
      let rankings = try await setup.withCassette {
        try await scores.library.rankings(question.question, index, .hybrid)
      }
      let first = Set(rankings.bm25.prefix(10) + rankings.dense.prefix(10))
      let fused = Ranking.fused([rankings.bm25, rankings.dense]).filter(first.contains)
      #expect(Self.names(row, 64) == fused.map { Scores.name(index.chunks[$0], 64) })
      let candidates = try #require(row["passages64"]?.array)
      let best = candidates.first { $0["bm25_rank"] == Value.double(1) }
      #expect(best?["bm25"] == Value.double(1))
      for relevant in try #require(row["relevant"]?.array).compactMap(\.string) {
        let chunk = try #require(index.chunks.first { Scores.name($0, 64) == relevant })
        #expect(scores.library.corpus.text(of: chunk).contains(question.answer))
      }
    }
  }

  @Test(arguments: [[], [64, 64], [63]])
  func otherSizesAreRefused(_ sizes: [Int]) async throws {
    let setup = try Self.setup()
    await #expect(throws: RAGError.self) { try await Scores(setup, sizes: sizes) }
  }
}
