import Foundation
import Hone
import HoneTesting
import Testing

/// What the README's example needs around it.
private struct Index {
  func search(_ question: String, limit: Int) async throws -> [String] {
    Array(["Paris is in France.", "Rome is in Italy.", "Oslo is in Norway."].prefix(limit))
  }
}

// README: the workflow
private struct Answering: Workflow {
  @Parameter("Instruction given to the model.")
  var instruction: Prompt = "Answer from the passages.\n{passages}\nQuestion: {question}"
  @Parameter(oneOf: [2, 4, 8, 16]) var topK = 4
  let index: Index
  let model: any ChatModel

  func run(_ question: Traced<String>) async throws -> Traced<String> {
    let passages = try await step("retrieve", question, $topK) { try await index.search($0, limit: $1) }
    return try await step("answer", $instruction, question, passages) { instruction, question, passages in
      try await model.complete(instruction(["question": question, "passages": passages.joined(separator: "\n")]))
    }
  }
}
// end

/// The README's Swift example as it stands there, compiled and run.
@Suite struct ReadmeTests {
  private func tuned(_ model: ModelClient, _ examples: [Labeled<String, String>], _ database: String) async throws
    -> Tuned<Answering>
  {
    let index = Index()
    // README: the study
    let study = try await Study.open(database, named: "answering")
    let best = try await study.tune(
      Answering(index: index, model: model), on: examples, within: [.rollouts(600)], proposer: model
    ) { answer, expected in
      answer == expected ? Score(1) : Score(0, feedback: "Expected \(expected), got \(answer).")
    }
    // end
    return best
  }

  /// What the README says of values: the search of the example with an optimizer and a scheduler of the caller's choice.
  @Test func theSearchIsChosenByValues() async throws {
    let model = ModelClient(
      Endpoint(base: "http://127.0.0.1:9/v1", model: "m"),
      transport: ScriptedTransport.chat { $0.prompt.contains("Rome") && !$0.prompt.contains("Oslo") ? "France" : "?" })
    let examples = (0..<40).map { Labeled(input: "Where is street \($0) of Paris?", expected: "France") }
    let study = Study(store: MemoryStore(), name: "answering")
    let best = try await study.tune(
      Answering(index: Index(), model: model), on: examples, within: [.rollouts(600)],
      optimizer: TPE(), scheduler: ASHA(fewest: 4)
    ) { answer, expected in Score(answer == expected ? 1 : 0) }
    #expect(best.topK == 2 && best.report.best.mean == 1, "\(best.report)")
    #expect(try await study.store.definition(of: "answering")?.settings["scheduler"]?["use"] == "asha")
  }

  /// The model is right when it is told to name the country, which only the proposer finds out.
  @Test func theExampleTunesItsPrompt() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "hone-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let model = ModelClient(
      Endpoint(base: "http://127.0.0.1:9/v1", model: "m"),
      transport: ScriptedTransport.chat { request in
        if request.prompt.contains("suggestion") {
          return #"""
            {"reasoning": "It must be short.", "answer": "", "suggestion": {"instruction": \#
            "Name the country alone.\n{passages}\nQuestion: {question}"}}
            """#
        }
        return request.prompt.contains("Name the country alone.") ? "France" : "It may be France."
      })
    let examples = (0..<24).map { Labeled(input: "Where is street \($0) of Paris?", expected: "France") }
    let best = try await tuned(model, examples, folder.appending(path: "answering.db").path)
    #expect("\(best.instruction)".contains("Name the country alone."), "\(best.report)")
    #expect(best.report.best.mean == 1)
  }

  @Test func itIsTheReadmesText() throws {
    let file = URL(fileURLWithPath: #filePath)
    let readme = file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "README.md")
    let text = Self.lines(try String(contentsOf: readme, encoding: .utf8))
    let source = try String(contentsOf: file, encoding: .utf8)
    let parts = source.components(separatedBy: "// README: ").dropFirst().compactMap {
      $0.components(separatedBy: "// end").first?.split(separator: "\n").dropFirst().joined(separator: "\n")
    }
    #expect(parts.count >= 2)
    for part in parts.prefix(2) { #expect(text.contains(Self.lines(part)), "README.md: \(part)") }
  }

  /// Without indentation, empty lines, and what must differ.
  private static func lines(_ text: String) -> String {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
      .joined(separator: "\n").replacing("private struct", with: "struct")
      .replacing("open(database,", with: "open(\"answering.db\",")
  }
}
