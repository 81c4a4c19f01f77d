import Foundation
import HoneTrace
import Testing

/// Studies that measure trials bit by bit, and studies whose space grows, from the command line.
@Suite struct SchedulerCommandTests {
  private func task(
    _ program: Program, scheduler: String, kind: String = "int", range: String = "[0.0, 1.0]", initial: Int? = 12,
    tests: Int = 0, budget: String
  ) throws {
    let rows = (0..<24).map { "{\"n\": \($0)}\n" }.joined()
    try rows.write(to: program.folder.appending(path: "rows.jsonl"), atomically: true, encoding: .utf8)
    try "{\"n\": -1}\n".write(
      to: program.folder.appending(path: "train.jsonl"), atomically: true, encoding: .utf8)
    let unseen = (0..<tests).map { "{\"n\": \(100 + $0)}\n" }.joined()
    try unseen.write(to: program.folder.appending(path: "test.jsonl"), atomically: true, encoding: .utf8)
    let test = tests == 0 ? "" : ", test: test.jsonl"
    let start = initial.map { ", initial: \($0)" } ?? ""
    let text = """
      version: 1
      study: line
      goal: { maximize: score }
      data: { train: train.jsonl, validation: rows.jsonl\(test) }
      workflow: { command: [sed, "s/.*/{\\"score\\": 0.$x}/", "{example.json}"] }
      parameters: { x: { \(kind): \(range)\(start) } }
      score: { json: score }
      optimizer: { use: random, \(scheduler), seed: 4 }
      budget: \(budget)
      """
    try text.write(to: program.folder.appending(path: "task.yaml"), atomically: true, encoding: .utf8)
  }

  @Test(arguments: ["asha", "successive-halving", "hyperband", "race", "sequential-test"])
  func isTunedAndReplayed(_ scheduler: String) async throws {
    let program = try Program()
    defer { program.remove() }
    try task(program, scheduler: "scheduler: \(scheduler)", range: "[10, 99]", budget: "{ rollouts: 360 }")
    let result = try await program.run("tune", "task.yaml")
    #expect(result.code == 0, "\(result.error)")
    let trials = try await program.run("list", "line", "--json").objects()
    let counts = trials.compactMap { $0["rollouts"]?.int }
    // Without noise the first test of a race decides: no trial of it, the leader's included, needs another example.
    #expect(scheduler == "race" ? Set(counts) == [8] : Set(counts).count > 1, "\(counts)")
    #expect(counts.contains { $0 < 24 } && counts.reduce(0, +) <= 360, "\(counts)")
    let again = try await program.run("replay", "line")
    #expect(again.code == 0 && again.out.contains("Same \(trials.count) trials"), "\(again.out) \(again.error)")
    #expect(try await program.run("db", "check").code == 0)
  }

  /// Schedulers plan with the budget and with what is kept for the sealed test; a replay does with what it was each time.
  @Test(arguments: ["asha", "sequential-test", "successive-halving", "structured-thompson"], [12, 99])
  func raisedBudgetsAreReplayed(_ scheduler: String, _ initial: Int) async throws {
    let program = try Program()
    defer { program.remove() }
    func tune(_ rollouts: Int) async throws {
      try task(
        program, scheduler: "scheduler: \(scheduler)", range: "[10, 99]", initial: initial, tests: 6,
        budget: "{ rollouts: \(rollouts) }")
      let result = try await program.run("tune", "task.yaml")
      #expect(result.code == 0, "\(result.error)")
      let trials = try await program.run("list", "line", "--json").objects()
      let again = try await program.run("replay", "line")
      #expect(again.code == 0 && again.out.contains("Same"), "\(rollouts): \(again.out) \(again.error)")
      #expect(!again.out.contains("Same 0") && trials.count > 2, "\(again.out)")
      let counts = trials.compactMap { $0["rollouts"]?.int }
      #expect(counts.reduce(0, +) <= rollouts - 12, "\(counts)")
    }
    try await tune(120)
    try await tune(240)
  }

  /// What a full evaluation measures leaves the sealed test its part.
  @Test func theTestIsPaidFor() async throws {
    let program = try Program()
    defer { program.remove() }
    try task(program, scheduler: "screening: false", range: "[10, 99]", tests: 6, budget: "{ rollouts: 112 }")
    let result = try await program.run("tune", "task.yaml", "--json")
    #expect(result.code == 0, "\(result.error)")
    let shown = try await program.run("status", "line", "--json")
    #expect(!result.out.contains("left no room") && !shown.out.contains("left no room"), "\(result.out)")
    let trials = try await program.run("list", "line", "--json").objects()
    #expect(trials.compactMap { $0["rollouts"]?.int }.reduce(0, +) <= 100)
  }

