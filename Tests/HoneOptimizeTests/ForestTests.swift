import Foundation
import HoneModel
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct ForestTests {
  private typealias Trial = Forest.State.Trial

  private static func trial(_ number: Int, of parent: Int?, _ mean: Double?, failed: Bool = false) -> Trial {
    Trial(
      number: number, parent: parent, estimate: mean.map { Estimate(mean: $0, deviation: 0.5, count: 25) },
      hasFailed: failed)
  }

  // MARK: - UCT

  /// Visits and values by the definition, node by node from the raw lineage: no shared running sums.
  private static func naive(_ trials: [Trial], isMaximized: Bool) -> [(n: Int, q: Double)] {
    let scores = trials.compactMap(\.estimate?.mean)
    let (low, high) = (scores.min() ?? 0, scores.max() ?? 0)
    func reward(_ trial: Trial) -> Double? {
      guard let mean = trial.estimate?.mean else { return trial.hasFailed ? 0 : nil }
      guard high > low else { return 0.5 }
      return isMaximized ? (mean - low) / (high - low) : (high - mean) / (high - low)
    }
    func path(_ trial: Trial) -> [Int] {
      var path = [trial.number]
      while let parent = trials.first(where: { $0.number == path[path.count - 1] })?.parent { path.append(parent) }
      return path
    }
    var q = Dictionary(uniqueKeysWithValues: trials.map { ($0.number, 0.0) })
    for (place, trial) in trials.enumerated() {
      guard let reward = reward(trial) else { continue }
      q[trial.number] = reward
      let path = path(trial)
      for (child, parent) in zip(path, path.dropFirst()) {
        let n = trials[...place].count { Self.naivePath(trials, $0).contains(parent) }
        let (old, below) = (q[parent] ?? 0, q[child] ?? 0)
        q[parent] = (1 - 1 / Double(n)) * old + 1 / Double(n) * max(old, below)
      }
    }
    return trials.map { trial in
      (trials.count { Self.naivePath(trials, $0).contains(trial.number) }, q[trial.number] ?? 0)
    }
  }

  private static func naivePath(_ trials: [Trial], _ trial: Trial) -> [Int] {
    guard let parent = trial.parent, let above = trials.first(where: { $0.number == parent }) else {
      return [trial.number]
    }
    return [trial.number] + naivePath(trials, above)
  }

  @Test func boundsAreThoseOfANaiveOracle() {
    var random = RandomStream(seed: 3, name: "forest")
    for _ in 0..<200 {
      let count = 1 + Int(random.next() % 12)
      let trials = (0..<count).map { number -> Trial in
        let parent = number > 0 && random.uniform() < 0.8 ? Int(random.next() % UInt64(number)) : nil
        let draw = random.uniform()
        return Self.trial(number, of: parent, draw < 0.7 ? random.normal() * 1e3 : nil, failed: draw > 0.85)
      }
      let isMaximized = random.uniform() < 0.5
      let (c, expected) = (random.uniform() * 2, Self.naive(trials, isMaximized: isMaximized))
      let tree = ForestTree(trials, isMaximized: isMaximized, c: c)
      #expect(tree.nodes.map(\.n) == expected.map(\.n))
      for (node, expected) in zip(tree.nodes, expected) { #expect(abs(node.q - expected.q) < 1e-12) }
      // Down the tree by the definition of equation 1.
      let used = Set(trials.map(\.number).filter { $0 % 3 != 0 })
      var found: Int?
      var level = trials.filter { $0.parent == nil }
      while true {
        let total = level.reduce(0) { $0 + expected[$1.number].n }
        let bounds = level.filter { $0.estimate != nil }.map { trial -> (Int, Double) in
          let (n, q) = expected[trial.number]
          return (trial.number, q + c * (log(Double(total)) / Double(n)).squareRoot())
        }
        guard let highest = bounds.map(\.1).max(), let best = bounds.first(where: { $0.1 == highest }) else { break }
        found = best.0
        guard used.contains(best.0) else { break }
        level = trials.filter { $0.parent == best.0 }
      }
      #expect(tree.select { used.contains($0) } == found)
    }
  }

  /// Kocsis and Szepesvári's guarantee in the small: a good branch gets most visits, a bad one is not forgotten.
  @Test func visitsGoWhereScoresAreHigh() throws {
    var trials = [Self.trial(0, of: nil, 0.2), Self.trial(1, of: nil, 0.8)]
    for number in 2..<60 {
      let tree = ForestTree(trials, isMaximized: true, c: 1)
      let parent = try #require(tree.select { _ in false })
      trials.append(Self.trial(number, of: parent, parent == 1 ? 0.8 : 0.2))
    }
    let tree = ForestTree(trials, isMaximized: true, c: 1)
    #expect(tree.nodes[1].n > 3 * tree.nodes[0].n && tree.nodes[0].n >= 3, "\(tree.nodes[0].n), \(tree.nodes[1].n)")
  }

  @Test(arguments: [1e308, 1e-300, 0, 1.0])
  func scoresOfAnySizeAreBounded(_ size: Double) {
    let trials = [Self.trial(0, of: nil, size), Self.trial(1, of: 0, -size), Self.trial(2, of: 1, size / 2)]
    for node in ForestTree(trials, isMaximized: true, c: 1).nodes { #expect((0...1).contains(node.q)) }
  }

  // MARK: - The rounds

  private static func directions(_ texts: String...) -> String {
    Value.object(["reasoning": "why", "directions": .array(texts.map(Value.string))]).canonicalJSON
  }

  /// Begins what was proposed, with scores.
  private static func tell(_ driver: inout OptimizerDriver, _ answer: Answer, from number: Int, _ mean: Double) {
    for attempt in answer.attempts { driver.tell(.attempted(attempt)) }
    for (place, proposal) in answer.proposals.enumerated() {
      driver.tell(.began(trial: number + place, proposal))
      let estimate = Estimate(mean: mean, deviation: 0.5, count: 25)
      driver.tell(.completed(trial: number + place, estimate, screened: false, outcomes: [:]))
    }
  }

  private static func begun(_ settings: Forest.Settings) -> OptimizerDriver {
    var driver = OptimizerDriver(Forest(settings), problem: Triage.problem)
    tell(&driver, Answer([Proposal(Triage.space.initial, origin: "initial")]), from: 0, 0.5)
    return driver
  }

  /// Directions first, each gone in once; then further down, and what they did is shown in the other branch.
  @Test func directionsAreAskedForOnceAndShared() async throws {
    var driver = Self.begun(Forest.Settings(trees: 1, directions: 2, exploration: 0))
    let model = ScriptedModel { request in
      let text = request.messages[1].content
      guard text.contains("Find up to") else { return Triage.reply(instruction: "Text \(text.hashed).") }
      return text.contains("name the intents")
        ? Self.directions("shorter", "Name the  intents!", "give examples")
        : Self.directions("name the intents", "ask for one word", "a third one")
    }
    var known: Set<String> = [Triage.space.initial.key]
    var parents: [Int?] = []
    for (number, mean) in [(1, 0.7), (2, 0.1), (3, 0.6)] {
      var context = Triage.context(round: number, known: known, model: model)
      let parent = driver.parent(context)
      parents.append(parent)
      if parent == 1 { context.parent = .init(trial: 1, assignment: Triage.space.initial) }
      let answer = try await driver.ask(1, context: context)
      let proposal = try #require(answer.proposals.first)
      #expect(proposal.parent == parent)
      known.insert(proposal.assignment.key)
      Self.tell(&driver, answer, from: number, mean)
    }
    #expect(parents == [0, 0, 1])
    let prompts = model.requests.map { $0.messages[1].content }
    // scatter, expand, expand, scatter, expand.
    #expect(prompts.map { $0.contains("Find up to 2") } == [true, false, false, true, false])
    #expect(prompts[1].contains("#Direction\n\"name the intents\"") && prompts[1].contains("#Directions tried\n(none)"))
    #expect(prompts[2].contains("#Direction\n\"ask for one word\""))
    let bad = #"{"change":-0.4,"direction":"ask for one word","error":0.141,"parent":0}"#
    let good = #"{"change":0.2,"direction":"name the intents","error":0.141,"parent":0}"#
    #expect(prompts[3].contains("#Directions tried\n\(bad)\n\(good)"), "\(prompts[3])")
    #expect(prompts[4].contains("#Direction\n\"shorter\""))
  }

  /// A child on a few easy examples is compared with its parent on those, and is not expanded for their ease.
  @Test func trialsAreComparedOnCommonExamples() async throws {
    let initial = Triage.space.initial
    func row(_ trial: Int, _ scores: [Double?]) -> ScoreTable.Row {
      ScoreTable.Row(trial: trial, assignment: initial, scores: scores)
    }
    // Easy ones first. Trial 2 has three of the four easy ones right, trial 1 half of all.
    let easy: [Double] = [1, 1, 1, 1]
    let rows = [
      row(0, easy + [0, 0, 0, 0, 0, 0]), row(1, easy + [1, 0, 1, 0, 0, 0]),
      row(2, [1, 0, 1, 1] + Array(repeating: nil, count: 6)),
    ]
    let table = ScoreTable(examples: 10, rows: rows)
    var driver = OptimizerDriver(
      Forest(Forest.Settings(trees: 1, directions: 2, exploration: 0)), problem: Triage.problem)
    driver.tell(.began(trial: 0, Proposal(initial, origin: "initial")))
    let directions = Attempt(
      origin: "forest", outcome: .applied, suggestion: ["directions": ["shorter", "longer"]],
      reasoning: "directions of trial 0: r")
    driver.tell(.attempted(directions))
    for (trial, direction) in [(1, "direction 1 of trial 0: a"), (2, "direction 2 of trial 0: b")] {
      driver.tell(.began(trial: trial, Proposal(initial, origin: "forest", parent: 0, note: direction)))
    }
    for row in rows {
      let estimate = try #require(row.estimate)
      driver.tell(.completed(trial: row.trial, estimate, screened: false, outcomes: [:]))
    }
    let model = ScriptedModel { request in
      request.messages[1].content.contains("Find up to")
        ? Self.directions("x") : Triage.reply(instruction: "Text \(request.messages[1].content.hashed).")
    }
    var context = Triage.context(round: 1, model: model)
    context.table = table
    #expect(driver.parent(context) == 1)
    context.table = nil
    #expect(driver.parent(context) == 2)
    context.table = table
    context.parent = .init(trial: 1, assignment: initial)
    _ = try await driver.ask(1, context: context)
    let prompt = try #require(model.requests.first?.messages[1].content)
    #expect(prompt.contains(#"{"change":-0.25,"direction":"longer","error":0.25,"parent":0}"#), "\(prompt)")
    #expect(prompt.contains(#"{"change":0.2,"direction":"shorter","error":0.133,"parent":0}"#), "\(prompt)")
  }

  @Test func furtherSeedsComeFirst() async throws {
    var driver = Self.begun(Forest.Settings(trees: 3))
    let model = ScriptedModel { request in Triage.reply(instruction: "Seed \(request.messages[1].content.hashed).") }
    let context = Triage.context(model: model)
    #expect(driver.parent(context) == nil)
    let answer = try await driver.ask(2, context: context)
    #expect(answer.proposals.map(\.parent) == [nil, nil] && answer.proposals.allSatisfy { $0.note.hasPrefix("seed") })
    #expect(
      model.requests[0].messages[1].content.contains("#Starting points\ninstruction = \"Classify this message.\""))
    Self.tell(&driver, answer, from: 1, 0.9)
    #expect(driver.parent(context) == 1)
  }

  /// A seed that never comes, or a direction in which nothing is found, does not hold the search up.
  @Test func repliesInVainAreGivenUp() async throws {
    var driver = Self.begun(Forest.Settings(text: .init(fallback: false), trees: 2, directions: 2))
    var context = Triage.context(model: ScriptedModel(["no"]))
    Self.tell(&driver, try await driver.ask(1, context: context), from: 1, 0)
    #expect(driver.parent(context) == 0)
    context.model = ScriptedModel { request in
      request.messages[1].content.contains("Find up to") ? Self.directions("left", "right") : "no"
    }
    let vain = try await driver.ask(1, context: context)
    #expect(vain.proposals.isEmpty && vain.attempts.allSatisfy { $0.reasoning.contains("of trial 0") })
    Self.tell(&driver, vain, from: 1, 0)
    let model = ScriptedModel([Triage.reply(instruction: "New.")])
    context.model = model
    let found = try await driver.ask(1, context: context)
    #expect(found.proposals.first?.note.hasPrefix("direction 2 of trial 0 (right)") == true)
    #expect(model.requests.count == 1)
  }

  /// Numbers that moved for want of a reply say nothing about the direction.
  @Test func theFallbackIsNoResultOfADirection() async throws {
    var driver = Self.begun(Forest.Settings(trees: 1, directions: 2))
    let model = ScriptedModel { request in
      request.messages[1].content.contains("Find up to") ? Self.directions("left", "right") : "no"
    }
    let answer = try await driver.ask(1, context: Triage.context(model: model))
    #expect(answer.attempts.last?.outcome == .fallback && answer.proposals[0].note.hasPrefix("change of trial 0"))
    Self.tell(&driver, answer, from: 1, 0.9)
    let next = ScriptedModel([Triage.reply(instruction: "New.")])
    _ = try await driver.ask(1, context: Triage.context(model: next))
    let prompt = try #require(next.requests.first?.messages[1].content)
    #expect(prompt.contains("#Direction\n\"right\"") && prompt.contains("#Directions tried\n(none)"))
  }

  // MARK: - Replies

  @Test func aDirectionIsOneShortLine() throws {
    let long = String(repeating: "word ", count: 200)
    let reply = ScriptedModel.reply(Self.directions("a\u{1b}[2J\nb\u{202e}c", "A [2j b C", "", "  ", long, "last"))
    let found = try #require(ForestDirections.read(reply, most: 4, known: ["Last!"]).found)
    #expect(found.count == 2 && found[0] == "a [2J b c" && found[1].count <= 300)
  }

  @Test func mutatedRepliesAreReadOrRefused() {
    let good = Array(Self.directions("name the intents", "ask for one word \"x\"", "shorter").utf8)
    var random = RandomStream(seed: 6, name: "directions")
    var read = 0
    for _ in 0..<1_500 {
      var bytes = good
      for _ in 0...Int(random.next() % 3) {
        ReplyMutator.damage(&bytes, bank: [good], tokens: ReplyMutator.tokens, using: &random)
      }
      let (attempt, found) = ForestDirections.read(
        ScriptedModel.reply(String(decoding: bytes, as: UTF8.self)), most: 3, known: ["shorter"])
      if let found {
        read += 1
        #expect((1...3).contains(found.count) && found.allSatisfy { !$0.isEmpty && $0.count <= 300 })
        #expect(attempt.outcome == .applied)
      } else {
        #expect(!attempt.rejections.isEmpty && attempt.outcome != .applied)
      }
    }
    #expect(read > 150 && read < 1_450)
  }

  @Test func purposesAreReadAsTheyAreWritten() {
    let all: [Forest.Purpose] = [
      .seed, .scatter(parent: 12), .expand(parent: 0, direction: nil), .expand(parent: 7, direction: 4),
    ]
    for purpose in all { #expect(Forest.Purpose("\(purpose.text) (direction 9 of trial 9): text") == purpose) }
    for text in ["", "direction 0 of trial 1", "direction x of trial 1", "directions of", "merge of trial 3"] {
      #expect(Forest.Purpose(text) == nil)
    }
  }

  /// Good, malformed, hostile and silent models, each through all spaces of the conformance suite.
  @Test(arguments: Models.names) func conforms(_ name: String) async {
    let found = await OptimizerConformance(rounds: 3, model: Models.model(name)).violations {
      Forest(Forest.Settings(trees: 2, directions: 2))
    }
    #expect(found == [])
  }
}
