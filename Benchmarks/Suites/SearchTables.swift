import Foundation
import HoneNumerics
import HoneTrace

/// Tabular tasks in `Benchmarks/Data/hpo`: an evaluation answers with the row that is nearest in the unit cube.
struct SearchTable {
  let name: String
  let points: [[Double]]
  let losses: [Double]

  var dimensions: Int { points.first?.count ?? 0 }

  /// The tables in order of name.
  static func all(_ folder: String) throws -> [SearchTable] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
      $0.hasSuffix(".csv") && $0 != "peers.csv"
    }
    return try names.sorted().map { file in
      let rows = try rows("\(folder)/\(file)").map { $0.compactMap { Double($0) } }
      return SearchTable(
        name: String(file.dropLast(4)), points: rows.map { Array($0.dropLast()) }, losses: rows.map { $0.last ?? .nan })
    }
  }

  /// The cells of a file without its header.
  static func rows(_ path: String) throws -> [[Substring]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").dropFirst().map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
  }

  /// Where a table's points lie.
  static func cube(_ dimensions: Int) -> Space {
    Space((0..<dimensions).map { ParameterSpec(name: "u\($0)", domain: .float(FloatDomain(0...1)), initial: 0.5) })
  }

  func loss(at point: [Double]) -> Double { losses[row(at: point)] }

  /// The row that is nearest in the unit cube.
  func row(at point: [Double]) -> Int {
    var nearest = (distance: Double.infinity, row: 0)
    for row in points.indices {
      var distance = 0.0
      for (u, v) in zip(points[row], point) { distance += (u - v) * (u - v) }
      if distance < nearest.distance { nearest = (distance, row) }
    }
    return nearest.row
  }

  func regret(_ loss: Double) -> Double {
    let best = losses.min() ?? 0
    return (loss - best) / ((losses.max() ?? 1) - best)
  }
}

/// Regrets after 10, 20 and 30 trials, or under several budgets, by table and seed.
struct Regrets {
  /// By table, then seed.
  var byTable: [[[Double]]]

  /// Mean over tables and the seeds of a range, at one of the marks.
  func mean(_ seeds: Range<Int>, _ at: Int) -> Double {
    let all = byTable.flatMap { $0[seeds].map { $0[at] } }
    return all.reduce(0, +) / Double(all.count)
  }

  /// The 90 % bootstrap interval of the ratio of two means: tables are drawn, then seeds within them.
  func ratioInterval(to other: Regrets, _ seeds: Range<Int>, _ at: Int) -> (low: Double, high: Double) {
    interval(to: other, seeds, at, /)
  }

  /// The same of another comparison of the two means.
  func interval(to other: Regrets, _ seeds: Range<Int>, _ at: Int, _ compare: (Double, Double) -> Double)
    -> (low: Double, high: Double)
  {
    var random = RandomStream(seed: 1, name: "bootstrap")
    let count = Double(byTable.count * seeds.count)
    var values: [Double] = []
    for _ in 0..<4_000 {
      var (ours, theirs) = (0.0, 0.0)
      for _ in byTable.indices {
        let table = Int.random(in: byTable.indices, using: &random)
        for _ in seeds {
          let seed = Int.random(in: seeds, using: &random)
          ours += byTable[table][seed][at]
          theirs += other.byTable[table][seed][at]
        }
      }
      values.append(compare(ours / count, theirs / count))
    }
    values.sort()
    return (values[values.count / 20], values[values.count - 1 - values.count / 20])
  }
}
