import HoneNumerics
import HoneOptimize
import HoneTrace

/// The trials of a study that no other trial is better than in every goal, and how sure that is.
public struct ParetoFront: Hashable, Codable, Sendable {
  public struct Point: Hashable, Codable, Sendable {
    public var trial: Int
    public var assignment: Assignment
    public var score: Figure
    public var outcomes: [String: Figure]
    /// How often the trial is on the front when the examples are drawn anew from those there are, the same ones for all
    /// trials (paired bootstrap); nil for a single example.
    public var membership: Double?
  }

  /// The goals beside the score.
  public var outcomes: [String: Objective.Direction]
  /// The best score first; of equal ones the better outcomes, then the earlier trial.
  public var points: [Point]
  /// Trials that were compared, and trials that could not be: failed, dropped, or measured on fewer examples.
  public var trials: Int
  public var unmeasured: Int
  /// Every trial of the comparison was measured on these many, the same ones.
  public var examples: Int
  /// Of the intervals.
  public var confidence: Double

  /// Nil when no trial was measured with every outcome.
  ///
  /// - Parameter objective: its outcomes are the goals beside the score.
  /// - Complexity: O(trials x front) for the front, and that times up to 2,000 resamples for the membership, fewer where
  ///   there are many trials and examples.
  public init?(_ table: OutcomeTable, objective: Objective, confidence: Double, seed: UInt64) {
    let goals = ParetoGoals(objective)
    let compared = table.comparable(goals.outcomes)
    guard !compared.rows.isEmpty else { return nil }
    // By trial, then by goal, then by example: less is better.
    let costs = compared.rows.map { row in
      let values = [compared.scores(row)] + goals.outcomes.map { compared.values($0, row) }
      return zip(values, goals.signs).map { values, sign in values.map { $0 * sign } }
    }
    let means = costs.map { $0.map(Self.mean) }
    let members = ParetoOrder.members(of: means).sorted { a, b in
      means[a] == means[b] ? a < b : means[a].lexicographicallyPrecedes(means[b])
    }
    let shares = Self.memberships(costs, RandomStream(seed: seed, name: "front/bootstrap"))
    let range = ScoreInterval.range(compared.rows.flatMap(compared.scores))
    points = members.map { index in
      let row = compared.rows[index]
      return Point(
        trial: row.trial, assignment: row.assignment,
        score: Figure(scores: compared.scores(row), range: range, confidence: confidence),
        outcomes: Dictionary(
          uniqueKeysWithValues: goals.outcomes.map {
            ($0, Figure(amounts: compared.values($0, row), confidence: confidence))
          }), membership: shares?[index])
    }
    outcomes = objective.outcomes
    trials = compared.rows.count
    unmeasured = compared.unmeasured
    examples = compared.columns.count
    self.confidence = confidence
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }

  static let mostResamples = 2_000
  static let fewestResamples = 200
  /// Multiplications that the membership may take.
  static let work = 100_000_000

  /// By trial, in how large a part of the resamples it is on the front; nil for a single example.
  private static func memberships(_ costs: [[[Double]]], _ stream: RandomStream) -> [Double]? {
    let examples = costs.first?.first?.count ?? 0
    guard examples > 1 else { return nil }
    let size = costs.count * (costs.first?.count ?? 1) * examples
    let resamples = min(mostResamples, max(fewestResamples, work / max(1, size)))
    var stream = stream
    var hits = Array(repeating: 0, count: costs.count)
    for _ in 0..<resamples {
      var counts = Array(repeating: 0.0, count: examples)
      for _ in 0..<examples { counts[Int.random(in: 0..<examples, using: &stream)] += 1 }
      let means = costs.map { goals in
        goals.map { values in
          var sum = 0.0
          for index in values.indices { sum += counts[index] * values[index] }
          return sum
        }
      }
      for member in ParetoOrder.members(of: means) { hits[member] += 1 }
    }
    return hits.map { Double($0) / Double(resamples) }
  }
}
