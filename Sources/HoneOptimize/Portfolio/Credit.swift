import HoneTrace

/// How much each parameter had to do with outputs that could be better, by the traces of rollouts.
enum Credit {
  /// By name: 1 for each rollout below the best score whose feedback reaches the parameter through the trace, shared among
  /// all that it reaches; and a little for every one, so that no parameter is left for good.
  static func weights(of names: [String], _ rollouts: [RolloutRecord], _ direction: Objective.Direction) -> [Double] {
    let scores = rollouts.compactMap(\.score)
    let best = direction == .maximize ? scores.max() : scores.min()
    var weights = Array(repeating: 0.25, count: names.count)
    for rollout in rollouts where rollout.failure != nil || rollout.score != best || scores.allSatisfy({ $0 == best }) {
      guard let trace = rollout.trace else { continue }
      let reached = Set(trace.backward().keys.map { trace.nodes[$0].name })
      let places = names.indices.filter { reached.contains(names[$0]) }
      for place in places { weights[place] += 1 / Double(places.count) }
    }
    return weights
  }
}
