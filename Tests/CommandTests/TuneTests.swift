import Foundation
import HoneTrace
import Testing

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
  @Test(arguments: [(["--trials", "2"], "--trials 4"), (["--rollouts", "24"], "--rollouts 48")])
  func theNextLineRaisesTheCap(_ cap: [String], _ next: String) async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    let result = try await program.run(["tune", "task.yaml", "--parallel", "1", "--force"] + cap)
    #expect(result.code == 0, "\(result)")
    #expect(result.out.contains("hone tune task.yaml \(next)\n"), "\(result.out)")
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
    try program.write(
      "data/validation.jsonl",
      rows.replacingOccurrences(of: "opening", with: "closing").replacingOccurrences(of: "STOP", with: "Stop"))
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
