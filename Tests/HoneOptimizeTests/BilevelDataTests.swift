import Foundation
import Testing

@testable import HoneOptimize

/// Real rows (`Benchmarks/Data/bilevel`): three ways to one optimum, with default settings.
@Suite struct BilevelDataTests {
  static func lines(_ name: String) throws -> [[Double]] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(
      contentsOf: root.appendingPathComponent("Benchmarks/Data/bilevel/\(name).csv"), encoding: .utf8)
    return text.split(separator: "\n").map { $0.split(separator: ",").compactMap { Double($0) } }
  }

  /// Breast cancer: every fourth row, the first ten features.
  static func cancer(_ name: String) throws -> LogisticRows {
    let rows = try lines(name).enumerated().filter { $0.offset % 4 == 0 }.map(\.element)
    return try LogisticRows(
      features: rows.flatMap { Array($0[1...10]) + [1] }, labels: rows.map { Int($0[0]) }, width: 11, classes: 2)
  }

  /// Digits 0 to 2: every fourth row, means of the four by four squares.
  static func digits(_ name: String) throws -> LogisticRows {
    let rows = try lines(name).filter { $0[0] < 3 }.enumerated().filter { $0.offset % 4 == 0 }.map(\.element)
    let features = rows.flatMap { row -> [Double] in
      (0..<16).map { square -> Double in
        let corner = 1 + (square / 4) * 16 + (square % 4) * 2
        return (row[corner] + row[corner + 1] + row[corner + 8] + row[corner + 9]) / 64
      } + [1]
    }
    return try LogisticRows(features: features, labels: rows.map { Int($0[0]) }, width: 17, classes: 3)
  }

  @Test func threeWaysToOneOptimum() throws {
    for (train, validation) in [
      (try Self.cancer("bc_train"), try Self.cancer("bc_valid")),
      (try Self.digits("digits_train"), try Self.digits("digits_valid")),
    ] {
      let groups: [Int?] = Array(repeating: 0, count: train.width - 1) + [nil]
      let problem = try LogisticProblem(train: train, validation: validation, outer: .penalties(groups))
      let best = try BilevelSearch(tolerance: 1e-6).run(problem)
      for search in [
        BilevelSearch(step: .hoag(HOAGStepper()), steps: 60), BilevelSearch(step: .maid(MAIDStepper()), steps: 60),
        BilevelSearch(estimator: .penalty(gamma: 1_000)),
      ] {
        // Judged at the solved w*, not at the one returned.
        let lambda = try search.run(problem).lambda
        let value = try BilevelSearch(tolerance: 1e-8).hypergradient(of: problem, at: lambda).value
        #expect(value <= best.value + 1e-3, "\(search) \(value) \(best.value)")
      }
    }
  }
}
