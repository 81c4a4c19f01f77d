import Foundation
import HoneTrace
import Testing

/// A study that is killed, interrupted or disturbed ends as an undisturbed one does, and pays for nothing twice.
@Suite(.serialized) struct ResumeTests {
  /// What an undisturbed run leaves, and the requests it made.
  private func undisturbed() async throws -> (snapshot: [Value], requests: [String]) {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder)
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base)
    let result = try await program.run("tune", "task.yaml")
    #expect(result.code == 0, "\(result.error)")
    return (try await program.snapshot("support"), endpoint.answered)
  }

  @Test func killedAndResumedIsTheSame() async throws {
    let expected = try await undisturbed()
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--delay", "0.02")
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base)
    var settled: Set<String> = []
    for round in 1...4 {
      let running = try program.start(["tune", "task.yaml"])
      let target = expected.requests.count * round / 6
      #expect(await running.wait { endpoint.answered.count >= target })
      let answered = endpoint.answered
      running.signal(SIGKILL)
      _ = await running.result()
      // The last few may have been on their way when the program died.
      settled.formUnion(answered.dropLast(6))
    }
    let before = endpoint.begun.count
    let result = try await program.run("tune", "task.yaml")
    #expect(result.code == 0, "\(result.error)")
    #expect(endpoint.begun.dropFirst(before).filter(settled.contains).isEmpty)
    #expect(try await program.snapshot("support") == expected.snapshot)
    #expect(Set(endpoint.answered) == Set(expected.requests))
    #expect(try await program.run("db", "check").code == 0)
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)] as [(Int32, Int32)])
  func stoppedAndResumedIsTheSame(_ signal: Int32, _ code: Int32) async throws {
    let expected = try await undisturbed()
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--delay", "0.05")
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base)
    let running = try program.start(["tune", "task.yaml"])
    #expect(await running.wait { endpoint.answered.count >= expected.requests.count / 2 })
    running.signal(signal)
    let stopped = await running.result()
    #expect(stopped.code == code, "\(stopped.error)")
    #expect(stopped.error.contains("hone tune task.yaml"), "\(stopped.error)")
    let states = try await program.run("list", "support", "--json").objects().compactMap { $0["state"]?.string }
    #expect(!states.contains("running"), "\(states)")
    let result = try await program.run("tune", "task.yaml")
    #expect(result.code == 0, "\(result.error)")
    #expect(try await program.snapshot("support") == expected.snapshot)
  }

  @Test func secondSignalEndsAtOnce() async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--delay", "10")
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base)
    let running = try program.start(["tune", "task.yaml"])
    #expect(await running.wait { !endpoint.begun.isEmpty })
    running.signal(SIGINT)
    try await Task.sleep(for: .milliseconds(30))
    running.signal(SIGINT)
    #expect(await running.result().code == 130)
  }

  @Test func failedCallsCountAndFailAgainInAReplay() async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--refuse", "Crash after crash")
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base, trials: 2)
    let recorded = try await program.run("tune", "task.yaml", "--record", "calls.jsonl")
    #expect(recorded.code == 0, "\(recorded.error)")
    let sent = endpoint.begun.count
    let failed = try await program.run("logs", "--failed", "--json").objects()
    #expect(!failed.isEmpty && failed.allSatisfy { $0["status"]?.int == 500 }, "\(failed)")
    // What was sent in vain stands in the study's spend, also for the next session.
    let shown = try #require(try await program.run("list", "--json").objects().first)
    #expect(shown["spend"]?["requests"]?.int == sent, "\(shown)")
    let replay = try await program.run("replay", "support", "--json")
    #expect(replay.code == 0, "\(replay)")
    let replayed = try await program.run("tune", "task.yaml", "--replay", "calls.jsonl", "--db", "replayed.db")
    #expect(replayed.code == 0, "\(replayed.error)")
    let best = try await program.run("best", "support", "--json")
    #expect(try await best.out == program.run("best", "support", "--json", "--db", "replayed.db").out)
    #expect(endpoint.begun.count == sent)
  }

  @Test func replayOpensNoSocketAndIsTheSame() async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder)
    try program.writePromptTask(endpoint.base)
    let recorded = try await program.run("tune", "task.yaml", "--record", "calls.jsonl")
    #expect(recorded.code == 0, "\(recorded.error)")
    let count = endpoint.begun.count
    let first = try await program.run("replay", "support", "--json")
    let second = try await program.run("replay", "support", "--json")
    #expect(first.code == 0, "\(first)")
    #expect(first.out == second.out)
    #expect(endpoint.begun.count == count)
    endpoint.stop()
    // The cassette alone makes the same study, with nobody at the address.
    let replayed = try await program.run("tune", "task.yaml", "--replay", "calls.jsonl", "--db", "replayed.db")
    #expect(replayed.code == 0, "\(replayed.error)")
    #expect(try await program.snapshot("support") == program.snapshot("support", database: "replayed.db"))
    // A request that the cassette does not hold ends the study and names the nearest one.
    let text = try program.read("task.yaml")
    try program.write("task.yaml", text.replacingOccurrences(of: "Classify this message.", with: "Sort this message."))
    let unknown = try await program.run("tune", "task.yaml", "--replay", "calls.jsonl", "--db", "unknown.db")
    #expect(unknown.code == 1, "\(unknown.error)")
    #expect(unknown.error.contains("nearest"), "\(unknown.error)")
  }

  @Test func unreachableEndpointIs69() async throws {
    let program = try Program()
    defer { program.remove() }
    try program.writePromptTask("http://127.0.0.1:9/v1", trials: 2)
    let result = try await program.run("tune", "task.yaml")
    #expect(result.code == 69, "\(result.error)")
    #expect(result.error.contains("127.0.0.1:9"))
  }

  @Test func refusedKeyIs77() async throws {
    let program = try Program(["TEST_KEY": "sk-test-0123456789"])
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--status", "401")
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base, key: "TEST_KEY")
    let result = try await program.run("tune", "task.yaml")
    #expect(result.code == 77, "\(result.error)")
    #expect(!result.error.contains("sk-test"))
  }

  @Test func missingKeyIs78() async throws {
    let program = try Program()
    defer { program.remove() }
    // A server on this machine is asked without one; any other is not asked at all.
    try program.writePromptTask("https://nowhere.invalid/v1", key: "TEST_KEY")
    let result = try await program.run("tune", "task.yaml")
    #expect(result.code == 78, "\(result.error)")
    #expect(result.error.contains("TEST_KEY"))
  }

  /// An endpoint on this machine is asked without the key that is not set; when it wants one, the variable is named.
  @Test func aKeyThatIsWantedAfterAllIsNamed() async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--status", "401")
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base, key: "TEST_KEY")
    let result = try await program.run("tune", "task.yaml")
    #expect(result.code == 77, "\(result.error)")
    #expect(
      result.error.contains(
        "hint: the endpoint wants a key: put one that it takes into the environment variable TEST_KEY"),
      "\(result.error)")
  }

  @Test func secondDriverIs75() async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--delay", "1")
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base)
    let running = try program.start(["tune", "task.yaml"])
    #expect(await running.wait { !endpoint.begun.isEmpty })
    let second = try await program.run("tune", "task.yaml")
    #expect(second.code == 75, "\(second.error)")
    #expect(second.error.contains("\(running.pid)"), "\(second.error)")
    running.signal(SIGKILL)
    _ = await running.result()
  }
}
