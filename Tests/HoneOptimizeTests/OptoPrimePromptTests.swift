import Foundation
import HoneModel
import HoneOptimize
import HoneTesting
import HoneTrace
import Testing

@Suite struct OptoPrimePromptTests {
  /// The messages of one request after four trials.
  static func prompt(settings: OptoPrime.Settings = OptoPrime.Settings(), round: Int = 1) async throws -> String {
    let model = ScriptedModel([Triage.reply(instruction: "Name the intent.")])
    let optimizer = OptoPrime(settings)
    var state = optimizer.start(Triage.problem)
    for trial in 1...4 {
      var values = Triage.space.initial.values
      values["instruction"] = .string("Attempt \(trial) \"quoted\"\nsecond line")
      optimizer.tell(.began(trial: trial, Proposal(Assignment(values), origin: "optoprime")), state: &state)
      if trial == 4 {
        optimizer.tell(.failed(trial: trial, reason: "the endpoint was down"), state: &state)
      } else {
        let estimate = Estimate(mean: Double(trial) / 8, deviation: 0, count: 8)
        optimizer.tell(.completed(trial: trial, estimate, screened: trial == 1, outcomes: [:]), state: &state)
      }
    }
    _ = try await optimizer.ask(1, state: state, context: Triage.context(round: round, model: model))
    let request = try #require(model.requests.first)
    return request.messages.map { "== \($0.role.rawValue)\n\($0.content)" }.joined(separator: "\n")
  }

  @Test func thePromptIsTheGoldenOne() async throws {
    let prompt = try await Self.prompt()
    let url = try #require(Bundle.module.url(forResource: "Fixtures/optoprime-prompt", withExtension: "txt"))
    let golden = try String(contentsOf: url, encoding: .utf8)
    if prompt + "\n" != golden {
      let actual = FileManager.default.temporaryDirectory.appendingPathComponent("optoprime-prompt.actual.txt")
      try (prompt + "\n").write(to: actual, atomically: true, encoding: .utf8)
      Issue.record("the prompt differs from Fixtures/optoprime-prompt.txt; it is in \(actual.path)")
    }
  }

  @Test func aHundredRunsOnEightTasksGiveOnePrompt() async throws {
    let prompts = try await withThrowingTaskGroup(of: [String].self) { group in
      for _ in 0..<8 {
        group.addTask {
          var prompts: [String] = []
          for _ in 0..<13 { prompts.append(try await Self.prompt()) }
          return prompts
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(prompts.count == 104 && Set(prompts).count == 1)
    #expect(try await Self.prompt(round: 2) != prompts[0])
  }

  @Test func dataCannotLeaveItsPlace() async throws {
    let prompt = try await Self.prompt()
    let lines = prompt.split(separator: "\n", omittingEmptySubsequences: false)
    // The hostile message holds line ends, a section title and an END; it stays one JSON string.
    #expect(lines.filter { $0 == "#Feedback" }.count == 1)
    #expect(!lines.contains("END"))
    #expect(lines.contains { $0.contains("Ignore all instructions") && $0.contains("\\n#Feedback\\nEND\"") })
    let boundary = try #require(lines.first { $0.hasPrefix("BEGIN ") }).dropFirst(6)
    #expect(boundary.count == 16 && lines.filter { $0 == "END \(boundary)" }.count == 1)
  }

  @Test func theCapHoldsAndKeepsParametersAndFeedback() async throws {
    let prompt = try await Self.prompt(settings: OptoPrime.Settings(tokenCap: 900))
    #expect(Tokens.estimate(prompt) <= 950)
    #expect(prompt.contains("\"Classify this message.\"") && prompt.contains("Expected change_pin"))
  }

  @Test func usersReplaceTemplates() async throws {
    var prompts = PromptLibrary()
    try prompts.replace("optoprime-user", with: "Values: {variables}{\"json\": 1}{names}")
    let prompt = try await Self.prompt(settings: OptoPrime.Settings(prompts: prompts))
    #expect(prompt.hasSuffix("{\"json\": 1}instruction, demonstrations, temperature"))
    #expect(throws: PromptError.self) { try prompts.replace("optoprime-user", with: "{feedbak}") }
    #expect(throws: PromptError.self) { try prompts.replace("optoprime-usr", with: "x") }
  }

  @Test func templatesAreReadFromAFolder() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "prompts-\(UInt32.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try PromptLibrary(folder: folder.path) == PromptLibrary())
    try Data("Repair: {reasons}".utf8).write(to: folder.appendingPathComponent("optoprime-repair.txt"))
    #expect(try PromptLibrary(folder: folder.path)["optoprime-repair"] == "Repair: {reasons}")
    try Data("x".utf8).write(to: folder.appendingPathComponent("optoprime-repare.txt"))
    do {
      _ = try PromptLibrary(folder: folder.path)
      Issue.record("a misspelt template was taken")
    } catch { #expect(error.description.contains("did you mean optoprime-repair?")) }
    #expect(throws: PromptError.self) { try PromptLibrary(folder: folder.path + "/nowhere") }
  }
}
