import Foundation
import HoneTrace
import Testing

/// A task that names no optimizer is searched by `auto`, which says why wherever the search is shown.
@Suite struct AutoTests {
  @Test func theReasonIsSaidWhereverTheSearchIsShown() async throws {
    let program = try Program()
    defer { program.remove() }
    try program.write("rows.jsonl", (0..<6).map { "{\"n\": \($0)}\n" }.joined())
    try program.write("train.jsonl", "{\"n\": -1}\n")
    try program.write(
      "task.yaml",
      """
      version: 1
      study: chosen
      goal: { maximize: score }
      data: { train: train.jsonl, validation: rows.jsonl }
      workflow: { command: [sed, "s/.*/{\\"score\\": 0.$x}/", "{example.json}"] }
      parameters: { x: { int: [10, 99], initial: 12 } }
      score: { json: score }
      budget: { trials: 6 }

      """)
    func words(_ text: String) -> String { text.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
    let reason = "Numbers and choices by a Gaussian process: at most 20 parameters and 200 trials"
    let checked = try await program.run("check", "task.yaml")
    #expect(words(checked.out).contains("Optimizer auto, seed 0 Why \(reason)"), "\(checked.out)")
    let tuned = try await program.run("tune", "task.yaml")
    #expect(tuned.code == 0 && words(tuned.error).contains("Optimizer auto: \(reason)"), "\(tuned.error)")
    #expect(words(tuned.out).contains("Optimizer \(reason)"), "\(tuned.out)")
    let shown = try await program.run("show", "chosen")
    #expect(words(shown.out).contains("Optimizer auto, seed 0 Why \(reason)"), "\(shown.out)")
    let object = try #require(try await program.run("show", "chosen", "--json").objects().first)
    #expect(object["optimizer"]?["use"] == "auto")
    #expect(object["optimizer_reason"]?.string?.hasPrefix(reason) == true)
    #expect(object["optimizer_reason"]?.string?.contains("The budget of 6 trials begins") == true)
    #expect(object["report"]?["optimizer_reason"] == object["optimizer_reason"])
    let plan = try #require(try await program.run("check", "task.yaml", "--json").objects().first)
    #expect(plan["optimizer"] == "auto" && plan["optimizer_reason"] == object["optimizer_reason"])
    let origins = try await program.run("list", "chosen", "--json").objects().compactMap { $0["origin"]?.string }
    #expect(Set(origins) == ["initial", "gp", "tpe"], "\(origins)")
    let again = try await program.run("replay", "chosen")
    #expect(again.code == 0 && again.out.contains("Same 6 trials"), "\(again.out) \(again.error)")
    // Which trials a budget allowed is no difference: one that a target ended replays as well.
    let text = try String(contentsOf: program.folder.appendingPathComponent("task.yaml"), encoding: .utf8)
    let target = text.replacing("study: chosen", with: "study: ended").replacing(
      "maximize: score", with: "maximize: score, target: 0.3")
    try program.write("ended.yaml", target)
    let ended = try await program.run("tune", "ended.yaml")
    #expect(ended.code == 0 && ended.out.contains("the target is reached"), "\(ended.out) \(ended.error)")
    let same = try await program.run("replay", "ended")
    #expect(same.code == 0 && same.out.contains("Same "), "\(same.out) \(same.error)")
  }
}
