import Foundation

/// A real retrieval benchmark as a table: for each of 400 configurations and 1,190 questions whether the answer was found,
/// and the tokens it took. `Benchmarks/Data/rag` describes it.
struct RagTable {
  struct Row {
    var retriever: Int
    var chunk: Int
    var topK: Int
    var compression: Int
    var correct: [Bool]
    var tokens: [Double]
  }

  static let retrievers = ["bm25", "glove", "hybrid", "minilm"]
  static let chunks = ["32", "64", "128", "256"]
  static let topK = ["1", "3", "5", "7", "9"]
  static let compressions = ["0.3", "0.5", "0.7", "0.9", "1.0"]
  /// Most tokens of any answer of the whole table.
  static let mostTokens = 3299.0

  let rows: [Row]
  var questions: Int { rows.first?.correct.count ?? 0 }

  static func load(_ folder: String) throws -> RagTable {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var value = Array(repeating: 0, count: 256)
    for (index, digit) in digits.enumerated() { value[Int(digit)] = index }
    let text = try String(contentsOfFile: "\(folder)/xquad-rag-400.csv", encoding: .utf8)
    return RagTable(
      rows: text.split(separator: "\n").dropFirst().map { line in
        let cells = line.split(separator: ",")
        let codes = cells[5].utf8.map { value[Int($0)] }
        let tokens = stride(from: 0, to: codes.count - 1, by: 2).map { Double(codes[$0] * 64 + codes[$0 + 1]) }
        let bits = cells[4].flatMap { digit in
          let number = digit.hexDigitValue ?? 0
          return (0..<4).map { number & (8 >> $0) != 0 }
        }
        return Row(
          retriever: index(cells[0], in: retrievers), chunk: index(cells[1], in: chunks),
          topK: index(cells[2], in: topK), compression: index(cells[3], in: compressions),
          correct: Array(bits.prefix(tokens.count)), tokens: tokens)
      })
  }

  private static func index(_ text: Substring, in names: [String]) -> Int {
    names.firstIndex { $0 == text } ?? 0
  }
}

/// A finite bandit problem with all rewards known.
struct BanditTable {
  var name: String
  /// By arm: its place on each parameter's axis, counted from 0.
  var levels: [[Int]]
  /// Which parameters are ordered.
  var isOrdered: [Bool]
  /// By arm, then question.
  var rewards: [[Double]]

  let means: [Double]
  let best: Double

  init(name: String, levels: [[Int]], isOrdered: [Bool], rewards: [[Double]]) {
    self.name = name
    self.levels = levels
    self.isOrdered = isOrdered
    self.rewards = rewards
    means = rewards.map { $0.reduce(0, +) / Double($0.count) }
    best = means.max() ?? 0
  }

  /// The places on each axis in [0, 1].
  var points: [[Double?]] {
    let most = isOrdered.indices.map { axis in max(1, levels.map { $0[axis] }.max() ?? 1) }
    return levels.map { arm in arm.indices.map { Double(arm[$0]) / Double(most[$0]) } }
  }

  /// The same arms on every second question.
  func questions(_ parity: Int) -> BanditTable {
    BanditTable(
      name: name, levels: levels, isOrdered: isOrdered,
      rewards: rewards.map { row in stride(from: parity, to: row.count, by: 2).map { row[$0] } })
  }

  /// reward = w x (+1 or -1) - (1 - w) x tokens / most tokens, as AutoRAG-HP defines it.
  /// - Parameters:
  ///   - chunk: index of the only chunk size; nil: all four.
  ///   - retrievers: indices of those that may be used.
  static func rag(
    _ table: RagTable, name: String, weight: Double, chunk: Int? = nil, retrievers: [Int] = [0, 1, 2, 3]
  ) -> BanditTable {
    let rows = table.rows.filter { row in (chunk.map { $0 == row.chunk } ?? true) && retrievers.contains(row.retriever)
    }
    return BanditTable(
      name: name,
      levels: rows.map { row in
        let retriever = retrievers.firstIndex(of: row.retriever) ?? 0
        return [retriever] + (chunk == nil ? [row.chunk] : []) + [row.topK, row.compression]
      },
      isOrdered: [false] + (chunk == nil ? [true] : []) + [true, true],
      rewards: rows.map { row in
        zip(row.correct, row.tokens).map { correct, tokens in
          weight * (correct ? 1 : -1) - (1 - weight) * tokens / RagTable.mostTokens
        }
      })
  }
}
