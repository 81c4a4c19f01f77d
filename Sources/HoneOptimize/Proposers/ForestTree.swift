import Foundation

/// The lineages of a study as trees, and where upper confidence bounds would expand them.
///
/// Kocsis and Szepesvári, "Bandit based Monte-Carlo Planning" (UCT, ECML 2006), with the rules of Scattered Forest Search
/// (Light et al. 2024, arXiv 2411.05010, section on tree search): from a node s along a direction d,
///
///     UCT(s, d) = Q(s, d) + c sqrt(ln(sum over b of n(s, b)) / n(s, d))                                        (1)
///     Q(s, d) <- (1 - a) Q(s, d) + a max(Q(s, d), Q(s', d')),  a = 1 / n(s, d)                                 (2)
///
/// where s' is what d led to and d' the direction that was just gone from there; Q of a new edge is the score of what it led
/// to, from 0 (the worst trial) to 1 (the best). Seeds are the edges of a root above all trees. The numbers of the equations
/// are this file's. O(trials times depth).
struct ForestTree {
  struct Node: Equatable {
    var trial: Int
    /// Place of the parent among the nodes; nil: a seed.
    var parent: Int?
    var children: [Int] = []
    /// n(s, d) of the edge that leads here: trials at and below it, those that still run among them.
    var n = 1
    /// Q(s, d) of that edge.
    var q = 0.0
    /// Has a score, so that it may be gone on from.
    var isOpen: Bool
  }

  private(set) var nodes: [Node] = []
  private(set) var seeds: [Int] = []
  private let c: Double

  /// - Parameters:
  ///   - trials: in the order they began; a parent that began later, or not at all, is none.
  ///   - c: of equation 1.
  init(_ trials: [Forest.State.Trial], isMaximized: Bool, c: Double) {
    self.c = c
    var places: [Int: Int] = [:]
    for (place, trial) in trials.enumerated() {
      let parent = trial.parent.flatMap { places[$0] }
      nodes.append(Node(trial: trial.number, parent: parent, isOpen: trial.estimate != nil))
      if let parent { nodes[parent].children.append(place) } else { seeds.append(place) }
      places[trial.number] = place
    }
    let rewards = Self.rewards(trials, isMaximized)
    for place in nodes.indices { backUp(place, rewards[place]) }
  }

  /// Scores from 0 to 1, the best 1; equal ones 1/2; 0 for a trial that failed; nil while it runs.
  private static func rewards(_ trials: [Forest.State.Trial], _ isMaximized: Bool) -> [Double?] {
    // Halves, so that no difference overflows.
    let scores = trials.map { trial in trial.estimate.map { (isMaximized ? $0.mean : -$0.mean) / 2 } }
    let known = scores.compactMap(\.self)
    let (low, high) = (known.min() ?? 0, known.max() ?? 0)
    return zip(scores, trials).map { score, trial in
      guard let score else { return trial.hasFailed ? 0 : nil }
      return high > low ? min(max((score - low) / (high - low), 0), 1) : 0.5
    }
  }

  /// Equation 2 from a node up to its seed. One that still runs counts as a visit alone, so that others go elsewhere.
  private mutating func backUp(_ place: Int, _ reward: Double?) {
    if let reward { nodes[place].q = reward }
    var child = place
    while let parent = nodes[child].parent {
      nodes[parent].n += 1
      if reward != nil {
        let a = 1 / Double(nodes[parent].n)
        nodes[parent].q = (1 - a) * nodes[parent].q + a * max(nodes[parent].q, nodes[child].q)
      }
      child = parent
    }
  }

  /// Equation 1 of the edge that leads to a node; `total` is its sum.
  func bound(_ place: Int, total: Int) -> Double {
    nodes[place].q + c * (log(Double(max(1, total))) / Double(nodes[place].n)).squareRoot()
  }

  /// From the root above the seeds down along the highest bounds to a node that is to be expanded; nil: none has a score.
  ///
  /// - Parameter isUsedUp: of a node, by its trial: all its directions were gone in, so that the search goes further down.
  func select(isUsedUp: (Int) -> Bool) -> Int? {
    var found: Int?
    var next = best(of: seeds)
    while let place = next {
      found = place
      next = isUsedUp(nodes[place].trial) ? best(of: nodes[place].children) : nil
    }
    return found.map { nodes[$0].trial }
  }

  /// The node with a score that has the highest bound, the first of equals; those without count as visits.
  private func best(of places: [Int]) -> Int? {
    let total = places.reduce(0) { $0 + nodes[$1].n }
    var best: (place: Int, bound: Double)?
    for place in places where nodes[place].isOpen {
      let bound = bound(place, total: total)
      if bound > best?.bound ?? -.infinity { best = (place, bound) }
    }
    return best?.place
  }
}
