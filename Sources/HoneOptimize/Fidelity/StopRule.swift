import Foundation
import HoneNumerics

/// Ends a study when going on is expected to gain less than it costs.
///
/// The expected value of sample information (Raiffa and Schlaifer, "Applied Statistical Decision Theory", 1961; for
/// choosing the best of several, Chick and Frazier, "Sequential Sampling with Economics of Selection Procedures",
/// Management Science 58, 2012) under the normal posterior of `Posterior`: with n more examples of a trial of mean m and
/// variance V its posterior mean moves by a normal number of variance V^2 / (V + sigma^2 / n), and the study gains where it
/// passes the best of the others. The study goes on while some trial, measured or new, and some n = 1, 2, 4, ... gain more
/// than the n examples cost. It looks one step ahead, so it stops too early where only several steps together pay.
public struct StopRule: Hashable, Sendable {
  /// What an example costs, in units of the score; nil: the study never stops for this.
  public var costPerExample: Double?
  /// Trials with a score before which nothing is said: fewer do not show how trials differ.
  public var fewestTrials: Int

  public init(costPerExample: Double? = nil, fewestTrials: Int = 4) {
    self.costPerExample = costPerExample
    self.fewestTrials = fewestTrials
  }

  /// What is believed of a trial's score before it is measured, as a surrogate model predicts it.
  public struct Belief: Hashable, Sendable {
    public var mean: Double
    public var deviation: Double

    public init(mean: Double, deviation: Double) {
      self.mean = mean
      self.deviation = deviation
    }
  }

  public struct Decision: Hashable, Sendable {
    public var stops: Bool
    /// Of the best thing to do next: the trial to measure, nil for a new one, on how many examples, what that is expected
    /// to gain and what it costs, in units of the score.
    public var trial: Int?
    public var examples: Int
    public var gain: Double
    public var cost: Double
    /// In a sentence, for people.
    public var reason: String
  }

  /// - Parameters:
  ///   - proposal: what the optimizer's model says of its next trial; nil: a new trial is like those before.
  ///   - newTrial: on how many examples a new trial may be measured; nil: on any number.
  ///   - canPropose: a new trial may be begun.
  /// - Returns: nil while the rule is off, has too few trials to go by, or there is nothing left to measure.
  public func decide(
    _ table: ScoreTable, _ objective: Objective, proposal: Belief? = nil, newTrial: [Int]? = nil,
    canPropose: Bool = true
  ) -> Decision? {
    guard let cost = costPerExample, let posterior = Posterior(table), posterior.standings.count >= fewestTrials,
      let winner = Winner(posterior, objective)
    else { return nil }
    var options: [Option] = []
    let new = proposal ?? Belief(mean: posterior.mean, deviation: posterior.spread)
    if canPropose, table.examples > 0 {
      let rival = winner.mean
      options += (newTrial ?? Self.steps(table.examples)).map {
        Option(trial: nil, examples: $0, belief: new, rival: rival)
      }
    }
    let others = posterior.standings.filter { $0.trial != winner.trial }.map(\.mean)
    let second = others.max { objective.isBetter($1, than: $0) }
    let open = Set(table.rows.filter(\.isOpen).map(\.trial))
    for standing in posterior.standings where open.contains(standing.trial) {
      guard let rival = standing.trial == winner.trial ? second : winner.mean else { continue }
      let belief = Belief(mean: standing.mean, deviation: standing.deviation)
      options += Self.steps(table.examples - standing.count).map {
        Option(trial: standing.trial, examples: $0, belief: belief, rival: rival)
      }
    }
    var best: (option: Option, gain: Double, net: Double)?
    for option in options {
      let isLeader = option.trial == winner.trial
      let gain = Self.gain(
        of: option.belief, examples: option.examples, noise: posterior.noise, over: option.rival,
        // More is known of the leader: the study gains where it turns out worse than the next.
        (objective.direction == .maximize) != isLeader ? .maximize : .minimize)
      let net = gain - cost * Double(option.examples)
      if best.map({ net > $0.net }) ?? true { best = (option, gain, net) }
    }
    return best.map { decision($0.option, gain: $0.gain, cost: cost * Double($0.option.examples)) }
  }

  /// Something that can be done next.
  private struct Option {
    var trial: Int?
    var examples: Int
    var belief: Belief
    /// The score it is compared with.
    var rival: Double
  }

  private func decision(_ option: Option, gain: Double, cost: Double) -> Decision {
    let stops = gain <= cost
    let what = option.trial.map { "of trial \($0)" } ?? "of a new trial"
    let reason =
      "\(option.examples) more examples \(what) are expected to gain \(shown(gain)) and cost \(shown(cost))"
      + (stops ? ", and nothing else gains more than it costs" : "")
    return Decision(
      stops: stops, trial: option.trial, examples: option.examples, gain: gain, cost: cost, reason: reason)
  }

  private func shown(_ value: Double) -> String { String(format: "%.3g", value) }

  /// 1, 2, 4, ... and the most.
  private static func steps(_ most: Int) -> [Int] {
    guard most > 0 else { return [] }
    return Array(sequence(first: 1) { 2 * $0 < most ? 2 * $0 : nil }) + (most > 1 ? [most] : [])
  }

  /// E[max(0, X - rival)] to maximize, E[max(0, rival - X)] to minimize, where X is the posterior mean after so many more
  /// examples: normal around the mean of today with variance V^2 / (V + sigma^2 / n).
  static func gain(
    of belief: Belief, examples: Int, noise: Double, over rival: Double, _ direction: Objective.Direction
  ) -> Double {
    // In units of the greatest of them, so that squares stay finite.
    let unit = [abs(belief.mean), belief.deviation, noise, abs(rival)].max() ?? 0
    guard unit > 0, unit.isFinite else { return 0 }
    let (deviation, sigma) = (belief.deviation / unit, noise / unit)
    let variance = deviation * deviation
    let error = sigma * sigma / Double(max(1, examples))
    guard variance + error > 0 else { return 0 }
    let moved = variance / (variance + error).squareRoot()
    let sign = direction == .maximize ? -1.0 : 1.0
    let log = Normal.logExpectedImprovement(
      mean: sign * (belief.mean / unit), deviation: moved, best: sign * (rival / unit))
    return min(exp(log) * unit, .greatestFiniteMagnitude)
  }
}
