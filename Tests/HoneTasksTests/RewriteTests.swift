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

  /// Every path of a task, and folders for a copy: beside it, below, above, elsewhere.
  @Test(arguments: ["task.yaml", "below/deep", "..", "../other/place", "/"]) func pathsLeadWhereTheyDid(_ place: String)
    throws
  {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: root) }
    let folder = root.appendingPathComponent("tasks")
    for name in ["tasks/data", "tasks/bin", "shared", "tasks/below/deep", "other/place"] {
      try FileManager.default.createDirectory(at: root.appendingPathComponent(name), withIntermediateDirectories: true)
    }
    for (name, text) in [
      ("tasks/data/my rows.jsonl", #"{"q": 1}"#), ("tasks/data/docs.jsonl", #"{"text": "x"}"#),
      ("shared/p.txt", "Say it"),
      ("tasks/key", "k"), ("tasks/bin/run.sh", "#!/bin/sh"),
    ] {
      try text.write(to: root.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: root.appendingPathComponent("tasks/bin/run.sh").path)
    for (path, kind) in [("tasks/task.yaml", "as blocks"), ("tasks/flow.yaml", "as flow")] {
      try (kind == "as blocks" ? Self.blocks : Self.flow).write(
        to: root.appendingPathComponent(path), atomically: true, encoding: .utf8)
      let source = root.appendingPathComponent(path).path
      let old = try TaskFile.load(path: source)
      let target =
        place == "/"
        ? "/tuned.yaml"
        : folder.appendingPathComponent(place == "task.yaml" ? "x" : place + "/x").standardizedFileURL.path
      let text = try TaskFile.rewritten(path: source, with: Assignment(["t": 0.5]), for: target, study: "s-tuned")
      let new = try TaskFile.parse(
        Array(text.utf8), path: target, directory: (target as NSString).deletingLastPathComponent)
      #expect(new.study == "s-tuned" && new.space.initial["t"] == 0.5)
      #expect(new.space.initial["p"] == old.space.initial["p"] && new.space.initial["p"]?.string == "Say it")
      #expect(new.data == old.data && new.secretFiles.dropLast(2) == old.secretFiles.dropLast(2))
      #expect(new.secretFiles.last == old.secretFiles.last)
      #expect(new.workflow.retrievals.map(\.documents) == old.workflow.retrievals.map(\.documents))
      for (a, b) in zip(old.workflow.commands, new.workflow.commands) {
        #expect((b.directory ?? new.directory) == (a.directory ?? old.directory))
        #expect(a.sandbox?.read == b.sandbox?.read)
      }
      guard case .command(let a) = old.score.metric, case .command(let b) = new.score.metric else {
        Issue.record("no command")
        continue
      }
      #expect((b.directory ?? new.directory) == (a.directory ?? old.directory))
      try new.checkPrograms()
      #expect(text.contains("# where rows are") && text.contains("# the study"))
      if place == "/" { #expect(text.contains(root.lastPathComponent)) }
      if place == ".." { #expect(text.contains("tasks/data/docs.jsonl") && text.contains("file: shared/p.txt")) }
    }
  }

  private static let blocks = """
    version: 1
    study: s   # the study
    goal: { maximize: accuracy }
    model: { name: m, endpoint: "http://127.0.0.1:9/v1", key: { file: key } }
    data:   # where rows are
      train: &rows "data/my rows.jsonl"
    workflow:
      steps:
        - name: docs
          retrieve: { from: ./data/docs.jsonl, query: "{q}" }
        - name: run
          command: [bin/run.sh, $t, $p]
          sandbox:
            read:
              - bin
        - name: elsewhere
          command: [./run.sh, "{run}"]
          directory: bin
    parameters:
      t: { float: [0, 1] }
      p:
        prompt:
          file: ../shared/p.txt
    score:
      command: [bin/run.sh]

    """

  private static let flow = """
    { version: 1, study: "s", # the study
      goal: { maximize: accuracy },
      model: { name: m, endpoint: "http://127.0.0.1:9/v1", key: { file: 'key' } },
      data: { train: 'data/my rows.jsonl' }, # where rows are
      workflow: { steps: [
        { name: docs, retrieve: { from: ./data/docs.jsonl, query: "{q}" } },
        { name: run, command: [bin/run.sh, $t, $p], sandbox: { read: [ bin ] } } ] },
      parameters: { t: { float: [0, 1] }, p: { prompt: { file: ../shared/p.txt } } },
      score: { command: [bin/run.sh] } }

    """

  /// Of a text that came from a file the winner's stands in the copy, and the file is no longer named.
  @Test func aTextOfAFileIsReplaced() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try "Say it".write(to: folder.appendingPathComponent("p.txt"), atomically: true, encoding: .utf8)
    let path = folder.appendingPathComponent("task.yaml").path
    for form in [
      "{ file: p.txt }   # from", "\n      file: p.txt", "\n      # from\n      file: p.txt\n    max_length: 90",
    ] {
      let text =
        Self.head.replacingOccurrences(of: "$t, $n, $flag, $kind, $text", with: "$text")
        + "  text:\n    prompt: \(form)\n"
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      for value in ["Other", "Two\nlines"] {
        let new = try TaskFile.rewritten(
          path: path, with: Assignment(["text": .string(value)]), for: "/elsewhere/task.yaml")
        let task = try TaskFile.parse(Array(new.utf8), path: path, directory: "/elsewhere")
        #expect(task.space.initial["text"]?.string == value && !new.contains("p.txt"), "\(new)")
        #expect(task.study == "s")
      }
    }
  }

  @Test func relativePaths() {
    for (path, folder, shown) in [
      ("/a/b/c", "/a/b", "c"), ("/a/b/c", "/a/x/y", "../../b/c"), ("/a/b", "/a/b", "."), ("/a/b", "/a/b/c", ".."),
      ("/a/b", "/c/d", "/a/b"), ("/a/bc", "/a/b", "../bc"),
    ] {
      #expect(SafePath.relative(path, to: folder) == shown)
    }
  }

  @Test func missingFile() {
    #expect(throws: TaskFileError.self) { try TaskFile.rewritten(path: "/nowhere.yaml", with: Assignment([:])) }
  }
}
