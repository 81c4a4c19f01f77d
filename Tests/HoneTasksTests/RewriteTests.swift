import Foundation
import HoneTrace
import Testing

@testable import HoneTasks

/// Putting a winner's values into a task file.
@Suite struct RewriteTests {
  private static let head = """
    version: 1
    study: s
    goal: { maximize: accuracy }   # the goal
    workflow: { command: [echo, $t, $n, $flag, $kind, $text] }
    score: { json: x }
    parameters:

    """

  private static let forms: [String] = [
    """
      t: { float: [0, 1], initial: 0.2 }   # how hot
      n: { int: [1, 9] }
      flag: { bool: true }
      kind: { choice: [a, b, "c d"], initial: "a" }
      text: { prompt: "Say: it" }
    """,
    """
      t:
        float: [0, 1]
        initial: 0.2   # how hot
      n:
        # a comment
        int: [1, 9]
      flag:
        bool: true
        description: yes or no
      kind: { choice: [a, b, "c d"] }
      text:
        prompt: |
          Say: it

            indented
        description: what is said
    """,
    """
      text:
        description: what is said
        prompt: Say it
          on two lines
      t: {float: [0, 1]}
      n: { int: [1, 9], description: "initial: 3" }
      flag: { bool: false }
      kind:
        choice:
          - a
          - b
          - c d
    budget: { trials: 3 }
    """,
    """
      text:
        prompt: >-
          Folded
          text
      t: { float: [0, 1] }
      n: { int: [1, 9] }
      flag: { bool: true }
      kind: { choice: [a, b, c d] }
    """,
  ]

  private static let texts = [
    "One line", "Two\nlines", "- list: {x} # no comment\n\"quoted\" 'too'", "ends\n", "  leads", "tab\there",
    "\u{1f600} é\n\nüber",
    "| pipe", "a: b", "[", "trailing \nspace", "x\u{2028}y\u{a0}z",
  ]

  @Test(arguments: forms.indices, texts) func everyFormTakesEveryText(_ form: Int, _ text: String) throws {
    for isCRLF in [false, true] {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let path = folder.appendingPathComponent("task.yaml").path
      var source = Self.head + Self.forms[form]
      if isCRLF { source = source.replacingOccurrences(of: "\n", with: "\r\n") }
      try source.write(toFile: path, atomically: true, encoding: .utf8)
      let old = try TaskFile.load(path: path)
      let wanted: [String: Value] = [
        "t": 0.75, "n": 7, "flag": .bool(old.space.initial["flag"] == false), "kind": "c d", "text": .string(text),
      ]
      let new = try TaskFile.rewritten(path: path, with: Assignment(wanted))
      let task = try TaskFile.parse(Array(new.utf8), path: path, directory: folder.path)
      #expect(task.space.initial.values == wanted)
      #expect(task.objective == old.objective && task.budget == old.budget)
      #expect(new.contains("# the goal"))
      #expect(try TaskFile.rewritten(path: path, with: old.space.initial) == source)
    }
  }

  @Test func missingFile() {
    #expect(throws: TaskFileError.self) { try TaskFile.rewritten(path: "/nowhere.yaml", with: Assignment([:])) }
  }
}
