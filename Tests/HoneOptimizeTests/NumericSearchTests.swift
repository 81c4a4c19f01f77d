import HoneModel
import HoneNumerics
import HoneOptimize
import HoneTrace
import Testing

@Suite struct NumericSearchTests {
  private func ask(_ optimizer: some Optimizer, _ count: Int, _ problem: Problem, known: Set<String> = [])
    async throws -> [Assignment]
  {
    let context = AskContext(problem: problem, round: known.count, known: known)
    return try await optimizer.ask(count, state: optimizer.start(problem), context: context).proposals.map(\.assignment)
  }

  private func grid(_ sides: Int...) -> Problem {
    let parameters = sides.enumerated().map {
      ParameterSpec(name: "p\($0)", domain: .int(IntDomain(0...($1 - 1))), initial: 0)
    }
    return Problem(space: Space(parameters), objective: Objective(), seed: 3)
  }

  /// The last points of a space of 40,000 are found, and then there are none.
  @Test func theLastPointsOfALargeSpaceAreFound() async throws {
    let problem = grid(200, 200)
    let all = try #require(problem.space.assignments(base: problem.space.initial, limit: 50_000)).map(\.key)
    let left: Set<String> = [all[7], all[20_001], all[39_999]]
    let known = Set(all).subtracting(left)
    #expect(Set(try await ask(RandomSearch(), 5, problem, known: known).map(\.key)) == left)
    #expect(Set(try await ask(SobolSearch(), 5, problem, known: known).map(\.key)) == left)
    #expect(try await ask(RandomSearch(), 5, problem, known: Set(all)).isEmpty)
    #expect(try await ask(SobolSearch(), 5, problem, known: Set(all)).isEmpty)
  }

  @Test func textStaysAsTheIncumbentHasIt() async throws {
    let space = Triage.space
    let problem = Problem(space: space, objective: Objective(), seed: 1)
    var values = space.initial.values
    values["instruction"] = "The incumbent's words."
    var context = AskContext(problem: problem, round: 1, known: [space.initial.key])
    context.incumbent = AskContext.Incumbent(
      trial: 4, assignment: Assignment(values), estimate: Estimate(mean: 1, deviation: 0, count: 1))
    let answer = try await SobolSearch().ask(20, state: SobolSearch().start(problem), context: context)
    #expect(answer.proposals.count == 20)
    #expect(answer.proposals.allSatisfy { $0.assignment["instruction"] == "The incumbent's words." && $0.parent == 4 })
  }

  /// In a plane the largest empty square of 64 Sobol points is smaller than that of random points, for nearly every seed.
  @Test func sobolCoversMoreEvenly() async throws {
    let space = Space(["x", "y"].map { ParameterSpec(name: $0, domain: .float(FloatDomain(0...1)), initial: 0.5) })
    var cells = [0, 0]
    for seed in 0..<10 as Range<UInt64> {
      let problem = Problem(space: space, objective: Objective(), seed: seed)
      for (index, points) in [
        try await ask(SobolSearch(), 64, problem), try await ask(RandomSearch(), 64, problem),
      ].enumerated() {
        cells[index] +=
          Set(
            points.map { point in
              Int((point["x"]?.number ?? 0) * 8) * 8 + Int((point["y"]?.number ?? 0) * 8)
            }
          ).count
      }
    }
    #expect(cells[0] == 640 && cells[1] < 450, "\(cells)")
  }

  @Test func asksContinueTheSequence() async throws {
    let space = Space([ParameterSpec(name: "x", domain: .float(FloatDomain(0...1)), initial: 0.5)])
    let problem = Problem(space: space, objective: Objective(), seed: 9)
    let whole = try await ask(SobolSearch(), 6, problem)
    var state = SobolSearch().start(problem)
    var single: [Assignment] = []
    for round in 0..<6 {
      let context = AskContext(problem: problem, round: round, known: Set(single.map(\.key)))
      let proposal = try #require(try await SobolSearch().ask(1, state: state, context: context).proposals.first)
      SobolSearch().tell(.began(trial: round, proposal), state: &state)
      single.append(proposal.assignment)
    }
    #expect(single == whole)
  }
}
