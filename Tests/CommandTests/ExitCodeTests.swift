import Foundation
import HoneTrace
import Testing

/// Documentation/Decisions/0007-command-line.md lists the codes.
@Suite struct ExitCodeTests {
  @Test(arguments: [
    ["list", "--bogus"], ["bogus"], ["tune"], ["check"], ["show", "a/b/c/d"], ["show", "a/-1"], ["logs", "-n", "-1"],
    ["diff", "a/1/2"], ["init", "--template", "novel"], ["completions", "tcsh"], ["list", "--color", "blue"],
    ["check", "task.yaml", "--time", "soon"], ["check", "task.yaml", "--trials", "0"],
    ["check", "task.yaml", "--seed", "-3"], ["show", "a", "--dot"],
  ])
  func usage(_ arguments: [String]) async throws {
    let program = try Program()
    defer { program.remove() }
    let result = try await program.run(arguments)
    #expect(result.code == 64, "\(arguments)")
    #expect(result.out.isEmpty)
    #expect(result.error.hasPrefix("error: "), "\(result.error)")
  }

  @Test func badTaskNamesThePlace() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    try program.write("task.yaml", try program.read("task.yaml").replacingOccurrences(of: "trials:", with: "trails:"))
    let result = try await program.run("check", "task.yaml")
    #expect(result.code == 65)
    #expect(
      result.error == """
        error: task.yaml:31:11: budget: unknown key "trails"
          31 | budget: { trails: 20, time: 5m, parallel: 2 }
             |           ^^^^^^
        hint: did you mean trials?

        """)
    let json = try await program.run("--json", "check", "task.yaml")
    #expect(json.code == 65)
    let error = try Value.parse(json: json.error.trimmingCharacters(in: .whitespacesAndNewlines))
    #expect(error["schema"] == "hone.error/1")
    #expect(error["code"] == 65)
    #expect(error["diagnostics"]?[0]?["line"] == 31)
  }

  /// Contract 9: code that a model may write is not run without a sandbox.
  @Test(arguments: ["check", "tune"])
  func generatedCodeNeedsASandbox(_ command: String) async throws {
    let program = try Program(["PATH": "/nowhere"])
    defer { program.remove() }
    try program.write(
      "task.yaml",
      """
      version: 1
      study: s
      goal: { maximize: score }
      workflow: { command: [/bin/sh, -c, $program] }
      parameters: { program: { code: "touch ran", language: sh } }
      score: { json: score }
      optimizer: { use: random }
      """)
    let result = try await program.run(command, "task.yaml")
    #expect(result.code == 78, "\(result)")
    #expect(result.error.hasPrefix("error: generated code runs only in a sandbox, and there is none here: the program"))
    #expect(result.error.contains("hint: install bubblewrap"))
    #expect(!FileManager.default.fileExists(atPath: program.path("ran")))
  }

  @Test func badRowsNameTheLine() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    try program.write("data/train.jsonl", "{\"id\": \"a\", \"text\": \"x\", \"label\": \"urgent\"}\n{\"id\":\n")
    let result = try await program.run("check", "task.yaml")
    #expect(result.code == 65)
    #expect(result.error.contains("train.jsonl:2:"), "\(result.error)")
  }

  @Test(arguments: [
    ["check", "nowhere.yaml"], ["tune", "nowhere.yaml"], ["list"], ["status"], ["show", "study"], ["logs"],
    ["diff", "study/1"], ["best", "study"],
  ])
  func missing(_ arguments: [String]) async throws {
    let program = try Program()
    defer { program.remove() }
    let result = try await program.run(arguments)
    #expect(result.code == 66, "\(arguments): \(result.error)")
    #expect(result.error.hasPrefix("error: "))
    #expect(try FileManager.default.contentsOfDirectory(atPath: program.folder.path).allSatisfy { $0.hasPrefix(".") })
  }

  @Test func missingDataIs66() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    try FileManager.default.removeItem(atPath: program.path("data/test.jsonl"))
    #expect(try await program.run("check", "task.yaml").code == 66)
  }

  @Test func initOverwritesNothing() async throws {
    let program = try Program()
    defer { program.remove() }
    try program.write("data/train.jsonl", "mine\n")
    let result = try await program.run("init")
    #expect(result.code == 73)
    #expect(result.error.contains("nothing is overwritten"))
    #expect(try program.read("data/train.jsonl") == "mine\n")
    #expect(!FileManager.default.fileExists(atPath: program.path("task.yaml")))
  }

  @Test func placesThatCannotBeMade() async throws {
    let program = try Program()
    defer { program.remove() }
    let result = try await program.run("init", "/proc/nowhere/task")
    #expect(result.code == 73 || result.code == 77, "\(result)")
    #expect(result.error.hasPrefix("error: /proc/nowhere"))
  }

  @Test(arguments: [["version"], ["--help"], ["completions", "bash"]])
  func fullDiskIs74(_ arguments: [String]) async throws {
    let program = try Program()
    defer { program.remove() }
    let result = try await program.run(arguments, output: "/dev/full")
    #expect(result.code == 74, "\(arguments) \(result.error)")
  }

  @Test func foreignDatabaseIs65() async throws {
    let program = try Program()
    defer { program.remove() }
    try program.write("hone.db", "this is no database, and long enough to be looked at as one\n")
    for arguments in [["list"], ["logs"], ["db", "check"]] {
      let result = try await program.run(arguments)
      #expect(result.code == 65, "\(arguments): \(result.error)")
    }
    #expect(try program.read("hone.db").hasPrefix("this is no database"))
  }

  @Test(arguments: ["version", "--help", "completions zsh"])
  func closedPipeIsNoError(_ command: String) async throws {
    let program = try Program()
    defer { program.remove() }
    let script =
      "(sleep 0.3; '\(Program.executable.path)' \(command); echo $? > code) 2> error | true; sleep 0.8; cat code error"
    let shell = try program.start(["-c", script], executable: URL(fileURLWithPath: "/bin/bash"))
    #expect(await shell.result().out == "0\n")
  }
}
