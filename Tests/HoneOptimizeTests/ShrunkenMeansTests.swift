import Foundation
import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct ShrunkenMeansTests {
  private static func row(_ trial: Int, _ scores: [Double?]) -> ScoreTable.Row {
    ScoreTable.Row(trial: trial, assignment: Assignment(["x": .int(trial)]), scores: scores)
  }

  private static func shrunken(_ rows: [ScoreTable.Row]) -> [Double] {
    let means = ShrunkenMeans(ScoreTable(examples: rows.first?.scores.count ?? 0, rows: rows))
    return rows.map { row in row.estimate.map { means.mean(of: row.trial, told: $0.mean) } ?? .nan }
  }

  /// Trials of different worth on examples of different difficulty, each on some of them.
  private static func rows(_ random: inout RandomStream, trials: Int, examples: Int, part: Double) -> [ScoreTable.Row] {
    let worth = (0..<trials).map { _ in random.uniform() }
    let ease = (0..<examples).map { _ in random.uniform() }
    return (0..<trials).map { trial in
      row(
        trial,
        (0..<examples).map { example in
          random.uniform() < part ? worth[trial] + 2 * ease[example] + random.uniform() : nil
        })
    }
  }

  // MARK: - An oracle by the definitions: all pairs for the variances, a dense system for the effects

  private static func naive(_ rows: [ScoreTable.Row]) -> [Double]? {
    let cells = rows.indices.flatMap { i in
      rows[i].scores.indices.compactMap { j in rows[i].scores[j].map { (i: i, j: j, y: $0) } }
    }
    let met = Set(cells.map(\.j)).sorted()
    let n = Double(cells.count)
    let (trials, examples) = (Double(rows.count), Double(met.count))
    var (ua, ub, ue) = (0.0, 0.0, 0.0)
    var (p, q) = (0.0, 0.0)
    for one in cells {
      for other in cells {
        let square = (one.y - other.y) * (one.y - other.y) / 2
        ue += square
        if one.i == other.i { ua += square / Double(rows[one.i].count) } else { p += 1 }
        if one.j == other.j { ub += square / Double(rows.count { $0.scores[one.j] != nil }) } else { q += 1 }
      }
    }
    // Unknown A, B and E of the three expectations.
    guard
      let found = solve(
        [[0, n - trials, n - trials], [n - examples, 0, n - examples], [p, q, n * n - n]], [ua, ub, ue])
    else { return nil }
    let (a, b, e) = (found[0], found[1], found[2])
    guard a > 0.01, b > 0.01, e > 0.01 else { return nil }
    // The normal equations of mu, every a_i and every b_j.
    let size = 1 + rows.count + met.count
    var matrix = Array(repeating: Array(repeating: 0.0, count: size), count: size)
    var right = Array(repeating: 0.0, count: size)
    for cell in cells {
      let places = [0, 1 + cell.i, 1 + rows.count + (met.firstIndex(of: cell.j) ?? 0)]
      for place in places {
        right[place] += cell.y
        for other in places { matrix[place][other] += 1 }
      }
    }
    for i in rows.indices { matrix[1 + i][1 + i] += e / a }
    for j in met.indices { matrix[1 + rows.count + j][1 + rows.count + j] += e / b }
    guard let effects = solve(matrix, right) else { return nil }
    return rows.indices.map { i in
      met.indices.reduce(0) { sum, j in
        sum + (rows[i].scores[met[j]] ?? effects[0] + effects[1 + i] + effects[1 + rows.count + j])
      } / examples
    }
  }

  /// Elimination with pivots; nil for a singular system.
  private static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double]? {
    var rows = zip(matrix, right).map { $0 + [$1] }
    for column in rows.indices {
      guard let pivot = rows.indices[column...].max(by: { abs(rows[$0][column]) < abs(rows[$1][column]) }),
        abs(rows[pivot][column]) > 1e-12
      else { return nil }
      rows.swapAt(column, pivot)
      for other in rows.indices where other != column {
        let factor = rows[other][column] / rows[column][column]
        for place in column...rows.count { rows[other][place] -= factor * rows[column][place] }
      }
    }
    return rows.indices.map { rows[$0][rows.count] / rows[$0][$0] }
  }

  @Test func theyAreThoseOfANaiveOracle() {
    var random = RandomStream(seed: 1, name: "shrunken")
    var checked = 0
    for _ in 0..<120 {
      let rows = Self.rows(
        &random, trials: 3 + Int(random.uniform() * 6), examples: 6 + Int(random.uniform() * 10),
        part: 0.4 + 0.5 * random.uniform()
      ).filter { $0.count > 0 }
      guard let expected = Self.naive(rows) else { continue }
      checked += 1
      let found = Self.shrunken(rows)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-9 }, "\(found) and \(expected)")
    }
    #expect(checked > 40)
  }

  // MARK: - What they are for

  /// By the squared error to the mean on all examples.
  @Test func theyAreNearerToTheTruthThanRawMeans() {
    var random = RandomStream(seed: 2, name: "truth")
    var (raw, shrunken) = (0.0, 0.0)
    for _ in 0..<60 {
      let whole = Self.rows(&random, trials: 12, examples: 40, part: 1)
      let partial = whole.map { row in
        let count = random.uniform() < 0.5 ? 40 : 4 + Int(random.uniform() * 12)
        return Self.row(row.trial, row.scores.enumerated().map { $0 < count ? $1 : nil })
      }
      for ((truth, part), found) in zip(zip(whole, partial), Self.shrunken(partial)) {
        let (all, some) = (truth.estimate?.mean ?? 0, part.estimate?.mean ?? 0)
        raw += (some - all) * (some - all)
        shrunken += (found - all) * (found - all)
      }
    }
    #expect(shrunken < raw / 3, "\(shrunken) and \(raw)")
  }

  @Test func wholeTrialsKeepTheirMeans() {
    var random = RandomStream(seed: 3, name: "whole")
    var rows = Self.rows(&random, trials: 6, examples: 12, part: 1)
    #expect(Self.shrunken(rows) == rows.compactMap { $0.estimate?.mean })
    rows[2].scores = rows[2].scores.enumerated().map { $0 < 3 ? $1 : nil }
    let means = Self.shrunken(rows)
    for place in rows.indices where place != 2 { #expect(means[place] == rows[place].estimate?.mean) }
    #expect(means[2] != rows[2].estimate?.mean)
    // A failed trial's scores say nothing.
    rows[3].hasFailed = true
    #expect(Self.shrunken(rows)[3] == rows[3].estimate?.mean)
  }

  @Test(arguments: [1e300, 1e-300, 0, 1.0])
  func scoresOfAnySizeGiveNumbers(_ size: Double) {
    let rows = [
      Self.row(0, [size, -size, size, 0]), Self.row(1, [size, size, nil, nil]), Self.row(2, [0, nil, nil, nil]),
      Self.row(3, [nil, nil, nil, nil]), Self.row(4, [-size, 0, size, size]),
    ]
    let means = Self.shrunken(rows)
    #expect(means.enumerated().allSatisfy { $0 == 3 || ($1.isFinite && abs($1) <= 2 * size) }, "\(means)")
  }

  /// No common examples, one score each, one trial: nothing can be told, and nothing is changed.
  @Test func whereNothingIsSharedNothingIsShrunk() {
    for rows in [
      [Self.row(0, [1, nil]), Self.row(1, [nil, 0])], [Self.row(0, [1, 0, nil])], [],
      [Self.row(0, [1, nil, nil]), Self.row(1, [0.5, nil, nil])],
    ] {
      #expect(Self.shrunken(rows) == rows.map { $0.estimate?.mean ?? .nan })
    }
    #expect(ShrunkenMeans(nil).mean(of: 0, told: 0.5) == 0.5)
  }

  @Test func differencesAreThoseOfCommonExamples() throws {
    let table = ScoreTable(
      examples: 4, rows: [Self.row(0, [1, 0, 1, 0]), Self.row(1, [nil, 1, 1, nil]), Self.row(7, [1, nil, nil, nil])])
    let found = try #require(table.difference((1, 1), (0, 0.5)))
    #expect(found.mean == 0.5 && found.count == 2)
    #expect(table.difference((7, 1), (1, 1)) == nil && table.difference((7, 1), (0, 0.5))?.count == 1)
    // Another mean than the table's, and no such trial.
    #expect(table.difference((1, 0.9), (0, 0.5)) == nil && table.difference((5, 1), (0, 0.5)) == nil)
  }
}
