import Foundation
import Hone
import HoneModel
import HoneNumerics
import HoneOptimize
import HoneStore
import HoneTesting
import HoneTrace
import Testing

@testable import HoneTasks

/// Models fitted inside a task, with strengths tuned by hypergradients.
@Suite struct FitTaskTests {
  // MARK: - Rows

  /// Messages of two kinds: `x` tells them apart, `noise` does not; a judge leans to "no"; of three passages the one with
  /// the highest `bm25` is mostly right; some labels are wrong.
  static func rows(_ count: Int, from first: Int = 0) -> [Value] {
    var random = RandomStream(seed: 11, name: "fit rows \(first)")
    return (first..<(first + count)).map { number in
      let isYes = number % 2 == 0
      let x = random.normal() + (isYes ? 1.5 : -1.5)
      let judged = random.normal() + (isYes ? 1.5 : -1.5)
      let isWrong = random.uniform() < 0.25
      let bm25 = (0..<3).map { _ in random.uniform() }
      let best = bm25.indices.max { bm25[$0] < bm25[$1] } ?? 0
      let right = random.uniform() < 0.8 ? best : (best + 1) % 3
      let passages: [Value] = (0..<3).map { place in
        ["name": .string("p\(place)"), "bm25": .double(bm25[place]), "length": .double(random.uniform())]
      }
      return [
        "id": .string("r\(number)"), "intent": isYes ? "yes" : "no",
        "label": isYes != isWrong ? "yes" : "no", "checked": .bool(number % 3 == 0 || !isWrong && number % 5 == 0),
        "x": .double(x), "noise": .array((0..<3).map { _ in .double(random.normal()) }),
        "scores": ["yes": .double(2 * judged - 2), "no": .double(2 - 2 * judged)],
        "relevant": ["p\(right)"].map { .string($0) }.asArray, "passages": .array(passages),
      ]
    }
  }

  static func lines(_ rows: [Value]) -> String { rows.map(\.canonicalJSON).joined(separator: "\n") + "\n" }

  static func folder(_ train: [Value] = rows(60), _ validation: [Value] = rows(30, from: 100)) throws
    -> DataTests.Folder
  {
    try DataTests.Folder([
      "train.jsonl": lines(train), "validation.jsonl": lines(validation), "test.jsonl": lines(rows(30, from: 200)),
    ])
  }

  static func task(
    _ workflow: String, score: String = "{ exact_match: intent }", goal: String = "{ maximize: accuracy }",
    parameters: String = "{ penalty: { choice: [one, group, feature] } }", more: String = "",
    in folder: DataTests.Folder
  ) throws -> TaskFile {
    let text = """
      version: 1
      study: s
      goal: \(goal)
      data: { train: train.jsonl, validation: validation.jsonl, test: test.jsonl }
      workflow: \(workflow)
      parameters: \(parameters)
      score: \(score)
      \(more)
      """
    return try TaskFile.parse([UInt8](text.utf8), path: "task.yaml", directory: folder.path)
  }

  static let classify = "{ fit: { classify: intent, features: { sign: x, rest: noise }, penalty: $penalty } }"

  static func run(_ runner: TaskRunner, _ example: Example, _ values: [String: Value] = [:]) async throws -> (
    outcome: Outcome, trace: Trace
  ) {
    let recorder = Recorder()
    let assignment = try runner.space.accept(values, defaults: runner.space.initial)
    let context = TraceContext(recorder: recorder, assignment: assignment)
    let outcome = await TraceContext.$current.withValue(context) { await runner.run(example, repeat: 0) }
    return (outcome, recorder.finish())
  }

  static func runner(_ task: TaskFile, model: (any ChatModel)? = nil) throws -> (TaskRunner, DataSplits) {
    let data = try task.loadData()
    return (TaskRunner(task, train: data.train, endpoint: nil, model: model, environment: [:]), data)
  }

  /// Mean score and outcomes over the validation rows.
  static func means(_ task: TaskFile, _ values: [String: Value] = [:]) async throws -> [String: Double] {
    let (runner, data) = try runner(task)
    var sums: [String: Double] = [:]
    for row in data.validation {
      let outcome = try await run(runner, row, values).outcome
      let score = try #require(outcome.score, "\(outcome.failure?.message ?? "")")
      for (name, value) in outcome.outcomes.merging(["score": score], uniquingKeysWith: { $1 }) {
        sums[name, default: 0] += value / Double(data.validation.count)
      }
    }
    return sums
  }

