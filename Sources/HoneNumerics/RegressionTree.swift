/// A regression tree: each split is the one that lowers the sum of squares most (Breiman, Friedman, Olshen and Stone,
/// "Classification and Regression Trees", 1984).
///
/// Numbers are split at a place between two values; choices by subset, of which the best one is among those in the order
/// of their means (same book, theorem 4.5).
package struct RegressionTree: Sendable {
  package struct Settings: Hashable, Sendable {
    package var depth: Int
    /// Fewest rows a node must have to be split, repetitions of one row in a bootstrap counted.
    package var leastToSplit: Double
    /// Features a tree may split, drawn for it: a bound on the cost in hundreds of dimensions.
    package var mostFeatures = 32
    /// Part of them looked at for one split, drawn anew each time.
    package var share: Double
    /// Numbers are split at a random place between two values, so that many trees together are smoother (Hutter, Xu,
    /// Hoos and Leyton-Brown 2014, section 4.3), not in the middle.
    package var isRandomPlace: Bool

    package init(depth: Int = 64, leastToSplit: Double = 2, share: Double = 1, isRandomPlace: Bool = true) {
      self.depth = depth
      self.leastToSplit = leastToSplit
      self.share = share
      self.isRandomPlace = isRandomPlace
    }
  }

  struct Node: Sendable {
    /// The feature that is split; -1 in a leaf.
    var feature = -1
    /// Numbers up to here go left; NaN where a choice is split.
    var threshold = 0.0
    /// By category: whether it goes left.
    var goesLeft: [Bool] = []
    var left = 0
    var right = 0
    /// Of the rows of a leaf.
    var mean = 0.0
    var variance = 0.0

    func isLeft(_ value: Double) -> Bool { threshold.isNaN ? goesLeft[Int(value)] : value <= threshold }
  }

  var nodes: [Node] = []

  /// O(depth features rows), and a node for each leaf and split.
  ///
  /// - Parameter weights: how often each row counts; rows with 0 are left out.
  init(
    _ table: FeatureTable, values: [Double], weights: [Double], settings: Settings, random: inout RandomStream
  ) {
    var grower = TreeGrower(table, values, weights, settings, &random)
    grower.grow(&random)
    nodes = grower.nodes
  }

  /// The place among the nodes of the leaf that a row falls in.
  func leaf(of row: Int, in table: FeatureTable) -> Int {
    nodes.withUnsafeBufferPointer { nodes in
      table.values.withUnsafeBufferPointer { values in
        guard let nodes = nodes.baseAddress, let values = values.baseAddress else { return 0 }
        var index = 0
        while nodes[index].feature >= 0 {
          index = Self.next(nodes + index, values[nodes[index].feature * table.rows + row])
        }
        return index
      }
    }
  }

  private static func next(_ node: UnsafePointer<Node>, _ value: Double) -> Int {
    let threshold = node.pointee.threshold
    let isLeft = threshold.isNaN ? node.pointee.goesLeft[Int(value)] : value <= threshold
    return isLeft ? node.pointee.left : node.pointee.right
  }

  /// The place among the nodes of the leaf that a point falls in.
  func leaf(of features: [Double]) -> Int {
    // By pointer: a node's array is not to be copied at each step.
    nodes.withUnsafeBufferPointer { nodes in
      features.withUnsafeBufferPointer { features in
        guard let nodes = nodes.baseAddress, let features = features.baseAddress else { return 0 }
        var index = 0
        while nodes[index].feature >= 0 {
          index = Self.next(nodes + index, features[nodes[index].feature])
        }
        return index
      }
    }
  }
}

/// Grows one tree: the rows of a node stand together in every feature's order.
private struct TreeGrower {
  let table: FeatureTable
  let values: [Double]
  let weights: [Double]
  let settings: RegressionTree.Settings
  var nodes: [RegressionTree.Node] = []
  /// The features of this tree.
  private let features: [Int]
  /// The places of the features, as they are drawn for a split.
  private var slots: [Int]
  /// The rows that count, by feature, in the order of its values; a node owns one range of each.
  private var orders: [Int32] = []
  private let count: Int
  private var isLeft: [Bool]
  private var scratch: [Int32]

  init(
    _ table: FeatureTable, _ values: [Double], _ weights: [Double], _ settings: RegressionTree.Settings,
    _ random: inout RandomStream
  ) {
    self.table = table
    self.values = values
    self.weights = weights
    self.settings = settings
    count = weights.count { $0 > 0 }
    let all = Array(table.choices.indices)
    features =
      all.count > settings.mostFeatures ? Array(all.shuffled(using: &random).prefix(settings.mostFeatures)) : all
    slots = Array(features.indices)
    isLeft = Array(repeating: false, count: table.rows)
    scratch = Array(repeating: 0, count: count)
    orders.reserveCapacity(features.count * count)
    for feature in features {
      for row in table.orders[(feature * table.rows)..<((feature + 1) * table.rows)] where weights[Int(row)] > 0 {
        orders.append(row)
      }
    }
  }

  private struct Split {
    var feature: Int
    var threshold = 0.0
    var goesLeft: [Bool] = []
    /// What the sum of squares is lowered by.
    var gain: Double
  }

  mutating func grow(_ random: inout RandomStream) {
    var open: [(node: Int, range: Range<Int>, depth: Int)] = [(0, 0..<count, 0)]
    nodes = [RegressionTree.Node()]
    while let (index, range, depth) = open.popLast() {
      let (weight, mean, variance) = statistics(range)
      nodes[index].mean = mean
      nodes[index].variance = variance
      guard depth < settings.depth, weight >= settings.leastToSplit, variance > 0,
        let split = bestSplit(range, mean, &random)
      else { continue }
      nodes[index].feature = split.feature
      nodes[index].threshold = split.threshold
      nodes[index].goesLeft = split.goesLeft
      let middle = partition(range, nodes[index])
      (nodes[index].left, nodes[index].right) = (nodes.count, nodes.count + 1)
      open.append((nodes.count + 1, middle..<range.upperBound, depth + 1))
      open.append((nodes.count, range.lowerBound..<middle, depth + 1))
      nodes += [RegressionTree.Node(), RegressionTree.Node()]
    }
  }

