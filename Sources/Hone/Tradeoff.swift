import HoneNumerics
import HoneOptimize
import HoneTrace

/// How score and outcomes are weighed when a trial is chosen after the run. It reads what is stored, so that another
/// weighing asks for no rollout.
public struct Tradeoff: Hashable, Sendable {
  /// An outcome's limit, and what is held against it.
  public struct Bound: Hashable, Sendable {
    public enum Subject: String, Hashable, Codable, Sendable {
      /// The mean over all examples there could be.
      case mean
      /// The outcome of one rollout.
      case call
    }
    public var outcome: String
    public var limit: Double
    /// The limit is the most, else the least.
    public var isMost: Bool
    public var subject: Subject

    public init(_ outcome: String, atMost limit: Double, of subject: Subject = .mean) {
      (self.outcome, self.limit, isMost, self.subject) = (outcome, limit, true, subject)
    }

    public init(_ outcome: String, atLeast limit: Double, of subject: Subject = .mean) {
      (self.outcome, self.limit, isMost, self.subject) = (outcome, limit, false, subject)
    }
  }

  /// What one unit of an outcome is worth in units of the score; never negative. What the goal maximizes is added, all
  /// other outcomes are costs.
  public var weights: [String: Double]
  /// The score's own weight.
  public var scoreWeight: Double
  public var bounds: [Bound]
  /// The probability with which each bound must hold.
  public var confidence: Double

  public init(
    weights: [String: Double] = [:], scoreWeight: Double = 1, bounds: [Bound] = [], confidence: Double = 0.95
  ) {
    self.weights = weights
    self.scoreWeight = scoreWeight
    self.bounds = bounds
    self.confidence = confidence
  }

  /// AutoRAG-HP's reward (Fu et al., EMNLP Findings 2024): w score - (1 - w) outcome / t_max, where t_max is the largest
  /// outcome of any rollout in the table.
  ///
  /// - Parameter w: from 0, the outcome alone, to 1, the score alone.
  public static func balance(_ w: Double, against outcome: String, in table: OutcomeTable) -> Tradeoff {
    let values = table.rows.flatMap { $0.cells.compactMap(\.self).flatMap(\.calls) }.compactMap { $0[outcome] }
    let largest = values.map(abs).max() ?? 0
    return Tradeoff(weights: [outcome: largest > 0 ? (1 - w) / largest : 0], scoreWeight: w)
  }
}

extension Tradeoff {
  /// A trial and why it was chosen.
  public struct Choice: Hashable, Sendable {
    public var trial: Int
    public var assignment: Assignment
    /// scoreWeight x score - the weighted costs.
    public var value: Double
    public var score: Figure
    /// Of every outcome the choice looked at.
    public var outcomes: [String: Figure]
    /// The probability that each bound holds, in their order.
    public var probabilities: [Double]
    /// The next best trial within the bounds.
    public var runnerUp: Rival?
    /// The trial that would be chosen without the bounds; nil when it is this one.
    public var unbounded: Rival?
    /// Trials that were compared, those of them that keep the bounds, and those that could not be compared.
    public var trials: Int
    public var admitted: Int
    public var unmeasured: Int
    public var examples: Int
  }

  /// Another trial, and how much more value the chosen one has on the same examples.
  public struct Rival: Hashable, Sendable {
    public var trial: Int
    public var lead: Double
    public var leadInterval: Comparison.Interval?
  }

  /// Why no trial is chosen.
  public enum Refusal: Error, Hashable, Sendable {
    /// No trial is measured whole with these outcomes; those that any trial has.
    case unmeasured(wanted: [String], known: [String])
    /// No trial that was measured keeps the study's own constraints.
    case constrained
    /// Of all trials the one that is likeliest to keep its least likely bound.
    case outOfBounds(closest: Int, bound: Bound, mean: Double, probability: Double?)
  }

  /// The trial with the most value among those that keep each bound with the wanted probability.
  ///
  /// - Parameter constraints: the study's own, on means as measured.
  /// - Complexity: O(trials x rollouts).
  public func choose(
    from table: OutcomeTable, objective: Objective, constraints: [OutcomeConstraint] = [], confidence: Double = 0.95
  ) throws(Refusal) -> Choice {
    let names = Set(weights.keys).union(bounds.map(\.outcome)).union(constraints.map(\.outcome))
      .union(objective.outcomes.keys.filter(table.outcomes.contains)).sorted()
    let compared = table.comparable(names)
    guard !compared.rows.isEmpty else { throw .unmeasured(wanted: names, known: table.outcomes) }
    let candidates = compared.rows.map { Candidate($0, compared, names, self, objective) }.filter { candidate in
      constraints.allSatisfy { $0.holds(candidate.means) }
    }
    guard !candidates.isEmpty else { throw .constrained }
    let admitted = candidates.filter { $0.probabilities.allSatisfy { ($0 ?? 0) >= self.confidence } }
    guard let best = best(admitted) else { throw closest(candidates) }
    let range = ScoreInterval.range(compared.rows.flatMap(compared.scores))
    func rival(_ other: Candidate?) -> Rival? {
      guard let other, other.row.trial != best.row.trial else { return nil }
      let lead = Figure(amounts: zip(best.values, other.values).map { $0 - $1 }, confidence: confidence)
      return Rival(trial: other.row.trial, lead: lead.mean, leadInterval: lead.interval)
    }
    return Choice(
      trial: best.row.trial, assignment: best.row.assignment, value: best.value,
      score: Figure(scores: compared.scores(best.row), range: range, confidence: confidence),
      outcomes: Dictionary(
        uniqueKeysWithValues: names.map {
          ($0, Figure(amounts: compared.values($0, best.row), confidence: confidence))
        }), probabilities: best.probabilities.map { $0 ?? 0 },
      runnerUp: rival(self.best(admitted.filter { $0.row.trial != best.row.trial })),
      unbounded: bounds.isEmpty ? nil : rival(self.best(candidates)), trials: compared.rows.count,
      admitted: admitted.count, unmeasured: compared.unmeasured, examples: compared.columns.count)
  }

