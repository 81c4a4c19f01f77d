import Foundation
import Hone

/// The articles, the embedding model and its recorded replies.
struct Setup: Sendable {
  static let questions = "tasks/data/xquad-rag/questions.jsonl"
  static let gridQuestions = 240

  let corpus: Corpus
  let cassette: Cassette
  let mode: CassetteMode
  let model: ModelClient

  /// - Parameter isLive: whether the endpoint is asked for what the cassette lacks.
  init(articles: String, cassette: String, isLive: Bool, transport: any Transport = CurlTransport()) throws {
    corpus = try Corpus(path: articles)
    self.cassette = try Cassette(path: cassette, writable: isLive)
    mode = isLive ? .auto : .replay
    let environment = ProcessInfo.processInfo.environment
    model = ModelClient(
      Endpoint(
        base: environment["OPENAI_BASE_URL"] ?? "http://127.0.0.1:18083/v1", model: "all-minilm-l6-v2",
        key: .optionalEnvironment("OPENAI_API_KEY"), vectorForm: .base64),
      transport: transport)
  }

  static func standard(isLive: Bool) throws -> Setup {
    try Setup(
      articles: "tasks/data/xquad-rag/articles.jsonl", cassette: "traces/rag-xquad.cassette.jsonl", isLive: isLive)
  }

  var judge: Judge { Judge(corpus: corpus) }

  /// Outside of a study, model calls go to the cassette by themselves.
  func withCassette<T: Sendable>(_ body: () async throws -> T) async throws -> T {
    try await CallContext.$current.withValue(CallContext(cassette: cassette, mode: mode), operation: body)
  }

  /// Chunks of the given sizes, indexed.
  func library(_ sizes: [Int] = Library.sizes, embeds: Bool = true) async throws -> Library {
    var library = Library(corpus, model: model)
    for size in sizes {
      library = try await withCassette { [library] in
        var library = library
        try await library.prepare(size, embeds: embeds)
        return library
      }
    }
    return library
  }

  /// One question under one assignment, outside of a study.
  func answer(_ question: Question, _ rag: RAG, _ assignment: Assignment, recorder: Recorder? = nil) async throws
    -> Context
  {
    try await withCassette {
      try await TraceContext.$current.withValue(TraceContext(recorder: recorder, assignment: assignment)) {
        try await rag.run(.input("question", question.question)).value
      }
    }
  }

  /// Means over the questions.
  func meanScore(_ rag: RAG, _ assignment: Assignment, _ questions: [Question]) async throws -> Score {
    var (accuracy, tokens) = (0.0, 0.0)
    for question in questions {
      let score = judge.score(try await answer(question, rag, assignment), question)
      accuracy += score.value
      tokens += score.outcomes["tokens"] ?? 0
    }
    let count = Double(max(1, questions.count))
    return Score(accuracy / count, outcomes: ["tokens": tokens / count])
  }

  func record() async throws {
    _ = try await library()
    for question in try JSONLines.read(Question.self, Self.questions) {
      _ = try await withCassette { try await model.embed([question.question]) }
    }
    print("\(cassette.count) replies in \(cassette.path)")
  }
}
