import Foundation
import HoneTesting
import HoneTrace
import Testing

/// `tasks/svm-llambo.yaml`, numbers with a language model's knowledge: offline, from recorded replies.
@Suite(.serialized) struct LLAMBOTaskTests {
  @Test func tunesAndReplaysOffline() async throws {
    let listener = try FaultServer { _ in [.close] }
    defer { listener.stop() }
    let program = try Program(["OPENAI_BASE_URL": "http://127.0.0.1:\(listener.port)/v1"])
    defer { program.remove() }
    let task = Program.sources.appendingPathComponent("tasks/svm-llambo.yaml").path
    let cassette = Program.sources.appendingPathComponent("traces/svm-llambo.cassette.jsonl").path
    let result = try await program.run("tune", task, "--replay", cassette, "--json", "--quiet")
    #expect(result.code == 0, "\(result)")
    let objects = try result.objects()
    let trials = objects.filter { $0["schema"] == "hone.trial/1" }
    #expect(trials.count == 12 && trials.allSatisfy { $0["state"] == "complete" })
    // The model proposed some of the trials, and what was measured is what the table holds for the settings.
    #expect(trials.contains { $0["origin"] == "llambo" })
    let errors = Set(try Self.errors())
    #expect(trials.allSatisfy { $0["score"]?.number.map(errors.contains) ?? false }, "\(trials)")
    let report = try #require(objects.last)
    let (start, best) = (report["start"]?["mean"]?.number ?? 0, report["best"]?["mean"]?.number ?? 1)
    #expect(best < start, "\(report)")
    let requests = report["spend"]?["requests"]?.number ?? 0
    #expect(requests > 0 && requests <= 36, "at most three for a trial: \(requests)")
    #expect(listener.connections == 0)
    // Of a round in which the process's candidate was taken, no reply of the model is said to be applied.
    var words = Set<String>()
    for trial in trials {
      let shown = try await program.run("show", "svm-llambo/\(trial["trial"]?.int ?? 0)").out
      let isApplied = shown.contains("   Applied llambo")
      let isRead = shown.contains("      Read llambo, and the values of gp were taken")
      let origin = trial["origin"]?.string ?? ""
      #expect(isApplied ? origin == "llambo" : isRead ? origin == "gp" : true, "\(shown)")
      if isApplied || isRead { words.insert(isApplied ? "Applied" : "Read") }
    }
    #expect(words == ["Read"] || words == ["Applied", "Read"], "\(words)")
    let again = try await program.run("replay", "svm-llambo")
    #expect(again.code == 0 && again.out.contains("Same \(trials.count) trials"), "\(again)")
  }

  /// The nearest row answers: a row itself, and a point of which the nearest row can be seen without a computer.
  @Test func theTableAnswersWithItsNearestRow() throws {
    let folder = Program.sources.appendingPathComponent("tasks/data/svm-iris")
    let small = "C,gamma,error\n1,0.001,0.5\n100,0.001,0.25\n100,0.1,0.125\n"
    #expect(try Self.answer(["C=1", "gamma=0.001"], small) == "0.5")
    #expect(try Self.answer(["C=11", "gamma=0.001"], small) == "0.25")
    #expect(try Self.answer(["C=50", "gamma=1e-01"], small) == "0.125")
    let table = try String(contentsOf: folder.appendingPathComponent("table.csv"), encoding: .utf8)
    for line in table.split(separator: "\n").dropFirst().prefix(5) {
      let cells = line.split(separator: ",").map(String.init)
      #expect(try Self.answer(["C=\(cells[0])", "gamma=\(cells[1])", "tol=\(cells[2])"], table) == cells[3])
    }
    #expect(try Self.answer(["C=1"], table) == "", "a missing number is an error")
  }

  private static func errors() throws -> [Double] {
    let path = Program.sources.appendingPathComponent("tasks/data/svm-iris/table.csv")
    return try String(contentsOf: path, encoding: .utf8).split(separator: "\n").dropFirst()
      .compactMap { $0.split(separator: ",").last.flatMap { Double($0) } }
  }

  /// What the look-up prints as the error; empty when it refuses.
  private static func answer(_ settings: [String], _ table: String) throws -> String {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("nearest-\(UUID().uuidString).csv")
    try table.write(to: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: path) }
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let script = Program.sources.appendingPathComponent("tasks/data/svm-iris/nearest.awk").path
    process.arguments = ["awk", "-f", script] + settings + [path.path]
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return "" }
    let value = try Value.parse(json: text.trimmingCharacters(in: .whitespacesAndNewlines))
    return value["error"]?.text ?? "none"
  }
}
