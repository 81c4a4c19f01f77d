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

  /// Each proposal is the one of a share of 0 or the one of a share of 1, a quarter of them the latter; and a point that the
  /// forest chooses lies in the better part of the bowl.
  @Test func theShareOfRandomPointsIsKept() async throws {
    let synthetic = Synthetic.bowl(2, seed: 1)
    let sobol = Sobol(dimensions: 2, seed: 5)
    var events: [Event] = []
    for trial in 0..<16 {
      let assignment = try synthetic.problem.space.decode(sobol.point(trial), base: synthetic.problem.space.initial)
      let estimate = Estimate(mean: synthetic.loss(assignment), deviation: 0, count: 1)
      events.append(.began(trial: trial, Proposal(assignment, origin: "random-forest")))
      events.append(.completed(trial: trial, estimate, screened: false, outcomes: [:]))
    }
    func asked(_ share: Double, _ round: Int) async throws -> Assignment {
      var settings = RandomForestSearch.Settings()
      settings.randomShare = share
      settings.trees = 4
      let driver = OptimizerDriver(RandomForestSearch(settings), problem: synthetic.problem, events: events)
      let context = AskContext(problem: synthetic.problem, round: round, known: [])
      return try #require(try await driver.ask(1, context: context).proposals.first).assignment
    }
    let rounds = 60
    var (random, modelled, uniform) = (0, 0.0, 0.0)
    for round in 0..<rounds {
      let (quarter, never, always) = try await (asked(0.25, round), asked(0, round), asked(1, round))
      #expect(quarter == never || quarter == always)
      #expect(never != always)
      if quarter == always { random += 1 }
      modelled += synthetic.loss(never)
      uniform += synthetic.loss(always)
    }
    #expect((8...23).contains(random), "\(random) of \(rounds)")
    #expect(modelled < uniform / 2, "\(modelled) \(uniform)")
  }

  @Test func survivesAnyScores() async throws { try await Hostile.survives(RandomForestSearch(), trials: 12) }
}
