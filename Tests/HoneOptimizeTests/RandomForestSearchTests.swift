import HoneModel
import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct RandomForestSearchTests {
  @Test func beatsRandomSearch() async throws {
    let mixed = try await Synthetic.wins(RandomForestSearch(), on: Synthetic.mixed, trials: 40, seeds: 8)
    #expect(mixed >= 6, "\(mixed) of 8")
    let bowl = try await Synthetic.wins(
      RandomForestSearch(), on: { Synthetic.bowl(4, seed: $0) }, trials: 40, seeds: 8, batch: 4)
    #expect(bowl >= 6, "\(bowl) of 8")
  }

  /// A share of 1 is random search, one of 0 follows the forest alone.
  @Test func theShareOfRandomPointsIsKept() async throws {
    // Mean loss of the later trials, by share.
    var losses: [Double: Double] = [:]
    for share in [0.0, 1] {
      var settings = RandomForestSearch.Settings()
      settings.randomShare = share
      settings.trees = 4
      var driver = OptimizerDriver(RandomForestSearch(settings), problem: Synthetic.bowl(2, seed: 1).problem)
      var sum = 0.0
      for trial in 0..<24 {
        let context = AskContext(problem: driver.problem, round: trial, known: [])
        let proposal = try #require(try await driver.ask(1, context: context).proposals.first)
        let x = proposal.assignment["x0"]?.number ?? 0
        let y = proposal.assignment["x1"]?.number ?? 0
        driver.tell(.began(trial: trial, proposal))
        let loss = (x - 0.3) * (x - 0.3) + (y - 0.35) * (y - 0.35)
        if trial >= 12 { sum += loss / 12 }
        driver.tell(
          .completed(trial: trial, Estimate(mean: loss, deviation: 0, count: 1), screened: false, outcomes: [:]))
      }
      losses[share] = sum
    }
    #expect(losses[0, default: 1] < losses[1, default: 0], "\(losses)")
  }

  @Test func survivesAnyScores() async throws { try await Hostile.survives(RandomForestSearch(), trials: 12) }
}
