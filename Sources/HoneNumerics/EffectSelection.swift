import Foundation

/// Which features have an effect on a value at all: forward selection by permutation tests.
///
/// At each step the feature with the strongest test is taken, if the largest test of any feature is as large for at most a
/// share `level` of permutations (the single-step maximum of Westfall and Young, "Resampling-Based Multiple Testing", 1993).
/// What is permuted are the residuals of the features taken so far (Freedman and Lane, Journal of Business and Economic
/// Statistics 1, 1983). So where no feature has an effect, one is named with the probability `level`, however many there are.
package struct EffectSelection: Sendable {
  package struct Effect: Hashable, Sendable {
    package var feature: Int
    /// Of its step, adjusted for all features tested there; never below that of a step before.
    package var pValue: Double
  }

  /// In the order they were taken.
  package private(set) var effects: [Effect] = []
  /// Orthonormal columns of the mean and of what was taken.
  private var model: [[Double]]
  private let rows: Int

  /// Numbers of one test, at least; fewer than `permutations` where rows and columns are many.
  static let permutations = 999
  static let fewestPermutations = 199
  /// Multiplications of one step that more permutations must not go beyond.
  static let work = 100_000_000

  /// O(steps permutations rows columns), bounded by `work` for each step.
  ///
  /// - Parameters:
  ///   - features: each one as the columns of a linear model; see `columns`.
  ///   - values: one for each row; finite. They are tested by their ranks.
  package init(_ features: [[[Double]]], values: [Double], level: Double = 0.05, random: RandomStream) {
    rows = values.count
    model = rows == 0 ? [] : [Array(repeating: 1 / Double(rows).squareRoot(), count: rows)]
    var random = random
    var residuals = Self.residuals(Self.ranks(values), model)
    while rows > model.count {
      let candidates = features.indices.compactMap { index -> Candidate? in
        guard !effects.contains(where: { $0.feature == index }) else { return nil }
        return Candidate(index, features[index], beside: model, rows: rows)
      }
      guard let (best, pValue) = test(candidates, residuals, level, &random) else { return }
      effects.append(Effect(feature: best.feature, pValue: max(pValue, effects.last?.pValue ?? 0)))
      model += best.columns
      residuals = Self.residuals(residuals, best.columns)
    }
  }

  /// Part of the variance of the values that the features taken explain by their columns, adjusted for their number (Theil,
  /// 1961), from 0 to 1.
  package func explained(_ values: [Double]) -> Double {
    guard !effects.isEmpty, let mean = model.first, rows > model.count else { return 0 }
    let total = Self.squares(Self.residuals(values, [mean])) / Double(rows - 1)
    let left = Self.squares(Self.residuals(values, model)) / Double(rows - model.count)
    return total > 0 ? min(1, max(0, 1 - left / total)) : 0
  }

  /// The feature with the strongest test and its p-value, if it is at most `level`.
  private func test(
    _ candidates: [Candidate], _ residuals: [Double], _ level: Double, _ random: inout RandomStream
  ) -> (Candidate, Double)? {
    let total = Self.squares(residuals)
    guard total > 1e-9 else { return nil }
    let seen = candidates.map { $0.statistic(residuals, total) }
    guard let largest = seen.max(), let best = seen.firstIndex(of: largest) else { return nil }
    let columns = candidates.reduce(0) { $0 + $1.columns.count }
    let count = min(Self.permutations, max(Self.fewestPermutations, Self.work / max(1, rows * columns)))
    let most = Int(level * Double(count + 1))
    var (hits, permuted) = (1, residuals)
    for _ in 0..<count {
      Self.shuffle(&permuted, &random)
      // The candidates' columns are orthogonal to the model; only the total is not yet.
      let total = total - model.reduce(0) { $0 + Self.product($1, permuted) * Self.product($1, permuted) }
      if candidates.contains(where: { $0.statistic(permuted, total) >= largest }) { hits += 1 }
      if hits > most { return nil }
    }
    return (candidates[best], Double(hits) / Double(count + 1))
  }

  /// One feature beside a model.
  private struct Candidate {
    let feature: Int
    /// Orthonormal, orthogonal to the model.
    var columns: [[Double]] = []
    private let spare: Double

    /// Nil where the feature adds nothing, or too few rows are left to test it.
    init?(_ feature: Int, _ raw: [[Double]], beside model: [[Double]], rows: Int) {
      self.feature = feature
      for column in raw {
        var rest = column
        // Twice: once leaves rounding errors (Giraud et al., 2005).
        for _ in 0..<2 { rest = EffectSelection.residuals(rest, model + columns) }
        let (left, all) = (EffectSelection.squares(rest), EffectSelection.squares(column))
        guard left > 1e-9 * all, left > 0 else { continue }
        columns.append(rest.map { $0 / left.squareRoot() })
      }
      spare = Double(rows - model.count - columns.count)
      if columns.isEmpty || spare < 3 { return nil }
    }

    /// The F statistic as nearly a standard normal one (Paulson, Annals of Mathematical Statistics 13, 1942), so that
    /// features of different numbers of columns compare.
    func statistic(_ values: [Double], _ total: Double) -> Double {
      var explained = 0.0
      var index = 0
      while index < columns.count {
        let product = EffectSelection.product(columns[index], values)
        explained += product * product
        index += 1
      }
      let degrees = Double(columns.count)
      let ratio = explained / degrees / (max(total - explained, 1e-12 * total) / spare)
      let root = cbrt(ratio)
      let (a, b) = (2 / (9 * degrees), 2 / (9 * spare))
      return ((1 - b) * root - (1 - a)) / (b * root * root + a).squareRoot()
    }
  }
}