  private func statistics(_ range: Range<Int>) -> (weight: Double, mean: Double, variance: Double) {
    var (weight, sum) = (0.0, 0.0)
    for place in range where !features.isEmpty {
      let row = Int(orders[place])
      weight += weights[row]
      sum += weights[row] * values[row]
    }
    guard weight > 0 else { return (0, 0, 0) }
    let mean = sum / weight
    var squares = 0.0
    for place in range {
      let row = Int(orders[place])
      squares += weights[row] * (values[row] - mean) * (values[row] - mean)
    }
    return (weight, mean, squares / weight)
  }

  private mutating func bestSplit(_ range: Range<Int>, _ mean: Double, _ random: inout RandomStream) -> Split? {
    var best: Split?
    var left = slots.count
    var looked = 0
    let wanted = Int((Double(slots.count) * settings.share).rounded(.up))
    // Fisher and Yates, as far as features are needed; one that cannot be split does not count.
    while left > 0, looked < wanted {
      let pick = Int(random.next() % UInt64(left))
      left -= 1
      slots.swapAt(pick, left)
      let slot = slots[left]
      let isNumber = table.choices[features[slot]] == 0
      let split = isNumber ? numericSplit(slot, range, mean, &random) : choiceSplit(slot, range, mean)
      guard let split else { continue }
      looked += 1
      if best.map({ split.gain > $0.gain }) ?? true { best = split }
    }
    return best.flatMap { $0.gain > 0 ? $0 : nil }
  }

  /// Sums of squares around the parent's mean, so that nothing cancels.
  private func numericSplit(_ slot: Int, _ range: Range<Int>, _ mean: Double, _ random: inout RandomStream)
    -> Split?
  {
    let feature = features[slot]
    let column = feature * table.rows
    let order = slot * count
    var (total, weight) = (0.0, 0.0)
    for place in range {
      let row = Int(orders[order + place])
      total += weights[row] * (values[row] - mean)
      weight += weights[row]
    }
    var (sum, seen) = (0.0, 0.0)
    var best: (gain: Double, low: Double, high: Double)?
    for place in range.dropLast() {
      let row = Int(orders[order + place])
      sum += weights[row] * (values[row] - mean)
      seen += weights[row]
      let (low, high) = (table.values[column + row], table.values[column + Int(orders[order + place + 1])])
      guard low < high else { continue }
      let rest = total - sum
      let gain = sum * sum / seen + rest * rest / (weight - seen)
      if best.map({ gain > $0.gain }) ?? true { best = (gain, low, high) }
    }
    guard let best else { return nil }
    // What is missing is split off as such.
    guard best.low >= 0 else { return Split(feature: feature, threshold: -0.5, gain: best.gain) }
    let share = settings.isRandomPlace ? random.uniform() : 0.5
    let threshold = best.low + share * (best.high - best.low)
    return Split(feature: feature, threshold: threshold < best.high ? threshold : best.low, gain: best.gain)
  }

  private func choiceSplit(_ slot: Int, _ range: Range<Int>, _ mean: Double) -> Split? {
    let feature = features[slot]
    let column = feature * table.rows
    let order = slot * count
    var sums = Array(repeating: 0.0, count: table.choices[feature] + 1)
    var counts = sums
    for place in range {
      let row = Int(orders[order + place])
      let category = Int(table.values[column + row])
      sums[category] += weights[row] * (values[row] - mean)
      counts[category] += weights[row]
    }
    let present = counts.indices.filter { counts[$0] > 0 }.sorted {
      (sums[$0] / counts[$0], $0) < (sums[$1] / counts[$1], $1)
    }
    guard present.count > 1 else { return nil }
    let (total, weight) = (sums.reduce(0, +), counts.reduce(0, +))
    var (sum, seen) = (0.0, 0.0)
    var best = (gain: -1.0, size: 0, seen: 0.0)
    for (index, category) in present.dropLast().enumerated() {
      sum += sums[category]
      seen += counts[category]
      let rest = total - sum
      let gain = sum * sum / seen + rest * rest / (weight - seen)
      if gain > best.gain { best = (gain, index + 1, seen) }
    }
    // A category that no row has goes with the majority.
    var goesLeft = Array(repeating: best.seen * 2 > weight, count: counts.count)
    for (index, category) in present.enumerated() { goesLeft[category] = index < best.size }
    return Split(feature: feature, threshold: .nan, goesLeft: goesLeft, gain: best.gain)
  }

  /// Rows that go left before the others in every feature's order, each side's order kept. Gives where the right begins.
  private mutating func partition(_ range: Range<Int>, _ node: RegressionTree.Node) -> Int {
    let column = node.feature * table.rows
    var left = 0
    for place in range {
      let row = Int(orders[place])
      isLeft[row] = node.isLeft(table.values[column + row])
      if isLeft[row] { left += 1 }
    }
    for slot in features.indices {
      var next = slot * count + range.lowerBound
      var rest = 0
      for place in next..<(slot * count + range.upperBound) {
        let row = orders[place]
        if isLeft[Int(row)] {
          orders[next] = row
          next += 1
        } else {
          scratch[rest] = row
          rest += 1
        }
      }
      for index in 0..<rest { orders[next + index] = scratch[index] }
    }
    return range.lowerBound + left
  }
}
