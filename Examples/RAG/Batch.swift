import Foundation
import Hone

/// Scores one assignment on some questions, as a task file's command: prints `{"accuracy": ..., "tokens": ...}`.
struct Batch: Sendable {
  private let setup: Setup
  private let assignment: Assignment
  private let questions: [Question]

  /// - Parameters:
  ///   - parameters: a file with the values by name: `{parameters.json}`.
  ///   - questions: a file with a question a line: `{batch.jsonl}`.
  init(_ setup: Setup, parameters: String, questions: String) throws {
    self.setup = setup
    let text = try String(contentsOfFile: parameters, encoding: .utf8)
    guard let values = try Value.parse(json: text).object else { throw RAGError("\(parameters) holds no JSON object") }
    assignment = Assignment(values)
    self.questions = try JSONLines.read(Question.self, questions)
    if self.questions.isEmpty { throw RAGError("\(questions) holds no question") }
  }

  func run() async throws {
    let space = try Space(of: RAG(library: Library(setup.corpus, model: setup.model)))
    let accepted = try space.accept(assignment.values, defaults: space.initial)
    guard let size = accepted["chunkSize"]?.int else { throw RAGError("there is no chunkSize") }
    let embeds = accepted["retriever"]?.string != Retriever.bm25.rawValue
    let rag = RAG(library: try await setup.library([size], embeds: embeds))
    _ = try Space(of: rag)
    if let path = ProcessInfo.processInfo.environment["HONE_TRACE"], let question = questions.first {
      // One question's steps say as much as those of all.
      let recorder = Recorder()
      _ = try await setup.answer(question, rag, accepted, recorder: recorder)
      try Self.write(recorder.finish(), to: path)
    }
    let score = try await setup.meanScore(rag, accepted, questions)
    let result: Value = ["accuracy": .double(score.value), "tokens": .double(score.outcomes["tokens"] ?? 0)]
    print(result.canonicalJSON)
  }

  /// The steps as `HONE_TRACE` wants them: inputs by the id of the step that made them, parameters by name.
  static func lines(_ trace: Trace) -> [Value] {
    trace.nodes.enumerated().compactMap { index, node in
      guard node.kind == .step || node.kind == .failure else { return nil }
      let inputs: [Value] = node.inputs.map { input in
        let source = trace.nodes[input]
        return switch source.kind {
        case .parameter: .string("$" + source.name)
        case .step, .failure: .string("step\(input)")
        case .input, .constant: source.value
        }
      }
      var line: [String: Value] = [
        "step": .string(node.name), "inputs": .array(inputs), "id": .string("step\(index)"),
      ]
      line["doc"] = node.doc.map { .string($0) }
      line[node.kind == .step ? "output" : "error"] = node.value
      return .object(line)
    }
  }

  private static func write(_ trace: Trace, to path: String) throws {
    let text = lines(trace).map { $0.canonicalJSON + "\n" }.joined()
    try text.write(toFile: path, atomically: false, encoding: .utf8)
  }
}
