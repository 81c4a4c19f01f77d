import Foundation
import HoneTrace
import Testing

@testable import hone_cli

/// `hone tune` on a program in the shell: no model, no network.
@Suite(.serialized) struct TuneTests {
  @Test func tunesTheCommandTemplate() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    let result = try await program.run("tune", "task.yaml", "--trials", "12", "--parallel", "1")
    #expect(result.code == 0, "\(result.error)")
    let golden = try String(contentsOf: Program.fixtures.appendingPathComponent("tune.golden"), encoding: .utf8)
    let text = Self.masked(result.error + result.out)
    #expect(text == golden, "\(text)")
  }

  static func names(in value: Value) -> [String] {
    (value.object ?? [:]).flatMap { [$0.key] + names(in: $0.value) } + (value.array ?? []).flatMap { names(in: $0) }
  }

  /// Seconds are whatever they are.
  static func masked(_ text: String) -> String {
    text.replacing(#/ +[0-9.]+ (ms|s|min|h)\b( [0-9]+ (s|min)\b)?/#, with: " TIME")
  }

  @Test func parallelismChangesNothing() async throws {
    var seen: [[Value]] = []
    for parallel in [1, 4] {
      let program = try Program()
      defer { program.remove() }
      _ = try await program.run("init")
      let result = try await program.run("tune", "task.yaml", "--trials", "6", "--parallel", String(parallel))
      #expect(result.code == 0, "\(result.error)")
      seen.append(try await program.snapshot("urgency"))
    }
    #expect(seen[0] == seen[1])
  }

  @Test func asJSON() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    let result = try await program.run("tune", "task.yaml", "--trials", "4", "--json", "--quiet")
    #expect(result.code == 0)
    #expect(result.error.isEmpty, "\(result.error)")
    let schemas = try result.objects().compactMap { $0["schema"]?.string }
    #expect(schemas == Array(repeating: "hone.trial/1", count: 4) + ["hone.report/1"])
    let report = try #require(try result.objects().last)
    #expect(report["best_trial"]?.int != nil && report["start_trial"]?.int != nil, "\(report)")
    #expect(report["spend"]?["prompt_tokens"]?.int != nil)
    let shown = try #require(try await program.run("show", "urgency", "--json").objects().first)
    #expect(shown["report"]?.object == report.object?.filter { $0.key != "schema" })
    // Names of parameters are the task's; all others are in snake case.
    #expect(Self.names(in: report.without(["assignment"])).allSatisfy { $0 == $0.lowercased() })
  }

  /// Where the start is still the best, the line that goes on raises the cap that ended the search.
  /// All else stays as it was given, and the line works as it stands.
  @Test(arguments: [(["--trials", "2"], "--trials 4"), (["--rollouts", "60"], "--rollouts 120")])
  func theNextLineRaisesTheCap(_ cap: [String], _ next: String) async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    let given = ["--parallel", "1", "--seed", "7", "--force", "--time", "1h", "--db", "a b.db", "--auto", "tape.jsonl"]
    let result = try await program.run(["tune", "task.yaml", "--fresh"] + given + cap)
    #expect(result.code == 0, "\(result)")
    let words = next.split(separator: " ").map(String.init)
    let line = "hone tune task.yaml \(next) --time 1h --parallel 1 --seed 7 --force --auto tape.jsonl --db 'a b.db'\n"
    #expect(result.out.contains("Next hone list urgency --db 'a b.db'\n           " + line), "\(result.out)")
    let more = try await program.run(["tune", "task.yaml"] + words + given)
    #expect(more.code == 0 && more.error.contains(" resuming"), "\(more)")
  }

  @Test func replayedSpendIsSaidToBeSo() async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder)
    try program.writePromptTask(endpoint.base, trials: 2)
    let recorded = try await program.run("tune", "task.yaml", "--record", "calls.jsonl")
    #expect(recorded.code == 0 && !recorded.out.contains("when recorded"), "\(recorded)")
    let replayed = try await program.run("tune", "task.yaml", "--replay", "calls.jsonl", "--db", "other.db")
    #expect(replayed.code == 0 && replayed.out.contains(" tokens when recorded, nothing now,"), "\(replayed)")
    // Of a request that was not recorded the hint names what can be typed.
    let text = try program.read("task.yaml")
    try program.write("task.yaml", text.replacingOccurrences(of: "Classify this message.", with: "Classify it."))
    let missed = try await program.run("tune", "task.yaml", "--replay", "calls.jsonl", "--db", "third.db")
    #expect(missed.code == 1 && missed.error.contains("was never recorded"), "\(missed)")
    #expect(missed.error.contains("write --auto FILE instead of --replay FILE"), "\(missed)")
    #expect(!missed.error.contains("(mode "), "\(missed)")
  }

  @Test func goesOnAndShowsWhatChanged() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    #expect(try await program.run("tune", "task.yaml", "--trials", "3").code == 0)
    let more = try await program.run("tune", "task.yaml", "--trials", "5")
    #expect(more.code == 0)
    #expect(more.error.contains("3 trials done, resuming"), "\(more.error)")
    let trials = try await program.run("list", "urgency", "--json").objects()
    #expect(trials.compactMap { $0["trial"]?.int } == Array(0..<5))
    let text = try program.read("task.yaml")
    try program.write("task.yaml", text.replacingOccurrences(of: "seed: 7", with: "seed: 8"))
    let changed = try await program.run("tune", "task.yaml", "--trials", "6")
    #expect(changed.code == 65)
    #expect(changed.error.contains("optimizer.seed  7 -> 8"), "\(changed.error)")
    #expect(changed.error.contains("--fresh"))
    let fresh = try await program.run("tune", "task.yaml", "--trials", "2", "--fresh")
    #expect(fresh.code == 0)
    #expect(try await program.run("list", "urgency", "--json").objects().count == 2)
  }

  @Test func changedDataIsRefused() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    #expect(try await program.run("tune", "task.yaml", "--trials", "2").code == 0)
    let rows = try program.read("data/validation.jsonl")
    #expect(rows.contains("alarm"))
    try program.write("data/validation.jsonl", rows.replacingOccurrences(of: "alarm", with: "bell"))
    let result = try await program.run("tune", "task.yaml", "--trials", "3")
    #expect(result.code == 65, "\(result)")
    #expect(result.error.contains("data"))
  }

  @Test func replaysTwice() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    #expect(try await program.run("tune", "task.yaml", "--trials", "5").code == 0)
    let first = try await program.run("replay", "urgency", "--json")
    let second = try await program.run("replay", "urgency", "--json")
    #expect(first.code == 0, "\(first)")
    #expect(first.out == second.out && second.code == 0)
    // Another program gives other outputs: the first difference is named.
    let script = try program.read("urgency.sh")
    try program.write("urgency.sh", script.replacingOccurrences(of: "\"normal\"", with: "\"other\""))
    let changed = try await program.run("replay", "urgency")
    #expect(changed.code == 1, "\(changed)")
    #expect(changed.error.contains("$."), "\(changed.error)")
  }

  @Test func writesTheWinner() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    #expect(try await program.run("tune", "task.yaml", "--trials", "12").code == 0)
    let best = try #require(try await program.run("best", "urgency", "--json").objects().first)
    #expect(try await program.run("best", "urgency", "--write", "tuned.yaml").code == 0)
    #expect(try await program.run("best", "urgency", "--write", "tuned.yaml").code == 73)
    let check = try #require(try await program.run("check", "tuned.yaml", "--json").objects().first)
    for parameter in check["parameters"]?.array ?? [] {
      let name = try #require(parameter["name"]?.string)
      #expect(parameter["initial"] == best["assignment"]?[name], "\(name)")
    }
    try await tunesAnywhere(program)
  }

  /// A copy in another folder checks and tunes from any, as a study of its own.
  private func tunesAnywhere(_ program: Program) async throws {
    try FileManager.default.createDirectory(atPath: program.path("out/deep"), withIntermediateDirectories: true)
    let wrote = try await program.run("best", "urgency", "--write", "out/deep/tuned.yaml")
    #expect(wrote.error.contains("of urgency as the start of study urgency-tuned\n"), "\(wrote)")
    #expect(try program.read("out/deep/tuned.yaml").contains("# "))
    let elsewhere = try Program()
    defer { elsewhere.remove() }
    let path = program.path("out/deep/tuned.yaml")
    for (place, file) in [(program, "out/deep/tuned.yaml"), (elsewhere, path)] {
      let check = try await place.run("check", file)
      #expect(check.code == 0, "\(check)")
    }
    let first = try await program.run("tune", "out/deep/tuned.yaml", "--trials", "8")
    #expect(first.code == 0, "\(first)")
    let names = try await program.run("list", "--json").objects().compactMap { $0["study"]?.string }
    #expect(Set(names) == ["urgency", "urgency-tuned"])
    // Its copy is a third study, and so is another copy of the first.
    for study in ["urgency", "urgency-tuned"] {
      let again = try await program.run("best", study, "--write", "\(study)-again.yaml")
      #expect(again.error.contains(" study urgency-tuned-2\n"), "\(again)")
    }
  }

  @Test func namesOfCopies() {
    #expect(BestCommand.name(for: "a", taken: []) == "a-tuned")
    #expect(BestCommand.name(for: "a", taken: ["a-tuned", "a-tuned-2"]) == "a-tuned-3")
    #expect(BestCommand.name(for: "a-tuned", taken: []) == "a-tuned-2")
    #expect(BestCommand.name(for: "a-tuned-9", taken: ["a"]) == "a-tuned")
    let long = BestCommand.name(for: String(repeating: "n", count: 100), taken: [])
    #expect(long.count == 100 && long.hasSuffix("n-tuned"))
  }

  @Test func exportsAndImports() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    #expect(try await program.run("tune", "task.yaml", "--trials", "3").code == 0)
    let lines = try await program.run("export", "urgency")
    #expect(lines.code == 0)
    try program.write("urgency.jsonl", lines.out)
    #expect(try await program.run("import", "urgency.jsonl", "--db", "other.db").code == 0)
    #expect(try await program.run("import", "urgency.jsonl", "--db", "other.db").code == 73)
    #expect(try await program.snapshot("urgency") == program.snapshot("urgency", database: "other.db"))
    let again = try await program.run("export", "urgency", "--db", "other.db")
    // The copy says where it comes from; all else is the same.
    let own = { (text: String) in
      text.split(separator: "\n").filter { !$0.contains("\"name\":\"imported\"") && !$0.contains("\"line\":\"end\"") }
    }
    #expect(own(again.out) == own(lines.out))
    let table = try await program.run("export", "urgency", "--format", "csv")
    #expect(table.out.split(separator: "\n").count == 4)
    try program.write("cut.jsonl", String(lines.out.prefix(lines.out.count / 2)))
    #expect(try await program.run("import", "cut.jsonl", "--db", "third.db").code == 65)
  }

  @Test func keepsTheDatabasePrivate() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    #expect(try await program.run("tune", "task.yaml", "--trials", "2").code == 0)
    let mode = try FileManager.default.attributesOfItem(atPath: program.path("hone.db"))[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try await program.run("db", "check").code == 0)
    #expect(try await program.run("db", "backup", "copy.db").code == 0)
    #expect(try await program.run("db", "backup", "copy.db").code == 73)
    #expect(try await program.run("db", "recover", "saved.db").code == 0)
    #expect(try await program.snapshot("urgency") == program.snapshot("urgency", database: "saved.db"))
    #expect(try await program.run("db", "path").out == program.folder.resolvingSymlinksInPath().path + "/hone.db\n")
  }
}
