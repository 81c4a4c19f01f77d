import Foundation
import HoneNumerics
import HoneRetrieval
import Testing

struct BM25Tests {
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

  /// The formula read off the paper, term by term and document by document.
  @Test func bm25IsTheSumOverTermsOfRandomDocuments() {
    var random = RandomStream(seed: 11, name: "documents")
    for _ in 0..<40 {
      let terms = Int.random(in: 1...9, using: &random)
      let documents = (0..<Int.random(in: 1...12, using: &random)).map { _ in
        (0..<Int.random(in: 0...15, using: &random)).map { _ in Int.random(in: 0..<terms, using: &random) }
      }
      let query = (0..<Int.random(in: 0...5, using: &random)).map { _ in Int.random(in: 0..<terms, using: &random) }
      let mean = Double(documents.map(\.count).reduce(0, +)) / Double(documents.count)
      let expected = documents.map { document in
        query.reduce(0.0) { sum, term in
          let tf = Double(document.count { $0 == term })
          guard tf > 0 else { return sum }
          let n = Double(documents.count { $0.contains(term) })
          let idf = log(1 + (Double(documents.count) - n + 0.5) / (n + 0.5))
          return sum + idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * Double(document.count) / mean))
        }
      }
      let scores = BM25(documents, terms: terms).scores(query)
      #expect(zip(scores, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(scores) \(expected)")
    }
  }
}
