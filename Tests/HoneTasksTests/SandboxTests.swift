import Foundation
import Hone
import HoneModel
import HoneTrace
import Testing

@testable import HoneTasks

/// Generated code against the walls of the sandbox (reliability L6). Each program tries something and says how it went.
@Suite(
  .serialized,
  .enabled("SKIPPED: bubblewrap is not installed or may not make namespaces here, so the sandbox is not tested") {
    (try? await SandboxProbe(environment: ["PATH": CommandProcessTests.path]).check()) != nil
  })
struct SandboxTests {
  static let environment = ["PATH": CommandProcessTests.path, "HONE_API_KEY": "sk-planted-sandbox", "PLAIN": "plain"]

  func task(_ folder: String, _ workflow: String = "command: [python3, -c, $program]", extra: String = "") throws
    -> TaskFile
  {
    let text = """
      version: 1
      study: s
      goal: { maximize: score }
      workflow:
        \(workflow)
      parameters:
        program: { code: "print(1)", language: python }
      score: { json: score }
      \(extra)
      """
    return try TaskFile.parse([UInt8](text.utf8), path: "\(folder)/task.yaml", directory: folder)
  }

  func run(_ task: TaskFile, _ program: String, row: Value = .object([:])) async throws -> (Outcome, Trace) {
    let runner = TaskRunner(task, train: [], endpoint: nil, model: nil, environment: Self.environment)
    let recorder = Recorder()
    let assignment = try runner.space.accept(["program": .string(program)], defaults: runner.space.initial)
    let context = TraceContext(recorder: recorder, assignment: assignment)
    let outcome = await TraceContext.$current.withValue(context) {
      await runner.run(Example(id: "r", fields: row), repeat: 0)
    }
    return (outcome, recorder.finish())
  }

  /// A folder with a canary and a program's outcome in it.
  func attempt(_ program: String, timeout: String = "30s", sandbox: String = "{}") async throws -> Outcome {
    let folder = try RunDirectory()
    defer { folder.remove() }
    let canary = try folder.write("canary", "alive")
    let mark = UUID().uuidString
    let task = try task(
      folder.path,
      "command: [python3, -c, $program]\n  timeout: \(timeout)\n  sandbox: \(sandbox)\n  env: { MARK: \(mark) }")
    let (outcome, _) = try await run(task, program.replacing("CANARY", with: canary))
    #expect(try String(contentsOfFile: canary, encoding: .utf8) == "alive")
    #expect(living(mark).isEmpty)
    return outcome
  }

  func living(_ mark: String) -> [pid_t] {
    Leftovers.processes().filter { process in
      let environment = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
      return String(decoding: environment, as: UTF8.self).contains(mark)
    }
  }

  @Test func ordinaryProgramsRun() async throws {
    let outcome = try await attempt(
      """
      import json, math, tempfile, subprocess, os
      open(tempfile.mkstemp()[1], "w").write("scratch")
      assert subprocess.run(["/bin/echo", "x"], capture_output=True).stdout == b"x\\n"
      assert os.environ["HOME"] == "/tmp"
      open("/dev/null", "w").write("x")
      print(json.dumps({"score": math.sqrt(16)}))
      """)
    #expect(outcome.score == 4, "\(outcome)")
  }

  /// Each prints the score 1 when it got through.
  static let escapes: [String: String] = [
    "reads the home folder": "os.listdir(os.path.expanduser('~root'))",
    "reads a file beside it": "open('CANARY').read()",
    "reads the accounts": "open('/etc/passwd').read()",
    "reads the caller's home": "os.listdir('\(NSHomeDirectory())')",
    "writes to the canary": "open('CANARY', 'r+').write('dead')",
    "writes to the root": "open('/x', 'w').write('x')",
    "writes to the system": "open('/usr/x', 'w').write('x')",
    "writes to its run folder": "open(os.environ['HONE_RUN'] + '/x', 'w').write('x')",
    "removes the canary": "os.remove('CANARY')",
    "removes the system": "os.remove('/usr/bin/env')",
    "follows a link": "os.symlink('CANARY', '/tmp/l'); open('/tmp/l').read()",
    "changes a device": "os.chmod('/dev/null', 0)",
    "changes the kernel's settings": "open('/proc/sys/kernel/core_pattern', 'w').write('|/bin/false')",
    "mounts": "subprocess.run(['mount', '-t', 'tmpfs', 'x', '/tmp'], check=True)",
    "makes namespaces": "subprocess.run(['unshare', '-Ur', 'true'], check=True)",
    "sees the caller": "[1 for p in os.listdir('/proc') if p.isdigit() and int(p) > 200][0]",
    "ends other processes": "os.kill(\(getpid()), 9)",
    "opens the network": "socket.create_connection(('127.0.0.1', PORT), 2)",
    "asks for a name": "socket.getaddrinfo('example.org', 80)",
    "becomes the superuser": "os.setuid(0)",
    "reads the key": "os.environ['HONE_API_KEY']",
    "reads the caller's environment": "open('/proc/\(getpid())/environ').read()",
  ]

