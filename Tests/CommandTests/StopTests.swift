import Foundation
import HoneTrace
import Testing

/// `goal.cost_per_example` from the command line.
@Suite struct StopTests {
  @Test func theRuleIsSaidWhereverTheStudyIsShown() async throws {
    let program = try Program()
    defer { program.remove() }
    try program.write("rows.jsonl", (0..<12).map { "{\"n\": \($0)}\n" }.joined())
    try program.write("train.jsonl", "{\"n\": -1}\n")
    func task(_ goal: String) throws {
      try program.write(
        "task.yaml",
        """
        version: 1
        study: flat
        goal: { maximize: score\(goal) }
        data: { train: train.jsonl, validation: rows.jsonl }
        workflow: { command: [sed, "s/.*/{\\"score\\": 0.5, \\"x\\": $x}/", "{example.json}"] }
        parameters: { x: { int: [0, 1000] } }
        score: { json: score }
        optimizer: { use: random, screening: false, seed: 4 }
        budget: { trials: 9 }

        """)
    }
    try task(", cost_per_example: 0.01")
    let tuned = try await program.run("tune", "task.yaml")
    #expect(tuned.code == 0, "\(tuned.error)")
    let words = "and cost 0.12, and nothing else gains more than it costs"
    for shown in [tuned, try await program.run("status", "flat"), try await program.run("show", "flat")] {
      let line = shown.out.split(separator: "\n").drop { !$0.contains("Stop ") }.prefix(3).joined(separator: " ")
      let text = line.split(separator: " ").joined(separator: " ")
      #expect(text.contains("12 more examples of a new trial are expected to gain"), "\(shown.out)")
      #expect(text.contains(words), "\(shown.out)")
    }
    let status = try #require(try await program.run("status", "flat", "--json").objects().first)
    #expect(status["stop"] == "gain" && status["stop_reason"]?.string?.hasSuffix(words) == true)
    #expect(try #require(status["trials"]?.int) < 9)
    let report = try #require(try await program.run("show", "flat", "--json").objects().first?["report"])
    #expect(report["stop"] == "gain" && report["stop_reason"] == status["stop_reason"])
    let again = try await program.run("replay", "flat")
    #expect(again.code == 0 && again.out.contains("Same"), "\(again.out) \(again.error)")
    // Without the price the study goes on: nothing that decides results has changed.
    try task("")
    let longer = try await program.run("tune", "task.yaml")
    #expect(longer.code == 0 && longer.out.contains("the budget of 9 trials is used"), "\(longer.out) \(longer.error)")
  }
}
