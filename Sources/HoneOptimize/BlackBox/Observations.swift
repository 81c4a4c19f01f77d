import HoneNumerics

/// Trials with a score as tree models take them: failed ones with the worst value, the bad half compressed, standardized.
struct Observations {
  private(set) var points: [[Double?]]
  private(set) var values: [Double]

  /// - Parameters:
  ///   - limit: most trials taken: the best half of it and an even spread of the others.
  init(_ trials: [TrialHistory.Trial], limit: Int) {
    let scored = trials.filter { $0.loss != nil || $0.hasFailed }
    let worst = scored.compactMap(\.loss).max() ?? 0
    let losses = scored.map { $0.loss ?? worst }
    let chosen = GaussianProcessModel.subset(losses, limit: limit)
    points = chosen.map { scored[$0].point }
    values = GaussianProcessModel.standardized(GaussianProcessModel.compressed(chosen.map { losses[$0] }))
  }

  /// Points that have no score yet, with the values that a model expects there: so that others are not proposed beside them.
  mutating func believe(_ pending: [[Double?]], _ mean: ([Double?]) -> Double) {
    let expected = pending.map(mean)
    points += pending
    values += expected
  }

  /// The points with the lowest values; ties by age.
  func best(_ count: Int) -> [[Double]] {
    let order = values.indices.sorted { values[$0] == values[$1] ? $0 < $1 : values[$0] < values[$1] }
    return order.prefix(count).map { points[$0].map { $0 ?? 0.5 } }
  }

  static func pending(_ trials: [TrialHistory.Trial], limit: Int) -> [[Double?]] {
    trials.filter { $0.loss == nil && !$0.hasFailed }.suffix(limit).map(\.point)
  }
}

extension Coordinate {
  /// How many choices without an order there are; 0 for numbers.
  var choiceCount: Int {
    if case .choices(let count) = self { count } else { 0 }
  }
}
