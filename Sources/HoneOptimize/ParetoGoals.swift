/// The goals of an objective: the score, then the outcomes by name.
package struct ParetoGoals: Sendable {
  /// Sorted; without the score.
  package let outcomes: [String]
  /// 1 where less is better, -1 where more is: of the score, then of the outcomes.
  package let signs: [Double]
  private let names: [String]

  package init(_ objective: Objective) {
    outcomes = objective.outcomes.keys.sorted()
    names = [objective.metric] + outcomes
    signs =
      [objective.direction == .minimize ? 1 : -1] + outcomes.map { objective.outcomes[$0] == .maximize ? -1 : 1 }
  }

  package var count: Int { signs.count }

  /// Less is better in each; nil when one is missing or not finite.
  func costs(score: Double, outcomes values: [String: Double]) -> [Double]? {
    let all = [score] + outcomes.compactMap { values[$0] }
    guard all.count == count, all.allSatisfy(\.isFinite) else { return nil }
    return zip(all, signs).map { $0 * $1 }
  }

  /// `accuracy 7/10 and tokens 3/10`.
  func description(_ weights: [Int]) -> String {
    let sum = weights.reduce(0, +)
    return zip(names, weights).map { "\($0) \($1)/\(sum)" }.joined(separator: " and ")
  }
}
