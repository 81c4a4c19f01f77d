/// Progressive ASHA: asynchronous halving that opens a higher rung only while the ranking of the top two disagrees.
///
/// Bohdal, Balles, Wistuba, Ermis, Archambeau and Zappella, "PASHA: Efficient HPO and NAS with Progressive Resource
/// Allocation" (ICLR 2023), with the number of examples as the resource. It begins with two rungs. The trials of the top
/// rung are ranked there and in the rung below; ranks may differ by epsilon in the mean, where epsilon is the 90th
/// percentile of the distances of trials whose order changes at least twice along the examples, and so is noise
/// (section 4.2 of the paper).
public struct PASHA: Scheduler {
  /// Examples of the first rung, r.
  public var fewest: Int
  /// Most examples of a trial, R; nil: all of them.
  public var most: Int?
  /// One in so many is promoted.
  public var eta: Int
  /// New trials asked for at a time.
  public var batch: Int

  /// Trials of the top rung that are compared.
  static let compared = 24

  public init(fewest: Int = 8, most: Int? = nil, eta: Int = 2, batch: Int = 1) {
    self.fewest = max(1, fewest)
    self.most = most
    self.eta = max(2, eta)
    self.batch = max(1, batch)
  }

  public var name: String { "pasha" }

  public func next(_ context: ScheduleContext) -> Allocation {
    if let end = context.end { return end }
    let matrix = LossMatrix(context.table, context.problem.objective)
    let rungs = ASHA.rungs(fewest, min(most ?? .max, context.table.examples), eta)
    let open = Array(rungs[...top(matrix, rungs)])
    return ASHA.next(context, matrix, open, eta: eta, batch: batch)
      ?? .stop("no trial is left to begin or to promote, and \(open.last ?? 0) examples rank the trials")
  }

  /// The highest open rung. One that a trial has entered was opened, and stays open.
  private func top(_ matrix: LossMatrix, _ rungs: [Int]) -> Int {
    let furthest = matrix.rows.map(\.reached).max() ?? 0
    var top = min(1, rungs.count - 1)
    while top + 1 < rungs.count {
      let isEntered = furthest > rungs[top]
      guard isEntered || !isConsistent(matrix, below: rungs[top - 1], top: rungs[top]) else { break }
      top += 1
    }
    return top
  }

  private func isConsistent(_ matrix: LossMatrix, below: Int, top: Int) -> Bool {
    let entered = matrix.rows.indices.filter { matrix.rows[$0].reached >= top && !matrix.rows[$0].hasFailed }
    let above = Array(matrix.ranked(entered, first: top).prefix(Self.compared))
    guard above.count > 1 else { return true }
    let before = matrix.ranked(above, first: below)
    let epsilon = noise(matrix, above, top)
    return zip(above, before).allSatisfy { now, then in
      abs(matrix.rows[now].mean(first: top) - matrix.rows[then].mean(first: top)) <= epsilon
    }
  }

  /// The 90th percentile of the distances of pairs that swap their order at least twice; 0 when there are none.
  private func noise(_ matrix: LossMatrix, _ indices: [Int], _ top: Int) -> Double {
    var distances: [Double] = []
    for (position, a) in indices.enumerated() {
      for b in indices[(position + 1)...] {
        var (sum, sign, swaps) = (0.0, 0.0, 0)
        for example in 0..<top {
          sum += matrix.rows[a].losses[example] - matrix.rows[b].losses[example]
          guard sum != 0 else { continue }
          if sign != 0, (sum > 0) != (sign > 0) { swaps += 1 }
          sign = sum
        }
        if swaps >= 2 { distances.append(abs(sum) / Double(top)) }
      }
    }
    distances.sort()
    return distances.isEmpty ? 0 : distances[min(distances.count - 1, distances.count * 9 / 10)]
  }
}
