import Foundation
import HoneTrace
import Testing

/// A replay of what was recorded is the same, wherever the study ended; of anything else it is not.
@Suite(.serialized) struct ReplayTests {
  private func replays(_ program: Program, _ location: SourceLocation = #_sourceLocation) async throws {
    let replay = try await program.run("replay", "support", "--json")
    #expect(replay.code == 0, "\(replay)", sourceLocation: location)
    let fields = try #require(try replay.objects().first)
    #expect(fields["same"]?.bool == true && fields["trials"]?.int ?? 0 > 0, sourceLocation: location)
    #expect(fields["bytes"]?.int ?? 0 > 1_000, sourceLocation: location)
  }

  /// In the minibatch, before the proposer, in the middle of a trial.
  @Test(
    arguments: [
      ["--requests", "10"], ["--requests", "12"], ["--requests", "16"], ["--requests", "25"], ["--tokens", "1000"],
      ["--tokens", "1300"], ["--tokens", "2000"],
    ]) func aStudyThatACapEndedReplays(_ cap: [String]) async throws
  {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder)
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base)
    let tuned = try await program.run(["tune", "task.yaml", "--force"] + cap)
    #expect(tuned.code == 0 && tuned.out.contains("budget of"), "\(tuned)")
    #expect(!tuned.out.contains("budget of 5 trials"), "\(tuned)")
    try await replays(program)
  }

  @Test(arguments: [10, 13, 18, 27]) func aStudyThatWasInterruptedReplays(_ requests: Int) async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--delay", "0.05")
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base)
    let running = try program.start(["tune", "task.yaml"])
    #expect(await running.wait { endpoint.answered.count >= requests })
    running.signal(SIGINT)
    #expect(await running.result().code == 130)
    try await replays(program)
  }

  @Test func aProposerThatGivesNoUsableReplyReplays() async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--prose")
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base)
    let text = try program.read("task.yaml").split(separator: "\n").filter { !$0.contains("float:") }
    try program.write(
      "task.yaml", text.joined(separator: "\n").replacingOccurrences(of: "$temperature", with: "0.7") + "\n")
    let tuned = try await program.run("tune", "task.yaml")
    #expect(tuned.code == 0, "\(tuned)")
    #expect((tuned.out + tuned.error).contains("no usable reply 3 times in a row"), "\(tuned)")
    let attempts = try await program.run("export", "support").out.split(separator: "\n").filter {
      $0.contains("malformed")
    }
    #expect(attempts.count >= 6)
    try await replays(program)
  }

  @Test func anotherPromptIsADifferenceAndNamesTheNearestRequest() async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder)
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base)
    #expect(try await program.run("tune", "task.yaml", "--requests", "25", "--force").code == 0)
    try await replays(program)
    let text = try program.read("task.yaml")
    try program.write("task.yaml", text.replacingOccurrences(of: "\"{text}\"", with: "\"Message: {text}\""))
    let changed = try await program.run("replay", "support")
    #expect(changed.code == 1, "\(changed)")
    #expect(changed.error.contains("the nearest recorded request"), "\(changed.error)")
    #expect(changed.error.contains("$.messages[1].content: recorded "), "\(changed.error)")
    #expect(changed.error.contains("$.calls[0]"), "\(changed.error)")
  }
}
