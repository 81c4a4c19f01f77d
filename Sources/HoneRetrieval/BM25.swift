import Foundation

/// Scores documents by the terms they share with a query.
///
/// Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009: the score of document d is
/// the sum over the query's terms t of idf(t) tf (k1 + 1) / (tf + k1 (1 - b + b |d| / avgdl)). The idf is that of
/// Lucene, ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative.
public struct BM25: Sendable {
  /// How soon a further occurrence of a term counts less.
  public static let k1 = 1.2
  /// How much a document's length counts, from 0 to 1.
  public static let b = 0.75

  private struct Posting {
    let document: Int
    var count: Int
  }
  /// By term.
  private var postings: [[Posting]]
  /// k1 (1 - b + b |d| / avgdl), by document.
  private let lengths: [Double]

  /// - Parameters:
  ///   - documents: numbers of their terms, each below `terms`.
  ///   - terms: how many terms there are.
  public init(_ documents: [[Int]], terms: Int) {
    postings = Array(repeating: [], count: terms)
    for (number, document) in documents.enumerated() {
      for term in document {
        let end = postings[term].count - 1
        if end >= 0, postings[term][end].document == number {
          postings[term][end].count += 1
        } else {
          postings[term].append(Posting(document: number, count: 1))
        }
      }
    }
    let mean = Double(documents.reduce(0) { $0 + $1.count }) / Double(max(1, documents.count))
    lengths = documents.map { Self.k1 * (1 - Self.b + Self.b * Double($0.count) / max(mean, 1e-9)) }
  }

  /// How rare a term is, by the number of documents that hold it.
  public func idf(_ term: Int) -> Double {
    let n = Double(postings[term].count)
    return log(1 + (Double(lengths.count) - n + 0.5) / (n + 0.5))
  }

  /// By document; 0 without a common term. A term that stands twice in the query counts twice.
  public func scores(_ query: [Int]) -> [Double] {
    var scores = [Double](repeating: 0, count: lengths.count)
    for term in query {
      let idf = idf(term)
      for posting in postings[term] {
        let tf = Double(posting.count)
        scores[posting.document] += idf * tf * (Self.k1 + 1) / (tf + lengths[posting.document])
      }
    }
    return scores
  }
}
