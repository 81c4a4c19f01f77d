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

  /// O(trees depth features rows).
  ///
  /// - Parameters:
  ///   - values: one for each row of the table; finite.
  ///   - random: draws the bootstrap samples, the features and the places of splits.
  package init(_ table: FeatureTable, values: [Double], settings: Settings = Settings(), random: RandomStream) {
    self.table = table
    let tree = RegressionTree.Settings(leastToSplit: settings.leastToSplit, share: settings.share)
    trees = (0..<settings.trees).map { index in
      var random = random.child("tree \(index)")
      var weights = Array(repeating: settings.isBootstrapped ? 0.0 : 1.0, count: table.rows)
      if settings.isBootstrapped {
        for _ in 0..<table.rows { weights[Int(random.next() % UInt64(table.rows))] += 1 }
      }
      return RegressionTree(table, values: values, weights: weights, settings: tree, random: &random)
    }
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
