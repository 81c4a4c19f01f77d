import Hone
import HoneRetrieval

/// Finds what a language model is to read before it answers a question.
struct RAG: Workflow {
  @Parameter(ordered: Library.sizes, "Words in a chunk.") var chunkSize = 128
  @Parameter("How chunks are found.") var retriever = Retriever.bm25
  @Parameter(ordered: [1, 3, 5, 7, 9], "Chunks handed on.") var topK = 5
  @Parameter(ordered: [0.3, 0.5, 0.7, 0.9, 1], "Part of each chunk's words that is kept.") var compression = 1.0

  let library: Library

  func run(_ question: Traced<String>) async throws -> Traced<Context> {
    let index = try step("chunk", doc: "Cuts every article into chunks of so many words.", $chunkSize) { size in
      try library.index(size)
    }
    let rankings = try await step(
      "retrieve", doc: "Ranks the chunks by terms, by embeddings, or by both.", question, index, $retriever
    ) { question, index, retriever in
      try await library.rankings(question, index, retriever)
    }
    let found = step("fuse", doc: "Makes one ranking of two and keeps its beginning.", rankings, $topK) {
      Array(Ranking.fused([$0.bm25, $0.dense]).prefix($1))
    }
    return step("compress", doc: "Drops stop words, then frequent words.", found, index, $compression) {
      library.context($0, $1, ratio: $2)
    }
  }
}

/// What the model would be handed.
struct Context: Codable, Hashable, Sendable {
  var passages: [Passage]

  var text: String { passages.map(\.text).joined(separator: "\n\n") }
}

/// A chunk after compression.
struct Passage: Codable, Hashable, Sendable {
  var article: Int
  /// Positions in the article, before compression.
  var chunk: Range<Int>
  /// Positions in the article of the words that were kept.
  var kept: [Int]
  var text: String
}

/// How a context is judged, without a language model.
struct Judge: Sendable {
  let corpus: Corpus

  /// What the instruction around context and question takes.
  static let promptTokens = 40

  /// 1 when one passage's chunk held the whole answer and every word of it that is no stop word was kept.
  func accuracy(_ context: Context, _ gold: Question) -> Double {
    let needed = (gold.first...gold.last).filter { !corpus.isStopWord($0, of: gold.article) }
    let isFound = context.passages.contains { passage in
      passage.article == gold.article && passage.chunk.contains(gold.first) && passage.chunk.contains(gold.last)
        && Set(passage.kept).isSuperset(of: needed)
    }
    return isFound ? 1 : 0
  }

  /// An estimate (`Tokens`: UTF-8 bytes by 3.5) of the tokens a model would read; about 1.4 times the word pieces of BERT.
  func tokens(_ context: Context, _ question: String) -> Double {
    Double(Tokens.estimate(context.text) + Tokens.estimate(question) + Self.promptTokens)
  }

  func score(_ context: Context, _ gold: Question) -> Score {
    let accuracy = accuracy(context, gold)
    return Score(
      accuracy, feedback: accuracy == 1 ? "" : "The answer, \(gold.answer), is not in the context.",
      outcomes: ["tokens": tokens(context, gold.question)])
  }
}
