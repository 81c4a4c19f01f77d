import Foundation
import HoneTrace
import Testing

/// Who proposed a trial, what it changed, why, and what that cost, wherever a study is shown.
@Suite(.serialized) struct ProposalTests {
  /// A study of the prompt task under reflective evolution, whose proposer's first replies are refused.
  private func tuned(_ check: (Program, Program.Result) async throws -> Void) async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--long")
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base, trials: 4)
    let text = try program.read("task.yaml")
    try program.write("task.yaml", text.replacingOccurrences(of: "use: joint,", with: "use: gepa,"))
    let result = try await program.run("tune", "task.yaml", "--parallel", "1")
    #expect(result.code == 0, "\(result)")
    try await check(program, result)
  }

  private func lines(_ text: String, from word: String) -> [String] {
    let lines = text.split(separator: "\n").map(String.init)
    guard let first = lines.firstIndex(where: { $0.hasPrefix(word) }) else { return [] }
    return [lines[first]] + lines[(first + 1)...].prefix { $0.hasPrefix("           ") }
  }

  @Test func tuneShowsTheWordsThatChanged() async throws {
    try await tuned { program, result in
      let trial = lines(result.error, from: "   Trial 1 ")
      #expect(trial.count == 2, "\(result.error)")
      #expect(trial.first?.contains("tok   gepa from 0") == true, "\(trial)")
      let change = try #require(trial.last)
      #expect(
        change.hasPrefix("           instruction  [-Classify this message.-]{+Answer with one word: ")
          || change.hasPrefix("           instruction  [-Classify this message.-]{+Answer with exactly one of "),
        "\(change)")
      #expect(lines(result.error, from: "   Trial 0 ").first?.hasSuffix("the start") == true, "\(result.error)")
      // As JSON the whole of it, beside the same trial.
      let trials = try await program.run("tune", "task.yaml", "--json", "--fresh").objects()
      let first = try #require(trials.first { $0["trial"]?.int == 1 })
      #expect(first["base"]?.int == 0 && first["changes"]?.array?.count == 1, "\(first)")
      let changed = try #require(first["changes"]?[0])
      #expect(
        changed["from"]?.string == "Classify this message." && changed["to"] == first["assignment"]?["instruction"])
      #expect(changed["diff"]?.string?.hasPrefix("[-Classify this message.-]{+Answer ") == true, "\(changed)")
    }
  }

  @Test func showTellsHowATrialCameAbout() async throws {
    try await tuned { program, _ in
      let shown = try await program.run("show", "support/1")
      #expect(shown.code == 0)
      #expect(shown.out.contains("support/1  complete  by gepa from trial 0"), "\(shown.out)")
      #expect(shown.out.contains("   Changed instruction, beside trial 0:\n"), "\(shown.out)")
      #expect(shown.out.contains(#/Score \d\.\d+ \(\d\.\d+ to \d\.\d+\)  over 8 rollouts/#), "\(shown.out)")
      let refused = try #require(shown.out.firstRange(of: "   Refused gepa, rejected: instruction: "))
      let applied = try #require(shown.out.firstRange(of: "   Applied gepa\n"))
      #expect(refused.lowerBound < applied.lowerBound)
      #expect(shown.out[applied.upperBound...].contains("The replies are chatty; rule "), "\(shown.out)")
      // What it was shown: the value, the answers and what was said of them, without the words around them.
      let data = try #require(shown.out.firstRange(of: "     Shown to the proposer, in 2 requests of "))
      let rest = shown.out[data.upperBound...]
      #expect(rest.contains("#Instruction") && rest.contains("instruction = \"Classify this message.\""))
      #expect(rest.contains("feedback: \"Expected ") && !rest.contains("BEGIN "), "\(rest)")
      #expect(try await !program.run("show", "support/0").out.contains("Shown"))

      let whole = try await program.run("show", "support/1", "--prompt")
      #expect(whole.out.contains("Request 1 of 2") && whole.out.contains("Request 2 of 2"), "\(whole.out)")
      #expect(whole.out.contains("BEGIN ") && whole.out.contains("This answer cannot be used:"), "\(whole.out)")
      #expect(try await program.run("show", "support", "--prompt").code == 64)
      for named in [["support"], ["--study", "support"], []] {
        let calls = try await program.run(["logs", "-n", "2", "--json"] + named).objects()
        #expect(calls.count == 2 && calls.allSatisfy { $0["study"] == "support" })
      }
      #expect(try await program.run("logs", "other").code == 66)
      #expect(try await program.run("logs", "support", "--study", "support").code == 64)
    }
  }

  @Test func showTellsItAsJSON() async throws {
    try await tuned { program, _ in
      let objects = try await program.run("show", "support/1", "--json").objects()
      let trial = try #require(objects.first)
      let attempts = try #require(trial["attempts"]?.array)
      #expect(attempts.compactMap { $0["outcome"]?.string } == ["rejected", "applied"], "\(attempts)")
      #expect(attempts.first?["rejections"]?[0]?["kind"]?.string == "tooLong")
      #expect(attempts.last?["suggestion"]?["instruction"] == trial["assignment"]?["instruction"])
      #expect(trial["shown"]?.array?.count == 1 && trial["shown"]?[0]?.string?.contains("#Examples") == true)
      #expect(trial["interval"]?["lower"]?.number ?? 1 < trial["interval"]?["upper"]?.number ?? 0)
      let keys = attempts.flatMap { $0["calls"]?.array ?? [] }
      let asked = try await program.run("show", "support/1", "--json", "--prompt").objects()
      #expect(asked.dropFirst().map { $0["key"] ?? .null } == keys && keys.count == 2, "\(asked)")
      #expect(asked.dropFirst().allSatisfy { $0["role"]?.string == "proposer" })
    }
  }

  @Test func theLineageLeadsFromTheStartToTheWinner() async throws {
    try await tuned { program, result in
      let best = try #require(try await program.run("best", "support", "--json").objects().first)
      let steps = try #require(best["lineage"]?.array)
      #expect(steps.count > 1 && steps.first?["trial"]?.int == 0 && steps.first?["origin"]?.string == "initial")
      #expect(steps.last?["trial"] == best["trial"] && steps.last?["score"] == best["score"])
      let trials = try await program.run("list", "support", "--json").objects()
      for (step, next) in zip(steps, steps.dropFirst()) {
        let child = try #require(trials.first { $0["trial"] == next["trial"] })
        #expect(child["parent"] == step["trial"] && next["changes"]?.array?.count == 1, "\(steps)")
      }
      let study = try #require(try await program.run("show", "support", "--json").objects().first)
      #expect(study["lineage"] == best["lineage"] && study["report"]?["lineage"] == best["lineage"])
      let winner = try #require(best["trial"]?.int)
      for text in [
        result.out, try await program.run("show", "support").out, try await program.run("best", "support").error,
      ] {
        let shown = lines(text, from: "   Lineage ")
        #expect(shown.first?.hasSuffix("  the start") == true, "\(text)")
        #expect(shown.contains { $0.contains("trial \(winner) (gepa)") }, "\(text)")
        #expect(shown.contains { $0.contains("instruction  [-Classify this message.-]{+") }, "\(text)")
      }
    }
  }

  @Test func spendingIsToldByRole() async throws {
    try await tuned { program, result in
      for command in [["status", "support"], ["show", "support"]] {
        let object = try #require(try await program.run(command + ["--json"]).objects().first)
        let roles = try #require(object["roles"]?.object)
        #expect(Set(roles.keys) == ["workflow", "proposer"])
        for figure in ["requests", "tokens", "prompt_tokens", "completion_tokens"] {
          #expect(roles.values.compactMap { $0[figure]?.int }.reduce(0, +) == object["spend"]?[figure]?.int, "\(roles)")
        }
        // Each trial but the start took a reply that was refused and one that was not.
        #expect(roles["proposer"]?["requests"]?.int == 6, "\(roles)")
        let text = try await program.run(command).out
        #expect(
          text.contains(#/By role workflow \d+ requests, [\d,]+ tokens; proposer 6 requests, [\d,]+ tokens/#)
            || text.contains(#/By role proposer 6 requests, [\d,]+ tokens; workflow \d+ requests, [\d,]+ tokens/#),
          "\(text)")
      }
      #expect(result.out.contains("   By role "), "\(result.out)")
    }
  }
}
