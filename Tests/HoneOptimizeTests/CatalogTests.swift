import HoneModel
import HoneOptimize
import HoneTesting
import HoneTrace
import Testing

@Suite struct CatalogTests {
  @Test func optimizersAreFoundByName() throws {
    for name in OptimizerCatalog.names { #expect(try OptimizerCatalog.make(name: name).name == name) }
    let joint = try #require(
      try OptimizerCatalog.make(
        name: "joint",
        settings: ["share": 0.25, "temperature": [0.2, 0.9], "memory": 5, "max_tokens": 300, "candidates": 2])
        as? Joint)
    #expect(joint.settings.textShare == 0.25 && joint.settings.text.temperatures == [0.2, 0.9])
    #expect(joint.settings.text.memoryBest == 3 && joint.settings.text.memoryNewest == 2)
    #expect(OptimizerCatalog.candidates(["candidates": 2]) == 2)
    let annealing = try #require(
      try OptimizerCatalog.make(name: "annealing", settings: ["schedule": "fast", "acceptance": "greedy", "step": 0.1])
        as? AnnealingSearch)
    #expect(annealing.settings.schedule == .fast && annealing.settings.acceptance == .greedy)
    #expect(annealing.settings.step == 0.1 && annealing.settings.neighbour == .several)
    let evolution = try #require(try OptimizerCatalog.make(name: "cma-es", settings: ["population": 12]) as? CMAES)
    #expect(evolution.settings.population == 12)
    // Without text there is nothing for a model to do.
    let numbers = Space(Array(Triage.space.parameters.dropFirst()))
    #expect(try OptimizerCatalog.make(name: "joint", space: numbers).name == "sobol")
    #expect(try OptimizerCatalog.make(name: "joint", space: Triage.space).name == "joint")
    // Who does not choose gets auto, which shows rollouts to a proposer only where there are words.
    let (chosen, numeric) = (try OptimizerCatalog.make(space: Triage.space), try OptimizerCatalog.make(space: numbers))
    #expect(chosen.name == "auto" && chosen.needsRollouts && numeric.name == "auto" && !numeric.needsRollouts)
  }

  @Test(
    arguments: [
      ("sobl", [:], "did you mean sobol?"),
      ("genetic", [:], "there are aegis, alphaopt, annealing, auto, cma-es, cqr"),
      ("annealing", ["schedule": "hot"], "schedule"),
      ("annealing", ["cooling": 1], "outside 0.5 to 0.9999"),
      ("cma-es", ["population": 3], "outside 4 to 1000"),
      ("cross-entropy", ["elites": 0.1], "did you mean elite?"),
      ("forest", ["tree": 2], "did you mean trees?"),
      ("forest", ["directions": 0], "outside 1 to 20"),
      ("alphaopt", ["library": "/nowhere.json"], "/nowhere.json: it cannot be read"),
      ("alphaopt", ["library": ["insights": [["condition": "c"]]]], "library: insight 1 needs"),
      ("alphaopt", ["applied": 21], "outside 1 to 20"),
      ("tpe", ["seed": 1], "tpe has no settings"),
      ("sobol", ["seed": 1], "sobol has no settings"),
      ("joint", ["max_token": 100], "did you mean max_tokens?"),
      ("joint", ["share": 1.5], "share: 1.5 is outside 0 to 1"),
      ("optoprime", ["temperature": []], "temperature"),
      ("optoprime", ["temperature": "hot"], "\"hot\" is not a number"),
      ("optoprime", ["tries": 0], "outside 1 to 20"),
      ("optoprime", ["parameters": ["instructoin"]], "did you mean instruction?"),
      ("optoprime", ["prompts": "/nowhere"], "cannot be read"),
      ("optoprime", 5, "must be an object"),
    ] as [(String, Value, String)])
  func mistakesAreNamed(_ name: String, _ settings: Value, _ expected: String) {
    do {
      _ = try OptimizerCatalog.make(name: name, settings: settings, space: Triage.space)
      Issue.record("taken")
    } catch { #expect(error.description.contains(expected), "\(error)") }
  }

  @Test func jointAlternatesWordsAndNumbers() async throws {
    let model = ScriptedModel { request in Triage.reply(instruction: "Text \(request.messages[1].content.hashed).") }
    var driver = OptimizerDriver(Joint(), problem: Triage.problem)
    var known: Set<String> = [Triage.space.initial.key]
    var origins: [String] = []
    for round in 0..<8 {
      let answer = try await driver.ask(1, context: Triage.context(round: round, known: known, model: model))
      let proposal = try #require(answer.proposals.first)
      known.insert(proposal.assignment.key)
      origins.append(proposal.origin)
      let changed = proposal.assignment.values.filter { Triage.space.initial[$0.key] != $0.value }.keys
      #expect(changed.contains("instruction") == (proposal.origin == "optoprime"))
      #expect(proposal.origin == "sobol" || changed.count == 1)
      driver.tell(.began(trial: round + 1, proposal))
    }
    #expect(origins == Array(repeating: ["optoprime", "sobol"], count: 4).flatMap(\.self))
  }

  @Test func jointFallsBackToTheOtherSide() async throws {
    // Words fail: numbers take the turn.
    let mute = ScriptedModel([""])
    var answer = try await OptimizerDriver(Joint(), problem: Triage.problem)
      .ask(2, context: Triage.context(model: mute))
    #expect(answer.proposals.map(\.origin) == ["sobol", "sobol"])
    #expect(answer.attempts.map(\.outcome) == [.malformed, .malformed])
    // No model: numbers alone.
    answer = try await OptimizerDriver(Joint(), problem: Triage.problem).ask(2, context: Triage.context(model: nil))
    #expect(answer.proposals.map(\.origin) == ["sobol", "sobol"])
    // Numbers used up: words take the turn.
    let small = Space([Triage.space.parameters[0], ParameterSpec(name: "flag", domain: .bool, initial: false)])
    let problem = Problem(space: small, objective: Objective(), seed: 1)
    let known: Set<String> = [
      small.initial.key, Assignment(["instruction": "Classify this message.", "flag": true]).key,
    ]
    let model = ScriptedModel { request in
      "{\"suggestion\": {\"instruction\": \"Text \(request.messages[1].content.hashed)\"}}"
    }
    answer = try await OptimizerDriver(Joint(), problem: problem)
      .ask(2, context: Triage.context(known: known, model: model, problem: problem))
    #expect(answer.proposals.map(\.origin) == ["optoprime", "optoprime"])
  }

  @Test func theDriverRefusesWhatAnOptimizerMustNotOffer() async throws {
    struct Rogue: Optimizer {
      struct State: Codable, Sendable, Equatable {}
      var name: String { "rogue" }
      var needsRollouts: Bool { false }
      func start(_ problem: Problem) -> State { State() }
      func tell(_ event: Event, state: inout State) {}
      func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
        var wild = context.problem.space.initial
        wild.values["temperature"] = 99
        var fine = context.problem.space.initial
        fine.values["temperature"] = 0.1
        return Answer([wild, fine, fine, context.problem.space.initial].map { Proposal($0, origin: name) })
      }
    }
    let answer = try await OptimizerDriver(Rogue(), problem: Triage.problem)
      .ask(4, context: Triage.context(model: nil))
    #expect(answer.proposals.count == 1 && answer.proposals[0].assignment["temperature"] == 0.1)
    #expect(answer.attempts.map(\.outcome) == [.rejected, .duplicate, .duplicate])
  }

  @Test func aRebuiltDriverHasTheSameState() {
    let proposal = Proposal(Triage.space.initial, origin: "sobol")
    let events: [Event] = [
      .began(trial: 1, proposal),
      .completed(trial: 1, Estimate(mean: 1, deviation: 0, count: 2), screened: false, outcomes: [:]),
    ]
    var lived = OptimizerDriver(Joint(), problem: Triage.problem)
    for event in events { lived.tell(event) }
    let rebuilt = OptimizerDriver(Joint(), problem: Triage.problem, events: events)
    #expect(lived.state == rebuilt.state && lived.state.contains("\"begun\":1"))
    lived.rebuild(from: events)
    #expect(lived.state == rebuilt.state)
  }
}

extension String {
  /// A short number for a text.
  var hashed: Int { utf8.reduce(7) { ($0 &* 31 &+ Int($1)) & 0xffff } }
}
