import HoneModel
import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct ConformalQuantileSearchTests {
  @Test func beatsRandomSearch() async throws {
    let mixed = try await Synthetic.wins(
      ConformalQuantileSearch(), on: Synthetic.mixed, trials: 60, seeds: 5, batch: 10)
    #expect(mixed >= 4, "\(mixed) of 5")
  }

  /// Five quantiles at first; nine, with a tenth held out, from 32 scores on.
  @Test func becomesConformal() {
    let space = Synthetic.bowl(1, seed: 0).problem.space
    var random = RandomStream(seed: 1, name: "history")
    func model(_ count: Int) -> BoostedQuantiles {
      let trials = (0..<count).map { index in
        let x = random.uniform()
        return TrialHistory.Trial(number: index, point: [x], loss: x)
      }
      return ConformalQuantileSearch.model(
        Observations(trials, limit: 200), CandidateSearch(space), RandomStream(seed: 1, name: "fit"))
    }
    #expect(model(31).levels.count == 5)
    let conformal = model(32)
    #expect(conformal.levels.count == 9 && abs(conformal.levels[8] - 0.9) < 1e-12)
  }

  @Test func survivesAnyScores() async throws { try await Hostile.survives(ConformalQuantileSearch(), trials: 8) }
}
