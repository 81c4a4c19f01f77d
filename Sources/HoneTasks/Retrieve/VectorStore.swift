import HoneModel
import HoneRetrieval

/// Embeddings of passages, asked for when they are first needed: by one rollout, while others that need them wait.
actor VectorStore {
  private let model: any EmbeddingModel
  private var known: [Int: Vectors] = [:]
  private var running: [Int: Task<Vectors, any Error>] = [:]
  private static let textsPerRequest = 16

  init(_ model: any EmbeddingModel) { self.model = model }

  /// Numbers of the passages by cosine to the query, best first, at most `limit`.
  func ranking(_ query: String, of passages: [String], size: Int, limit: Int) async throws(ModelError) -> [Int] {
    let vectors = try await vectors(of: passages, size: size)
    guard let query = try await model.embed([query]).first else { return [] }
    let scores = vectors.scores(query)
    guard scores.count == passages.count else {
      throw ModelError(
        .malformedReply, "the query's embedding has another length than the passages'",
        hint: "the endpoint changed its model; begin a new study")
    }
    return Ranking.best(scores, limit: limit)
  }

  /// - Parameter size: tells lists of passages apart.
  private func vectors(of passages: [String], size: Int) async throws(ModelError) -> Vectors {
    while true {
      if let vectors = known[size] { return vectors }
      let isMine = running[size] == nil
      let task = running[size] ?? begin(passages)
      running[size] = task
      do {
        let vectors = try await withTaskCancellationHandler {
          try await task.value
        } onCancel: {
          if isMine { task.cancel() }
        }
        known[size] = vectors
        return vectors
      } catch {
        if isMine { running[size] = nil }
        let error = error as? ModelError ?? ModelError(.cancelled, "the embeddings were cancelled")
        // The rollout that asked was cancelled, this one was not.
        if !isMine, error.kind == .cancelled, !Task.isCancelled { continue }
        throw error
      }
    }
  }

  /// A task of its own keeps the caller's `CallContext`: that rollout's record holds the calls. The repeat is no part of
  /// what is asked, so every repeat finds the same recording.
  private func begin(_ passages: [String]) -> Task<Vectors, any Error> {
    let model = model
    var context = CallContext.current
    if let scope = context?.scope, scope.repeat != 0 { context?.scope = CallScope(repeat: 0, within: scope) }
    return Task { [context] in
      try await CallContext.$current.withValue(context) {
        var vectors: [[Float]] = []
        for start in stride(from: 0, to: passages.count, by: Self.textsPerRequest) {
          try Task.checkCancellation()
          vectors += try await model.embed(Array(passages[start..<min(start + Self.textsPerRequest, passages.count)]))
        }
        return Vectors(vectors)
      }
    }
  }
}