  // MARK: - Forms

  @Test func aClassifierIsFittedAndTraced() async throws {
    let folder = try Self.folder()
    let task = try Self.task(Self.classify, in: folder)
    let means = try await Self.means(task)
    #expect((means["score"] ?? 0) > 0.85 && (means["log_loss"] ?? 1) < 0.4, "\(means)")
    #expect((means["oracle_calls"] ?? 0) > 10)
    let (runner, data) = try Self.runner(task)
    let (outcome, trace) = try await Self.run(runner, data.validation[0], ["penalty": "group"])
    let steps = trace.nodes.filter { $0.kind == .step }
    #expect(steps.map(\.name) == ["tune", "fit", "score"])
    let report = try #require(steps.first?.value)
    #expect(report["penalty"] == "group" && report["strengths"]?.object?.keys.sorted() == ["rest", "sign"])
    // What tells nothing apart is held as strongly or more so, as far as the guard lets them differ.
    let strengths = try #require(report["strengths"])
    #expect((strengths["rest"]?.number ?? 0) >= (strengths["sign"]?.number ?? .infinity), "\(report)")
    #expect(report["oracle_calls"]?["all"]?.number == outcome.outcomes["oracle_calls"])
    let first = try await Self.run(runner, data.validation[0]).trace.nodes.first { $0.name == "tune" }?.value["loss"]
    #expect((first?["choosing"]?.number ?? 1) < (first?["choosing_at_start"]?.number ?? 0), "\(first ?? .null)")
    #expect(report["cold_start_differs_by"]?.number.map { $0 < 1e-5 } == true)
    let reached = trace.subgraph(of: [Feedback(node: try #require(outcome.node), text: "")])
    let names = Set(reached.nodes.map { trace.nodes[$0].name })
    #expect(names.isSuperset(of: ["penalty", "tune", "fit"]))
    let decided = try #require(trace.nodes.first { $0.name == "fit" })
    #expect(Set(decided.inputs.map { trace.nodes[$0].name }) == ["tune", "x", "noise"])
  }

  @Test func scoresAreCalibratedByCost() async throws {
    let folder = try Self.folder()
    let fit = "{ fit: { calibrate: intent, scores: scores, costs: { yes: 3 }, penalty: $penalty } }"
    let task = try Self.task(fit, score: "{ outcome: cost }", goal: "{ minimize: cost }", in: folder)
    for penalty in ["one", "group", "feature"] as [Value] {
      let means = try await Self.means(task, ["penalty": penalty])
      #expect((means["cost"] ?? 9) < (means["cost_uncalibrated"] ?? 0) - 0.05, "\(penalty): \(means)")
      #expect((means["log_loss"] ?? 9) < (means["log_loss_uncalibrated"] ?? 0) - 0.1)
    }
  }

  /// With a temperature alone nothing in the fit can hold the costs: they come in with the decision. Losses held back and
  /// those that chose stand on one scale, whatever a mistake costs.
  @Test(arguments: [1.0, 3, 1e4])
  func aTemperatureDecidesByCost(_ cost: Double) async throws {
    let folder = try Self.folder()
    let fit = "{ fit: { calibrate: intent, scores: scores, costs: { yes: \(cost) }, use: $use, penalty: feature } }"
    let task = try Self.task(
      fit, score: "{ outcome: cost }", goal: "{ minimize: cost }",
      parameters: "{ use: { choice: [none, temperature, all] } }", in: folder)
    let (runner, data) = try Self.runner(task)
    var wins = 0
    for row in data.validation {
      let (outcome, trace) = try await Self.run(runner, row, ["use": "temperature"])
      let temperature = try #require(trace.nodes.first { $0.name == "tune" }?.value["temperature"]?.number)
      let scores = try #require(row.fields["scores"])
      let yes = (scores["yes"]?.number ?? 0) / temperature + log(cost)
      let no = (scores["no"]?.number ?? 0) / temperature
      #expect(outcome.output.text == (yes > no ? "yes" : "no"))
      if yes > no, (scores["yes"]?.number ?? 0) < (scores["no"]?.number ?? 0) { wins += 1 }
      let none = try await Self.run(runner, row, ["use": "none"]).outcome
      #expect(none.outcomes["oracle_calls"] == 0 && none.outcomes["cost"] == none.outcomes["cost_uncalibrated"])
    }
    #expect(wins > 0 || cost == 1)
    let all = try await Self.run(runner, data.validation[0], ["use": "all"]).outcome.outcomes
    let (chose, held) = (try #require(all["loss_choosing"]), try #require(all["loss_held_back"]))
    #expect(held < 3 * chose + 0.5, "\(held) \(chose)")
  }

  @Test func candidatesAreRanked() async throws {
    let folder = try Self.folder()
    let fit = """
      { fit: { rank: relevant, candidates: passages, features: { terms: bm25, size: length }, penalty: $penalty,
        top_k: $k } }
      """
    let task = try Self.task(
      fit, score: "{ outcome: hit }",
      parameters: "{ penalty: { choice: [one, group, feature] }, k: { int: [1, 2], initial: 1 } }", in: folder)
    let one = try await Self.means(task)
    #expect((one["hit"] ?? 0) > 0.6 && (one["hit_best_single"] ?? 0) > 0.6, "\(one)")
    let two = try await Self.means(task, ["k": 2])
    #expect((two["hit"] ?? 0) > (one["hit"] ?? 1) && two["reciprocal_rank"] == one["reciprocal_rank"])
    let (runner, data) = try Self.runner(task)
    let output = try await Self.run(runner, data.validation[0], ["k": 2]).outcome.output.text
    #expect(output.split(separator: "\n").count == 2 && output.hasPrefix("p"))
  }

  @Test func wrongLabelsAreFoundBesideBothBaselines() async throws {
    let folder = try Self.folder()
    let fit = "{ fit: { classify: label, checked: checked, features: { sign: x, rest: noise }, ridge: $ridge } }"
    let task = try Self.task(fit, parameters: "{ ridge: { float: [0.1, 10], log: true } }", in: folder)
    let means = try await Self.means(task)
    let plain = try ["accuracy_checked_only", "accuracy_all_rows"].map { try #require(means[$0]) }
    #expect((means["score"] ?? 0) >= plain.reduce(1, min), "\(means)")
    let (runner, data) = try Self.runner(task)
    let trace = try await Self.run(runner, data.validation[0]).trace
    let report = try #require(trace.nodes.first { $0.name == "tune" }?.value)
    let flagged = (report["labels_taken_to_be_wrong"]?.array ?? []).map(\.text)
    let open = Set(data.train.filter { $0.fields["checked"] == false }.map(\.id))
    #expect(!flagged.isEmpty && open.isSuperset(of: flagged) && flagged.count < open.count)
  }

  /// A prompt below reads what the fit decided.
  @Test func aFitIsAStep() async throws {
    let folder = try Self.folder()
    let task = try Self.task(
      """
      { steps: [ { name: kind, fit: { classify: intent, features: { sign: x }, penalty: $penalty } },
        { name: reply, prompt: { user: "It is {kind}." } } ] }
      """, more: "model: { endpoint: \"http://scripted/v1\", name: m }", in: folder)
    let model = ScriptedModel { $0.messages[0].content }
    let (runner, data) = try Self.runner(task, model: model)
    let (outcome, trace) = try await Self.run(runner, data.validation[0])
    #expect(["It is yes.", "It is no."].contains(outcome.output.text))
    #expect(outcome.outcomes["kind.log_loss"] != nil && outcome.outcomes["tokens"] != nil)
    #expect(
      trace.nodes.filter { $0.kind == .step }.map(\.name) == ["kind.tune", "kind", "reply.render", "reply", "score"])
  }

  // MARK: - What decides it

  /// The same whatever was asked before, and in whichever order.
  @Test func orderDoesNotDecide() async throws {
    let folder = try Self.folder()
    let task = try Self.task(Self.classify, in: folder)
    let order: [Value] = ["one", "group", "feature"]
    var seen: [String: Set<String>] = [:]
    let orders: [[Value]] = [order, order.reversed(), ["group", "feature", "one"]]
    for values in orders {
      let (runner, data) = try Self.runner(task)
      for value in values {
        let (outcome, trace) = try await Self.run(runner, data.validation[3], ["penalty": value])
        let outcomes = Value.object(outcome.outcomes.mapValues { .double($0) }).canonicalJSON
        seen[value.text, default: []].insert(outcomes + "\(trace.nodes.map(\.value.canonicalJSON))")
      }
    }
    #expect(seen.count == 3 && seen.values.allSatisfy { $0.count == 1 })
  }

  /// Training rows decide rollouts, so they are in the fingerprint.
  @Test func trainingRowsAreInTheFingerprint() throws {
    let folder = try Self.folder()
    let task = try Self.task(Self.classify, in: folder)
    let data = try task.loadData()
    let all = TaskRunner(task, train: data.train, endpoint: nil, model: nil, environment: [:])
    let fewer = TaskRunner(task, train: data.train.dropLast(), endpoint: nil, model: nil, environment: [:])
    #expect(all.fingerprint != fewer.fingerprint)
  }

  /// A study of fits: trials in the store, a cap on oracle calls that is kept, the same bytes twice.
  @Test(arguments: [nil, 9_000, 6_000])
  func aStudyKeepsTheCapOnOracleCalls(_ cap: Int?) async throws {
    let folder = try Self.folder()
    let fit = "{ fit: { classify: intent, features: { sign: x, rest: noise }, penalty: $penalty, calls: 3000 } }"
    let task = try Self.task(
      fit, score: "{ outcome: log_loss }", goal: "{ minimize: log_loss }",
      more: "budget: { \(cap.map { "oracle_calls: \($0)" } ?? "trials: 3") }\noptimizer: { use: random }", in: folder)
    func study() async throws -> (Report, [TrialRecord]) {
      let (runner, data) = try Self.runner(task)
      let store = MemoryStore()
      let report = try await Study(store: store, name: "s").run(
        runner, problem: task.problem, data: data, optimizer: RandomSearch(),
        settings: StudySettings(screening: false, budget: task.budget))
      return (report, try await store.trials(of: "s"))
    }
    let (report, trials) = try await study()
    let calls = trials.reduce(0) { $0 + ($1.outcomes["oracle_calls"] ?? 0) }
    #expect(trials.allSatisfy { ($0.outcomes["oracle_calls"] ?? 0) <= 3_000 && $0.state == .complete })
    if let cap {
      #expect(calls <= Double(cap))
      #expect(report.stop == .oracleCalls || report.stop == .exhausted && trials.count == 3)
    } else {
      #expect(trials.count == 3)
    }
    #expect(try await study().1 == trials)
  }

  // MARK: - What is wrong

  @Test(arguments: [
    ("{ fit: { features: { a: x } } }", "does not say what it does"),
    ("{ fit: { classify: intent, rank: intent, features: { a: x } } }", "exclude each other"),
    ("{ fit: { classify: intent } }", "needs groups of fields"),
    ("{ fit: { classify: intent, features: { \"a+b\": x } } }", "is no name of a group"),
    ("{ fit: { classify: intent, features: { a: x }, use: b } }", "is no group of features"),
    ("{ fit: { classify: intent, features: { a: x }, penalty: many } }", "expected one of one, group, feature"),
    ("{ fit: { classify: intent, features: { a: x }, outer: 1 } }", "out of range"),
    ("{ fit: { classify: intent, features: { a: x }, ridge: 1 } }", "strengths are tuned here"),
    (
      "{ fit: { classify: intent, features: { a: x }, checked: checked, outer: 0.5 } }",
      "weights of rows are tuned here"
    ),
    ("{ fit: { rank: relevant, features: { a: bm25 } } }", "needs candidates"),
    ("{ fit: { calibrate: intent } }", "needs scores"),
    ("{ fit: { calibrate: intent, scores: scores, costs: { yes: 0 } } }", "out of range"),
    ("{ fit: { calibrate: intent, scores: scores, features: { a: x } } }", "unknown key \"features\""),
    ("{ fit: { classify: intent, features: { a: x }, calls: 0 } }", "out of range"),
    ("{ fit: 3 }", "expected a mapping"),
  ])
  func wrongFitsAreRefused(_ workflow: String, _ message: String) throws {
    let folder = try Self.folder()
    let error = #expect(throws: TaskFileError.self) { try Self.task(workflow, in: folder) }
    #expect(error?.diagnostics.contains { $0.message.contains(message) } == true, "\(error?.diagnostics ?? [])")
  }

  @Test func whatDoesNotFitTheRestIsRefused() throws {
    let folder = try Self.folder()
    func refused(_ message: String, _ task: () throws -> TaskFile) {
      let error = #expect(throws: TaskFileError.self) { try task() }
      #expect(error?.diagnostics.contains { $0.message.contains(message) } == true, "\(error?.diagnostics ?? [])")
    }
    refused("less log_loss is better") { try Self.task(Self.classify, score: "{ outcome: log_loss }", in: folder) }
    refused("expected one of log_loss, cost") { try Self.task(Self.classify, score: "{ outcome: hit }", in: folder) }
    refused("the last step is no fit") {
      try Self.task("{ prompt: { user: \"{intent}\" } }", score: "{ outcome: cost }", in: folder)
    }
    refused("one trial may make") { try Self.task(Self.classify, more: "budget: { oracle_calls: 10 }", in: folder) }
    refused("is a step; a fit reads the rows") {
      try Self.task(
        """
        { steps: [ { name: first, prompt: { user: "{intent}" } },
          { name: kind, fit: { classify: intent, features: { sign: first }, penalty: $penalty } } ] }
        """, in: folder)
    }
    refused("needs choices out of one, group, feature") {
      try Self.task(Self.classify, parameters: "{ penalty: { choice: [one, two] } }", in: folder)
    }
  }

  static let maybe: Value = .object((rows(8, from: 100)[7].object ?? [:]).merging(["intent": "maybe"]) { $1 })

  /// Each names the row or the number that is wrong, before anything is run.
  @Test func wrongRowsAreTold() throws {
    func refused(
      _ message: String, in workflow: String = Self.classify, train: [Value] = Self.rows(60), _ other: [Value]
    ) throws {
      let folder = try Self.folder(train, other)
      let error = #expect(throws: DataError.self) { try Self.task(workflow, in: folder).loadData() }
      #expect(error?.diagnostics.contains { $0.message.contains(message) } == true, "\(error?.diagnostics ?? [])")
    }
    func changed(_ field: String, _ value: Value) -> [Value] {
      var rows = Self.rows(30, from: 100)
      var fields = rows[7].object ?? [:]
      fields[field] = value
      rows[7] = .object(fields)
      return rows
    }
    try refused("row \"r107\": \"x\" holds \"far\", which is no number", changed("x", "far"))
    try refused("row \"r107\": \"noise\" has 2 numbers, elsewhere it has 3", changed("noise", [1, 2]))
    try refused("row \"r107\": \"x\" holds \"null\"", changed("x", .null))
    let calibrate = "{ fit: { calibrate: intent, scores: scores, penalty: $penalty } }"
    try refused(
      "row \"r107\": \"scores\" has scores of no, perhaps", in: calibrate, changed("scores", ["no": 1, "perhaps": 2]))
    try refused("row \"r107\": \"scores\" holds no scores", in: calibrate, changed("scores", 3))
    let rank = "{ fit: { rank: relevant, candidates: passages, features: { a: bm25 }, penalty: $penalty } }"
    try refused("row \"r107\": \"passages\" is no list", in: rank, changed("passages", []))
    try refused("a candidate has no \"name\"", in: rank, changed("passages", [["bm25": 1]]))
    try refused(
      "row \"r107\": the label \"maybe\" is none of no, yes", in: calibrate,
      train: Self.rows(60).dropLast() + [Self.maybe], Self.rows(30, from: 300))
    try refused(
      "costs names \"perhaps\"", in: calibrate.replacing("penalty:", with: "costs: { perhaps: 2 }, penalty:"),
      Self.rows(30, from: 300))
    let checked = "{ fit: { classify: label, checked: intent, features: { a: x } } }"
    try refused("\"intent\" is \"yes\", expected true or false", in: checked, Self.rows(30, from: 300))
    let strangers = Self.rows(60).map { row in Value.object((row.object ?? [:]).merging(["relevant": ["q"]]) { $1 }) }
    try refused(
      "only 0 of 60 rows of train have a right candidate in \"passages\"", in: rank, train: strangers,
      Self.rows(30, from: 300))
    let one = Self.rows(60).filter { $0["intent"] == "yes" }
    try refused("there is nothing to tell apart", train: one, Self.rows(30, from: 100))
    try refused("are too few", train: Array(Self.rows(6)), Self.rows(30, from: 100))
  }
}

extension [Value] {
  fileprivate var asArray: Value { .array(self) }
}
