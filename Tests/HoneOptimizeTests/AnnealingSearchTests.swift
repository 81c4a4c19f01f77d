import Foundation
import HoneModel
import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct AnnealingSearchTests {
  @Test func beatsRandomSearch() async throws {
    let mixed = try await Synthetic.wins(AnnealingSearch(), on: Synthetic.mixed, trials: 120, seeds: 8)
    #expect(mixed >= 6, "\(mixed) of 8")
    let bowl = try await Synthetic.wins(
      AnnealingSearch(), on: { Synthetic.bowl(6, seed: $0) }, trials: 100, seeds: 8, batch: 2)
    #expect(bowl >= 7, "\(bowl) of 8")
  }

  @Test func schedulesFall() {
    #expect(AnnealingSearch.Schedule.geometric.temperature(3, cooling: 0.5) == 0.125)
    #expect(AnnealingSearch.Schedule.fast.temperature(3, cooling: 0.5) == 0.25)
    #expect(abs(AnnealingSearch.Schedule.logarithmic.temperature(0, cooling: 0.5) - 1) < 1e-12)
    for schedule in AnnealingSearch.Schedule.allCases {
      let temperatures = (0..<50).map { schedule.temperature($0, cooling: 0.9) }
      #expect(zip(temperatures, temperatures.dropFirst()).allSatisfy { $0 > $1 })
    }
  }

  /// The walk takes a neighbour that is worse by T with probability exp(-1), as often as Metropolis says.
  @Test func worseTrialsAreTakenAsMetropolisSays() async throws {
    let problem = Synthetic.bowl(2, seed: 0).problem
    var taken = 0
    for seed in 0..<400 as Range<UInt64> {
      let annealing = AnnealingSearch()
      var state = annealing.start(Problem(space: problem.space, objective: problem.objective, seed: seed))
      func tell(_ trial: Int, _ loss: Double) {
        annealing.tell(.began(trial: trial, Proposal(problem.space.initial, origin: "test")), state: &state)
        annealing.tell(
          .completed(trial: trial, Estimate(mean: loss, deviation: 0, count: 1), screened: false, outcomes: [:]),
          state: &state)
      }
      for (trial, loss) in [2.0, 4, 4, 2].enumerated() { tell(trial, loss) }
      // T0 is the deviation of these four: 2 / sqrt(3).
      let temperature = 2 / 3.0.squareRoot()
      #expect(state.walk?.loss == 2 && abs((state.walk?.scale ?? 0) - temperature) < 1e-12)
      tell(4, 2 + temperature)
      if state.walk?.loss != 2 { taken += 1 }
    }
    // 400 exp(-1) = 147, deviation 9.6.
    #expect(abs(taken - 147) < 39, "\(taken)")
  }

  @Test func survivesAnyScores() async throws {
    try await Hostile.survives(AnnealingSearch(), trials: 30)
    var settings = AnnealingSearch.Settings()
    settings.acceptance = .greedy
    settings.neighbour = .single
    settings.schedule = .logarithmic
    try await Hostile.survives(AnnealingSearch(settings), trials: 20)
  }
}
