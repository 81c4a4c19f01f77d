import Foundation
import HoneTrace
import Testing

/// `hone check` says what data and budget can decide, and it and `tune` refuse what can decide nothing.
@Suite(.serialized) struct DecidabilityCommandTests {
  @Test func checkSaysWhatTheBudgetBuys() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    let check = try await program.run("check", "task.yaml")
    #expect(check.code == 0, "\(check)")
    #expect(
      check.out.contains("Buys room for 20 trials measured whole and the sealed test: 684 rollouts\n"), "\(check.out)")
    #expect(check.out.contains("Can show gains of about 0.23 on validation and 0.19 on the test"), "\(check.out)")
    #expect(check.out.contains("Time not known before it runs; the cap of 5 min ends it"), "\(check.out)")
    let plan = try #require(try await program.run("check", "task.yaml", "--json").objects().first?["plan"])
    #expect(plan["bought"] == ["trials": 20, "rollouts": 684, "requests": 0, "tokens": 0, "money": 0], "\(plan)")
    #expect(plan["least"]?["rollouts"] == 144 && plan["refusals"]?.array?.isEmpty == true, "\(plan)")
  }

  /// What comes next is the command with the options that were given, or with the smallest budget that passes.
  @Test func nextCanBeCopied() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    let accepted = try await program.run("check", "task.yaml", "--trials", "9", "--seed", "3", "--db", "my db")
    #expect(
      accepted.code == 0 && accepted.error.contains("Next hone tune task.yaml --trials 9 --seed 3 --db 'my db'\n"),
      "\(accepted)")
    let refused = try await program.run("check", "task.yaml", "--rollouts", "99", "--trials", "1", "--seed", "3")
    #expect(refused.code == 65, "\(refused)")
    let line = "hone tune task.yaml --trials 2 --rollouts 144 --seed 3"
    #expect(refused.error.contains("Next \(line)\n"), "\(refused.error)")
    #expect(refused.error.contains("raise the budget: --trials 2 --rollouts 144; --force insists"), "\(refused.error)")
    let next = try await program.run(line.split(separator: " ").dropFirst().map(String.init))
    #expect(next.code == 0 && !next.out.contains("left no room"), "\(next)")
    let forced = try await program.run("check", "task.yaml", "--rollouts", "99", "--force")
    #expect(forced.code == 0 && forced.error.contains("Next hone tune task.yaml --rollouts 99 --force\n"), "\(forced)")
    // No budget mends too few rows.
    try program.write("data/test.jsonl", String(try program.read("data/test.jsonl").prefix { $0 != "\n" }) + "\n")
    let rows = try await program.run("check", "task.yaml", "--rollouts", "9")
    #expect(rows.code == 65 && !rows.error.contains("Next "), "\(rows)")
  }

  /// Money is counted where prices are known, and refused where not.
  @Test func moneyIsCountedWithAPrice() async throws {
    let program = try Program()
    defer { program.remove() }
    try program.writePromptTask("http://127.0.0.1:1")
    let unknown = try await program.run("check", "task.yaml", "--money", "1")
    #expect(unknown.code == 65 && unknown.error.contains("1 of money cannot be counted"), "\(unknown)")
    #expect(unknown.error.contains("give it one: price:") && !unknown.error.contains("Next"), "\(unknown)")
    let text = try program.read("task.yaml")
    try program.write(
      "task.yaml", text.replacingOccurrences(of: "timeout: 20s", with: "price: { input: 1, output: 4 }"))
    let known = try await program.run("check", "task.yaml", "--money", "1")
    #expect(known.code == 0 && known.out.contains(" of money\n") && !known.error.contains("cannot be"), "\(known)")
    let refused = try await program.run("check", "task.yaml", "--money", "0.0001")
    #expect(refused.code == 65, "\(refused)")
    let next = refused.error.firstMatch(of: #/Next hone tune task.yaml --money ([0-9.e-]+)\n/#)
    let needed = String(try #require(next).output.1)
    let enough = try await program.run("check", "task.yaml", "--money", needed)
    #expect(enough.code == 0 && enough.out.contains("room for 2 trials"), "\(enough)")
  }

  /// A cap that ends a study before its start is measured says so, and more of it goes on there.
  @Test func aCapBeforeTheStartSaysHowFarItCame() async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder)
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base)
    let short = try await program.run("tune", "task.yaml", "--requests", "3", "--force")
    #expect(short.code == 1, "\(short)")
    #expect(
      short.error.contains(
        "error: the budget of requests is used up before the start was measured: 3 of 8 rollouts"), "\(short.error)")
    #expect(short.error.contains("with a larger --requests goes on there"), "\(short.error)")
    let more = try await program.run("tune", "task.yaml")
    #expect(more.code == 0, "\(more)")
    #expect(endpoint.answered.count > 8)
  }

  /// The test is announced when it is run, and not when it was run before.
  @Test func aTestThatWasRunIsNotAnnounced() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    let first = try await program.run("tune", "task.yaml", "--trials", "6")
    #expect(first.error.contains("Testing the start and the best trial on the sealed test, 84 rollouts"), "\(first)")
    let again = try await program.run("tune", "task.yaml", "--trials", "6")
    #expect(again.code == 0 && !again.error.contains("Testing"), "\(again)")
    #expect(again.out.contains("Test 0."), "\(again.out)")
  }

  /// One number a trial is no sample: gains have no interval.
  @Test func oneRowHasNoInterval() async throws {
    let program = try Program()
    defer { program.remove() }
    try program.write("f.sh", "echo \"{\\\"loss\\\": $(( ($1 - 3) * ($1 - 3) ))}\"\n")
    try program.write(
      "task.yaml",
      """
      version: 1
      study: parabola
      goal: { minimize: loss }
      workflow: { command: [sh, f.sh, $x], directory: . }
      parameters: { x: { int: [0, 9], initial: 9 } }
      score: { json: loss }
      optimizer: { use: random, seed: 1 }
      budget: { trials: 6 }

      """)
    let check = try await program.run("check", "task.yaml")
    #expect(check.code == 0 && check.out.contains("Can show one number a trial, no rows"), "\(check)")
    let tuned = try await program.run("tune", "task.yaml")
    #expect(tuned.code == 0 && tuned.error.contains("Can show one number a trial, no rows"), "\(tuned)")
    #expect(tuned.out.contains(" (one row: no interval)\n"), "\(tuned.out)")
    let report = try #require(try await program.run("show", "parabola", "--json").objects().first?["report"])
    let validation = try #require(report["validation"])
    #expect(validation["gain_interval"] == .null && validation["gain"]?.number ?? 0 > 0, "\(report)")
    let shown = try await program.run("show", "parabola/0")
    #expect(shown.out.contains("Score 36.00  over 1 rollout; one row: no interval"), "\(shown.out)")
  }

  /// The least that is asked for is enough: the start, one more trial and the test; one rollout less is refused.
  @Test func theLeastBudgetDecides() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    for command in ["check", "tune"] {
      let refused = try await program.run(command, "task.yaml", "--rollouts", "143")
      #expect(refused.code == 65, "\(refused)")
      #expect(refused.error.contains("a budget of 143 rollouts is too small to decide anything"), "\(refused.error)")
      #expect(refused.error.contains("need 144") && refused.error.contains("--force insists"), "\(refused.error)")
    }
    #expect(!FileManager.default.fileExists(atPath: program.path("hone.db")))
    let one = try await program.run("tune", "task.yaml", "--trials", "1")
    #expect(one.code == 65 && one.error.contains("a budget of 1 trial is the start alone"), "\(one)")
    let tuned = try await program.run("tune", "task.yaml", "--rollouts", "144")
    #expect(tuned.code == 0 && !tuned.out.contains("left no room"), "\(tuned)")
    #expect(try await program.run("list", "urgency", "--json").objects().count >= 2)
    let forced = try await program.run("tune", "task.yaml", "--trials", "1", "--force", "--fresh")
    #expect(forced.code == 0 && forced.error.contains("warning: a budget of 1 trial is the start alone"), "\(forced)")
  }

  @Test func tooFewRowsAreRefused() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    let rows = try program.read("data/test.jsonl").split(separator: "\n")
    for (count, code) in [(5, Int32(65)), (6, 0)] {
      try program.write("data/test.jsonl", rows.prefix(count).joined(separator: "\n") + "\n")
      #expect(try await program.run("check", "task.yaml").code == code, "\(count)")
    }
    try program.write("data/test.jsonl", rows.prefix(5).joined(separator: "\n") + "\n")
    let refused = try await program.run("check", "task.yaml", "--json")
    let refusal = try #require(try refused.objects().first?["plan"]?["refusals"]?[0])
    #expect(refusal["of"] == "test" && refusal["given"] == 5 && refusal["needed"] == 6, "\(refusal)")
    #expect(refused.error.contains("\"code\":65") && refused.error.contains("\"schema\":\"hone.error/1\""))
    let forced = try await program.run("check", "task.yaml", "--force")
    #expect(forced.code == 0 && forced.error.contains("warning: 5 test rows can decide nothing"), "\(forced)")
  }
}
