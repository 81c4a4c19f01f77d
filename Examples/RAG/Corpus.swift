import Foundation
import HoneRetrieval

/// The articles that are searched, word by word.
struct Corpus: Sendable {
  struct Article: Sendable {
    let title: String
    /// What stands between spaces, punctuation included.
    let words: [String]
    /// Numbers of the terms in each word; none in a lone dash.
    let terms: [[Int]]
  }

  let articles: [Article]
  let vocabulary: Vocabulary

  init(_ texts: [(title: String, text: String)]) {
    var vocabulary = Vocabulary()
    articles = texts.map { title, text in
      let words = text.split(separator: " ").map(String.init)
      return Article(title: title, words: words, terms: words.map { Terms.of($0).map { vocabulary.number($0) } })
    }
    self.vocabulary = vocabulary
  }

  /// - Parameter path: JSON Lines of `{"title", "text"}`.
  init(path: String) throws {
    struct Row: Decodable { let title, text: String }
    self.init(try JSONLines.read(Row.self, path).map { ($0.title, $0.text) })
  }

  /// Words without a term that is more than a stop word.
  func isStopWord(_ position: Int, of article: Int) -> Bool {
    articles[article].terms[position].allSatisfy { vocabulary.isStopWord[$0] }
  }
}

/// A question of the data, and where its answer stands.
struct Question: Codable, Hashable, Sendable {
  let id: String
  let question: String
  /// Number of the article, from 0.
  let article: Int
  let answer: String
  /// Positions of the answer's first and last word in the article.
  let first: Int
  let last: Int
}

enum JSONLines {
  static func read<T: Decodable>(_ type: T.Type, _ path: String) throws -> [T] {
    let text = try Data(contentsOf: URL(fileURLWithPath: path))
    return try text.split(separator: UInt8(ascii: "\n")).map { try JSONDecoder().decode(type, from: $0) }
  }
}
