/// Gradient-boosted trees for several quantiles (Friedman, "Greedy Function Approximation", 2001, with the pinball loss of
/// Koenker and Bassett 1978), shifted so that they cover what was held out (Romano, Patterson and Candes, "Conformalized
/// Quantile Regression", NeurIPS 2019).
package struct BoostedQuantiles: Sendable {
  package struct Settings: Hashable, Sendable {
    package var stages = 50
    package var rate = 0.1
    package var depth = 3
    package var leastToSplit = 2.0

    package init() {}
  }

  /// Between 0 and 1.
  package let levels: [Double]
  private let table: FeatureTable
  private var models: [Model] = []

  private struct Model: Sendable {
    /// The quantile of all values and the conformal shift.
    var start: Double
    var trees: [RegressionTree] = []
  }

  /// O(levels stages depth features rows).
  ///
  /// - Parameters:
  ///   - values: one for each row, at least one; finite.
  ///   - heldOut: rows that no tree sees; the predictions are shifted by the quantile of what they miss there.
  package init(
    _ table: FeatureTable, values: [Double], levels: [Double], heldOut: Set<Int> = [],
    settings: Settings = Settings(), random: RandomStream
  ) {
    self.levels = levels
    self.table = table
    let weights = values.indices.map { heldOut.contains($0) ? 0.0 : 1.0 }
    let rows = values.indices.filter { weights[$0] > 0 }
    let kept = heldOut.sorted()
    for (index, level) in levels.enumerated() {
      var random = random.child("level \(index)")
      var model = Model(start: Self.quantile(rows.map { values[$0] }, level))
      var predictions = values.map { _ in model.start }
      let tree = RegressionTree.Settings(
        depth: settings.depth, leastToSplit: settings.leastToSplit, isRandomPlace: false)
      for _ in 0..<settings.stages where !rows.isEmpty {
        let slopes = values.indices.map { values[$0] > predictions[$0] ? level : level - 1 }
        var next = RegressionTree(table, values: slopes, weights: weights, settings: tree, random: &random)
        let leaves = values.indices.map { next.leaf(of: $0, in: table) }
        next.setLeaves(rows, leaves) { rows in
          settings.rate * Self.quantile(rows.map { values[$0] - predictions[$0] }, level)
        }
        for row in values.indices { predictions[row] += next.nodes[leaves[row]].mean }
        model.trees.append(next)
      }
      if !kept.isEmpty { model.start += Self.quantile(kept.map { values[$0] - predictions[$0] }, level) }
      models.append(model)
    }
  }

  /// The quantile of this index among the levels at a point. O(stages depth).
  package func quantile(_ index: Int, at point: [Double?]) -> Double {
    let features = table.features(of: point)
    var sum = models[index].start
    for tree in models[index].trees { sum += tree.nodes[tree.leaf(of: features)].mean }
    return sum
  }

  /// Linear between the order statistics, as NumPy has it; 0 for no values.
  static func quantile(_ values: [Double], _ level: Double) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let place = level * Double(sorted.count - 1)
    let low = min(Int(place), sorted.count - 1)
    let high = min(low + 1, sorted.count - 1)
    return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
  }
}

extension RegressionTree {
  /// Gives every leaf a new value, made of the rows that fall in it.
  fileprivate mutating func setLeaves(_ rows: [Int], _ leaves: [Int], _ value: ([Int]) -> Double) {
    var members = Array(repeating: [Int](), count: nodes.count)
    for row in rows { members[leaves[row]].append(row) }
    for index in nodes.indices where !members[index].isEmpty { nodes[index].mean = value(members[index]) }
  }
}
