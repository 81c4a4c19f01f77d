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

  /// Before anything is run, and once: not as five failed trials.
  @Test(arguments: ["check", "tune"])
  func aProgramThatIsNotThereIs78(_ command: String) async throws {
    let program = try Program()
    defer { program.remove() }
    func write(_ name: String) throws {
      try program.write(
        "task.yaml",
        """
        version: 1
        study: s
        goal: { maximize: score }
        workflow: { command: [\(name), $x] }
        parameters: { x: { int: [1, 3] } }
        score: { json: score }
        optimizer: { use: random }
        """)
    }
    try write("no-such-program")
    let result = try await program.run(command, "task.yaml")
    #expect(result.code == 78, "\(result)")
    #expect(
      result.error == """
        error: task.yaml:4:23: workflow.command: the program "no-such-program" was not found along PATH
          4 | workflow: { command: [no-such-program, $x] }
            |                       ^^^^^^^^^^^^^^^
        hint: install it, correct its name, or write its path

        """)
    #expect(!FileManager.default.fileExists(atPath: program.path("hone.db")))
    try program.write("run.py", "print(1)\n")
    try write("./run.py")
    let mode = try await program.run(command, "task.yaml")
    #expect(mode.code == 78, "\(mode)")
    #expect(mode.error.contains("hint: chmod +x ./run.py, or name its interpreter first: [python3, ./run.py]"))
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

  /// The reason and a hint; 77 when it is a permission that is missing.
  @Test func foldersThatMayNotBeMade() async throws {
    let program = try Program()
    defer { program.remove() }
    // Not even root makes folders in /sys; elsewhere it may.
    let place = getuid() == 0 ? "/sys" : program.path("locked")
    if getuid() != 0 {
      try FileManager.default.createDirectory(
        atPath: place, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o500])
    }
    try #require(mkdir(place + "/hone-test", 0o700) != 0)
    let number = errno
    let result = try await program.run("init", place + "/hone-test/task")
    #expect(result.code == ([EACCES, EPERM].contains(number) ? 77 : 73), "\(result)")
    let reason = String(cString: strerror(number))
    #expect(
      result.error.hasPrefix("error: \(place)/hone-test: cannot make the folder: \(reason)\nhint: choose a"),
      "\(result.error)")
  }

  @Test func aFileWhereAFolderBelongs() async throws {
    let program = try Program()
    defer { program.remove() }
    try program.write("data", "mine")
    let result = try await program.run("init")
    #expect(result.code == 73, "\(result)")
    #expect(result.error.contains("hint: "), "\(result)")
    #expect(try program.read("data") == "mine")
  }

  /// A cassette of somebody else's is left alone, and said to be no cassette.
  @Test(arguments: ["--replay", "--record", "--auto"])
  func foreignCassetteIs65(_ option: String) async throws {
    let program = try Program()
    defer { program.remove() }
    try program.writePromptTask("http://127.0.0.1:9/v1")
    try program.write("foreign.jsonl", "{\"text\": \"mine\"}\n")
    let result = try await program.run("tune", "task.yaml", option, "foreign.jsonl")
    #expect(result.code == 65, "\(result)")
    #expect(
      result.error == """
        error: cassette foreign.jsonl, line 1: not a Hone cassette: its first line is no header
        hint: name a cassette that Hone recorded, or record one into a new file

        """)
    #expect(try program.read("foreign.jsonl") == "{\"text\": \"mine\"}\n")
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

  /// The hint does not name the command that gave it.
  @Test func aFileThatIsNoDatabaseGetsAHintThatHelps() async throws {
    let program = try Program()
    defer { program.remove() }
    try program.write("notes.txt", String(repeating: "this is no database\n", count: 100))
    let result = try await program.run("db", "check", "--db", "notes.txt")
    #expect(result.code == 65)
    #expect(!result.error.contains("db check"), "\(result.error)")
    #expect(result.error.contains("hint: name a file that hone has written"), "\(result.error)")
  }

  @Test func anAccountThatIsUsedUpIs77() async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--status", "402")
    try program.writePromptTask(endpoint.base)
    let result = try await program.run("tune", "task.yaml")
    #expect(result.code == 77, "\(result)")
    #expect(result.error.contains("hint: the account has no credit left"), "\(result.error)")
  }

  /// What the hint says is what helps.
  @Test func aWorkflowThatAlwaysFailsIs69() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    let script = try program.read("urgency.sh")
    try program.write("urgency.sh", "exit 3\n")
    let result = try await program.run("tune", "task.yaml")
    #expect(result.code == 69, "\(result)")
    #expect(result.error.contains("begin again with --fresh"), "\(result.error)")
    try program.write("urgency.sh", script)
    let mended = try await program.run("tune", "task.yaml", "--trials", "3", "--fresh")
    #expect(mended.code == 0, "\(mended)")
    #expect(mended.out.contains("Best"), "\(mended)")
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
