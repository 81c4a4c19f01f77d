import Foundation
import Hone
import HoneNumerics
import HoneRetrieval
import Testing

@testable import RAG

/// Each stage of `Examples/RAG` by itself.
struct RAGStageTests {
  // MARK: Chunks

  @Test func chunksAreConsecutiveAndEndWithTheirArticle() {
    let corpus = Corpus([("a", "one two three four five"), ("b", "six seven")])
    #expect(
      corpus.chunks(of: 2) == [
        Chunk(article: 0, words: 0..<2), Chunk(article: 0, words: 2..<4), Chunk(article: 0, words: 4..<5),
        Chunk(article: 1, words: 0..<2),
      ])
    #expect(corpus.chunks(of: 2).map(corpus.text) == ["one two", "three four", "five", "six seven"])
    #expect(corpus.chunks(of: 100).map(corpus.text) == ["one two three four five", "six seven"])
  }

  /// The numbers of chunks that whoever enumerated all settings of this data published.
  @Test(arguments: [(32, 950), (64, 487), (128, 255), (256, 140)])
  func theArticlesHaveSoManyChunks(_ size: Int, _ count: Int) throws {
    let corpus = try Corpus(path: Package.path("tasks/data/xquad-rag/articles.jsonl"))
    let chunks = corpus.chunks(of: size)
    #expect(chunks.count == count)
    for (number, article) in corpus.articles.enumerated() {
      let words = chunks.filter { $0.article == number }.flatMap { article.words[$0.words] }
      #expect(words == article.words)
    }
  }

  /// The data's positions name the words that hold the answer.
  @Test func answersStandWhereTheDataSays() throws {
    let corpus = try Corpus(path: Package.path("tasks/data/xquad-rag/articles.jsonl"))
    let questions = try JSONLines.read(Question.self, Package.path("tasks/data/xquad-rag/questions.jsonl"))
    #expect(questions.count == 595 && Set(questions.map(\.id)).count == 595)
    for question in questions {
      let span = corpus.articles[question.article].words[question.first...question.last].joined(separator: " ")
      #expect(span.contains(question.answer), "\(question)")
    }
  }

  // MARK: Questions

  @Test func stopWordsAndUnknownTermsAreNoPartOfAQuery() {
    let corpus = Corpus([("a", "The Panthers defense gave up 308 points.")])
    let numbers = ["points", "panthers", "defense"].map { corpus.vocabulary[$0] }
    #expect(corpus.vocabulary.query("How many points did the Panthers' defense surrender?") == numbers)
    #expect(corpus.vocabulary.query("What is it?").isEmpty)
  }

  // MARK: Compression

  /// The (stop), Panthers 3, of (stop), Carolina 5, won 1, 10 3.
  private static let words = [(true, 0.1), (false, 3), (true, 0.2), (false, 5), (false, 1), (false, 3)].map {
    Compression.Word(isStopWord: $0.0, idf: $0.1)
  }

  @Test(
    arguments: [
      (1, [0, 1, 2, 3, 4, 5]), (0.9, [1, 2, 3, 4, 5]), (0.7, [1, 3, 4, 5]), (0.5, [1, 3, 5]), (0.3, [1, 3]), (0.2, [3]),
      (0, [3]),
    ] as [(Double, [Int])])
  func stopWordsGoFirstAndThenFrequentWords(_ ratio: Double, _ kept: [Int]) {
    #expect(Compression.kept(Self.words[...], ratio: ratio) == kept)
  }

  @Test func positionsAreThoseOfTheArticle() {
    #expect(Compression.kept(Self.words[2...4], ratio: 0.7) == [3, 4])
  }

  @Test func compressionOfNothingIsNothing() {
    #expect(Compression.kept([], ratio: 0.5).isEmpty)
  }

  @Test func lessIsKeptOfWhatWasKept() {
    var random = RandomStream(seed: 9, name: "words")
    for _ in 0..<50 {
      let words = (0..<40).map { _ in
        Compression.Word(isStopWord: .random(using: &random), idf: Double(Int.random(in: 0...5, using: &random)))
      }
      let kept = [0.3, 0.5, 0.7, 0.9, 1].map { Compression.kept(words[...], ratio: $0) }
      #expect(kept.map(\.count) == [12, 20, 28, 36, 40])
      #expect(zip(kept, kept.dropFirst()).allSatisfy { Set($0).isSubset(of: $1) })
    }
  }

  // MARK: Score

  @Test func theAnswerCountsWhenAllOfItIsInOnePassage() {
    let corpus = Corpus([("a", "it was the Duke of Normandy who won"), ("b", "it was the Duke of Normandy")])
    let judge = Judge(corpus: corpus)
    let gold = Question(id: "1", question: "Who won?", article: 0, answer: "the Duke of Normandy", first: 2, last: 5)
    func accuracy(_ passages: (Int, Range<Int>, [Int])...) -> Double {
      let context = Context(passages: passages.map { Passage(article: $0.0, chunk: $0.1, kept: $0.2, text: "") })
      return judge.accuracy(context, gold)
    }
    #expect(accuracy((0, 0..<8, Array(0..<8))) == 1)
    #expect(accuracy((0, 0..<8, [3, 5, 7])) == 1, "stop words may go")
    #expect(accuracy((0, 0..<8, [2, 3, 4])) == 0, "Normandy may not")
    #expect(accuracy((0, 0..<4, Array(0..<4)), (0, 4..<8, Array(4..<8))) == 0, "two halves")
    #expect(accuracy((1, 0..<6, Array(0..<6))) == 0, "another article")
    #expect(accuracy((1, 0..<6, Array(0..<6)), (0, 2..<6, [3, 5])) == 1)
    #expect(accuracy() == 0)
  }

  /// 21 bytes of context by 3.5 are 6 tokens, the 8 of the question 3.
  @Test func tokensAreOfContextQuestionAndInstruction() {
    let context = Context(
      passages: ["0123456789", "012345678"].map { Passage(article: 0, chunk: 0..<1, kept: [0], text: $0) })
    #expect(Judge(corpus: Corpus([])).tokens(context, "Who won?") == 6 + 3 + 40)
  }
}

enum Package {
  static func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent(name).path
  }
}
