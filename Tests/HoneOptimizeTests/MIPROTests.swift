import Foundation
import HoneModel
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct MIPROTests {
  static let space = Space([
    ParameterSpec(
      name: "instruction", domain: .text(TextDomain(maxLength: 500)), initial: "Name the label.",
      description: "What the model is told."),
    ParameterSpec(name: "shots", domain: .demonstrations(maxLength: 2_000), initial: ""),
    ParameterSpec(name: "temperature", domain: .float(FloatDomain(0...1)), initial: 0.5),
  ])
  static let problem = Problem(
    space: space, objective: Objective(metric: "accuracy", purpose: "Name the label."), seed: 3)

  static func rollout(_ index: Int, score: Double, split: Split = .train, answer: String = "label") -> RolloutRecord {
    let trace = Trace(
      nodes: [
        Trace.Node(kind: .parameter, name: "instruction", value: "Name the label."),
        Trace.Node(kind: .parameter, name: "shots", value: ""),
        Trace.Node(kind: .input, name: "text", value: .string("text \(index)")),
        Trace.Node(kind: .step, name: "render", inputs: [0, 1, 2], value: "messages"),
        Trace.Node(kind: .parameter, name: "temperature", value: 0.5),
        Trace.Node(kind: .step, name: "model", inputs: [3, 4], value: .string(answer), doc: "Asks the model."),
        Trace.Node(kind: .step, name: "score", inputs: [5], value: .double(score), doc: "Compares."),
      ])
    return RolloutRecord(
      trial: 0, split: split, example: "e\(index)", repeat: 0, cacheKey: "\(index)", score: score,
      feedback: score < 1 ? "Expected another label." : "Correct.", output: .string(answer), trace: trace)
  }

  static func context(
    _ rollouts: [RolloutRecord], round: Int = 1, known: [Assignment] = [space.initial], labels: [String: String] = [:],
    model: (any ChatModel)?
  ) -> AskContext {
    AskContext(
      problem: problem, round: round, known: Set(known.map(\.key)),
      incumbent: .init(
        trial: 0, assignment: space.initial, estimate: Estimate(mean: 0.25, deviation: 0.4, count: 20)),
      rollouts: rollouts, labels: labels, model: model)
  }

  /// Notes where they are asked for, else another instruction for every request.
  @Sendable static func helpful(_ request: ChatRequest) -> String {
    let prompt = request.messages.map(\.content).joined()
    if prompt.contains("{\"notes\": ") { return #"{"notes": "Labels are lower case."}"# }
    var random = RandomStream(seed: 1, name: prompt)
    return #"{"reasoning": "r", "suggestion": {"instruction": "Name it, way \#(random.next() % 10_000)."}}"#
  }

  private static let begun: [Event] = [
    .began(trial: 0, Proposal(space.initial, origin: "initial")),
    .completed(trial: 0, Estimate(mean: 0.25, deviation: 0.4, count: 20), screened: false, outcomes: [:]),
  ]

  // MARK: - Demonstrations

  @Test func aDemonstrationIsWhatTheStepWasGivenAndAnswered() {
    let trace = Trace(nodes: [
      Trace.Node(kind: .parameter, name: "rewriter", value: "r"),
      Trace.Node(kind: .input, name: "question", value: "why?"),
      Trace.Node(kind: .step, name: "query.render", inputs: [0, 1], value: "m"),
      Trace.Node(kind: .step, name: "query", inputs: [2], value: "because"),
      Trace.Node(kind: .parameter, name: "shots", value: ""),
      Trace.Node(kind: .step, name: "fill", inputs: [4, 3], value: "filled"),
      Trace.Node(kind: .step, name: "reply.render", inputs: [5, 1], value: "m"),
      Trace.Node(kind: .step, name: "reply", inputs: [6], value: 7),
      Trace.Node(kind: .step, name: "score", inputs: [7], value: 1.0),
    ])
    #expect(
      trace.demonstrations(for: "shots") == [
        Demonstration(inputs: ["question": "why?", "query": "because"], output: "7")
      ])
    #expect(
      trace.demonstrations(for: "rewriter") == [Demonstration(inputs: ["question": "why?"], output: "because")])
    #expect(trace.demonstrations(for: "question").isEmpty && trace.demonstrations(for: "other").isEmpty)
    // What was cut for the record, or cannot be told apart, is no demonstration.
    var cut = trace
    cut.nodes[1].value = "why… (12 more bytes)"
    #expect(cut.demonstrations(for: "shots").isEmpty && cut.demonstrations(for: "rewriter").isEmpty)
    var doubled = trace
    doubled.nodes[3].name = "question"
    #expect(doubled.demonstrations(for: "shots").isEmpty)
    // Indices out of place, as a hostile file may hold them, are passed over.
    var wild = trace
    wild.nodes[7].inputs = [99, -1, 7, 8]
    #expect(wild.demonstrations(for: "shots").isEmpty)
  }

  @Test func goodMeansAboveTheMeanAndTheMiddle() {
    #expect(BootstrapFewShot.threshold([0, 1, 0, 0], mean: 0.2, direction: .maximize) == 0.625)
    #expect(BootstrapFewShot.threshold([0, 0], mean: 0.1, direction: .maximize) == 0.1)
    #expect(BootstrapFewShot.threshold([1, 1], mean: 0.7, direction: .maximize) == 1)
    #expect(BootstrapFewShot.threshold([1, 3], mean: 1.2, direction: .minimize) == 1.2)
    #expect(BootstrapFewShot.threshold([], mean: 1, direction: .minimize) == nil)
    // All wrong, or all alike: none is good.
    #expect(BootstrapFewShot.threshold([0, 0], mean: 0, direction: .maximize) == nil)
    #expect(BootstrapFewShot.threshold([2, 2], mean: nil, direction: .minimize) == nil)
    #expect(BootstrapFewShot.threshold([1e308, -1e308, .nan], mean: nil, direction: .maximize)?.isFinite == true)
  }

  @Test func onlyGoodTrainingExamplesAreShownAndNoneToItself() throws {
    let rollouts =
      [
        Self.rollout(0, score: 1, split: .validation), Self.rollout(1, score: 1, split: .test),
        Self.rollout(2, score: 0),
      ]
      + [Self.rollout(3, score: 1, answer: "three"), Self.rollout(4, score: 1, answer: "four")]
    let maker = BootstrapFewShot(parameter: Self.space.parameters[1], most: 4, labelled: 4)
    var random = RandomStream(seed: 1, name: "t")
    let shown = Demonstrations([Demonstration(inputs: ["text": "text 4"], output: "four")])
    let labels = ["e0": "zero", "e1": "one", "e2": "two", "e4": "four"]
    let found = maker.found(
      in: rollouts, threshold: 0.5, direction: .maximize, shown: shown, labels: labels, random: &random)
    #expect(found.bootstrapped == [Demonstration(inputs: ["text": "text 3"], output: "three")])
    #expect(found.labelled == [Demonstration(inputs: ["text": "text 2"], output: "two")])
    // First what went well and then what has a label; labelled ones alone; then sets of random size.
    #expect(maker.set(0, found, random: &random)?.list == found.bootstrapped + found.labelled)
    #expect(maker.set(1, found, random: &random)?.list == found.labelled)
    #expect(maker.set(0, BootstrapFewShot.Found(), random: &random) == nil)
  }

  @Test func setsKeepToTheDomainAndToTheirSize() throws {
    var random = RandomStream(seed: 2, name: "sets")
    var found = BootstrapFewShot.Found()
    found.bootstrapped = (0..<20).map {
      Demonstration(inputs: ["text": .string(String(repeating: "x", count: $0 * 10) + "\($0)")], output: "o")
    }
    found.bootstrapped.append(Demonstration(inputs: ["text": "bad \u{85}"], output: "o"))
    var spec = Self.space.parameters[1]
    spec.domain = .demonstrations(maxLength: 150)
    let maker = BootstrapFewShot(parameter: spec, most: 3, labelled: 0)
    var sizes: Set<Int> = []
    for number in 0..<60 {
      let set = try #require(maker.set(number, found, random: &random))
      #expect(try spec.domain.accept(set.parameterValue) == set.parameterValue)
      #expect((1...3).contains(set.list.count) && Set(set.list.map(\.inputs)).count == set.list.count)
      sizes.insert(set.list.count)
    }
    #expect(sizes == [1, 2, 3])
  }

  // MARK: - Requests

  @Test func anInstructionIsGroundedInNotesProgramAttemptsAndFailures() async throws {
    let model = ScriptedModel(Self.helpful)
    let rollouts = [Self.rollout(0, score: 1, answer: "right"), Self.rollout(1, score: 0, answer: "wrong")]
    let driver = OptimizerDriver(MIPRO(), problem: Self.problem, events: Self.begun)
    let answer = try await driver.ask(1, context: Self.context(rollouts, model: model))
    // One request for notes, two for instructions.
    #expect(model.requests.count == 3 && answer.attempts.map(\.outcome) == [.applied, .applied, .applied])
    let prompt = try #require(model.requests.last).messages[1].content
    for part in [
      "Labels are lower case.", "model($instruction, $shots, text, $temperature): Asks the model.",
      #""score":0.25"#, "instruction = \"Name the label.\"", "{\"reasoning\"",
    ] {
      #expect(prompt.contains(part), "\(part) in \(prompt)")
    }
    let (good, other) = (
      try #require(prompt.range(of: "#Good answers")), try #require(prompt.range(of: "#Other answers"))
    )
    #expect(prompt[good.upperBound..<other.lowerBound].contains("\"right\""))
    #expect(prompt[other.upperBound...].contains("\"wrong\"") && !prompt[other.upperBound...].contains("\"right\""))
    // Nothing but the instruction may be written; the two requests are not the same one.
    guard case .jsonSchema(_, let schema) = try #require(model.requests.last).format else {
      Issue.record("no schema")
      return
    }
    #expect(schema["properties"]?["suggestion"]?["properties"]?.object?.keys.map(\.self) == ["instruction"])
    #expect(model.requests[1] != model.requests[2])
    let proposal = try #require(answer.proposals.first)
    #expect(proposal.assignment["shots"] == "" && proposal.assignment["temperature"] == 0.5 && proposal.parent == 0)
  }

  @Test func whatWasWrittenIsTriedBeforeMoreIsWritten() async throws {
    let words = Space([Self.space.parameters[0]])
    let problem = Problem(space: words, objective: Objective(), seed: 1)
    var driver = OptimizerDriver(MIPRO(.init(start: 3, notes: 1)), problem: problem)
    driver.tell(.began(trial: 0, Proposal(words.initial, origin: "initial")))
    var known: [Assignment] = [words.initial]
    var requests: [Int] = []
    for round in 1...5 {
      let model = ScriptedModel(Self.helpful)
      var context = Self.context([Self.rollout(1, score: 0)], round: round, known: known, model: model)
      context.problem = problem
      context.incumbent?.assignment = words.initial
      let answer = try await driver.ask(1, context: context)
      for attempt in answer.attempts { driver.tell(.attempted(attempt)) }
      let proposal = try #require(answer.proposals.first)
      known.append(proposal.assignment)
      driver.tell(.began(trial: round, proposal))
      driver.tell(
        .completed(trial: round, Estimate(mean: 0.1, deviation: 0, count: 1), screened: false, outcomes: [:]))
      requests.append(model.requests.count)
    }
    // Notes and three instructions, of which two wait; then one by one.
    #expect(requests == [4, 0, 0, 1, 1] && Set(known.map(\.key)).count == 6)
  }

  @Test(
    arguments: [
      ("", Attempt.Outcome.malformed), ("{\"notes\": 5}", .malformed), ("{\"notes\": \" \"}", .rejected),
      ("{\"notes\": ", .malformed), ("{\"suggestion\": {}}", .malformed),
    ] as [(String, Attempt.Outcome)])
  func badNotesAreRefused(_ reply: String, _ outcome: Attempt.Outcome) {
    let read = MIPROPrompt.readNotes(ScriptedModel.reply(reply))
    #expect(read.found == nil && read.attempt.outcome == outcome && read.attempt.rejections.count == 1)
  }

  @Test func longNotesAreKeptInPart() {
    let long = String(repeating: "word ", count: 5_000)
    let read = MIPROPrompt.readNotes(ScriptedModel.reply("{\"notes\": \"\(long)\"}"))
    #expect(read.found?.count == MIPROPrompt.words * 12 && read.attempt.outcome == .applied)
  }

  /// A model that fails at everything leaves typed attempts, and the search over demonstrations and numbers goes on.
  @Test(arguments: ["", "no", #"{"suggestion": {"shots": "x"}}"#, #"{"suggestion": {"temperature": 99}}"#])
  func numbersAndDemonstrationsNeedNoUsableReply(_ reply: String) async throws {
    var driver = OptimizerDriver(MIPRO(), problem: Self.problem, events: Self.begun)
    var known = [Self.space.initial]
    for round in 1...6 {
      let model = ScriptedModel { _ in reply }
      let rollouts = (0..<6).map { Self.rollout(10 * round + $0, score: Double($0 % 2), answer: "answer \($0)") }
      let answer = try await driver.ask(1, context: Self.context(rollouts, round: round, known: known, model: model))
      let proposal = try #require(answer.proposals.first)
      for attempt in answer.attempts {
        driver.tell(.attempted(attempt))
        #expect(attempt.outcome == .applied || !attempt.rejections.isEmpty)
      }
      #expect(proposal.assignment["instruction"] == "Name the label.")
      known.append(proposal.assignment)
      driver.tell(.began(trial: round, proposal))
      driver.tell(
        .completed(trial: round, Estimate(mean: 0.3, deviation: 0, count: 1), screened: false, outcomes: [:]))
    }
    #expect(known.contains { $0["shots"] != "" } && Set(known.map { $0["temperature"] }).count > 1)
  }

  @Test func withoutAModelThereAreStillDemonstrations() async throws {
    let driver = OptimizerDriver(MIPRO(), problem: Self.problem, events: Self.begun)
    await #expect(throws: ModelError.self) {
      _ = try await driver.ask(1, context: Self.context([Self.rollout(0, score: 1)], model: nil))
    }
    let settings = MIPRO.Settings(text: ProposerSettings(parameters: ["shots"]))
    let alone = OptimizerDriver(MIPRO(settings), problem: Self.problem, events: Self.begun)
    let answer = try await alone.ask(1, context: Self.context([Self.rollout(0, score: 1)], model: nil))
    let proposal = try #require(answer.proposals.first)
    #expect(proposal.assignment["shots"] == #"{"inputs":{"text":"text 0"},"output":"label"}"#)
    #expect(proposal.assignment["temperature"] == 0.5 && proposal.assignment["instruction"] == "Name the label.")
  }

  /// Nobody else writes demonstrations: not those that change text, nor those that change everything.
  @Test(arguments: ["evoprompt", "gepa", "opro", "optoprime", "textgrad", "joint"])
  func othersLeaveDemonstrationsAlone(_ name: String) async throws {
    let model = ScriptedModel { _ in #"{"suggestion": {"shots": "{\"inputs\": {}, \"output\": \"o\"}"}}"# }
    let optimizer = try OptimizerCatalog.make(name: name, space: Self.space)
    let driver = OptimizerDriver(optimizer, problem: Self.problem, events: Self.begun)
    for round in 1...3 {
      let answer = try await driver.ask(
        1, context: Self.context([Self.rollout(1, score: 0)], round: round, model: model))
      #expect(answer.proposals.allSatisfy { $0.assignment["shots"] == "" })
    }
    for request in model.requests {
      guard case .jsonSchema(_, let schema) = request.format else { continue }
      #expect(schema["properties"]?["suggestion"]?["properties"]?["shots"] == nil)
    }
  }

  // MARK: - Search

  /// A trial on a few easy examples is not better than those on all of them, as its mean says, but worse.
  @Test func scoresOnFewerExamplesAreComparedOnThose() {
    // Half of the examples are easy; trials differ by one hard example each.
    var rows = (0..<6).map { trial in
      ScoreTable.Row(
        trial: trial, assignment: Self.space.initial,
        scores: (0..<20).map { $0 < 10 || $0 == 10 + trial ? 1 : 0 })
    }
    rows.append(
      ScoreTable.Row(
        trial: 6, assignment: Self.space.initial, scores: (0..<20).map { $0 < 8 ? ($0 == 3 || $0 == 5 ? 0 : 1) : nil }))
    for direction in [Objective.Direction.maximize, .minimize] {
      let problem = Problem(space: Self.space, objective: Objective(direction: direction), seed: 1)
      let sign = direction == .maximize ? 1.0 : -1.0
      var turned = rows
      for place in turned.indices { turned[place].scores = turned[place].scores.map { $0.map { sign * $0 } } }
      var history = TrialHistory(problem, owner: "mipro")
      for row in turned {
        history.tell(.began(trial: row.trial, Proposal(row.assignment, origin: "initial")))
        if let estimate = row.estimate {
          history.tell(.completed(trial: row.trial, estimate, screened: false, outcomes: [:]))
        }
      }
      let raw = history.trials.map { $0.loss ?? .nan }
      #expect(raw.dropLast().allSatisfy { $0 > raw[6] })
      let context = AskContext(problem: problem, round: 1, table: ScoreTable(examples: 20, rows: turned))
      let losses = MIPROSearch.comparable(history.trials, context).map { $0.loss ?? .nan }
      #expect(losses.dropLast() == raw.dropLast() && losses.dropLast().allSatisfy { $0 < losses[6] }, "\(losses)")
    }
  }

  /// However many texts wait to be tried, the best of those that were tried stay among those that are told apart.
  @Test func theBestTextsAreKeptBesideNewOnes() {
    let most = MIPROSearch.texts
    var random = RandomStream(seed: 4, name: "kept")
    for (tried, untried) in [(10, 60), (60, 10), (60, 60), (40, 0), (0, 50), (3, 40)] {
      var losses = [Double?](repeating: nil, count: untried)
      for _ in 0..<tried { losses.append(random.uniform()) }
      losses.shuffle(using: &random)
      let kept = MIPROSearch.places(losses)
      #expect(kept.count == min(most, losses.count) && kept == kept.sorted() && Set(kept).count == kept.count)
      let best = losses.indices.filter { losses[$0] != nil }.sorted { (losses[$0] ?? 0) < (losses[$1] ?? 0) }
      #expect(Set(kept).isSuperset(of: best.prefix(most / 2)))
      let newest = losses.indices.filter { losses[$0] == nil }.suffix(most / 2)
      #expect(Set(kept).isSuperset(of: newest))
    }
  }

  /// Of two texts by two texts and a number, the search finds the pair and the place that score best.
  @Test func theSearchFindsTheBestCombination() async throws {
    func score(_ assignment: Assignment) -> Double {
      let words = assignment["instruction"] == "B" ? 0.3 : 0
      let shots = (assignment["shots"]?.string ?? "").isEmpty ? 0 : 0.3
      return words + shots - 0.3 * abs((assignment["temperature"]?.number ?? 0) - 0.2)
    }
    let shots = Demonstrations([Demonstration(inputs: ["text": "t"], output: "o")]).lines
    var wins = 0
    for seed in 0..<10 {
      let problem = Problem(space: Self.space, objective: Objective(), seed: UInt64(seed))
      var driver = OptimizerDriver(MIPRO(), problem: problem)
      var known: [Assignment] = []
      var best = (score: -Double.infinity, trial: 0)
      func tell(_ proposal: Proposal) {
        let value = score(proposal.assignment)
        if value > best.score { best = (value, known.count) }
        driver.tell(.began(trial: known.count, proposal))
        driver.tell(
          .completed(
            trial: known.count, Estimate(mean: value, deviation: 0, count: 1), screened: false, outcomes: [:]))
        known.append(proposal.assignment)
      }
      for (words, shown) in [("Name the label.", ""), ("B", ""), ("C", shots), ("D", "")] {
        let values: [String: Value] = ["instruction": .string(words), "shots": .string(shown), "temperature": 0.9]
        tell(Proposal(try Self.space.accept(values), origin: "initial"))
      }
      for round in 0..<24 {
        var context = Self.context([], round: round, known: known, model: ScriptedModel { _ in "" })
        context.problem = problem
        context.incumbent = .init(
          trial: best.trial, assignment: known[best.trial], estimate: Estimate(mean: best.score, deviation: 0, count: 1)
        )
        tell(try #require(try await driver.ask(1, context: context).proposals.first))
      }
      if best.score > 0.55 { wins += 1 }
    }
    #expect(wins >= 9, "\(wins) of 10")
  }

  // MARK: - Studies in a world where demonstrations help

  /// What a study does, without its store: rollouts of the incumbent on training rows, validation of each trial.
  private struct WorldStudy {
    let world: SimulatedWorld
    let model: SimulatedModel
    let problem: Problem
    static let validation = 100..<160

    init(_ world: SimulatedWorld, skill: SimulatedModel.Skill, seed: UInt64) {
      self.world = world
      model = SimulatedModel(world, skill: skill, seed: seed)
      let space = Space([
        ParameterSpec(
          name: "instruction", domain: .text(TextDomain(maxLength: 2_000)), initial: .string(SimulatedWorld.opening)),
        ParameterSpec(name: "shots", domain: .demonstrations(maxLength: 4_000), initial: ""),
      ])
      problem = Problem(space: space, objective: Objective(metric: "accuracy"), seed: seed)
    }

    func shots(_ assignment: Assignment) -> Demonstrations {
      assignment["shots"].flatMap(Demonstrations.init(parameterValue:)) ?? []
    }

    func rollout(_ row: Int, _ assignment: Assignment, _ split: Split) -> RolloutRecord {
      let item = world.text(row)
      var messages = [ChatMessage(.system, assignment["instruction"]?.string ?? "")]
      for shown in shots(assignment).without(["item": .string(item)]).list {
        messages.append(ChatMessage(.user, shown.inputs["item"]?.string ?? ""))
        messages.append(ChatMessage(.assistant, shown.output))
      }
      messages.append(ChatMessage(.user, item))
      let answer = model.reply(to: ChatRequest(messages))
      let names = ["instruction", "shots"]
      let trace = Trace(
        nodes: names.map { Trace.Node(kind: .parameter, name: $0, value: assignment[$0] ?? .null) } + [
          Trace.Node(kind: .input, name: "item", value: .string(item)),
          Trace.Node(kind: .step, name: "model", inputs: [0, 1, 2], value: .string(answer), doc: "Labels it."),
        ])
      return RolloutRecord(
        trial: 0, split: split, example: "r\(row)", repeat: 0, cacheKey: "\(row)",
        score: answer == world.label(row) ? 1 : 0,
        feedback: world.feedback(row, answer, instruction: assignment["instruction"]?.string ?? ""),
        output: .string(answer), trace: trace)
    }

    /// - Returns: the best trial's assignment by validation, and all events.
    func run(_ optimizer: MIPRO, trials: Int, checksResume: Bool = false) async throws -> (Assignment, [Event]) {
      var driver = OptimizerDriver(optimizer, problem: problem)
      var events: [Event] = []
      var table = ScoreTable(examples: Self.validation.count)
      func tell(_ event: Event) {
        events.append(event)
        driver.tell(event)
      }
      func begin(_ proposal: Proposal) {
        let trial = table.rows.count
        tell(.began(trial: trial, proposal))
        let scores = Self.validation.map { rollout($0, proposal.assignment, .validation).score ?? 0 }
        if let estimate = Estimate(scores) {
          tell(.completed(trial: trial, estimate, screened: false, outcomes: [:]))
        }
        table.rows.append(ScoreTable.Row(trial: trial, assignment: proposal.assignment, scores: scores))
      }
      var best: ScoreTable.Row {
        table.rows.enumerated().max {
          let (a, b) = ($0.element.estimate?.mean ?? 0, $1.element.estimate?.mean ?? 0)
          return a == b ? $0.offset > $1.offset : a < b
        }?.element ?? ScoreTable.Row(trial: 0, assignment: problem.space.initial, scores: [])
      }
      begin(Proposal(problem.space.initial, origin: "initial"))
      while table.rows.count < trials {
        var random = RandomStream(seed: problem.seed, name: "minibatch/\(table.rows.count)")
        let rows = Array(0..<100).shuffled(using: &random).prefix(16)
        let known = Set(table.rows.map(\.assignment.key))
        let parent = best
        var context = AskContext(problem: problem, round: table.rows.count, known: known, table: table, model: model)
        context.incumbent = .init(
          trial: parent.trial, assignment: parent.assignment,
          estimate: parent.estimate ?? Estimate(mean: 0, deviation: 0, count: 1))
        context.rollouts = rows.map { rollout($0, parent.assignment, .train) }
        let answer = try await driver.ask(1, context: context)
        if checksResume {
          let stored = try JSONDecoder().decode([Event].self, from: JSONEncoder().encode(events))
          let resumed = OptimizerDriver(optimizer, problem: problem, events: stored)
          #expect(resumed.state == driver.state)
          #expect(try await resumed.ask(1, context: context) == answer)
        }
        for attempt in answer.attempts { tell(.attempted(attempt)) }
        begin(try #require(answer.proposals.first))
      }
      return (best.assignment, events)
    }

    func truth(_ assignment: Assignment) -> Double {
      world.accuracy(
        of: .init(assignment["instruction"]?.string ?? "", demonstrations: shots(assignment).list.count))
    }
  }

  /// No feedback names the rule, and a misleading proposer does not guess it: only demonstrations help.
  private static let shown = SimulatedWorld(
    name: "shown", seed: 21, rules: [.init("Say the magic word", share: 1)], base: 0.3, ceiling: 0.9,
    demonstrations: 0.4, naming: 0)

  @Test func demonstrationsImproveAWorldWhereTheyHelp() async throws {
    for seed in 0..<4 {
      let study = WorldStudy(Self.shown, skill: .misleading, seed: UInt64(seed))
      let settings = MIPRO.Settings()
      let (best, events) = try await study.run(MIPRO(settings), trials: 12, checksResume: seed == 0)
      let shots = study.shots(best).list
      #expect(shots.count >= 3, "\(seed)")
      // The start's true accuracy is 0.3; four demonstrations give 0.55.
      #expect(study.truth(best) >= 0.5, "\(seed): \(study.truth(best))")
      // Training rows alone, each with the answer that was right.
      let training = Dictionary((0..<100).map { (study.world.text($0), study.world.label($0)) }) { first, _ in first }
      for case .began(_, let proposal) in events {
        for one in study.shots(proposal.assignment).list {
          #expect(training[one.inputs["item"]?.string ?? ""] == one.output)
        }
      }
    }
  }

  /// Where rules are named, instructions and demonstrations are found together.
  @Test func instructionsAndDemonstrationsAreFoundTogether() async throws {
    var world = SimulatedWorld.few
    world.demonstrations = 0.2
    var truths: [Double] = []
    for seed in 0..<4 {
      let study = WorldStudy(world, skill: .good, seed: UInt64(seed))
      truths.append(study.truth(try await study.run(MIPRO(), trials: 20).0))
    }
    let start = world.accuracy(of: .init(SimulatedWorld.opening))
    #expect(truths.allSatisfy { $0 > start + 0.15 }, "\(start): \(truths)")
  }
}
