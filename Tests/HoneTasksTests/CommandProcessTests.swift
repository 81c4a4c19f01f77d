import Foundation
import HoneTrace
import Testing

@testable import HoneTasks

/// Real child processes: what they do wrong (reliability C1 to C6), and what is left of them.
@Suite(.serialized)
struct CommandProcessTests {
  static let path = "/usr/local/bin:/usr/bin:/bin"

  func process(
    _ arguments: [String], timeout: Duration = .seconds(20), grace: Duration = .milliseconds(300), input: String? = nil,
    cookie: String = UUID().uuidString
  ) -> CommandProcess {
    CommandProcess(
      arguments: arguments, environment: ["PATH": Self.path, "HONE_RUN": cookie], directory: "/tmp", input: input,
      timeout: timeout, grace: grace, cookie: ("HONE_RUN", cookie))
  }

  func shell(_ script: String, timeout: Duration = .seconds(20), cookie: String = UUID().uuidString) async
    -> CommandProcess.Result
  {
    await process(["sh", "-c", script], timeout: timeout, cookie: cookie).run()
  }

  /// Processes that carry the cookie and have not ended.
  func living(_ cookie: String) -> [pid_t] {
    Leftovers.processes().filter { process in
      let environment = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
      return String(decoding: environment, as: UTF8.self).contains(cookie)
    }
  }

  @Test func outputAndExitCodeAreKept() async {
    let result = await shell("echo out; echo err >&2")
    #expect(result.end == .exited(0))
    #expect(result.output.text == "out\n")
    #expect(result.errors.text == "err\n")
  }

  @Test(arguments: [1, 2, 42, 126, 127, 200, 255])
  func everyExitCodeIsReported(_ code: Int32) async {
    let result = await shell("echo reason >&2; exit \(code)")
    #expect(result.end == .exited(code))
    #expect(result.failure(timeout: 1) == "the command ended with exit code \(code)\nreason")
  }

  /// All but SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU (which stop), SIGCHLD, SIGCONT, SIGURG, SIGWINCH (which do nothing).
  @Test(arguments: Set(1...31).subtracting([19, 20, 21, 22, 17, 18, 23, 28]).sorted())
  func everySignalIsNamed(_ signal: Int32) async {
    let result = await process([
      "python3", "-c",
      "import os,signal; signal.signal(13, signal.SIG_DFL) ; signal.signal(2, signal.SIG_DFL); signal.signal(25, signal.SIG_DFL); os.kill(os.getpid(), \(signal))",
    ]).run()
    #expect(result.end == .signaled(signal))
    #expect(result.failure(timeout: 1)?.contains("(signal \(signal), ") == true)
  }

