import Foundation
import HoneModel
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

/// Search that looks at further outcomes: under bounds, and per unit of cost.
@Suite struct OutcomeSearchTests {
  /// Two numbers, the loss least at (0.9, 0.9); the outcome grows with the first one.
  private func run(
    _ optimizer: any Optimizer, seed: UInt64, trials: Int, outcome: @Sendable ([Double]) -> Double
  ) async throws -> [(loss: Double, outcome: Double)] {
    let space = Synthetic.bowl(2, seed: 0).problem.space
    let problem = Problem(space: space, objective: Objective(direction: .minimize), seed: seed)
    var driver = OptimizerDriver(optimizer, problem: problem)
    var known: Set<String> = []
    var seen: [(loss: Double, outcome: Double)] = []
    for trial in 0..<trials {
      let context = AskContext(problem: problem, round: trial, known: known)
      let proposal = try #require(try await driver.ask(1, context: context).proposals.first)
      known.insert(proposal.assignment.key)
      driver.tell(.began(trial: trial, proposal))
      let point = space.encode(proposal.assignment).map { $0 ?? 0 }
      let loss = point.reduce(0.0) { $0 + ($1 - 0.9) * ($1 - 0.9) }
      seen.append((loss, outcome(point)))
      let estimate = Estimate(mean: loss, deviation: 0, count: 1)
      driver.tell(
        .completed(trial: trial, estimate, screened: false, outcomes: ["tokens": outcome(point)]))
    }
    return seen
  }

  /// The best feasible loss is 0.25, on the bound; a search that does not know of it lies beyond.
  @Test func boundsAreLearned() async throws {
    var (bounded, free) = (0.0, 0.0)
    var kept = 0
    for seed in 0..<4 as Range<UInt64> {
      let settings = ConstrainedSearch.Settings(constraints: ["tokens": .init(most: 400)])
      let ours = try await run(ConstrainedSearch(settings), seed: seed, trials: 18) { 1_000 * $0[0] }
      let others = try await run(GaussianProcessSearch(), seed: seed, trials: 18) { 1_000 * $0[0] }
      bounded += (ours.filter { $0.outcome <= 400 }.map(\.loss).min() ?? 2) / 4
      free += (others.filter { $0.outcome <= 400 }.map(\.loss).min() ?? 2) / 4
      kept += ours.suffix(8).count { $0.outcome <= 400 }
    }
    #expect(bounded < 0.27 && bounded < free - 0.02, "\(bounded) \(free)")
    #expect(kept >= 16, "\(kept) of 32")
  }

  /// Nothing feasible yet: it goes where feasibility is likely.
  @Test func theFeasibleRegionIsFound() async throws {
    var found = 0
    for seed in 0..<4 as Range<UInt64> {
      let settings = ConstrainedSearch.Settings(constraints: ["tokens": .init(least: 10, most: 60)])
      let seen = try await run(ConstrainedSearch(settings), seed: seed, trials: 16) { 1_000 * $0[0] * $0[1] }
      if seen.contains(where: { (10...60).contains($0.outcome) }) { found += 1 }
    }
    #expect(found == 4)
  }

  /// Where the cheap half is nearly as good, less is spent for the same quality.
  @Test func costIsWeighed() async throws {
    var (aware, blind) = (0.0, 0.0)
    for seed in 0..<4 as Range<UInt64> {
      let ours = try await run(CostAwareSearch(), seed: seed, trials: 16) { exp(6 * $0[0]) }
      let others = try await run(CostAwareSearch(.init(power: 0)), seed: seed, trials: 16) { exp(6 * $0[0]) }
      aware += ours.reduce(0.0) { $0 + $1.outcome }
      blind += others.reduce(0.0) { $0 + $1.outcome }
      #expect((ours.map(\.loss).min() ?? 9) < 0.35)
    }
    #expect(aware < 0.9 * blind, "\(aware) \(blind)")
  }

  @Test func standardizationSurvivesScales() {
    for values in [[1e300, -1e300, 5e299], [1e-300, 3e-300], [1e308, 1e308 * 0.5]] {
      let found = values.map(Standardization(values).callAsFunction)
      #expect(found.allSatisfy(\.isFinite) && abs(found.reduce(0, +)) < 1e-9, "\(found)")
    }
    let constant = Standardization([4, 4])
    #expect([3, 4, 5].map(constant.callAsFunction) == [-3, 0, 3] && constant.unit == 0)
    #expect(abs(Standardization([1, 2, 6]).unit - (14 / 3.0).squareRoot()) < 1e-12)
  }

  @Test func survivesAnyScores() async throws {
    try await Hostile.survives(ConstrainedSearch(.init(constraints: ["tokens": .init(most: 1)])), trials: 8)
    try await Hostile.survives(CostAwareSearch(), trials: 8)
  }
}
