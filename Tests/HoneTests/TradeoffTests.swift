import Foundation
import HoneNumerics
import HoneTesting
import Testing

@testable import Hone

@Suite struct TradeoffTests {
  static let objective = Objective(metric: "accuracy", outcomes: ["tokens": .minimize])

  /// Accuracy 0.9, 0.8, 0.5 at mean tokens 1000, 400, 100, each with deviation 10 over 25 rows.
  static var measured: MeasuredTrials {
    var measured = MeasuredTrials()
    for (hits, tokens) in [(22, 1000.0), (20, 400), (12, 100)] {
      // 24 of 25 at one deviation: a sample deviation of exactly 10 around a mean of exactly `tokens`.
      let amounts = (0..<25).map { tokens + ($0 == 12 ? 0 : $0 % 2 == 0 ? 10 : -10) }
      measured.add((0..<25).map { $0 < hits ? 1 : 0 }, ["tokens": amounts])
    }
    return measured
  }

  private func choose(_ tradeoff: Tradeoff, _ measured: MeasuredTrials = measured) throws -> Tradeoff.Choice {
    try tradeoff.choose(from: measured.table, objective: Self.objective)
  }

  @Test func weightsMoveTheChoiceAlongTheFront() throws {
    for (weight, trial) in [(0.0, 0), (0.0001, 0), (0.001, 2), (0.00013, 0), (0.00014, 1), (0.00105, 1), (0.0012, 2)] {
      let choice = try choose(Tradeoff(weights: ["tokens": weight]))
      let values = [0.88 - 1000 * weight, 0.8 - 400 * weight, 0.48 - 100 * weight]
      let expected = values.indices.max { values[$0] < values[$1] }
      #expect(choice.trial == expected, "\(weight)")
      #expect(abs(choice.value - (values.max() ?? 0)) < 1e-9)
      if weight != 0.001, weight != 0.00105 { #expect(choice.trial == trial, "\(weight)") }
      let rival = try #require(choice.runnerUp)
      #expect(abs(rival.lead - (choice.value - values[rival.trial])) < 1e-9 && rival.lead >= 0)
      #expect(choice.unbounded == nil && choice.admitted == 3)
    }
  }

  /// w score - (1 - w) tokens / t_max, AutoRAG-HP's form, with the largest single rollout as t_max.
  @Test func balanceIsAutoRAGHPsReward() throws {
    let table = Self.measured.table
    let largest = try #require(Self.measured.rollouts.compactMap { $0.outcomes["tokens"] }.max())
    for w in [0.0, 0.1, 0.5, 0.9, 1] {
      let tradeoff = Tradeoff.balance(w, against: "tokens", in: table)
      let choice = try tradeoff.choose(from: table, objective: Self.objective)
      let values = [(0.88, 1000.0), (0.8, 400), (0.48, 100)].map { w * $0 - (1 - w) * $1 / largest }
      #expect(choice.trial == values.indices.max { values[$0] < values[$1] }, "\(w)")
      #expect(abs(choice.value - (values.max() ?? 0)) < 1e-9)
    }
    #expect(Tradeoff.balance(0.5, against: "nothing", in: table).weights == ["nothing": 0])
  }

  /// P(mean <= c) is Student's t: at the limit that makes it exactly p the trial is admitted, just below it is not.
  @Test func theChanceConstraintHasItsClosedForm() throws {
    let error = 10 / 25.0.squareRoot()
    for p in [0.5, 0.9, 0.95, 0.99] {
      let limit = 400 + StudentT.quantile(p, freedom: 24) * error
      let kept = try choose(Tradeoff(bounds: [.init("tokens", atMost: limit + 1e-6)], confidence: p))
      #expect(kept.trial == 1 && abs(kept.probabilities[0] - p) < 1e-4, "\(p) \(kept.probabilities)")
      #expect(kept.admitted == 2 && kept.unbounded?.trial == 0)
      #expect(abs((kept.unbounded?.lead ?? .nan) + 0.08) < 1e-9)
      let broken = try choose(Tradeoff(bounds: [.init("tokens", atMost: limit - 1e-6)], confidence: p))
      #expect(broken.trial == 2 && broken.admitted == 1)
      let least = try choose(Tradeoff(bounds: [.init("tokens", atLeast: 800 - limit - 1e-6)], confidence: p))
      #expect(least.trial == 0 && least.admitted == 2)
    }
    #expect(Tradeoff.probability(.init("t", atMost: 3), means: [3, 3, 3], calls: []) == 1)
    #expect(Tradeoff.probability(.init("t", atMost: 2.9), means: [3, 3, 3], calls: []) == 0)
    #expect(Tradeoff.probability(.init("t", atMost: 9), means: [3], calls: [3]) == nil)
  }

  /// In repeated samples a trial whose true mean is above the limit is admitted at most in 1 - p of them, or nearly so.
  @Test func theChanceConstraintIsCalibrated() {
    var random = RandomStream(seed: 8, name: "calibration")
    var admitted = 0
    for _ in 0..<4_000 {
      let sample = (0..<10).map { _ in 100 + 20 * random.normal() }
      if (Tradeoff.probability(.init("t", atMost: 100), means: sample, calls: []) ?? 0) >= 0.95 { admitted += 1 }
    }
    #expect(abs(Double(admitted) / 4_000 - 0.05) < 0.012, "\(admitted)")
  }

  /// k of n calls within the limit: a further one is too in k / (n + 1) of all cases, whatever the distribution.
  @Test func singleCallsAreCounted() throws {
    let calls = (1...19).map(Double.init)
    #expect(Tradeoff.probability(.init("t", atMost: 19, of: .call), means: [], calls: calls) == 0.95)
    #expect(Tradeoff.probability(.init("t", atMost: 18.5, of: .call), means: [], calls: calls) == 0.9)
    #expect(Tradeoff.probability(.init("t", atLeast: 2, of: .call), means: [], calls: calls) == 0.9)
    #expect(Tradeoff.probability(.init("t", atLeast: 2, of: .call), means: [], calls: []) == nil)
    var random = RandomStream(seed: 9, name: "calls")
    var kept = 0
    for _ in 0..<4_000 {
      // Skewed; the next call is held against the largest of nine.
      let draws = (0..<10).map { _ in exp(2 * random.normal()) }
      if draws[9] <= draws[..<9].max() ?? 0 { kept += 1 }
    }
    #expect(abs(Double(kept) / 4_000 - 0.9) < 0.015)
    // The mean of trial 1 is surely below 405, but not each call.
    #expect(try choose(Tradeoff(bounds: [.init("tokens", atMost: 405)])).trial == 1)
    #expect(try choose(Tradeoff(bounds: [.init("tokens", atMost: 405, of: .call)])).trial == 2)
  }

  @Test func refusalsSayWhy() {
    func refusal(_ tradeoff: Tradeoff, constraints: [OutcomeConstraint] = []) -> Tradeoff.Refusal? {
      #expect(throws: Tradeoff.Refusal.self) {
        try tradeoff.choose(from: Self.measured.table, objective: Self.objective, constraints: constraints)
      }
    }
    #expect(
      refusal(Tradeoff(weights: ["seconds": 1]))
        == .unmeasured(wanted: ["seconds", "tokens"], known: ["tokens"]))
    #expect(refusal(Tradeoff(), constraints: [.init(outcome: "tokens", atMost: 5)]) == .constrained)
    guard
      case .outOfBounds(2, let bound, let mean, let probability?) = refusal(
        Tradeoff(bounds: [.init("tokens", atMost: 99.5)]))
    else {
      Issue.record("no refusal")
      return
    }
    #expect(bound.limit == 99.5 && abs(mean - 100) < 1e-9)
    #expect(abs(probability - StudentT.cumulative(-0.25, freedom: 24)) < 1e-9)
  }

  /// The study's constraints hold here too, and of equal scores the cheaper trial is chosen.
  @Test func constraintsAndTies() throws {
    let choice = try Tradeoff().choose(
      from: Self.measured.table, objective: Self.objective, constraints: [.init(outcome: "tokens", atMost: 500)])
    #expect(choice.trial == 1)
    var tied = MeasuredTrials()
    for tokens in [7.0, 5, 5, 6] { tied.add([1, 0, 1], ["tokens": [tokens, tokens, tokens]]) }
    #expect(try choose(Tradeoff(), tied).trial == 1)
    var losses = MeasuredTrials()
    losses.add([3, 4], ["tokens": [1, 1]])
    losses.add([1, 2], ["tokens": [9, 9]])
    let objective = Objective(direction: .minimize, outcomes: ["tokens": .minimize])
    #expect(try Tradeoff().choose(from: losses.table, objective: objective).trial == 1)
    #expect(try Tradeoff(weights: ["tokens": 1]).choose(from: losses.table, objective: objective).trial == 0)
    let wanted = Objective(direction: .minimize, outcomes: ["tokens": .maximize])
    #expect(try Tradeoff(weights: ["tokens": 1]).choose(from: losses.table, objective: wanted).trial == 1)
  }
}