  /// The most value; of equals one that no other equal one is better than in every goal; of those the earliest.
  private func best(_ candidates: [Candidate]) -> Candidate? {
    var best: Candidate?
    for candidate in candidates {
      guard let old = best else {
        best = candidate
        continue
      }
      let isEqual = candidate.value == old.value
      if candidate.value > old.value || (isEqual && ParetoOrder.dominates(candidate.costs, old.costs)) {
        best = candidate
      }
    }
    return best
  }

  private func closest(_ candidates: [Candidate]) -> Refusal {
    var found: (candidate: Candidate, bound: Int)?
    func least(_ candidate: Candidate) -> Int {
      let chances = candidate.probabilities.map { $0 ?? 0 }
      return chances.indices.min { chances[$0] == chances[$1] ? $0 < $1 : chances[$0] < chances[$1] } ?? 0
    }
    for candidate in candidates {
      let bound = least(candidate)
      guard let old = found else {
        found = (candidate, bound)
        continue
      }
      let (mine, theirs) = (candidate.rank(bound, bounds), old.candidate.rank(old.bound, bounds))
      if mine.chance == theirs.chance ? mine.excess < theirs.excess : mine.chance > theirs.chance {
        found = (candidate, bound)
      }
    }
    guard let found else { return .constrained }
    let bound = bounds[found.bound]
    return .outOfBounds(
      closest: found.candidate.row.trial, bound: bound, mean: found.candidate.means[bound.outcome] ?? 0,
      probability: found.candidate.probabilities[found.bound])
  }

  /// The probability that a bound holds; nil when a single example cannot tell.
  ///
  /// Of the mean: Student's t on the means of the examples, P(T <= (limit - mean) sqrt(n) / s) with n - 1 degrees of
  /// freedom. Of one call: k / (n + 1) where k of n calls kept it, the chance that a further call of the same kind does
  /// too, whatever the distribution (Wilks, "Determination of Sample Sizes for Setting Tolerance Limits", 1941).
  static func probability(_ bound: Bound, means: [Double], calls: [Double]) -> Double? {
    switch bound.subject {
    case .call:
      let kept = calls.count { bound.isMost ? $0 <= bound.limit : $0 >= bound.limit }
      return calls.isEmpty ? nil : Double(kept) / Double(calls.count + 1)
    case .mean:
      guard let estimate = Estimate(means), estimate.count > 1 else { return nil }
      let distance = (bound.limit - estimate.mean) * (bound.isMost ? 1 : -1)
      let error = estimate.deviation / Double(estimate.count).squareRoot()
      guard error > 0 else { return distance >= 0 ? 1 : 0 }
      return StudentT.cumulative(distance / error, freedom: Double(estimate.count - 1))
    }
  }
}

/// A trial as a trade-off sees it.
private struct Candidate {
  let row: OutcomeTable.Row
  /// By example.
  let values: [Double]
  let value: Double
  let means: [String: Double]
  /// Less is better: the score, then the outcomes by name.
  let costs: [Double]
  let probabilities: [Double?]

  init(
    _ row: OutcomeTable.Row, _ compared: OutcomeTable.Comparable, _ names: [String], _ tradeoff: Tradeoff,
    _ objective: Objective
  ) {
    self.row = row
    let sign = objective.direction == .maximize ? 1.0 : -1.0
    let scores = compared.scores(row)
    var values = scores.map { tradeoff.scoreWeight * sign * $0 }
    var means: [String: Double] = [:]
    var costs = [-sign * Self.mean(scores)]
    for name in names {
      let amounts = compared.values(name, row)
      let sign = objective.outcomes[name] == .maximize ? 1.0 : -1.0
      means[name] = Self.mean(amounts)
      costs.append(-sign * Self.mean(amounts))
      guard let weight = tradeoff.weights[name] else { continue }
      for index in values.indices { values[index] += sign * weight * amounts[index] }
    }
    self.values = values
    value = Self.mean(values)
    self.means = means
    self.costs = costs
    probabilities = tradeoff.bounds.map { bound in
      Tradeoff.probability(
        bound, means: compared.values(bound.outcome, row), calls: compared.calls(bound.outcome, row))
    }
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }

  /// How near it is to keeping a bound: the chance, then by how much the mean exceeds the limit.
  func rank(_ index: Int, _ bounds: [Tradeoff.Bound]) -> (chance: Double, excess: Double) {
    let bound = bounds[index]
    return (probabilities[index] ?? 0, ((means[bound.outcome] ?? 0) - bound.limit) * (bound.isMost ? 1 : -1))
  }
}