  @Test(arguments: escapes.keys.sorted())
  func noProgramGetsOut(_ name: String) async throws {
    // A listener that a connection would reach.
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { plain in
        _ = bind(listener, plain, size)
        _ = listen(listener, 1)
        _ = getsockname(listener, plain, &size)
      }
    }
    let body = try #require(Self.escapes[name]).replacing("PORT", with: "\(UInt16(bigEndian: address.sin_port))")
    let outcome = try await attempt(
      """
      import os, socket, subprocess
      try:
          \(body)
          print('{"score": 1}')
      except Exception as error:
          print('{"score": 0}')
      """)
    #expect(outcome.score == 0, "\(outcome)")
  }

  @Test func allocationEndsTheProgramAndNotTheMachine() async throws {
    let outcome = try await attempt("b = bytearray(100 << 30)\nprint('{\"score\": 1}')")
    #expect(outcome.score == nil)
    #expect(outcome.failure?.message.contains("MemoryError") == true, "\(outcome)")
  }

  @Test func processesShareTheMemory() async throws {
    let outcome = try await attempt(
      """
      import os, time
      for _ in range(8):
          if os.fork() == 0:
              b = b"x" * (60 << 20)
              time.sleep(600)
      time.sleep(600)
      """, sandbox: "{ memory: 128 }")
    #expect(outcome.failure?.message.hasPrefix("the command used more than 128 MiB of memory") == true, "\(outcome)")
  }

  @Test func aForkBombIsStifled() async throws {
    let outcome = try await attempt(
      """
      import os, time
      made = 0
      try:
          while True:
              if os.fork() == 0: time.sleep(600)
              made += 1
              if made > 500: break
      except OSError: pass
      print('{"score": %d}' % made)
      """, sandbox: "{ processes: 16 }")
    let made = try #require(outcome.score)
    #expect(made > 3 && made < 16, "\(outcome)")
  }

  /// Until the sandbox stands, its processes see the host's folders.
  @Test func theHostsFilesDoNotCount() throws {
    // A "sandbox" whose processes are the host's own: many files, none of them in a folder of that size.
    let host = try #require(SandboxWatch.namespace(of: "self"))
    var watch = SandboxWatch(.init(memory: 1 << 50, files: 0, scratch: 4097), leader: 1, namespace: host)
    #expect(watch.overrun() == nil)
  }

  @Test func aMillionFilesEndTheProgram() async throws {
    let outcome = try await attempt(
      """
      import os, time
      for i in range(1000000): os.close(os.open("/tmp/%d" % i, os.O_CREAT | os.O_WRONLY))
      print('{"score": 1}')
      """, timeout: "5m")
    #expect(outcome.failure?.message.hasPrefix("the command used more than 20000 files") == true, "\(outcome)")
  }

  @Test func aDiskFloodIsRefused() async throws {
    let one = try await attempt("open('/tmp/x', 'wb').write(b'x' * (40 << 20))\nprint('{\"score\": 1}')")
    #expect(one.score == nil)
    let many = try await attempt(
      """
      try:
          for i in range(20): open("/tmp/%d" % i, "wb").write(b"x" * (8 << 20))
          print('{"score": 1}')
      except OSError: print('{"score": 0}')
      """)
    #expect(many.score == 0, "\(many)")
  }

  @Test func sleepersAndDaemonsEndWithTheRun() async throws {
    let sleeper = try await attempt(
      "import os, time\nif os.fork() == 0: os.setsid()\ntime.sleep(600)", timeout: "500ms")
    #expect(sleeper.failure?.message.contains("longer than its timeout") == true, "\(sleeper)")
    let daemon = try await attempt(
      """
      import os, time
      if os.fork() == 0:
          os.setsid()
          os.environ.clear()
          time.sleep(600)
      print('{"score": 1}')
      """)
    #expect(daemon.score == 1, "\(daemon)")
  }

  @Test func aSignalIsNamed() async throws {
    let outcome = try await attempt("import os\nos.kill(os.getpid(), 11)")
    #expect(outcome.failure?.message.contains("SIGSEGV (signal 11") == true, "\(outcome)")
  }

  @Test func stepsAreNotedAndFilesRead() async throws {
    let folder = try RunDirectory()
    defer { folder.remove() }
    _ = try folder.write(
      "run.py",
      """
      import json, os, sys
      import helper
      parameters = json.load(open(sys.argv[1]))
      json.dump({"step": "noted", "output": 1}, open(os.environ["HONE_TRACE"], "w"))
      exec(parameters["program"])
      """)
    _ = try folder.write("helper.py", "VALUE = 3")
    let task = try task(
      folder.path,
      """
      command: [python3, run.py, "{parameters.json}"]
        trace: jsonl
        sandbox: { read: [helper.py] }
      """)
    let (outcome, trace) = try await run(task, "print(json.dumps({'score': helper.VALUE}))")
    #expect(outcome.score == 3, "\(outcome)")
    #expect(trace.nodes.contains { $0.name == "noted" })
  }

  /// The data, the sealed test above all, is not there to be looked up.
  @Test func dataIsHidden() async throws {
    let folder = try RunDirectory()
    defer { folder.remove() }
    let inner = folder.path + "/inner"
    try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: false)
    for name in ["train", "test"] {
      try "{\"a\": 1}".write(toFile: "\(inner)/\(name).jsonl", atomically: true, encoding: .utf8)
    }
    try "seen".write(toFile: "\(inner)/other.txt", atomically: true, encoding: .utf8)
    _ = chmod(folder.path, 0o755)
    let task = try task(
      folder.path, "command: [python3, -c, $program]\n  sandbox: { read: [inner] }",
      extra: "data: { train: inner/train.jsonl, test: inner/test.jsonl, validation: inner/val.jsonl }")
    let program = """
      import os
      assert open("inner/other.txt").read() == "seen"
      try: text = open("inner/test.jsonl").read()
      except OSError: text = ""
      print('{"score": %d}' % len(text))
      """
    let (outcome, _) = try await run(task, program)
    #expect(outcome.score == 0, "\(outcome)")
  }

  @Test func aProgramOutsideTheSandboxIsSaid() async throws {
    let folder = try RunDirectory()
    defer { folder.remove() }
    let task = try task(folder.path, "command: [./run.sh, $program]")
    let (missing, _) = try await run(task, "x")
    #expect(missing.failure?.message.contains("does not exist") == true, "\(missing)")
    let path = try folder.write("python9", [UInt8]("#!/bin/sh\n".utf8), mode: 0o755)
    let sandbox = Sandbox(readable: [], memory: 1 << 28, processes: 8)
    let process = CommandProcess(
      arguments: ["python9"], environment: ["PATH": "\(CommandProcessTests.path):\(folder.path)"], directory: "/tmp",
      timeout: .seconds(9), cookie: ("A", "b"))
    let error = #expect(throws: Sandbox.Failure.self) { try sandbox.wrap(process, folder, writable: []) }
    #expect(error?.message.contains("\(path), which generated code may not see") == true)
  }
}

