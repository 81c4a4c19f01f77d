import HoneModel
import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct EpsilonShotgunTests {
  @Test func beatsRandomSearch() async throws {
    let mixed = try await Synthetic.wins(EpsilonShotgun(), on: Synthetic.mixed, trials: 32, seeds: 6, batch: 4)
    #expect(mixed >= 5, "\(mixed) of 6")
    let bowl = try await Synthetic.wins(
      EpsilonShotgun(), on: { Synthetic.bowl(3, seed: $0) }, trials: 24, seeds: 6, batch: 4)
    #expect(bowl >= 5, "\(bowl) of 6")
  }

  /// The radius is what the target may differ by over the steepest slope of the mean within a length scale, as differences
  /// on a grid find it.
  @Test func theBlastIsWideWhereTheMeanIsFlat() async throws {
    let space = Synthetic.bowl(2, seed: 1).problem.space
    let problem = Problem(space: space, objective: Objective(direction: .minimize), seed: 5)
    let shotgun = EpsilonShotgun()
    var state = shotgun.start(problem)
    var random = RandomStream(seed: 3, name: "design")
    for trial in 0..<24 {
      let point = [random.uniform(), random.uniform()]
      let proposal = Proposal(try space.decode(point, base: space.initial), origin: "design")
      shotgun.tell(.began(trial: trial, proposal), state: &state)
      let loss = (point[0] - 0.5) * (point[0] - 0.5) + 3 * (point[1] - 0.4) * (point[1] - 0.4)
      shotgun.tell(
        .completed(trial: trial, Estimate(mean: loss, deviation: 0, count: 1), screened: false, outcomes: [:]),
        state: &state)
    }
    let front = try #require(ProcessFront(state.history.trials, state, space))
    for target in [[0.5, 0.4], [0.1, 0.9]] {
      func place(_ axis: Int, _ step: Int) -> Double {
        min(max(target[axis] + front.search.lengths[axis] * Double(step) / 20, 0), 1)
      }
      var steepest = 0.0
      for i in -20...20 {
        for j in -20...20 {
          let (x, y) = (place(0, i), place(1, j))
          let byX = (front.process.mean([x + 1e-5, y]) - front.process.mean([x - 1e-5, y])) / 2e-5
          let byY = (front.process.mean([x, y + 1e-5]) - front.process.mean([x, y - 1e-5])) / 2e-5
          steepest = max(steepest, (byX * byX + byY * byY).squareRoot())
        }
      }
      let posterior = front.process.posterior(target)
      let expected = min((abs(posterior.mean - front.best) + posterior.deviation) / steepest, 0.5.squareRoot())
      let radius = EpsilonShotgun.radius(target, front, &random)
      // Sampled slopes are not steeper than the grid's, and not by much less steep.
      #expect(radius > expected * 0.98 && radius < expected * 1.6, "\(radius) \(expected)")
    }
  }

  /// The first proposal of a batch is the target, the others lie around it.
  @Test func aBatchIsOneBlast() async throws {
    let problem = Synthetic.bowl(2, seed: 2).problem
    var settings = EpsilonShotgun.Settings()
    settings.epsilon = 0
    var driver = OptimizerDriver(EpsilonShotgun(settings), problem: problem)
    var known: Set<String> = []
    for trial in 0..<14 {
      let context = AskContext(problem: problem, round: trial, known: known)
      let proposal = try #require(try await driver.ask(1, context: context).proposals.first)
      known.insert(proposal.assignment.key)
      driver.tell(.began(trial: trial, proposal))
      let x = proposal.assignment["x0"]?.number ?? 0
      let y = proposal.assignment["x1"]?.number ?? 0
      let loss = (x - 0.3) * (x - 0.3) + (y - 0.35) * (y - 0.35)
      driver.tell(
        .completed(trial: trial, Estimate(mean: loss, deviation: 0, count: 1), screened: false, outcomes: [:]))
    }
    let answer = try await driver.ask(6, context: AskContext(problem: problem, round: 14, known: known))
    let places = answer.proposals.map { problem.space.encode($0.assignment).map { $0 ?? 0 } }
    #expect(places.count == 6)
    for place in places {
      #expect(abs(place[0] - places[0][0]) < 0.3 && abs(place[1] - places[0][1]) < 0.3, "\(places)")
    }
    #expect(abs(places[0][0] - 0.3) < 0.1 && abs(places[0][1] - 0.35) < 0.1, "\(places[0])")
  }

  @Test func survivesAnyScores() async throws { try await Hostile.survives(EpsilonShotgun(), trials: 10) }
}
