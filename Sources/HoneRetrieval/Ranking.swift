/// Orders documents by score, and orders by each other.
public enum Ranking {
  /// The best `limit` documents with a score above `floor`, best first; of equals the one with the lower number.
  public static func best(_ scores: [Double], limit: Int, above floor: Double = -.infinity) -> [Int] {
    let found = scores.indices.filter { scores[$0] > floor }
    return Array(found.sorted { (scores[$0], $1) > (scores[$1], $0) }.prefix(limit))
  }

  /// Reciprocal rank fusion: a document's score is the sum over the rankings of 1 / (constant + rank), ranks from 1.
  ///
  /// Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning Methods",
  /// SIGIR 2009, with the constant 60 of the paper. One ranking alone keeps its order.
  public static func fused(_ rankings: [[Int]], constant: Double = 60) -> [Int] {
    var scores: [Int: Double] = [:]
    for ranking in rankings {
      for (place, document) in ranking.enumerated() {
        scores[document, default: 0] += 1 / (constant + Double(place + 1))
      }
    }
    return scores.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map(\.key)
  }
}
