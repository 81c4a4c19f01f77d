/// A random forest for regression with a variance (Breiman 2001; Hutter, Hoos and Leyton-Brown, "Sequential Model-Based
/// Optimization for General Algorithm Configuration", 2011, section 4.1).
///
/// Each tree is grown unpruned on a bootstrap sample, a part of the features looked at for each split.
package struct RegressionForest: Sendable {
  package struct Settings: Hashable, Sendable {
    package var trees = 10
    /// Part of the features looked at for a split.
    package var share = 5 / 6.0
    /// Fewest rows that are split.
    package var leastToSplit = 3.0
    package var isBootstrapped = true

    package init() {}
  }

  package let table: FeatureTable
  package let trees: [RegressionTree]
  /// By tree: how often each row is in its bootstrap sample; all 1 without one.
  private let weights: [[Double]]

  /// O(trees depth features rows).
  ///
  /// - Parameters:
  ///   - values: one for each row of the table; finite.
  ///   - random: draws the bootstrap samples, the features and the places of splits.
  package init(_ table: FeatureTable, values: [Double], settings: Settings = Settings(), random: RandomStream) {
    self.table = table
    let tree = RegressionTree.Settings(leastToSplit: settings.leastToSplit, share: settings.share)
    let grown = (0..<settings.trees).map { index in
      var random = random.child("tree \(index)")
      var weights = Array(repeating: settings.isBootstrapped ? 0.0 : 1.0, count: table.rows)
      if settings.isBootstrapped {
        for _ in 0..<table.rows { weights[Int(random.next() % UInt64(table.rows))] += 1 }
      }
      let grown = RegressionTree(table, values: values, weights: weights, settings: tree, random: &random)
      return (tree: grown, weights: weights)
    }
    trees = grown.map(\.tree)
    weights = grown.map(\.weights)
  }

  /// Part of the variance of the values that the forest predicts: R^2 of each row's prediction by the trees whose sample
  /// left it out (Breiman, "Out-of-bag estimation", 1996). At most 1, below 0 when the mean predicts better; nil where too
  /// few rows were left out or no value differs. O(trees rows depth).
  ///
  /// - Parameter values: those the forest was grown on.
  package func outOfBagR2(_ values: [Double]) -> Double? {
    var pairs: [(value: Double, prediction: Double)] = []
    for row in values.indices {
      let out = trees.indices.filter { weights[$0][row] == 0 }
      guard !out.isEmpty else { continue }
      let sum = out.reduce(0) { $0 + trees[$1].nodes[trees[$1].leaf(of: row, in: table)].mean }
      pairs.append((values[row], sum / Double(out.count)))
    }
    guard pairs.count > 1 else { return nil }
    let mean = pairs.reduce(0) { $0 + $1.value } / Double(pairs.count)
    let total = pairs.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) }
    guard total > 0 else { return nil }
    return 1 - pairs.reduce(0) { $0 + ($1.value - $1.prediction) * ($1.value - $1.prediction) } / total
  }

  /// Mean over the trees, and the standard deviation by the law of total variance: that of the leaves' means and the mean
  /// of the leaves' variances. O(trees depth).
  package func posterior(_ point: [Double?]) -> (mean: Double, deviation: Double) {
    let features = table.features(of: point)
    var (sum, squares, inside) = (0.0, 0.0, 0.0)
    for tree in trees {
      let leaf = tree.nodes[tree.leaf(of: features)]
      sum += leaf.mean
      squares += leaf.mean * leaf.mean
      inside += leaf.variance
    }
    let count = Double(max(1, trees.count))
    let mean = sum / count
    return (mean, max(0, (inside + squares) / count - mean * mean).squareRoot())
  }
}
