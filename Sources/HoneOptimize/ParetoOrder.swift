/// An order of cost vectors, less being better in each goal: what no other dominates comes first.
package enum ParetoOrder {
  /// Indices of the vectors that no other dominates: none is at most as large everywhere and smaller somewhere. Equal
  /// vectors do not dominate each other.
  ///
  /// In lexicographic order only earlier vectors can dominate, and whatever a dominated one dominates another one does
  /// too, so that each vector has to be held against the members found before it: O(n log n + n m k) for m members.
  package static func members(of costs: [[Double]]) -> [Int] {
    let order = costs.indices.sorted { a, b in
      costs[a] == costs[b] ? a < b : costs[a].lexicographicallyPrecedes(costs[b])
    }
    var members: [Int] = []
    for index in order where !members.contains(where: { dominates(costs[$0], costs[index]) }) { members.append(index) }
    return members.sorted()
  }

  package static func dominates(_ a: [Double], _ b: [Double]) -> Bool {
    var isSmaller = false
    for (x, y) in zip(a, b) {
      if x > y { return false }
      if x < y { isSmaller = true }
    }
    return isSmaller
  }

  /// All indices, front after front, each front by an epsilon-net.
  ///
  /// Schmucker, Donini, Zafar, Salinas and Archambeau, "Multi-objective Asynchronous Successive Halving" (2021), section 4:
  /// non-dominated sorting (Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm:
  /// NSGA-II", 2002), and within a front the one farthest from those before it, so that any part from the top covers the
  /// whole front. The net begins with the least first goal; equals by the goals in their order, then by index.
  static func ranked(_ costs: [[Double]]) -> [Int] {
    var left = Array(costs.indices)
    var order: [Int] = []
    while !left.isEmpty {
      let front = members(of: left.map { costs[$0] }).map { left[$0] }
      order += net(front, costs)
      let taken = Set(front)
      left.removeAll(where: taken.contains)
    }
    return order
  }

  /// O(f^2 k) for f vectors.
  private static func net(_ front: [Int], _ costs: [[Double]]) -> [Int] {
    guard let goals = front.first.map({ costs[$0].indices }) else { return [] }
    let ranges = goals.map { goal -> (least: Double, width: Double) in
      let values = front.map { costs[$0][goal] }
      let (least, most) = (values.min() ?? 0, values.max() ?? 0)
      // Halves, so that no width is infinite.
      return (least, most / 2 - least / 2)
    }
    var rest = front.sorted { a, b in
      costs[a] == costs[b] ? a < b : costs[a].lexicographicallyPrecedes(costs[b])
    }.map { index in
      let place = goals.map { goal in
        ranges[goal].width > 0 ? (costs[index][goal] / 2 - ranges[goal].least / 2) / ranges[goal].width : 0
      }
      return (index: index, place: place, distance: Double.infinity)
    }
    var chosen: [Int] = []
    while !rest.isEmpty {
      // Of equals the first.
      var farthest = 0
      for index in rest.indices where rest[index].distance > rest[farthest].distance { farthest = index }
      let next = rest.remove(at: farthest)
      chosen.append(next.index)
      for index in rest.indices {
        let distance = zip(rest[index].place, next.place).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        rest[index].distance = min(rest[index].distance, distance)
      }
    }
    return chosen
  }
}
