import Hone
import HoneRetrieval

/// What each way of finding chunks says about the best of them, a line a question: rows to fit a fusion on.
struct Scores: Sendable {
  /// As many chunks of each ranking are candidates.
  static let depth = 10
  /// Length of the rankings that are fused, as in `Library.rankings`.
  private static let ranked = 100

  let library: Library
  let sizes: [Int]

  init(_ setup: Setup, sizes: [Int]) async throws {
    guard !sizes.isEmpty, Set(sizes).count == sizes.count, sizes.allSatisfy(Library.sizes.contains) else {
      throw RAGError("scores takes one or more of the sizes \(Library.sizes), each once")
    }
    library = try await setup.library(sizes)
    self.sizes = sizes
  }

  /// `{"id", "question", "relevant", "passages64": [...], ...}`: candidates by size of chunk, in the order that
  /// reciprocal rank fusion gives; `relevant` names those chunks, of any size, that hold the whole answer.
  func row(_ question: Question) async throws -> Value {
    guard let query = try await library.model.embed([question.question]).first else {
      throw RAGError("the question has no embedding")
    }
    var row: [String: Value] = ["id": .string(question.id), "question": .string(question.question)]
    var relevant: [Value] = []
    for size in sizes {
      let index = try library.index(size)
      row["passages\(size)"] = .array(try passages(question.question, query, index))
      relevant += index.chunks.filter { Self.holds($0, question) }.map { .string(Self.name($0, size)) }
    }
    row["relevant"] = .array(relevant)
    return .object(row)
  }

  /// Size, article and the chunk's first word in it: one name is one chunk of any size.
  static func name(_ chunk: Chunk, _ size: Int) -> String { "\(size):\(chunk.article):\(chunk.words.lowerBound)" }

  private static func holds(_ chunk: Chunk, _ gold: Question) -> Bool {
    chunk.article == gold.article && chunk.words.contains(gold.first) && chunk.words.contains(gold.last)
  }

  private func passages(_ question: String, _ query: [Float], _ index: ChunkIndex) throws -> [Value] {
    guard let vectors = index.vectors else { throw RAGError("chunks of \(index.size) words have no embeddings") }
    let bm25 = index.bm25.scores(library.corpus.vocabulary.query(question))
    let dense = vectors.scores(query)
    let best = bm25.max() ?? 0
    let rankings = [Ranking.best(bm25, limit: Self.ranked, above: 0), Ranking.best(dense, limit: Self.ranked)]
    let places = rankings.map(Self.places)
    let asked = Set(Terms.of(question)).subtracting(Terms.stopWords)
    let candidates = Set(rankings.flatMap { $0.prefix(Self.depth) })
    return Ranking.fused(rankings).filter(candidates.contains).map { number in
      let chunk = index.chunks[number]
      let words = Set(Terms.of(library.corpus.text(of: chunk)))
      return [
        "name": .string(Self.name(chunk, index.size)),
        "bm25": Self.rounded(best > 0 ? bm25[number] / best : 0),
        "dense": Self.rounded(dense[number]),
        "bm25_rank": Self.rounded(places[0][number] ?? 0),
        "dense_rank": Self.rounded(places[1][number] ?? 0),
        "position": Self.rounded(
          Double(chunk.words.lowerBound) / Double(library.corpus.articles[chunk.article].words.count)),
        "words": Self.rounded(Double(asked.intersection(words).count) / Double(max(1, asked.count))),
      ]
    }
  }

  /// What a place is worth in reciprocal rank fusion, the first place 1: 61 / (60 + rank).
  private static func places(_ ranking: [Int]) -> [Int: Double] {
    Dictionary(uniqueKeysWithValues: ranking.enumerated().map { ($1, 61 / Double(61 + $0)) })
  }

  /// Four decimals.
  private static func rounded(_ x: Double) -> Value { .double((x * 10_000).rounded() / 10_000) }
}

extension Setup {
  /// Every question's row.
  func printScores(sizes: [Int]) async throws {
    let scores = try await Scores(self, sizes: sizes)
    for question in try JSONLines.read(Question.self, Self.questions) {
      print(try await withCassette { try await scores.row(question) }.canonicalJSON)
    }
  }
}
