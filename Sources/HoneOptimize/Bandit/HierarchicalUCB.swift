import Foundation
import HoneNumerics

/// A bandit over parameters above one bandit for each parameter's values, as AutoRAG-HP tunes retrieval: each pull changes
/// one parameter of the last configuration.
///
/// Fu et al., "AutoRAG-HP" (arXiv 2406.19251), Hier-UCB with (alpha_h, alpha_l) = (1.5, 0.5). What the paper leaves open is
/// settled in Documentation/Decisions/0009-bandits.md. It takes parameters to act alone and has no notion of an
/// interaction. O(arms x parameters) a pull.
public struct HierarchicalUCB: Bandit {
  public var alphaHigh: Double
  public var alphaLow: Double

  public var name: String { "hier-ucb" }

  public init(alphaHigh: Double = 1.5, alphaLow: Double = 0.5) {
    self.alphaHigh = alphaHigh
    self.alphaLow = alphaLow
  }

  public func start(_ task: BanditTask) -> any BanditRun { Run(settings: self, task: task) }

  struct Run: BanditRun {
    private struct Ask: Hashable {
      var arm: Int
      var question: Int
    }

    let settings: HierarchicalUCB
    var tally: BanditTally
    /// How many values each parameter has, and the index of each arm's.
    let levels: (counts: [Int], ofArm: [[Int]])
    /// Parameters with a choice.
    let free: [Int]
    /// The configuration of the last round.
    private var current: Int
    /// Which parameter an answer is credited to.
    private var askedFor: [Ask: Int] = [:]
    /// Rounds that changed a parameter, by parameter: N_h.
    private var rounds: [Int]

    init(settings: HierarchicalUCB, task: BanditTask) {
      self.settings = settings
      tally = BanditTally(task)
      let levels = task.arms.levels()
      self.levels = levels
      free = levels.counts.indices.filter { levels.counts[$0] > 1 }
      rounds = Array(repeating: 0, count: levels.counts.count)
      var random = RandomStream(seed: task.seed, name: "hier-ucb/start")
      current = task.arms.count > 0 ? Int(random.next() % UInt64(task.arms.count)) : 0
    }

    func next() -> [Pull] {
      let open = tally.counts.indices.filter(tally.isOpen)
      guard let first = open.first else { return [] }
      guard tally.rounds > 0, let factor = chosenFactor() else {
        return [tally.pull(open.contains(current) ? current : first)]
      }
      let values = values(of: factor)
      let t = values.reduce(0) { $0 + $1.pulls }
      let indices = values.map { value in
        value.pulls > 0
          ? value.mean + settings.alphaLow * (log(max(2, t)) / value.pulls).squareRoot() : Double.infinity
      }
      var best: (arm: Int, index: Double, distance: Int)?
      for arm in open {
        let index = indices[levels.ofArm[arm][factor]]
        // The other parameters stay; where that is no arm, as few of them change as can.
        let distance = free.count { levels.ofArm[arm][$0] != levels.ofArm[current][$0] }
        let isBetter = best.map { index > $0.index || (index == $0.index && distance < $0.distance) } ?? true
        if isBetter { best = (arm, index, distance) }
      }
      return best.map { [tally.pull($0.arm)] } ?? []
    }

    mutating func tell(_ event: BanditEvent) {
      if case .pulled(let pulls) = event, let pull = pulls.first, tally.counts.indices.contains(pull.arm) {
        if tally.rounds > 0, let factor = chosenFactor() {
          rounds[factor] += 1
          for question in pull.questions { askedFor[Ask(arm: pull.arm, question: question)] = factor }
        }
        current = pull.arm
      }
      tally.tell(event)
    }

    /// argmax of Q_h + alpha_h sqrt(ln t / N_h).
    private func chosenFactor() -> Int? {
      var sums = Array(repeating: (count: 0.0, sum: 0.0), count: rounds.count)
      for answer in tally.answers {
        guard let factor = askedFor[Ask(arm: answer.arm, question: answer.question)] else { continue }
        sums[factor].count += 1
        sums[factor].sum += tally.unit(answer)
      }
      let t = Double(max(2, tally.rounds))
      return tally.argmax(of: free) { factor in
        guard rounds[factor] > 0 else { return .infinity }
        let mean = sums[factor].count > 0 ? sums[factor].sum / sums[factor].count : 0
        return mean + settings.alphaHigh * (log(t) / Double(rounds[factor])).squareRoot()
      }
    }

    /// Pulls and mean reward of a parameter's values, over all arms that hold them: Q_l and N_l.
    private func values(of factor: Int) -> [(pulls: Double, mean: Double)] {
      var sums = Array(repeating: (count: 0.0, sum: 0.0), count: levels.counts[factor])
      for arm in tally.counts.indices where tally.counts[arm] > 0 {
        let n = Double(tally.counts[arm])
        sums[levels.ofArm[arm][factor]].count += n
        sums[levels.ofArm[arm][factor]].sum += n * tally.means[arm]
      }
      return sums.map { ($0.count / Double(tally.task.batch), $0.count > 0 ? $0.sum / $0.count : 0) }
    }

    /// The sum of the values' means; a value without an answer counts as the worst.
    var estimates: [Double] {
      let means = free.map { factor in values(of: factor).map(\.mean) }
      return tally.counts.indices.map { arm in
        zip(free, means).reduce(0) { $0 + $1.1[levels.ofArm[arm][$1.0]] }
      }
    }
    var best: Int {
      let estimates = estimates
      return tally.best { estimates[$0] }
    }
  }
}
