import Hone
import HoneRetrieval

/// How chunks are found.
enum Retriever: String, CaseIterable, Codable, Sendable, ParameterValue {
  case bm25, dense, hybrid
}

/// The articles, cut in every size that is tuned, each indexed by terms and by embeddings.
struct Library: Sendable {
  static let sizes = [32, 64, 128, 256]
  private static let textsPerRequest = 16

  let corpus: Corpus
  let model: any EmbeddingModel
  private var indexes: [Int: ChunkIndex] = [:]

  init(_ corpus: Corpus, model: any EmbeddingModel) {
    self.corpus = corpus
    self.model = model
  }

  /// Cuts and indexes, as one does once before questions are asked.
  /// - Parameter embeds: whether embeddings of the chunks are needed.
  mutating func prepare(_ size: Int, embeds: Bool) async throws {
    let chunks = corpus.chunks(of: size)
    let terms = chunks.map { corpus.articles[$0.article].terms[$0.words].flatMap(\.self) }
    var vectors: Vectors?
    if embeds { vectors = Vectors(try await embeddings(of: chunks)) }
    let bm25 = BM25(terms, terms: corpus.vocabulary.count)
    indexes[size] = ChunkIndex(size: size, chunks: chunks, bm25: bm25, words: weighed(bm25), vectors: vectors)
  }

  /// A word is as rare as the rarest term in it.
  private func weighed(_ bm25: BM25) -> [[Compression.Word]] {
    let idf = (0..<corpus.vocabulary.count).map(bm25.idf)
    return corpus.articles.indices.map { article in
      corpus.articles[article].terms.enumerated().map { position, terms in
        Compression.Word(
          isStopWord: corpus.isStopWord(position, of: article), idf: terms.reduce(0) { max($0, idf[$1]) })
      }
    }
  }

  private func embeddings(of chunks: [Chunk]) async throws -> [[Float]] {
    var vectors: [[Float]] = []
    for start in stride(from: 0, to: chunks.count, by: Self.textsPerRequest) {
      let texts = chunks[start..<min(start + Self.textsPerRequest, chunks.count)].map(corpus.text)
      vectors += try await model.embed(texts)
    }
    return vectors
  }

  func index(_ size: Int) throws -> ChunkIndex {
    guard let index = indexes[size] else { throw RAGError("no chunks of \(size) words were prepared") }
    return index
  }

  /// Rankings of the chunks by each way of finding them, at most `depth` long.
  func rankings(_ question: String, _ index: ChunkIndex, _ retriever: Retriever, depth: Int = 100) async throws
    -> Rankings
  {
    var rankings = Rankings()
    if retriever != .dense {
      let scores = index.bm25.scores(corpus.vocabulary.query(question))
      rankings.bm25 = Ranking.best(scores, limit: depth, above: 0)
    }
    if retriever != .bm25 {
      guard let vectors = index.vectors else { throw RAGError("chunks of \(index.size) words have no embeddings") }
      guard let query = try await model.embed([question]).first else { throw RAGError("the question has no embedding") }
      rankings.dense = Ranking.best(vectors.scores(query), limit: depth)
    }
    return rankings
  }

  /// The chunks' words, as many of them as `ratio` says.
  func context(_ found: [Int], _ index: ChunkIndex, ratio: Double) -> Context {
    let passages = found.map { number in
      let chunk = index.chunks[number]
      let words = corpus.articles[chunk.article].words
      let kept = Compression.kept(index.words[chunk.article][chunk.words], ratio: ratio)
      return Passage(
        article: chunk.article, chunk: chunk.words, kept: kept,
        text: kept.map { words[$0] }.joined(separator: " "))
    }
    return Context(passages: passages)
  }
}

/// Chunks of one size.
struct ChunkIndex: Sendable, CustomStringConvertible {
  let size: Int
  let chunks: [Chunk]
  let bm25: BM25
  /// By article and position.
  let words: [[Compression.Word]]
  /// Nil when no embeddings were asked for.
  let vectors: Vectors?

  /// What a trace shows of it.
  var description: String { "\(chunks.count) chunks of \(size) words" }
}

/// Numbers of chunks, best first, by each way of finding them; empty for one that was not asked.
struct Rankings: Hashable, Sendable {
  var bm25: [Int] = []
  var dense: [Int] = []
}

struct RAGError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
