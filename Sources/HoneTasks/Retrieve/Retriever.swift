import Hone
import HoneModel
import HoneRetrieval
import HoneTrace

/// Finds passages for a step: by their terms (BM25), by their embeddings, or by both (reciprocal rank fusion).
///
/// Passages are indexed when they are first asked for, in each size once. Equal scores go by the documents' order.
final class Retriever: Sendable {
  let spec: RetrieveSpec
  private let documents: Result<[String], ModelError>
  private let indexes = Lock<[Int: PassageIndex]>([:])
  private let vectors: VectorStore?
  /// How deep rankings go before they are fused.
  private static let depth = 100

  /// - Parameters:
  ///   - model: what embeds; nil when no method needs it.
  ///   - redact: replaces secrets in the documents, which reach prompts and traces.
  init(_ spec: RetrieveSpec, model: (any EmbeddingModel)?, redact: (String) -> String = { $0 }) {
    self.spec = spec
    do throws(DataError) {
      documents = .success(try Documents.read(spec.documents, field: spec.text).map(redact))
    } catch {
      let reason = error.diagnostics.first?.message ?? "cannot be read"
      documents = .failure(ModelError(.configuration, "the documents in \(spec.documents) are of no use: \(reason)"))
    }
    vectors = model.map { VectorStore($0) }
  }

  /// The passages of a size, indexed. - Complexity: of the first call, the documents' length.
  func index(words: Int?) throws(ModelError) -> PassageIndex {
    let size = words ?? 0
    if let known = indexes.withLock({ $0[size] }) { return known }
    let index = PassageIndex(Documents.passages(try documents.get(), words: words))
    indexes.withLock { $0[size] = index }
    return index
  }

  /// The best passages for a query, best first.
  /// - Throws: when there are no documents, or the endpoint gives no embeddings.
  func passages(_ query: String, method: RetrieveSpec.Method, limit: Int, words: Int?) async throws(ModelError)
    -> [String]
  {
    let index = try index(words: words)
    let depth = max(limit, Self.depth)
    var rankings: [[Int]] = []
    if method != .dense { rankings.append(index.ranking(query, limit: depth)) }
    if method != .bm25 {
      guard let vectors else {
        throw ModelError(.configuration, "no model of embeddings is named", hint: "name one under embedding:")
      }
      rankings.append(try await vectors.ranking(query, of: index.passages, size: words ?? 0, limit: depth))
    }
    return Ranking.fused(rankings).prefix(limit).map { index.passages[$0] }
  }

  /// The longest passages one after the other: as long as what is handed on can be.
  func longest(_ count: Int, words: Int?) -> String {
    guard let index = try? index(words: words) else { return "" }
    return Self.text(Array(index.passages.sorted { $0.utf8.count > $1.utf8.count }.prefix(count)))
  }

  /// Passages as the steps below read them.
  static func text(_ passages: [String]) -> String { passages.joined(separator: "\n\n") }
}
