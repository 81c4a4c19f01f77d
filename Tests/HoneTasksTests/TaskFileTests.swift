import Foundation
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

  @Test(arguments: ["prompt", "rag", "forest"])
  func theFormsOfTheReferenceLoad(_ name: String) throws {
    let task = try TaskFile.load(path: fixture("forms/\(name).yaml"))
    #expect(task.space.parameters.count >= 2)
    #expect(task.warnings.isEmpty)
  }
}
