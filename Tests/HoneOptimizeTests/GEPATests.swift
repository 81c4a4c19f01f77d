import HoneModel
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct GEPATests {
  static let space = Space([
    ParameterSpec(name: "plan", domain: .text(TextDomain(maxLength: 200)), initial: "plan"),
    ParameterSpec(name: "answer", domain: .text(TextDomain(maxLength: 200)), initial: "answer"),
    ParameterSpec(name: "k", domain: .int(IntDomain(1...9)), initial: 3),
  ])
  static let problem = Problem(space: space, objective: Objective(metric: "accuracy"), seed: 11)

  static func assignment(_ plan: String, _ answer: String) -> Assignment {
    Assignment(["plan": .string(plan), "answer": .string(answer), "k": 3])
  }

  private static func row(_ trial: Int, _ assignment: Assignment, _ scores: [Double?]) -> ScoreTable.Row {
    ScoreTable.Row(trial: trial, assignment: assignment, scores: scores)
  }

  /// A start and its children, as events, and the context after them.
  private static func study(_ rows: [ScoreTable.Row], parents: [Int?], round: Int = 7, model: (any ChatModel)?) -> (
    [Event], AskContext
  ) {
    var events: [Event] = []
    for (row, parent) in zip(rows, parents) {
      let origin = parent == nil ? "initial" : "gepa"
      events.append(.began(trial: row.trial, Proposal(row.assignment, origin: origin, parent: parent)))
      if let estimate = row.estimate {
        events.append(.completed(trial: row.trial, estimate, screened: false, outcomes: [:]))
      }
    }
    let table = ScoreTable(examples: rows[0].scores.count, rows: rows)
    return (
      events,
      AskContext(
        problem: problem, round: round, known: Set(rows.map(\.assignment.key)),
        parent: .init(trial: 0, assignment: rows[0].assignment), table: table, model: model)
    )
  }

  private static func reply(_ name: String, _ text: String) -> String {
    Value.object(["reasoning": "r", "suggestion": .object([name: .string(text)])]).canonicalJSON
  }

  @Test func oneTextAfterTheOther() async throws {
    let start = Self.row(0, Self.assignment("plan", "answer"), [0, 1])
    var (events, context) = Self.study([start], parents: [nil], model: ScriptedModel([Self.reply("plan", "plan 2")]))
    var driver = OptimizerDriver(GEPA(), problem: Self.problem, events: events)
    let first = try #require(try await driver.ask(1, context: context).proposals.first)
    #expect(first.assignment == Self.assignment("plan 2", "answer") && first.parent == 0)
    driver.tell(.began(trial: 1, first))
    context.known.insert(first.assignment.key)
    context.model = ScriptedModel([Self.reply("answer", "answer 2")])
    let second = try #require(try await driver.ask(1, context: context).proposals.first)
    #expect(second.assignment == Self.assignment("plan", "answer 2"))
    events = []
    // A text that is not asked for is fixed.
    context.model = ScriptedModel([Self.reply("plan", "plan 3")])
    let none = try await driver.ask(1, context: context)
    #expect(none.proposals.isEmpty && none.attempts.allSatisfy { $0.outcome == .rejected })
  }

  @Test func thePromptShowsWholeTextsAndFeedback() async throws {
    let model = ScriptedModel([Triage.reply(instruction: "D")])
    let driver = OptimizerDriver(GEPA(), problem: Triage.problem)
    let answer = try await driver.ask(1, context: Triage.context(model: model))
    #expect(answer.proposals.first?.assignment["instruction"] == "D")
    let prompt = model.requests[0].messages[1].content
    #expect(prompt.contains("instruction = \"Classify this message.\""))
    #expect(prompt.contains("feedback: \"Expected lost_card, got Sure, I can help.\""))
    #expect(prompt.contains("Name the intent of a bank customer's message."))
  }

  @Test func mergesTakeTheTextThatEachChanged() async throws {
    let rows = [
      Self.row(0, Self.assignment("plan", "answer"), [0, 0, 1]),
      Self.row(1, Self.assignment("plan A", "answer"), [1, 0, 1]),
      Self.row(2, Self.assignment("plan", "answer B"), [0, 1, 1]),
    ]
    let model = ScriptedModel(["no request is made"])
    let (events, context) = Self.study(rows, parents: [nil, 0, 0], model: model)
    let driver = OptimizerDriver(GEPA(), problem: Self.problem, events: events)
    let answer = try await driver.ask(1, context: context)
    #expect(answer.proposals.map(\.assignment) == [Self.assignment("plan A", "answer B")])
    #expect(answer.proposals[0].note.hasPrefix("merge of trials 1 and 2") && model.requests.isEmpty)
    // As many merges as mutations were better than their parents, and no more than the settings allow.
    let none = OptimizerDriver(GEPA(.init(merges: 0)), problem: Self.problem, events: events)
    #expect(try await none.ask(1, context: context).proposals.isEmpty && !model.requests.isEmpty)
  }

  @Test func aDescendantIsNotMergedWithItsAncestor() async throws {
    let rows = [
      Self.row(0, Self.assignment("plan", "answer"), [0, 0, 1]),
      Self.row(1, Self.assignment("plan A", "answer"), [1, 0, 1]),
      Self.row(2, Self.assignment("plan A", "answer B"), [0, 1, 1]),
    ]
    let model = ScriptedModel([""])
    let (events, context) = Self.study(rows, parents: [nil, 0, 1], model: model)
    let answer = try await OptimizerDriver(GEPA(), problem: Self.problem, events: events).ask(1, context: context)
    #expect(answer.proposals.isEmpty && !model.requests.isEmpty)
  }

  @Test func parentsAreDrawnByTheExamplesTheyAreBestAt() async {
    let rows = [
      Self.row(0, Self.assignment("0", ""), [1, 1, 1, 0]), Self.row(1, Self.assignment("1", ""), [0, 0, 0, 1]),
      Self.row(2, Self.assignment("2", ""), [0, 0, 0, 0]),
    ]
    let (events, _) = Self.study(rows, parents: [nil, 0, 0], model: nil)
    let driver = OptimizerDriver(GEPA(), problem: Self.problem, events: events)
    var counts = [0, 0, 0]
    for round in 0..<400 {
      let (_, context) = Self.study(rows, parents: [nil, 0, 0], round: round, model: nil)
      if let parent = driver.parent(context) { counts[parent] += 1 }
    }
    #expect(abs(counts[0] - 300) < 40 && counts[0] + counts[1] == 400)
  }

  /// What the elimination must end with: some survivor is best at each example, and each is the only one somewhere.
  @Test func theFrontIsCoveredAndSmall() {
    var random = RandomStream(seed: 5, name: "front")
    for _ in 0..<300 {
      let (trials, examples) = (1 + Int(random.uniform() * 8), 1 + Int(random.uniform() * 6))
      let rows = (0..<trials).map { trial in
        Self.row(
          trial, Self.assignment("\(trial)", ""),
          (0..<examples).map { _ in random.uniform() < 0.2 ? nil : Double(Int(random.uniform() * 3)) })
      }
      let isMaximized = random.uniform() < 0.5
      let table = ScoreTable(examples: examples, rows: rows)
      let survivors = InstanceFront(table, isMaximized ? .maximize : .minimize).survivors
      var bestAt: [Int: [Int]] = [:]
      var isCovered = true
      for example in 0..<examples {
        let scores = rows.compactMap { row in row.scores[example].map { (row.trial, $0) } }
        guard let best = isMaximized ? scores.map(\.1).max() : scores.map(\.1).min() else { continue }
        let holders = survivors.filter { survivor in scores.contains { $0.0 == survivor.trial && $0.1 == best } }
        if holders.isEmpty { isCovered = false }
        if holders.count == 1 { bestAt[holders[0].trial, default: []].append(example) }
        for holder in holders where holder.wins < 1 { isCovered = false }
      }
      #expect(isCovered)
      #expect(survivors.allSatisfy { bestAt[$0.trial] != nil })
    }
  }
}
