import Foundation
import HoneModel
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct AlphaOPTTests {
  /// What the model says of the examples, whose numbers are those shown: the worst first.
  private static func learned(
    _ insights: [(condition: String, explanation: String, examples: [Int])], applies: [(Int, [Int])] = []
  ) -> String {
    let list = insights.map { insight -> Value in
      [
        "taxonomy": ["form"], "condition": .string(insight.condition), "explanation": .string(insight.explanation),
        "wrong": "w", "right": "r", "examples": .array(insight.examples.map(Value.int)),
      ]
    }
    let entries = applies.map { entry -> Value in
      ["insight": .int(entry.0), "examples": .array(entry.1.map(Value.int))]
    }
    let reply: Value = [
      "reasoning": "sentences", "insights": .array(list), "applies": .array(entries), "conditions": [],
    ]
    return reply.canonicalJSON
  }

  private static func isLearning(_ request: ChatRequest) -> Bool { request.messages[1].content.contains("#Library") }

  private static func apply(_ request: ChatRequest) -> String {
    Triage.reply(instruction: "Text \(request.messages[1].content.hashed).")
  }

  private static func tell(_ driver: inout OptimizerDriver, _ answer: Answer, from number: Int, _ mean: Double)
    -> [Event]
  {
    var events: [Event] = answer.attempts.map { .attempted($0) }
    for (place, proposal) in answer.proposals.enumerated() {
      let estimate = Estimate(mean: mean, deviation: 0.5, count: 25)
      events.append(.began(trial: number + place, proposal))
      events.append(.completed(trial: number + place, estimate, screened: false, outcomes: [:]))
    }
    for event in events { driver.tell(event) }
    return events
  }

  private static func started(_ settings: AlphaOPT.Settings = .init()) -> (OptimizerDriver, [Event]) {
    var driver = OptimizerDriver(AlphaOPT(settings), problem: Triage.problem)
    let events = tell(&driver, Answer([Proposal(Triage.space.initial, origin: "initial")]), from: 0, 0.5)
    return (driver, events)
  }

  /// Rollouts of which the first went wrong and the others well.
  private static func context(_ round: Int, parent: Int, model: any ChatModel, wrong: Set<Int> = [0]) -> AskContext {
    var context = Triage.context(round: round, model: model)
    context.parent = .init(trial: parent, assignment: Triage.space.initial)
    for place in context.rollouts.indices { context.rollouts[place].score = wrong.contains(place) ? 0 : 1 }
    return context
  }

  @Test func whatWentWrongIsLearnedAndTakenUp() async throws {
    var (driver, events) = Self.started()
    let model = ScriptedModel { request in
      Self.isLearning(request) ? Self.learned([("all", "answer with one word", [1, 2, 9])]) : Self.apply(request)
    }
    let answer = try await driver.ask(1, context: Self.context(1, parent: 0, model: model))
    #expect(answer.attempts.map(\.outcome) == [.applied, .applied])
    #expect(answer.proposals.first?.note.hasPrefix("insights 1: ") == true && answer.proposals.first?.parent == 0)
    let prompts = model.requests.map { $0.messages[1].content }
    #expect(prompts.count == 2 && prompts[0].contains("#Library\n(none)") && prompts[0].contains("up to 3 causes"))
    #expect(prompts[1].contains(#""explanation":"answer with one word""#) && prompts[1].contains(#""held":0"#))
    events += Self.tell(&driver, answer, from: 1, 0.9)
    let library = AlphaOPT().library(Triage.problem, events)
    #expect(library[1]?.gained == 1 && library[1]?.lost == 0)
    // Example 2 went well, so it is no cause; there is no example 9.
    #expect(library[1]?.ledger.unretrieved == ["0/m1"])
    // In use below trial 1, so that it is not taken up again; the ledger goes by the scores there.
    let next = ScriptedModel { request in
      Self.isLearning(request) ? Self.learned([], applies: [(1, [1, 2]), (7, [1])]) : Self.apply(request)
    }
    let second = try await driver.ask(1, context: Self.context(2, parent: 1, model: next))
    #expect(second.proposals.first?.note.hasPrefix("no insight: ") == true)
    #expect(second.attempts[0].rejections.map(\.kind) == [.notAChoice])
    #expect(next.requests[0].messages[1].content.contains(#""in the values":true,"insight":1"#))
    events += Self.tell(&driver, second, from: 2, 0.9)
    let ledger = AlphaOPT().library(Triage.problem, events)[1]?.ledger
    #expect(ledger?.negative == ["1/m1"] && ledger?.positive == ["1/m2"])
    #expect(OptimizerDriver(AlphaOPT(), problem: Triage.problem, events: events).state == driver.state)
  }

  /// An insight that never helps is taken up twice and then no more; it is shown as one that did not hold.
  @Test func whatNeverHelpsIsNotTakenUpAgain() async throws {
    var (driver, events) = Self.started(AlphaOPT.Settings(applied: 1))
    let useless = "mind the weather"
    let good = "name the intents"
    let model = ScriptedModel { request in
      Self.isLearning(request) ? Self.learned([("all", useless, [1])]) : Self.apply(request)
    }
    var taken: [Bool] = []
    var prompts: [String] = []
    for number in 1...6 {
      let before = model.requests.count
      let answer = try await driver.ask(1, context: Self.context(number, parent: 0, model: model))
      taken.append(answer.proposals.first?.note.hasPrefix("insights 1") == true)
      prompts = model.requests[before...].map { $0.messages[1].content }
      events += Self.tell(&driver, answer, from: number, 0.3)
    }
    #expect(taken == [true, true, false, false, false, false])
    let library = AlphaOPT().library(Triage.problem, events)
    #expect(library[1]?.gained == 0 && library[1]?.lost == 2 && library[1]?.occurrence == 6)
    #expect(prompts[0].contains("#Library\n(none)"))
    let parts = prompts[1].components(separatedBy: "#Insights")
    #expect(parts[0].contains("#Did not hold") && parts[0].contains(useless) && !parts[1].contains(useless))
    // One that helps stays in use: gains outweigh losses.
    let helping = ScriptedModel { request in
      Self.isLearning(request) ? Self.learned([("all", good, [1])]) : Self.apply(request)
    }
    for (number, mean) in zip(7..., [0.7, 0.4, 0.8, 0.9]) {
      let answer = try await driver.ask(1, context: Self.context(number, parent: 0, model: helping))
      #expect(answer.proposals.first?.note.hasPrefix("insights 2") == true)
      events += Self.tell(&driver, answer, from: number, mean)
    }
  }

  /// A trial on a few easy examples has not gained because its mean is high, and one on hard ones has not lost.
  @Test func gainsAreThoseOnCommonExamples() {
    func row(_ trial: Int, _ scores: [Double?]) -> ScoreTable.Row {
      ScoreTable.Row(trial: trial, assignment: Triage.space.initial, scores: scores)
    }
    let rows = [row(0, [1, 1, 0, 0, 0]), row(1, [1, 0.5, nil, nil, nil]), row(2, [nil, nil, nil, 0.3, 0.2])]
    let library = Self.learned([("all", "a", [1]), ("some", "b", [1])])
    var events: [Event] = [
      .attempted(
        Attempt(
          origin: "alphaopt", outcome: .applied, suggestion: (try? Value.parse(json: Array(library.utf8))) ?? .null,
          reasoning: AlphaOPT.learning + " 0"))
    ]
    for row in rows {
      let note = row.trial == 0 ? "" : AlphaOPT.note([row.trial])
      events.append(
        .began(
          trial: row.trial,
          Proposal(row.assignment, origin: "alphaopt", parent: row.trial == 0 ? nil : 0, note: note)))
      guard let estimate = row.estimate else { continue }
      events.append(.completed(trial: row.trial, estimate, screened: false, outcomes: [:]))
    }
    let paired = AlphaOPT().library(Triage.problem, events, table: ScoreTable(examples: 5, rows: rows))
    #expect(paired.insights.map(\.gained) == [0, 1] && paired.insights.map(\.lost) == [1, 0])
    let raw = AlphaOPT().library(Triage.problem, events)
    #expect(raw.insights.map(\.gained) == [1, 0] && raw.insights.map(\.lost) == [0, 1])
  }

  /// The library of another study is used from the first ask on; its prompts are bounded however much it holds.
  @Test func aLibraryIsTakenOver() async throws {
    let many = (0..<200).map { number in
      Insight(
        condition: "case \(number) \(String(repeating: "of many words ", count: 25))", explanation: "do \(number * 13)",
        gained: number == 7 ? 5 : 0, lost: number == 8 ? 5 : 0)
    }
    let settings = AlphaOPT.Settings(library: ExperienceLibrary(many))
    let (driver, _) = Self.started(settings)
    let model = ScriptedModel { request in Self.isLearning(request) ? Self.learned([]) : Self.apply(request) }
    let answer = try await driver.ask(1, context: Self.context(1, parent: 0, model: model))
    #expect(answer.proposals.first?.note.hasPrefix("insights 8: ") == true)
    let prompts = model.requests.map { $0.messages.map(\.content).joined() }
    #expect(prompts[0].contains("\"do 91\"") && !prompts[0].contains("\"do 104\""))
    for prompt in prompts { #expect(Tokens.estimate(prompt) < settings.text.tokenCap) }
  }

  @Test func aBatchTakesUpDifferentInsights() async throws {
    let (driver, _) = Self.started(AlphaOPT.Settings(applied: 1))
    let model = ScriptedModel { request in
      Self.isLearning(request)
        ? Self.learned([("cards", "ask for the card", [1]), ("transfers", "name the account", [1])])
        : Self.apply(request)
    }
    let answer = try await driver.ask(3, context: Self.context(1, parent: 0, model: model))
    #expect(answer.proposals.map { $0.note.prefix(10) } == ["insights 1", "insights 2", "no insight"])
    #expect(model.requests.count == 4)
  }

  @Test func numbersThatMovedTookNothingUp() async throws {
    let (driver, _) = Self.started()
    let model = ScriptedModel { request in
      Self.isLearning(request) ? Self.learned([("all", "answer with one word", [1])]) : "no"
    }
    let answer = try await driver.ask(1, context: Self.context(1, parent: 0, model: model))
    #expect(answer.attempts.last?.outcome == .fallback)
    #expect(answer.proposals.first?.note.hasPrefix("no insight: ") == true)
  }

  @Test func notesAreReadAsTheyAreWritten() {
    #expect(AlphaOPT.used(in: AlphaOPT.note([3, 12]) + ": insights 4") == [3, 12])
    for note in ["", "no insight: insights 3", "insights : 3", "merge", "insights x, -: 2"] {
      #expect(AlphaOPT.used(in: note) == [])
    }
  }

  @Test func mutatedRepliesAreReadOrRefused() {
    let good = Array(Self.learned([("cards", "ask", [1]), ("pins", "tell", [2])], applies: [(1, [1, 2])]).utf8)
    let reader = AlphaOPTReply(
      trial: 4, scores: [0, 1], examples: [("m1", isWrong: true), ("m2", isWrong: false)], listed: [1, 2],
      inUse: [1], most: 2)
    var random = RandomStream(seed: 9, name: "insights")
    var read = 0
    for _ in 0..<1_500 {
      var bytes = good
      for _ in 0...Int(random.next() % 3) {
        ReplyMutator.damage(&bytes, bank: [good], tokens: ReplyMutator.tokens, using: &random)
      }
      let (attempt, found) = reader.read(ScriptedModel.reply(String(decoding: bytes, as: UTF8.self)))
      var library = ExperienceLibrary([Insight(condition: "a", explanation: "b")])
      if let found {
        read += 1
        library.learn(found)
        #expect(attempt.outcome == .applied && library.insights.count <= 3)
        let ledger = library[1]?.ledger
        #expect(
          Set(ledger?.positive ?? []).isSubset(of: ["4/m2"]) && Set(ledger?.negative ?? []).isSubset(of: ["4/m1"]))
      } else {
        #expect(!attempt.rejections.isEmpty && attempt.outcome != .applied)
      }
    }
    #expect(read > 150 && read < 1_450)
  }

  @Test(arguments: Models.names) func conforms(_ name: String) async {
    let found = await OptimizerConformance(rounds: 3, model: Models.model(name)).violations { AlphaOPT() }
    #expect(found == [])
  }
}
