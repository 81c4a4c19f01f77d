import Foundation
import Hone
import HoneOptimize
import HoneTrace
import Testing

@testable import HoneTasks

/// The folder of this package, to find `tasks/`.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

func fixture(_ path: String) -> String {
  (Bundle.module.resourcePath ?? "") + "/Fixtures/" + path
}

struct TaskFileTests {
  @Test func theQuickStartTaskLoadsWithItsData() throws {
    let task = try TaskFile.load(path: packageRoot.appending(path: "tasks/ticket-triage.yaml").path)
    #expect(task.study == "ticket-triage")
    #expect(task.warnings.isEmpty)
    #expect(
      task.space.initial.values == [
        "instruction": "Classify this message.", "demonstrations": 0, "temperature": 0.7, "max_tokens": 12,
      ])
  }

  @Test(arguments: ["prompt", "rag", "forest", "steps"])
  func theFormsOfTheReferenceLoad(_ name: String) throws {
    let task = try TaskFile.load(path: fixture("forms/\(name).yaml"))
    #expect(task.space.parameters.count >= 2)
    #expect(task.warnings.isEmpty)
  }

  /// What matters beside the score, and that naming it is a change after which a study does not go on.
  @Test func outcomesOfTheGoal() throws {
    let text = try String(contentsOf: packageRoot.appending(path: "tasks/ticket-triage.yaml"), encoding: .utf8)
    func task(_ outcomes: String) throws -> TaskFile {
      let goal = text.replacing(/(?m)^( +)maximize: accuracy$/) { "\($0.0)\n\($0.1)outcomes: \(outcomes)" }
      try #require(goal != text)
      return try TaskFile.parse(
        [UInt8](goal.utf8), path: "task.yaml", directory: packageRoot.appending(path: "tasks").path)
    }
    let plain = try TaskFile.load(path: packageRoot.appending(path: "tasks/ticket-triage.yaml").path)
    #expect(plain.objective.outcomes.isEmpty)
    let costly = try task("{ tokens: minimize }")
    #expect(costly.objective.outcomes == ["tokens": .minimize] && costly.objective.direction == .maximize)
    #expect(try task("{ tokens: maximize }").objective.outcomes == ["tokens": .maximize])
    let change = try #require(TaskFile.changes(from: plain.canonical, to: costly.canonical).first)
    #expect(change.key == "goal.outcomes" && !change.isCompatible)
    // Stored as ever where the score alone counts.
    let stored = try Value(encoding: plain.objective)
    #expect(stored["outcomes"] == nil && stored["metric"] == "accuracy")
    #expect(try JSONDecoder().decode(Objective.self, from: JSONEncoder().encode(costly.objective)) == costly.objective)
    #expect(try JSONDecoder().decode(Objective.self, from: JSONEncoder().encode(plain.objective)) == plain.objective)
  }
}
