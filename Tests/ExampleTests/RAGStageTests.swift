import Foundation
import Hone
import HoneNumerics
import Testing

@testable import RAG

/// Each stage of `Examples/RAG` by itself.
struct RAGStageTests {
  // MARK: Chunks

  @Test func termsAreLowerCaseRunsOfLettersAndDigits() {
    #expect(
      Terms.of("Beyoncé's 24–10 win, in “Super Bowl 50”.") == [
        "beyoncé", "s", "24", "10", "win", "in", "super", "bowl", "50",
      ])
    #expect(Terms.of("– ... %").isEmpty)
    #expect(Terms.of("Σίσυφος x²") == ["σίσυφος", "x²"])
  }

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

  // MARK: BM25

  private static let documents = ["the cat sat on the mat", "the dog chased the cat", "birds sing"]

  private static func index(_ texts: [String]) -> (BM25, [String: Int]) {
    var numbers: [String: Int] = [:]
    let documents = texts.map { text in
      text.split(separator: " ").map { term in
        let number = numbers[String(term)] ?? numbers.count
        numbers[String(term)] = number
        return number
      }
    }
    return (BM25(documents, terms: numbers.count), numbers)
  }

  /// Worked out by the formula: N = 3, avgdl = 13/3, idf(cat) = ln(1 + 1.5/2.5), idf(sing) = ln(1 + 2.5/1.5).
  @Test(arguments: [
    (["cat"], [0.406105855, 0.442174467, 0]), (["the", "dog"], [0.583171531, 1.542205625, 0]),
    (["cat", "cat"], [0.812211710, 0.884348934, 0]), (["sing", "cat"], [0.406105855, 0.442174467, 1.257924513]),
    ([], [0, 0, 0]),
  ])
  func bm25IsItsFormula(_ query: [String], _ expected: [Double]) throws {
    let (index, numbers) = Self.index(Self.documents)
    let scores = index.scores(try query.map { try #require(numbers[$0]) })
    #expect(zip(scores, expected).allSatisfy { abs($0 - $1) < 1e-9 }, "\(scores)")
    #expect(abs(index.idf(try #require(numbers["cat"])) - 0.470003629) < 1e-9)
  }

  @Test func stopWordsAndUnknownTermsAreNoPartOfAQuery() {
    let corpus = Corpus([("a", "The Panthers defense gave up 308 points.")])
    let numbers = ["points", "panthers", "defense"].map { corpus.vocabulary[$0] }
    #expect(corpus.vocabulary.query("How many points did the Panthers' defense surrender?") == numbers)
    #expect(corpus.vocabulary.query("What is it?").isEmpty)
  }

  // MARK: Embeddings

  @Test func vectorsAreScoredByTheirCosine() {
    let vectors = Vectors([[3, 4], [0, -2], [5, 0], [0, 0]])
    let scores = vectors.scores([10, 0])
    #expect(zip(scores, [0.6, 0, 1, 0]).allSatisfy { abs($0 - $1) < 1e-6 }, "\(scores)")
    #expect(vectors.scores([1, 2, 3]).isEmpty && Vectors([]).scores([1]).isEmpty)
  }

  // MARK: Fusion

  @Test func rankingsAreByScoreAndThenByNumber() {
    #expect(Ranking.best([1, 3, 2, 3, 0], limit: 4) == [1, 3, 2, 0])
    #expect(Ranking.best([1, 0, 2], limit: 9, above: 0) == [2, 0])
  }

  /// 7: 1/61 + 1/63; 5: 1/62 + 1/61; 9: 1/63; 4: 1/62.
  @Test func fusionAddsReciprocalRanks() {
    #expect(Ranking.fused([[7, 5, 9], [5, 4, 7]]) == [5, 7, 4, 9])
    // A small constant favours what one ranking puts first: 1/2 + 1/5 against 1/3 + 1/3.
    #expect(Ranking.fused([[1, 2, 3], [4, 2, 5, 1]], constant: 1).first == 1)
    #expect(Ranking.fused([[1, 2, 3], [4, 2, 5, 1]]).first == 2)
    #expect(Ranking.fused([[3, 1, 2], []]) == [3, 1, 2] && Ranking.fused([]).isEmpty)
  }

  @Test func fusionIsTheSumOverRankings() {
    var random = RandomStream(seed: 4, name: "rankings")
    for _ in 0..<50 {
      let rankings = (0..<3).map { _ in
        Array((0..<12).shuffled(using: &random).prefix(Int.random(in: 0...12, using: &random)))
      }
      func score(_ document: Int) -> Double {
        rankings.compactMap { $0.firstIndex(of: document).map { 1 / Double(61 + $0) } }.reduce(0, +)
      }
      let fused = Ranking.fused(rankings)
      #expect(Set(fused) == Set(rankings.flatMap(\.self)) && Set(fused).count == fused.count)
      #expect(zip(fused, fused.dropFirst()).allSatisfy { score($0) >= score($1) - 1e-15 })
    }
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
