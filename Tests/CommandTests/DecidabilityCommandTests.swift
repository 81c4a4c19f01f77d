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
      check.out.contains("Buys room for 20 trials measured whole and the sealed test: 260 rollouts\n"), "\(check.out)")
    #expect(check.out.contains("Can show gains of about 0.36 on validation and 0.40 on the test"), "\(check.out)")
    let plan = try #require(try await program.run("check", "task.yaml", "--json").objects().first?["plan"])
    #expect(plan["bought"] == ["trials": 20, "rollouts": 260, "requests": 0, "tokens": .null])
    #expect(plan["least"]?["rollouts"] == 68 && plan["refusals"]?.array?.isEmpty == true, "\(plan)")
  }

  /// The least that is asked for is enough: start, three trials and the test; one rollout less is refused.
  @Test func theLeastBudgetDecides() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    for command in ["check", "tune"] {
      let refused = try await program.run(command, "task.yaml", "--rollouts", "67")
      #expect(refused.code == 65, "\(refused)")
      #expect(refused.error.contains("a budget of 67 rollouts is too small to decide anything"), "\(refused.error)")
      #expect(refused.error.contains("need 68") && refused.error.contains("--force insists"), "\(refused.error)")
    }
    #expect(!FileManager.default.fileExists(atPath: program.path("hone.db")))
    let one = try await program.run("tune", "task.yaml", "--trials", "1")
    #expect(one.code == 65 && one.error.contains("a budget of 1 trial is the start alone"), "\(one)")
    let tuned = try await program.run("tune", "task.yaml", "--rollouts", "68")
    #expect(tuned.code == 0 && !tuned.out.contains("left no room"), "\(tuned)")
    #expect(try await program.run("list", "urgency", "--json").objects().count >= 4)
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
