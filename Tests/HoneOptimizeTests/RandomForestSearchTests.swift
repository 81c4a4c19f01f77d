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
    var notes: [Double: Int] = [:]
    for share in [0.0, 1] {
      var settings = RandomForestSearch.Settings()
      settings.randomShare = share
      settings.trees = 4
      var driver = OptimizerDriver(RandomForestSearch(settings), problem: Synthetic.bowl(2, seed: 1).problem)
      var near = 0
      for trial in 0..<24 {
        let context = AskContext(problem: driver.problem, round: trial, known: [])
        let proposal = try #require(try await driver.ask(1, context: context).proposals.first)
        let x = proposal.assignment["x0"]?.number ?? 0
        let y = proposal.assignment["x1"]?.number ?? 0
        if trial >= 12, abs(x - 0.3) < 0.2, abs(y - 0.35) < 0.2 { near += 1 }
        driver.tell(.began(trial: trial, proposal))
        let loss = (x - 0.3) * (x - 0.3) + (y - 0.35) * (y - 0.35)
        driver.tell(
          .completed(trial: trial, Estimate(mean: loss, deviation: 0, count: 1), screened: false, outcomes: [:]))
      }
      notes[share] = near
    }
    #expect(notes[0, default: 0] > notes[1, default: 12] + 3, "\(notes)")
  }

  @Test func survivesAnyScores() async throws { try await Hostile.survives(RandomForestSearch(), trials: 12) }
}
