import Foundation

/// Upper confidence bounds: pulls the arm with the greatest mean + alpha sqrt(ln t / N).
///
/// Auer, Cesa-Bianchi and Fischer, "Finite-time Analysis of the Multiarmed Bandit Problem" (Machine Learning 47, 2002),
/// figure 1; their alpha is sqrt(2). Rewards are moved to [0, 1] by the least and the greatest seen. t counts pulls, N the
/// arm's. O(arms) a pull.
public struct UCB1: Bandit {
  public var alpha: Double

  public var name: String { "ucb1" }

  public init(alpha: Double = 0.1) { self.alpha = alpha }

  public func start(_ task: BanditTask) -> any BanditRun { Run(alpha: alpha, tally: BanditTally(task)) }

  struct Run: BanditRun {
    let alpha: Double
    var tally: BanditTally

    func next() -> [Pull] {
      let t = Double(max(2, tally.rounds))
      let arm = tally.optimistic(name: "ucb1") { arm in
        let pulls = Double(tally.asked[arm].count) / Double(tally.task.batch)
        return tally.means[arm] + alpha * (log(t) / max(pulls, 1e-9)).squareRoot()
      }
      return arm.map { [tally.pull($0)] } ?? []
    }

    mutating func tell(_ event: BanditEvent) { tally.tell(event) }

    var estimates: [Double] { tally.counts.indices.map { tally.counts[$0] > 0 ? tally.means[$0] : -1 } }
    var best: Int { tally.best { estimates[$0] } }
  }
}