/// What holds with or without bubblewrap.
struct SandboxRefusalTests {
  static func load(_ lines: String, directory: String = "/nowhere") throws -> TaskFile {
    let text = "version: 1\nstudy: s\ngoal: { maximize: score }\nscore: { json: score }\n" + lines
    return try TaskFile.parse([UInt8](text.utf8), path: "task.yaml", directory: directory)
  }

  @Test func generatedCodeIsAlwaysConfined() throws {
    let parameters = "parameters: { p: { code: x, language: sh } }"
    #expect(try Self.load("workflow: { command: [sh, -c, $p] }\n" + parameters).isSandboxed)
    let listed = "parameters: { p: { code: { a: x, b: y }, language: sh } }"
    #expect(try !Self.load("workflow: { command: [sh, -c, $p] }\n" + listed).isSandboxed)
    #expect(try Self.load("workflow: { command: [sh, -c, $p], sandbox: {} }\n" + listed).isSandboxed)
  }

  @Test func withoutBubblewrapNothingRuns() async throws {
    let task = try Self.load(
      "workflow: { command: [sh, -c, $p] }\nparameters: { p: { code: 'echo 1', language: sh } }", directory: "/tmp")
    let runner = TaskRunner(task, train: [], endpoint: nil, model: nil, environment: ["PATH": "/nowhere"])
    let outcome = await runner.run(Example(id: "r", fields: .object([:])), repeat: 0)
    #expect(outcome.score == nil)
    #expect(outcome.error?.kind == .configuration)
    #expect(outcome.error?.endsStudy == true)
    #expect(outcome.failure?.message.contains("generated code runs only in a sandbox") == true)
    await #expect(throws: ModelError.self) { try await task.checkSandbox(environment: ["PATH": "/nowhere"]) }
  }
}
