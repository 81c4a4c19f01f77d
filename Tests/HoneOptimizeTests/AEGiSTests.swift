import HoneModel
import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct AEGiSTests {
  @Test func beatsRandomSearch() async throws {
    let mixed = try await Synthetic.wins(AEGiS(), on: Synthetic.mixed, trials: 24, seeds: 4, batch: 3)
    #expect(mixed >= 3, "\(mixed) of 4")
    let bowl = try await Synthetic.wins(AEGiS(), on: { Synthetic.bowl(5, seed: $0) }, trials: 24, seeds: 4, batch: 3)
    #expect(bowl >= 3, "\(bowl) of 4")
  }

  @Test func survivesAnyScores() async throws { try await Hostile.survives(AEGiS(), trials: 10) }
}
