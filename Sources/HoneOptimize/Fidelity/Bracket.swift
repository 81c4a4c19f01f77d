/// A bracket of successive halving: `size` trials that were begun in a row; rung k gives the best `size` / eta^k of them
/// `depths[k]` examples each.
struct Bracket {
  /// The first trial's place among the rows.
  let first: Int
  let size: Int
  /// Rising, at least one.
  let depths: [Int]
  let eta: Int

  /// Trials in each rung until one is left: n, n/eta, n/eta^2, ..., rounded down.
  static func sizes(_ size: Int, eta: Int) -> [Int] {
    var sizes = [max(1, size)]
    while let last = sizes.last, last > 1 { sizes.append(max(1, last / eta)) }
    return sizes
  }

  /// What the bracket wants done; nil when it is over.
  ///
  /// Each rung is decided anew from the scores on its leading examples, so later scores change no earlier decision.
  func next(_ context: ScheduleContext, _ matrix: LossMatrix, batch: Int) -> Allocation? {
    let rows = matrix.rows
    let members = Array(min(first, rows.count)..<min(first + size, rows.count))
    if members.count < size, context.canPropose {
      let run = context.run(waiting(members, depths[0], rows), to: depths[0])
      return run ?? context.propose(min(batch, size - members.count))
    }
    var alive = members
    for (rung, depth) in depths.enumerated() {
      if let run = context.run(waiting(alive, depth, rows), to: depth) { return run }
      guard rung + 1 < depths.count else { return nil }
      // A closed trial has a place only where it went on before it was closed.
      let above = depths[rung + 1]
      let entered = alive.filter { rows[$0].reached >= depth && (rows[$0].isOpen || rows[$0].reached >= above) }
      var kept = members.count
      for _ in 0...rung { kept /= eta }
      let ranked = matrix.ranked(entered, first: depth)
      let losers = ranked.dropFirst(max(1, kept)).filter { rows[$0].isOpen }
      guard losers.isEmpty else { return .close(losers.sorted().map { rows[$0].trial }) }
      alive = ranked.prefix(max(1, kept)).sorted()
    }
    return nil
  }

  private func waiting(_ indices: [Int], _ depth: Int, _ rows: [LossMatrix.Row]) -> [Int] {
    indices.filter { rows[$0].isOpen && rows[$0].reached < depth }
  }
}
