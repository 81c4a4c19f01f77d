/// How much of a forest's variance over the whole space each feature explains alone: functional analysis of variance.
///
/// Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance" (ICML 2014), algorithm 2:
/// exact for each tree, from the boxes of its leaves, then the mean over the trees. Features count as independent.
package struct FunctionalANOVA: Sendable {
  /// The values of one feature and how probable they are.
  package enum Values: Sendable {
    /// Uniform on the unit interval.
    case continuous
    /// These places, all alike.
    case grid([Double])
    /// So many choices, all alike.
    case choices(Int)
  }

  package struct Axis: Sendable {
    package var values: Values
    /// How probable it is that the value is missing.
    package var missing: Double

    package init(_ values: Values, missing: Double = 0) {
      self.values = values
      self.missing = missing
    }
  }

  /// For each feature the part of the variance that is its main effect, from 0 to 1; nil when no tree varies.
  ///
  /// O(trees leaves features).
  package static func mainEffects(_ forest: RegressionForest, _ axes: [Axis]) -> [Double]? {
    var sums = axes.map { _ in 0.0 }
    var trees = 0
    for tree in forest.trees {
      guard let shares = TreeEffects(tree, axes).shares else { continue }
      trees += 1
      for feature in axes.indices { sums[feature] += shares[feature] }
    }
    return trees == 0 ? nil : sums.map { $0 / Double(trees) }
  }
}

/// One tree's leaves as boxes: by feature a range of atoms, the pieces between the tree's splits.
private struct TreeEffects {
  let tree: RegressionTree
  let axes: [FunctionalANOVA.Axis]
  /// By feature: where its numbers are split, in order.
  private var places: [[Double]]
  /// By feature: how probable each atom is; that of a missing number is the first, that of a missing choice the last.
  private var weights: [[Double]]
  private var leaves: [(mean: Double, volume: Double, box: [Int: [Bool]])] = []

  init(_ tree: RegressionTree, _ axes: [FunctionalANOVA.Axis]) {
    self.tree = tree
    self.axes = axes
    places = axes.map { _ in [] }
    for node in tree.nodes where node.feature >= 0 && node.goesLeft.isEmpty {
      places[node.feature].append(node.threshold)
    }
    for feature in places.indices { places[feature] = Set(places[feature]).sorted() }
    weights = axes.map { _ in [] }
    for feature in axes.indices { weights[feature] = atoms(feature) }
    collect(0, [:])
  }

  /// The atoms of a number: missing, then the piece up to each place, then the rest.
  private func atoms(_ feature: Int) -> [Double] {
    let axis = axes[feature]
    let present = 1 - axis.missing
    switch axis.values {
    case .choices(let count): return Array(repeating: present / Double(max(1, count)), count: count) + [axis.missing]
    case .continuous:
      let ends = [0] + places[feature].map { min(max($0, 0), 1) } + [1]
      return [axis.missing] + zip(ends, ends.dropFirst()).map { present * ($1 - $0) }
    case .grid(let values):
      let ends = [-1] + places[feature] + [2]
      return [axis.missing]
        + zip(ends, ends.dropFirst()).map { low, high in
          // A place at -0.5 splits what is missing from what is not: no value lies below it.
          present * Double(values.count { $0 > low && $0 <= high }) / Double(max(1, values.count))
        }
    }
  }

  private mutating func collect(_ index: Int, _ box: [Int: [Bool]]) {
    let node = tree.nodes[index]
    guard node.feature >= 0 else {
      let volume = box.keys.sorted().reduce(1.0) { $0 * mass($1, box[$1] ?? []) }
      leaves.append((node.mean, volume, box))
      return
    }
    let all = box[node.feature] ?? Array(repeating: true, count: weights[node.feature].count)
    var (left, right) = (all, all)
    for atom in all.indices {
      let isLeft = node.goesLeft.isEmpty ? isBelow(atom, node) : node.goesLeft[atom]
      if isLeft { right[atom] = false } else { left[atom] = false }
    }
    var inner = box
    inner[node.feature] = left
    collect(node.left, inner)
    inner[node.feature] = right
    collect(node.right, inner)
  }

  /// Whether an atom of a number goes left: the missing one always does.
  private func isBelow(_ atom: Int, _ node: RegressionTree.Node) -> Bool {
    atom == 0 || (atom - 1 < places[node.feature].count && places[node.feature][atom - 1] <= node.threshold)
  }

  private func mass(_ feature: Int, _ atoms: [Bool]) -> Double {
    zip(weights[feature], atoms).reduce(0) { $1.1 ? $0 + $1.0 : $0 }
  }

  /// Equations 5 to 9: the variance of each feature's marginal prediction over that of the whole; nil without any.
  var shares: [Double]? {
    let mean = leaves.reduce(0) { $0 + $1.volume * $1.mean }
    let variance = leaves.reduce(0) { $0 + $1.volume * ($1.mean - mean) * ($1.mean - mean) }
    guard variance > 1e-20 else { return nil }
    return axes.indices.map { feature in
      // By atom: what the prediction is on average over all other features, less the mean.
      var marginal = Array(repeating: 0.0, count: weights[feature].count)
      var everywhere = 0.0
      for leaf in leaves where leaf.volume > 0 {
        guard let atoms = leaf.box[feature] else {
          everywhere += leaf.volume * (leaf.mean - mean)
          continue
        }
        let part = leaf.volume / mass(feature, atoms) * (leaf.mean - mean)
        for atom in atoms.indices where atoms[atom] { marginal[atom] += part }
      }
      let effect = marginal.indices.reduce(0) { sum, atom in
        let difference = marginal[atom] + everywhere
        return sum + weights[feature][atom] * difference * difference
      }
      return min(effect / variance, 1)
    }
  }
}
