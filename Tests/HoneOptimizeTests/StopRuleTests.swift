import Foundation
import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct StopRuleTests {
  /// Against the integral of max(0, x - rival) over the normal distribution of the posterior mean.
  @Test(arguments: [(0.5, 0.2, 0.45, 8, 0.6), (0.3, 0.1, 0.5, 1, 0.4), (0.7, 0.05, 0.2, 64, 0.7)])
  func gainIsAnIntegral(_ mean: Double, _ deviation: Double, _ noise: Double, _ n: Int, _ rival: Double) {
    let belief = StopRule.Belief(mean: mean, deviation: deviation)
    let gain = StopRule.gain(of: belief, examples: n, noise: noise, over: rival, .maximize)
    let v = deviation * deviation
    let moved = (v * v / (v + noise * noise / Double(n))).squareRoot()
    var integral = 0.0
    let step = 16 * moved / 200_000
    for index in 0..<200_000 {
      let x = mean - 8 * moved + (Double(index) + 0.5) * step
      integral += max(0, x - rival) * Normal.density((x - mean) / moved) / moved * step
    }
    #expect(abs(gain - integral) < 1e-6 * max(1e-3, integral))
    // The other direction: E[max(0, r - X)] = E[max(0, X - r)] - (m - r).
    let other = StopRule.gain(of: belief, examples: n, noise: noise, over: rival, .minimize)
    #expect(abs(other - (gain - mean + rival)) < 1e-9)
    // No scale overflows.
    let huge = StopRule.Belief(mean: mean * 1e300, deviation: deviation * 1e300)
    let scaled = StopRule.gain(of: huge, examples: n, noise: noise * 1e300, over: rival * 1e300, .maximize)
    #expect(abs(scaled / 1e300 - gain) < 1e-9)
  }

  private func table(trials: Int, count: Int, seed: UInt64 = 1) -> ScoreTable {
    let rates = (0..<trials).map { 0.3 + 0.4 * Double($0) / Double(trials) }
    return ScoreTable(
      examples: 100,
      rows: ScheduledStudy.errors(rates, examples: count, seed: seed).enumerated().map { trial, scores in
        ScoreTable.Row(
          trial: trial, assignment: Assignment([:]),
          scores: scores.map { $0 } + Array(repeating: nil, count: 100 - count))
      })
  }

  @Test func costDecides() throws {
    let table = table(trials: 12, count: 16)
    let objective = Objective()
    let free = try #require(StopRule(costPerExample: 0).decide(table, objective))
    #expect(!free.stops && free.gain > 0 && free.cost == 0)
    let dear = try #require(StopRule(costPerExample: 1).decide(table, objective))
    #expect(dear.stops && dear.reason.contains("nothing else gains more than it costs"))
    // The greatest gain for an example is where the decision turns.
    var (low, high) = (0.0, 1.0)
    for _ in 0..<40 {
      let middle = (low + high) / 2
      let decision = try #require(StopRule(costPerExample: middle).decide(table, objective))
      if decision.stops { high = middle } else { low = middle }
    }
    let turn = try #require(StopRule(costPerExample: high).decide(table, objective))
    #expect(abs(turn.gain - turn.cost) < 1e-9 && turn.gain > 0)
    // Both directions decide alike on mirrored scores.
    var mirrored = table
    for row in mirrored.rows.indices {
      mirrored.rows[row].scores = mirrored.rows[row].scores.map { $0.map { 1 - $0 } }
    }
    let other = try #require(StopRule(costPerExample: 0.001).decide(mirrored, Objective(direction: .minimize)))
    let same = try #require(StopRule(costPerExample: 0.001).decide(table, objective))
    #expect(other.trial == same.trial && other.examples == same.examples && abs(other.gain - same.gain) < 1e-9)
  }

  @Test func aPromisingProposalKeepsAStudyGoing() throws {
    let table = table(trials: 12, count: 90)
    let rule = StopRule(costPerExample: 0.004)
    #expect(try #require(rule.decide(table, Objective())).stops)
    let promising = StopRule.Belief(mean: 0.9, deviation: 0.1)
    let decision = try #require(rule.decide(table, Objective(), proposal: promising))
    #expect(!decision.stops && decision.trial == nil)
    #expect(try #require(rule.decide(table, Objective(), proposal: promising, canPropose: false)).stops)
  }

  @Test func silentWithoutCostOrTrials() {
    #expect(StopRule().decide(table(trials: 12, count: 16), Objective()) == nil)
    #expect(StopRule(costPerExample: 1).decide(table(trials: 3, count: 16), Objective()) == nil)
    #expect(StopRule(costPerExample: 1).decide(ScoreTable(examples: 4), Objective()) == nil)
    // Everything measured, nothing to propose: there is nothing to decide.
    var full = table(trials: 6, count: 100)
    for row in full.rows.indices { full.rows[row].isOpen = false }
    #expect(StopRule(costPerExample: 1).decide(full, Objective(), canPropose: false) == nil)
  }
}
