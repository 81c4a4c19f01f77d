import HoneNumerics

/// Thompson sampling: pulls the arm whose draw from the posterior is greatest.
///
/// Thompson, "On the likelihood that one unknown probability exceeds another" (Biometrika 25, 1933). The posterior is
/// Gaussian: an arm's mean has the prior N(m, s^2), m the mean of all rewards and s^2 their variance within arms, pooled; a
/// reward has the variance s^2 about it, so after n rewards of mean x the arm's mean is N((m + n x)/(1 + n), s^2/(1 + n)).
/// O(arms) a pull.
public struct Thompson: Bandit {
  public var name: String { "thompson" }

  public init() {}

  public func start(_ task: BanditTask) -> any BanditRun { Run(tally: BanditTally(task)) }

  struct Run: BanditRun {
    var tally: BanditTally

    func next() -> [Pull] {
      var random = RandomStream(seed: tally.task.seed, name: "thompson/\(tally.rounds)")
      let freedom = zip(tally.counts, tally.squares).reduce((squares: 0.0, count: 0)) {
        ($0.squares + $1.1, $0.count + max(0, $1.0 - 1))
      }
      // Rewards lie in [0, 1]: until two of one arm are known, their greatest possible deviation.
      let deviation = freedom.count > 0 ? (freedom.squares / Double(freedom.count)).squareRoot() : 0.5
      let prior = tally.grandMean
      let draws = tally.counts.indices.map { arm in
        let n = Double(tally.counts[arm])
        return (prior + n * tally.means[arm]) / (1 + n) + deviation / (1 + n).squareRoot() * random.normal()
      }
      let open = tally.counts.indices.filter(tally.isOpen)
      return tally.argmax(of: open) { draws[$0] }.map { [tally.pull($0)] } ?? []
    }

    mutating func tell(_ event: BanditEvent) { tally.tell(event) }

    var estimates: [Double] {
      let prior = tally.grandMean
      return tally.counts.indices.map { arm in
        let n = Double(tally.counts[arm])
        return (prior + n * tally.means[arm]) / (1 + n)
      }
    }
    var best: Int { tally.best { estimates[$0] } }
  }
}
