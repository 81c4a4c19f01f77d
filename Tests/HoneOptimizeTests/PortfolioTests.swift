import HoneModel
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct PortfolioTests {
  private static let space = Space([
    ParameterSpec(name: "instruction", domain: .text(TextDomain()), initial: "Do it."),
    ParameterSpec(name: "reader", domain: .text(TextDomain()), initial: "Read."),
    ParameterSpec(name: "temperature", domain: .float(FloatDomain(0...1)), initial: 0.5),
  ])
  private let problem = Problem(space: space, objective: Objective(), seed: 3)

  /// Tells trials of every member in turn; `gain` says what a member's trial adds to the best score.
  private func told(_ portfolio: Portfolio, rounds: Int, _ gain: (String) -> Double, tokens: (String) -> Int)
    -> Portfolio.State
  {
    var state = portfolio.start(problem)
    var (trial, best) = (0, 0.1)
    func end(_ origin: String, _ score: Double) {
      let assignment = Assignment(["instruction": .string("v\(trial)"), "reader": "Read.", "temperature": 0.5])
      portfolio.tell(.began(trial: trial, Proposal(assignment, origin: origin)), state: &state)
      portfolio.tell(
        .completed(
          trial: trial, Estimate(mean: score, deviation: 0, count: 10), screened: false, outcomes: ["tokens": 10]),
        state: &state)
      trial += 1
    }
    end("initial", best)
    for _ in 0..<rounds {
      for member in Portfolio.usual {
        portfolio.tell(
          .attempted(Attempt(origin: member, outcome: .applied, tokens: tokens(member))), state: &state)
        best += gain(member)
        end(member == "auto" ? "gp" : member, best)
      }
    }
    return state
  }

  /// Who pays off gets the turns; the others keep their floor.
  @Test func turnsGoToWhoPaysOff() throws {
    let portfolio = Portfolio()
    let state = told(portfolio, rounds: 30, { $0 == "opro" ? 0.01 : 0 }, tokens: { _ in 500 })
    let opro = try #require(Portfolio.usual.firstIndex(of: "opro"))
    #expect(state.probabilities[opro] > 0.5)
    #expect(state.probabilities.allSatisfy { $0 >= 0.08 - 1e-9 })
    #expect(abs(state.probabilities.reduce(0, +) - 1) < 1e-9)
  }

  /// The same gain for a tenth of the tokens is worth more.
  @Test func cheapGainsCountMore() throws {
    let portfolio = Portfolio()
    let state = told(
      portfolio, rounds: 30, { ["opro", "gepa"].contains($0) ? 0.01 : 0 }, tokens: { $0 == "gepa" ? 10_000 : 500 })
    let (opro, gepa) = (
      try #require(Portfolio.usual.firstIndex(of: "opro")), try #require(Portfolio.usual.firstIndex(of: "gepa"))
    )
    #expect(state.rewards[opro] > 3 * state.rewards[gepa] && state.probabilities[opro] > state.probabilities[gepa])
  }

  /// Nothing gained: everybody keeps an equal part. An outage teaches nothing.
  @Test func withoutGainsTurnsStayEven() {
    let portfolio = Portfolio()
    var state = told(portfolio, rounds: 10, { _ in 0 }, tokens: { _ in 100 })
    let even = 1 / Double(Portfolio.usual.count)
    #expect(state.probabilities.allSatisfy { abs($0 - even) < 1e-9 })
    let before = told(portfolio, rounds: 3, { $0 == "gepa" ? 0.01 : 0 }, tokens: { _ in 100 })
    state = before
    let assignment = Assignment(["instruction": "x", "reader": "Read.", "temperature": 0.5])
    portfolio.tell(.began(trial: 900, Proposal(assignment, origin: "gepa")), state: &state)
    portfolio.tell(.failed(trial: 900, reason: "out", kind: .infrastructure), state: &state)
    #expect(state.probabilities == before.probabilities && state.running.isEmpty)
  }

  /// Turns are drawn by their parts, members without use rest, and a parameter that feedback never reaches is seldom changed.
  @Test func membersFitTheSpaceAndTheModel() async throws {
    let portfolio = Portfolio()
    let state = portfolio.start(problem)
    let model = ScriptedModel { request in
      // The names that the prompt says may be changed stand in the schema.
      guard case .jsonSchema(_, let schema) = request.format,
        let names = schema["properties"]?["suggestion"]?["properties"]?.object?.keys.sorted(), let name = names.first
      else { return "no" }
      let words = request.messages.map(\.content).joined().count
      return "{\"reasoning\": \"r\", \"suggestion\": {\"\(name)\": \"Try \(words)\"}}"
    }
    var origins: Set<String> = []
    for round in 0..<40 {
      let context = AskContext(problem: problem, round: round, model: model)
      for proposal in try await portfolio.ask(1, state: state, context: context).proposals {
        origins.insert(proposal.origin)
      }
    }
    #expect(origins.count >= 3 && !origins.isDisjoint(with: ["gp", "sobol", "tpe"]), "\(origins)")
    // Without a model numbers alone.
    let context = AskContext(problem: problem, round: 1)
    let alone = try await portfolio.ask(2, state: state, context: context).proposals
    #expect(!alone.isEmpty && alone.allSatisfy { $0.assignment["instruction"] == "Do it." })
  }

  /// The members that are not asked where nothing is said can be named.
  @Test func everyMemberCanBeNamed() async throws {
    let shots = Space([
      ParameterSpec(name: "instruction", domain: .text(TextDomain(placeholders: ["input"])), initial: "Do {input}"),
      ParameterSpec(name: "temperature", domain: .float(FloatDomain(0...1)), initial: 0.5),
      ParameterSpec(name: "shots", domain: .demonstrations(), initial: ""),
    ])
    let problem = Problem(space: shots, objective: Objective(), seed: 3)
    let portfolio = try OptimizerCatalog.make(
      name: "portfolio", settings: ["members": .array(Portfolio.members.map(Value.string))], space: shots)
    var driver = OptimizerDriver(portfolio, problem: problem)
    driver.tell(.began(trial: 0, Proposal(shots.initial, origin: "initial")))
    driver.tell(
      .completed(trial: 0, Estimate(mean: 0.5, deviation: 0.5, count: 4), screened: false, outcomes: [:]))
    let model = ScriptedModel(ModelMoodTests.good)
    var origins: Set<String> = []
    for round in 0..<80 {
      var context = AskContext(problem: problem, round: round, known: [shots.initial.key], model: model)
      context.incumbent = .init(
        trial: 0, assignment: shots.initial, estimate: Estimate(mean: 0.5, deviation: 0.5, count: 4))
      let answer = try await driver.ask(1, context: context)
      #expect(answer.proposals.allSatisfy { $0.assignment["shots"] == "" })
      origins.formUnion(answer.proposals.map(\.origin))
    }
    #expect(origins.isSuperset(of: ["mipro", "forest", "alphaopt", "gepa", "opro"]), "\(origins)")
  }

  @Test func creditFollowsTheTrace() {
    let recorder = Recorder()
    let reader = recorder.append(.parameter, name: "reader", inputs: [], value: "Read.")
    _ = recorder.append(.parameter, name: "instruction", inputs: [], value: "Do it.")
    let step = recorder.append(.step, name: "read", inputs: [reader], value: "out")
    let trace = recorder.finish(feedback: [Feedback(node: step, text: "wrong", score: 0)])
    let rollouts = (0..<3).map { index in
      RolloutRecord(trial: 0, split: .train, example: "e\(index)", repeat: 0, cacheKey: "", score: 0, trace: trace)
    }
    #expect(Credit.weights(of: ["instruction", "reader"], rollouts, .maximize) == [0.25, 3.25])
    #expect(Credit.weights(of: ["instruction", "reader"], [], .maximize) == [0.25, 0.25])
  }
}