  /// Old trials stay, new values are tried, and the part before the change is replayed.
  @Test func theSpaceMayGrow() async throws {
    let program = try Program()
    defer { program.remove() }
    try task(program, scheduler: "screening: false", range: "[10, 19]", budget: "{ trials: 4 }")
    #expect(try await program.run("tune", "task.yaml").code == 0)
    try task(program, scheduler: "screening: false", range: "[10, 99]", budget: "{ trials: 9 }")
    let wider = try await program.run("tune", "task.yaml")
    #expect(wider.code == 0, "\(wider.error)")
    let trials = try await program.run("list", "line", "--json").objects()
    #expect(trials.count == 9)
    let values = trials.compactMap { $0["assignment"]?["x"]?.int }
    #expect(values.prefix(4).allSatisfy { $0 <= 19 } && values.dropFirst(4).contains { $0 > 19 }, "\(values)")
    let again = try await program.run("replay", "line")
    #expect(again.code == 0 && again.out.contains("4 trials"), "\(again.out) \(again.error)")
    // A narrower one is another study.
    try task(program, scheduler: "screening: false", range: "[10, 50]", budget: "{ trials: 12 }")
    let narrower = try await program.run("tune", "task.yaml")
    #expect(narrower.code == 65 && narrower.error.contains("no longer the one"), "\(narrower.error)")
  }

  /// Also where the file says no start: it stays where it was.
  @Test(arguments: [
    ("int", "[10, 19]", "[10, 99]"), ("choice", "[12, 15, 11]", "[12, 77, 15, 11]"),
    ("choice", "[12, 15]", "[77, 15, 12]"),
  ])
  func aStartThatIsNotNamedStays(_ kind: String, _ range: String, _ wider: String) async throws {
    let program = try Program()
    defer { program.remove() }
    try task(program, scheduler: "screening: false", kind: kind, range: range, initial: nil, budget: "{ trials: 2 }")
    #expect(try await program.run("tune", "task.yaml").code == 0)
    let start = try await program.run("list", "line", "--json").objects().first?["assignment"]?["x"]
    try task(program, scheduler: "screening: false", kind: kind, range: wider, initial: nil, budget: "{ trials: 3 }")
    let tuned = try await program.run("tune", "task.yaml")
    #expect(tuned.code == 0, "\(tuned.error)")
    let shown = try #require(try await program.run("show", "line", "--json").objects().first)
    #expect(shown["parameters"]?[0]?["initial"] == start && shown["report"]?["trials"] == 3)
    #expect(try await program.run("replay", "line").code == 0)
  }

  /// Who proposes and who measures is named where a search is shown, as the task file has it.
  @Test(arguments: [
    ("use: random, scheduler: { use: asha, eta: 4 }", "Optimizer random, seed 4", "Scheduler asha {\"eta\":4}"),
    (
      "use: random, scheduler: ucb1", "Optimizer none, the scheduler picks the settings itself",
      "Scheduler ucb1, a bandit"
    ),
    ("use: random", "Optimizer random, seed 4", "Scheduler full"),
  ])
  func bothAreNamed(_ given: String, _ optimizer: String, _ scheduler: String) async throws {
    let program = try Program()
    defer { program.remove() }
    try task(program, scheduler: "scheduler: full", range: "[10, 14]", budget: "{ rollouts: 120 }")
    let file = program.folder.appending(path: "task.yaml")
    let text = try String(contentsOf: file, encoding: .utf8)
    try text.replacing("use: random, scheduler: full", with: given).write(to: file, atomically: true, encoding: .utf8)
    func words(_ text: String) -> String { text.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
    let checked = words(try await program.run("check", "task.yaml").out)
    #expect(checked.contains(optimizer) && checked.contains(scheduler), "\(checked)")
    let plan = try #require(try await program.run("check", "task.yaml", "--json").objects().first)
    #expect(try await program.run("tune", "task.yaml").code == 0)
    let shown = words(try await program.run("show", "line").out)
    #expect(shown.contains(optimizer) && shown.contains(scheduler), "\(shown)")
    let study = try #require(try await program.run("show", "line", "--json").objects().first)
    let name = scheduler.split(whereSeparator: { " ,".contains($0) })[1]
    #expect(
      study["scheduler"]?["use"] == .string(String(name)) && plan["scheduler"]?["use"] == study["scheduler"]?["use"])
  }
}