extension EffectSelection {
  /// A feature as columns of a linear model: a number by a parabola, a choice by its categories, those seen once as one.
  ///
  /// Columns are 0 and balanced around it where the feature is missing: that it is missing is the effect of what decides
  /// over that.
  ///
  /// - Parameters:
  ///   - values: from 0 to 1, a choice in the middle of its cell; nil where missing.
  ///   - choices: categories of a choice, 0 of a number.
  package static func columns(_ values: [Double?], choices: Int) -> [[Double]] {
    guard choices > 0 else {
      // Legendre's polynomials on the unit interval.
      return [
        balanced(values.map { $0.map { 2 * $0 - 1 } }), balanced(values.map { $0.map { 6 * $0 * ($0 - 1) + 1 } }),
      ]
    }
    let cells = values.map { $0.map { min(max(Int($0 * Double(choices)), 0), choices - 1) } }
    var counts = Array(repeating: 0, count: choices)
    for case let cell? in cells { counts[cell] += 1 }
    return counts.indices.filter { counts[$0] > 1 }.map { cell in balanced(cells.map { $0.map { $0 == cell ? 1 : 0 } })
    }
  }

  private static func balanced(_ column: [Double?]) -> [Double] {
    let present = column.compactMap(\.self)
    let mean = present.reduce(0, +) / Double(max(1, present.count))
    return column.map { $0.map { $0 - mean } ?? 0 }
  }

  /// From 1; equal values have their mean.
  static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] == values[$1] ? $0 < $1 : values[$0] < values[$1] }
    var ranks = Array(repeating: 0.0, count: values.count)
    var first = 0
    while first < order.count {
      var last = first
      while last + 1 < order.count, values[order[last + 1]] == values[order[first]] { last += 1 }
      for place in first...last { ranks[order[place]] = Double(first + last) / 2 + 1 }
      first = last + 1
    }
    return ranks
  }

  private static func shuffle(_ values: inout [Double], _ random: inout RandomStream) {
    var last = values.count - 1
    while last > 0 {
      // Of 64 bits the bias is below 1e-16.
      let other = Int(random.next() % UInt64(last + 1))
      (values[last], values[other]) = (values[other], values[last])
      last -= 1
    }
  }

  fileprivate static func squares(_ values: [Double]) -> Double { product(values, values) }

  fileprivate static func product(_ a: [Double], _ b: [Double]) -> Double {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        guard let x = a.baseAddress, let y = b.baseAddress else { return 0 }
        return dot(x, y, min(a.count, b.count))
      }
    }
  }

  /// What orthonormal columns leave of the values.
  fileprivate static func residuals(_ values: [Double], _ columns: [[Double]]) -> [Double] {
    var rest = values
    for column in columns {
      let part = product(column, rest)
      for row in rest.indices { rest[row] -= part * column[row] }
    }
    return rest
  }
}
