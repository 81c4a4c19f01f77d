import Foundation
import HoneTrace
import Testing

extension Program {
  /// Puts a task in the folder that asks `Fixtures/endpoint.py`: a text and a number, 4 + 8 + 6 rows.
  func writePromptTask(_ base: String, trials: Int = 5, parallel: Int = 2, key: String? = nil) throws {
    let rows = [
      ("My bill is wrong", "billing"), ("It will crash on start", "bug"), ("I love it", "praise"),
      ("A charge I never made", "billing"),
      ("Got an error today", "bug"), ("Many thanks, thank you", "praise"), ("Where is my invoice?", "billing"),
      ("The button is broken", "bug"), ("Great work", "praise"), ("Double charge in May", "billing"),
      ("An error on every page", "bug"), ("Just great", "praise"), ("Send the bill again", "billing"),
      ("Crash after crash", "bug"), ("Love the colours", "praise"), ("The invoice has no date", "billing"),
      ("A great week", "praise"), ("It is broken again", "bug"),
    ]
    let lines = rows.enumerated().map { index, row in
      Value.object(["id": .string("r\(index)"), "text": .string(row.0), "label": .string(row.1)]).canonicalJSON + "\n"
    }
    try write("train.jsonl", lines[..<4].joined())
    try write("validation.jsonl", lines[4..<12].joined())
    try write("test.jsonl", lines[12...].joined())
    try write(
      "task.yaml",
      """
      version: 1
      study: support
      goal: { maximize: accuracy, purpose: "Sort messages into bug, billing and praise." }
      model:
        endpoint: \(base)
        name: test-model
        \(key.map { "key: { env: \($0) }" } ?? "timeout: 20s")
      data: { train: train.jsonl, validation: validation.jsonl, test: test.jsonl }
      workflow:
        prompt: { system: $instruction, user: "{text}", temperature: $temperature, max_tokens: 16 }
      parameters:
        instruction: { prompt: Classify this message., max_length: 400 }
        temperature: { float: [0.0, 1.0], step: 0.1, initial: 0.7 }
      score:
        exact_match: { output: label }
        feedback: "Expected {label}, got {output}."
      optimizer: { use: joint, minibatch: 4, seed: 3 }
      budget: { trials: \(trials), requests: 400, parallel: \(parallel) }

      """)
  }

  /// A study's rollouts, trials and report as `--json` prints them, without what clocks decide.
  func snapshot(_ study: String, database: String = "hone.db") async throws -> [Value] {
    var lines: [Value] = []
    let shown = try await run("show", study, "--json", "--db", database)
    let trials = try await run("list", study, "--json", "--db", database)
    #expect(shown.code == 0 && trials.code == 0)
    lines += try shown.objects() + trials.objects()
    for trial in try trials.objects() {
      let number = try #require(trial["trial"]?.int)
      lines += try await run("show", "\(study)/\(number)", "--json", "--db", database).objects()
    }
    return lines.map { $0.without(["seconds", "latency"]) }
  }
}

extension Value {
  /// Without the members of these names, at any depth.
  func without(_ names: Set<String>) -> Value {
    switch self {
    case .array(let values): .array(values.map { $0.without(names) })
    case .object(let members):
      .object(members.filter { !names.contains($0.key) }.mapValues { $0.without(names) })
    default: self
    }
  }
}
