import Foundation
import HoneNumerics
import HoneTesting
import Testing

@testable import Hone

/// Stored trials and rollouts as a study leaves them.
struct MeasuredTrials {
  var trials: [TrialRecord] = []
  var rollouts: [RolloutRecord] = []

  /// - Parameters:
  ///   - scores: by example; nil: not measured.
  ///   - outcomes: by name, then by example; nil: the rollout does not have it.
  mutating func add(_ scores: [Double?], _ outcomes: [String: [Double?]], screened: Bool = false, failed: Bool = false)
  {
    let number = trials.count
    let assignment = Assignment(["x": .int(number)])
    trials.append(
      TrialRecord(
        number: number, state: failed ? .failed : .complete, proposal: Proposal(assignment, origin: "test"),
        estimate: failed ? nil : Estimate(scores.compactMap(\.self)), screened: screened))
    for (example, score) in scores.enumerated() {
      guard let score else { continue }
      rollouts.append(
        RolloutRecord(
          trial: number, split: .validation, example: "e\(example)", repeat: 0, cacheKey: "\(number)/\(example)",
          score: score, outcomes: outcomes.compactMapValues { $0[example] }))
    }
  }

  var table: OutcomeTable { OutcomeTable(trials: trials, rollouts: rollouts) }
}

@Suite struct ParetoFrontTests {
  static let objective = Objective(metric: "accuracy", outcomes: ["recall": .maximize, "tokens": .minimize])

  /// By definition, without order or shortcut.
  static func oracle(_ costs: [[Double]]) -> [Int] {
    costs.indices.filter { index in
      !costs.contains { other in
        zip(other, costs[index]).allSatisfy { $0 <= $1 } && zip(other, costs[index]).contains { $0 < $1 }
      }
    }
  }

  /// The whole way from rollouts: means, directions, order, intervals around means.
  @Test func theFrontOfRolloutsIsThatOfTheirMeans() throws {
    var random = RandomStream(seed: 6, name: "front")
    for round in 0..<20 {
      var measured = MeasuredTrials()
      var costs: [[Double]] = []
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        let columns = (0..<3).map { _ in (0..<7).map { _ in Double(Int.random(in: 0...2, using: &random)) / 2 } }
        measured.add(columns[0], ["tokens": columns[1], "recall": columns[2]])
        let means = columns.map { $0.reduce(0, +) / 7 }
        costs.append([-means[0], means[1], -means[2]])
      }
      let front = try #require(
        ParetoFront(measured.table, objective: Self.objective, confidence: 0.95, seed: UInt64(round)))
      #expect(front.points.map(\.trial).sorted() == Self.oracle(costs))
      #expect(front.trials == costs.count && front.unmeasured == 0 && front.examples == 7)
      #expect(zip(front.points, front.points.dropFirst()).allSatisfy { $0.score.mean >= $1.score.mean })
      for point in front.points {
        #expect(abs(point.score.mean + costs[point.trial][0]) < 1e-12)
        #expect(abs((point.outcomes["tokens"]?.mean ?? .nan) - costs[point.trial][1]) < 1e-12)
        let interval = try #require(point.score.interval)
        #expect(interval.lower <= point.score.mean && point.score.mean <= interval.upper)
        #expect((0...1).contains(try #require(point.membership)))
      }
      let stored = try JSONDecoder().decode(ParetoFront.self, from: JSONEncoder().encode(front))
      #expect(stored == front)
    }
  }

  /// Failed, dropped and partly measured trials are on no front, however lucky; equal ones are all on it.
  @Test func onlyWholeTrialsAreCompared() throws {
    var measured = MeasuredTrials()
    measured.add([1, 0, 1, 0], ["tokens": [10, 10, 10, 10]])
    measured.add([1, nil, nil, nil], ["tokens": [1, nil, nil, nil]])
    measured.add([1, 1, 1, 1], ["tokens": [1, 1, 1, 1]], failed: true)
    measured.add([1, 1, nil, nil], ["tokens": [1, 1, nil, nil]], screened: true)
    measured.add([1, 1, 1, 1], ["tokens": [1, 1, 1, nil]])
    measured.add([0, 1, 0, 1], ["tokens": [10, 10, 10, 10]])
    measured.add([0, 1, 0, 0], ["tokens": [10, 10, 10, 10]])
    measured.rollouts.append(
      RolloutRecord(
        trial: 0, split: .test, example: "t", repeat: 0, cacheKey: "t", score: 1, outcomes: ["tokens": 1]))
    let objective = Objective(outcomes: ["tokens": .minimize])
    let front = try #require(ParetoFront(measured.table, objective: objective, confidence: 0.95, seed: 1))
    #expect(front.points.map(\.trial) == [0, 5])
    #expect(front.trials == 3 && front.unmeasured == 4 && front.examples == 4)
    #expect(ParetoFront(OutcomeTable(trials: [], rollouts: []), objective: objective, confidence: 0.95, seed: 1) == nil)
    let missing = Objective(outcomes: ["seconds": .minimize])
    #expect(ParetoFront(measured.table, objective: missing, confidence: 0.95, seed: 1) == nil)
    var single = MeasuredTrials()
    single.add([1], ["tokens": [3]])
    let lone = try #require(ParetoFront(single.table, objective: objective, confidence: 0.95, seed: 1))
    #expect(lone.points[0].membership == nil && lone.points[0].score.interval == nil)
  }

  /// Two trials of equal cost: one is on the front as often as its score is at least the other's. With differences of
  /// mean m and deviation s over n rows the bootstrap's share is near Phi(m sqrt(n) / s).
  @Test func membershipIsTheChanceToBeBetter() throws {
    var random = RandomStream(seed: 7, name: "membership")
    let count = 200
    let base = (0..<count).map { _ in random.uniform() }
    let differences = (0..<count).map { _ in 0.05 + 0.5 * random.normal() }
    var measured = MeasuredTrials()
    measured.add(zip(base, differences).map { $0 + $1 }, ["tokens": Array(repeating: 5, count: count)])
    measured.add(base, ["tokens": Array(repeating: 5, count: count)])
    measured.add(base, ["tokens": Array(repeating: 4, count: count)])
    measured.rollouts.removeAll { $0.trial == 2 }
    let front = try #require(
      ParetoFront(measured.table, objective: Objective(outcomes: ["tokens": .minimize]), confidence: 0.95, seed: 3))
    let estimate = try #require(Estimate(differences))
    let expected = Normal.cumulative(abs(estimate.mean) / estimate.deviation * Double(count).squareRoot())
    #expect(expected < 0.999 && front.points.count == 1)
    #expect(abs((front.points[0].membership ?? .nan) - expected) < 0.03, "\(expected)")
  }

  /// Repeats of an example are averaged before examples are drawn; the order of the rollouts does not matter.
  @Test func repeatsAreOneExample() throws {
    var measured = MeasuredTrials()
    measured.add([0.5, 1], ["tokens": [4, 6]])
    var again = measured
    again.rollouts = []
    for (number, shift) in [(1, 0.25), (0, -0.25)] {
      for var copy in measured.rollouts.reversed() {
        copy.repeat = number
        copy.score = (copy.score ?? 0) + shift
        copy.outcomes["tokens"] = (copy.outcomes["tokens"] ?? 0) - 4 * shift
        again.rollouts.append(copy)
      }
    }
    let objective = Objective(outcomes: ["tokens": .minimize])
    let once = try #require(ParetoFront(measured.table, objective: objective, confidence: 0.95, seed: 1))
    let twice = try #require(ParetoFront(again.table, objective: objective, confidence: 0.95, seed: 1))
    #expect(once == twice)
  }
}
