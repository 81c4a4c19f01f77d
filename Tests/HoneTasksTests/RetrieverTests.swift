import Foundation
import Hone
import HoneModel
import HoneTesting
import HoneTrace
import Testing

@testable import HoneTasks

/// Embeds a text as how often it holds each of three letters, and counts what it is asked.
final class LetterModel: EmbeddingModel {
  private let asked = Lock<[[String]]>([])
  private let failures: Lock<Int>

  init(failures: Int = 0) { self.failures = Lock(failures) }

  var requests: [[String]] { asked.withLock { $0 } }

  func embed(_ texts: [String]) async throws(ModelError) -> [[Float]] {
    asked.withLock { $0.append(texts) }
    await Task.yield()
    let fails = failures.withLock { failures in
      failures -= 1
      return failures >= 0
    }
    if fails { throw ModelError(.server, "down") }
    return texts.map { text in ["a", "b", "c"].map { letter in Float(text.count { String($0) == letter }) } }
  }
}

struct RetrieverTests {
  static func retriever(
    _ documents: [String], in folder: DataTests.Folder, model: (any EmbeddingModel)? = nil
  ) throws -> Retriever {
    let lines = documents.map { Value.object(["text": .string($0)]).canonicalJSON }.joined(separator: "\n")
    let path = folder.path + "/d.jsonl"
    try Data(lines.utf8).write(to: URL(fileURLWithPath: path))
    let spec = RetrieveSpec(
      documents: path, text: "text", query: Template("{q}"), method: .value("bm25"), topK: .value(3), words: nil)
    return Retriever(spec, model: model)
  }

  @Test func passagesAreConsecutiveWords() {
    let texts = ["one two\nthree  four five", " \n", "six"]
    #expect(Documents.passages(texts, words: 2) == ["one two", "three four", "five", "six"])
    #expect(Documents.passages(texts, words: nil) == ["one two\nthree  four five", "six"])
    #expect(Documents.passages([], words: 3).isEmpty)
  }

  @Test func theBestComesFirstAndEqualsKeepTheirOrder() async throws {
    let folder = try DataTests.Folder([:])
    let retriever = try Self.retriever(["a cat", "dog here", "cat cat", "dog here", "the"], in: folder)
    func found(_ query: String, _ limit: Int = 9) async throws -> [String] {
      try await retriever.passages(query, method: .bm25, limit: limit, words: nil)
    }
    #expect(try await found("the cat?") == ["cat cat", "a cat"])
    #expect(try await found("dog", 1) == ["dog here"])
    #expect(try await found("bird").isEmpty)
    #expect(try await found("the").isEmpty, "a stop word finds nothing")
    let index = try retriever.index(words: nil)
    #expect(index.ranking("dog", limit: 9) == [1, 3])
  }

  @Test func wordsCutTheDocuments() async throws {
    let folder = try DataTests.Folder([:])
    let retriever = try Self.retriever(["one cat three dog five"], in: folder)
    #expect(try await retriever.passages("dog", method: .bm25, limit: 1, words: 2) == ["three dog"])
    #expect(try await retriever.passages("dog", method: .bm25, limit: 1, words: 3) == ["dog five"])
    #expect(retriever.longest(1, words: 3) == "one cat three")
  }

  @Test func denseRanksByCosine() async throws {
    let folder = try DataTests.Folder([:])
    let model = LetterModel()
    let documents = ["aaa", "bbb", "ab", "cc"]
    let retriever = try Self.retriever(documents, in: folder, model: model)
    #expect(try await retriever.passages("aab", method: .dense, limit: 3, words: nil) == ["ab", "aaa", "bbb"])
    #expect(try await retriever.passages("c", method: .dense, limit: 1, words: nil) == ["cc"])
    #expect(model.requests == [documents, ["aab"], ["c"]], "documents are embedded once")
  }

  /// "cat b" is first by terms and second by embedding, "bb" the other way round: 1/61 + 1/62 both; the first document wins.
  @Test func hybridFusesBothRankings() async throws {
    let folder = try DataTests.Folder([:])
    let retriever = try Self.retriever(["zzz", "bb", "cat b x"], in: folder, model: LetterModel())
    let dense = try await retriever.passages("b", method: .dense, limit: 3, words: nil)
    #expect(dense == ["bb", "cat b x", "zzz"])
    let terms = try await retriever.passages("b", method: .bm25, limit: 3, words: nil)
    #expect(terms == ["cat b x"])
    // cat b x: 1/61 + 1/62; bb: 1/61; zzz: 1/63.
    #expect(try await retriever.passages("b", method: .hybrid, limit: 3, words: nil) == ["cat b x", "bb", "zzz"])
  }

  @Test func rolloutsThatRunTogetherEmbedOnce() async throws {
    let folder = try DataTests.Folder([:])
    let model = LetterModel()
    let documents = (0..<40).map { "a\($0)" }
    let retriever = try Self.retriever(documents, in: folder, model: model)
    let found = try await withThrowingTaskGroup(of: [String].self) { group in
      for _ in 0..<8 {
        group.addTask { try await retriever.passages("a", method: .dense, limit: 1, words: nil) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(found == Array(repeating: ["a0"], count: 8))
    #expect(model.requests.filter { $0 != ["a"] }.map(\.count) == [16, 16, 8])
  }

  @Test func afterAFailureTheNextOneAsksAgain() async throws {
    let folder = try DataTests.Folder([:])
    let retriever = try Self.retriever(["a"], in: folder, model: LetterModel(failures: 1))
    await #expect(throws: ModelError.self) {
      _ = try await retriever.passages("a", method: .dense, limit: 1, words: nil)
    }
    #expect(try await retriever.passages("a", method: .dense, limit: 1, words: nil) == ["a"])
  }

  @Test func whatIsMissingEndsTheStudy() async throws {
    let folder = try DataTests.Folder([:])
    let retriever = try Self.retriever(["a"], in: folder)
    let noModel = await #expect(throws: ModelError.self) {
      _ = try await retriever.passages("a", method: .hybrid, limit: 1, words: nil)
    }
    #expect(noModel?.kind == .configuration)
    var spec = retriever.spec
    spec.documents = folder.path + "/gone.jsonl"
    let gone = Retriever(spec, model: nil)
    let noFile = await #expect(throws: ModelError.self) {
      _ = try await gone.passages("a", method: .bm25, limit: 1, words: nil)
    }
    #expect(noFile?.endsStudy == true && noFile?.message.contains("gone.jsonl") == true)
  }

  @Test func secretsAreReplacedInDocuments() async throws {
    let folder = try DataTests.Folder([:])
    let spec = try Self.retriever(["cat 12345"], in: folder).spec
    let retriever = Retriever(spec, model: nil, redact: { $0.replacing("12345", with: "***") })
    #expect(try await retriever.passages("cat", method: .bm25, limit: 1, words: nil) == ["cat ***"])
  }
}