  @Test func aProgramThatIsNotThereIsSaid() async {
    #expect(
      await process(["no-such-program-here"]).run().end
        == .notStarted("the program \"no-such-program-here\" was not found along PATH"))
    #expect(
      await process(["./missing.sh"]).run().end == .notStarted("the program \"./missing.sh\" does not exist in /tmp"))
  }

  @Test func aFileThatIsNoProgramIsSaid() async throws {
    let folder = try RunDirectory()
    defer { folder.remove() }
    let file = try folder.write("plain", "text")
    let end = await process([file]).run().end
    #expect(end == .notStarted("\"\(file)\" is not executable; chmod +x it, or name its interpreter first"))
  }

  @Test func aHangingProgramIsEndedAtItsTimeout() async {
    let cookie = UUID().uuidString
    let result = await shell("echo before; sleep 600", timeout: .milliseconds(200), cookie: cookie)
    #expect(result.end == .timedOut)
    #expect(result.output.text == "before\n")
    #expect(living(cookie).isEmpty)
  }

  @Test func aProgramThatIgnoresTermIsKilled() async {
    let cookie = UUID().uuidString
    let result = await shell("trap '' TERM; while :; do sleep 0.05; done", timeout: .milliseconds(200), cookie: cookie)
    #expect(result.end == .timedOut)
    #expect(living(cookie).isEmpty)
  }

  @Test func aDaemonThatKeepsThePipeOpenIsEnded() async {
    let cookie = UUID().uuidString
    let script = """
      import os, time
      if os.fork() == 0:
          os.setsid()
          if os.fork() == 0:
              time.sleep(600)
          os._exit(0)
      print("done", flush=True)
      """
    let result = await process(["python3", "-c", script], cookie: cookie).run()
    #expect(result.end == .exited(0))
    #expect(result.output.text == "done\n")
    #expect(living(cookie).isEmpty)
  }

  @Test func aThousandZombiesLeaveNothing() async {
    let cookie = UUID().uuidString
    let script = "import os\nfor _ in range(1000):\n    if os.fork() == 0: os._exit(0)\nprint('made')"
    let result = await process(["python3", "-c", script], cookie: cookie).run()
    #expect(result.end == .exited(0))
    #expect(living(cookie).isEmpty)
  }

  @Test func floodsOnBothStreamsAreDrainedAndCapped() async {
    let script = """
      import os, threading
      block = b"x" * (1 << 16)
      def flood(fd):
          for _ in range(512): os.write(fd, block)
          os.write(fd, b"END")
      threads = [threading.Thread(target=flood, args=(fd,)) for fd in (1, 2)]
      [t.start() for t in threads]; [t.join() for t in threads]
      """
    let result = await process(["python3", "-c", script], timeout: .seconds(60)).run()
    #expect(result.end == .exited(0))
    for stream in [result.output, result.errors] {
      #expect(stream.count == 512 << 16 + 3 || stream.count == (512 << 16) + 3)
      #expect(stream.text.utf8.count < 1_100_000)
      #expect(stream.text.hasSuffix("xEND"))
      #expect(stream.text.contains("bytes left out"))
    }
  }

  @Test func binaryOutputIsMadeText() async {
    let result = await shell("printf '\\377\\000ok'")
    #expect(result.output.text == "\u{fffd}\u{0}ok")
  }

  @Test func standardInputIsEmptyOrTheFile() async throws {
    #expect(await shell("cat; echo end").output.text == "end\n")
    let folder = try RunDirectory()
    defer { folder.remove() }
    let file = try folder.write("in", "line\n")
    #expect(await process(["cat"], input: file).run().output.text == "line\n")
    // A program that closes its input early ends neither itself nor us.
    let large = try folder.write("large", String(repeating: "x", count: 1 << 20))
    #expect(await process(["sh", "-c", "exec <&-; echo early"], input: large).run().output.text == "early\n")
  }

  @Test func thereIsNoTerminal() async {
    let result = await shell("if [ -t 0 ] || [ -t 1 ]; then echo tty; fi; (exec </dev/tty) 2>/dev/null || echo none")
    #expect(result.output.text == "none\n")
  }

  @Test func cancellationEndsTheProgram() async throws {
    let cookie = UUID().uuidString
    let running = Task { await shell("sleep 600", timeout: .seconds(600), cookie: cookie) }
    while living(cookie).isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    running.cancel()
    #expect(await running.value.end == .cancelled)
    #expect(living(cookie).isEmpty)
  }

  @Test func theEnvironmentIsOnlyWhatIsGiven() async {
    let result = await process(["env"], cookie: "c").run()
    let names = result.output.text.split(separator: "\n").compactMap { $0.split(separator: "=").first }
    #expect(Set(names) == ["PATH", "HONE_RUN"])
  }

  /// C6: an argument vector carries anything but NUL unchanged.
  @Test func argumentsArriveAsTheyAre() async throws {
    var stream = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: 0...UInt64.max, using: &stream)
    var random = SplitMix(state: seed)
    let alphabet = Array("$`\"'\\;&|<>(){}[]*?!#~ \t\n\r%=-_aZ0é漢🙂\u{1b}\u{7f}".unicodeScalars)
    var texts = [
      "-rf", "--", "$(touch /tmp/x)", "`id`", "; rm -rf /", "a\nb", "", "'", "\"",
      String(repeating: "z", count: 100_000),
    ]
    for _ in 0..<400 {
      let length = Int(random.next() % 40)
      texts.append(
        String(
          String.UnicodeScalarView((0..<length).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] })))
    }
    let script = "import sys, json; print(json.dumps(sys.argv[1:]))"
    for start in stride(from: 0, to: texts.count, by: 100) {
      let part = Array(texts[start..<min(start + 100, texts.count)])
      let result = await process(["python3", "-c", script] + part).run()
      let back = try Value.parse(json: result.output.text.trimmingCharacters(in: .newlines))
      #expect(back == .array(part.map(Value.string)), "seed \(seed)")
    }
  }
}

/// A small seeded generator for tests.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
