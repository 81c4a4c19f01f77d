/// Iterative-deepening Hyperband: the most examples of a trial rise by and by, and every rung that was run is used again.
///
/// Brandt, Wever, Iliadis, Bengs and Hüllermeier, "Iterative Deepening Hyperband" (2023), the efficient variant, with the
/// number of examples as the resource. The maximum R begins at r_min eta and is multiplied by eta whenever all brackets
/// are over: a bracket is then filled up with new trials to the size that Hyperband has for the new R, trials that have
/// reached a rung keep their place in it, and only the places that are left go to the best of the rest. So a study that
/// gets more budget or more examples later goes on where it stood. No trial is closed: each may still be promoted.
public struct IDHyperband: Scheduler {
  /// Fewest examples of a trial, r_min.
  public var fewest: Int
  /// One in so many goes on.
  public var eta: Int
  /// New trials asked for at a time.
  public var batch: Int

  public init(fewest: Int = 8, eta: Int = 3, batch: Int = 1) {
    self.fewest = max(1, fewest)
    self.eta = max(2, eta)
    self.batch = batch
  }

  public var name: String { "id-hyperband" }

  /// Depths beyond which no study goes: eta^40 trials.
  private static let deepest = 40

  public func next(_ context: ScheduleContext) -> Allocation {
    if let end = context.end { return end }
    let matrix = LossMatrix(context.table, context.problem.objective)
    let isCapped = context.rolloutsLeft != nil || context.trialsLeft != nil
    var members: [[Int]] = []
    var first = 0
    for depth in 1...Self.deepest {
      for bracket in 0...depth {
        if bracket == members.count { members.append([]) }
        let new = size(bracket, depth) - members[bracket].count
        members[bracket] += Array(first..<min(first + new, max(first, matrix.rows.count)))
        first += new
        // Trials of a later stage exist: this one is over.
        if first < matrix.rows.count { continue }
        let stage = Stage(members: members[bracket], depths: depths(bracket, depth, context.table.examples), eta: eta)
        if let next = stage.next(context, matrix, missing: min(batch, first - matrix.rows.count)) { return next }
      }
      let isDeepest = depths(0, depth, context.table.examples).last == context.table.examples
      if isDeepest, !isCapped || !context.canPropose, first >= matrix.rows.count { break }
    }
    return .stop("every bracket is over on all \(context.table.examples) examples")
  }

  /// Trials of a bracket when the maximum is r_min eta^depth: ceil((s_max + 1) eta^s / (s + 1)), s = depth - bracket.
  private func size(_ bracket: Int, _ depth: Int) -> Int {
    let s = depth - bracket
    var power = 1.0
    for _ in 0..<s { power *= Double(eta) }
    return Int(min((Double(depth + 1) * power / Double(s + 1)).rounded(.up), 1e9))
  }

  /// Examples of a bracket's rungs, rising, at most as many as there are.
  private func depths(_ bracket: Int, _ depth: Int, _ examples: Int) -> [Int] {
    let all = ASHA.rungs(fewest, examples, eta)
    let last = min(depth, all.count - 1)
    return Array(all[min(bracket, last)...last])
  }

  /// One bracket at one depth.
  private struct Stage {
    let members: [Int]
    let depths: [Int]
    let eta: Int

    /// - Parameter missing: trials that are still to be begun.
    func next(_ context: ScheduleContext, _ matrix: LossMatrix, missing: Int) -> Allocation? {
      let rows = matrix.rows
      var list = members
      for (rung, depth) in depths.enumerated() {
        let above = rung + 1 < depths.count ? depths[rung + 1] : Int.max
        let promoted = list.filter { rows[$0].reached >= above }
        let rest = list.filter { rows[$0].reached < above }
        let waiting = rest.filter { rows[$0].isOpen && rows[$0].reached < depth }
        if let run = context.run(waiting, to: depth) { return run }
        if rung == 0, missing > 0, context.canPropose { return context.propose(missing) }
        let able = rest.filter { rows[$0].isOpen && rows[$0].reached >= depth }
        let places = max(1, list.count / eta) - promoted.count
        list = promoted + matrix.ranked(able, first: depth).prefix(max(0, places))
      }
      return nil
    }
  }
}
