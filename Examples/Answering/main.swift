// Tunes a question-answering workflow: which prompt, how many passages, which temperature.
//
//   Answering                        offline, from traces/answering.cassette.jsonl
//   Answering --live                 asks OPENAI_BASE_URL for what the cassette does not know, and records it
//
// Run it in the package's folder.
import Foundation
import Hone

struct Answering: Workflow {
  @Parameter("Instruction given to the model.")
  var instruction: Prompt = "Here is some text.\n{passages}\nTalk about: {question}"
  @Parameter(0...1, step: 0.25) var temperature = 1.0
  @Parameter(oneOf: [1, 2, 4]) var topK = 1

  let index: Index
  let model: any ChatModel

  func run(_ question: Traced<String>) async throws -> Traced<String> {
    let passages = step("retrieve", question, $topK) { question, topK in
      index.search(question, limit: topK)
    }
    return try await step("answer", $instruction, question, passages, $temperature) {
      instruction, question, passages, temperature in
      let prompt = instruction(["question": question, "passages": passages.joined(separator: "\n")])
      return try await model.complete(prompt, temperature: temperature, maxTokens: 24)
    }
  }
}

let live = CommandLine.arguments.contains("--live")
let environment = ProcessInfo.processInfo.environment
let endpoint = Endpoint(
  base: environment["OPENAI_BASE_URL"] ?? "http://127.0.0.1:18080/v1", model: "qwen2.5-coder-0.5b-instruct",
  key: environment["OPENAI_API_KEY"] == nil ? .none : .environment("OPENAI_API_KEY"))
let model = ModelClient(endpoint)
let cassette = try Cassette(path: "traces/answering.cassette.jsonl", writable: live)

let database = FileManager.default.temporaryDirectory.appending(path: "answering-\(UUID().uuidString).db").path
let study = try await Study.open(database, named: "answering")
let best = try await study.tune(
  Answering(index: Index(Handbook.passages), model: model), on: Handbook.questions, within: [.trials(8)],
  objective: Objective(
    metric: "accuracy", purpose: "Answer the question from the passages with the fewest words that are right."),
  seed: 7, optimizer: Joint(), proposer: model, settings: StudySettings(minibatch: 6, parallel: 2), cassette: cassette,
  mode: live ? .auto : .replay
) { answer, expected in
  // Short answers only: half the score for a right answer that talks on.
  guard answer.localizedCaseInsensitiveContains(expected) else {
    return Score(0, feedback: "Expected \(expected), got \(answer).")
  }
  return answer.count <= 40 ? Score(1) : Score(0.5, feedback: "Right but too long; expected just \(expected).")
}

print("temperature \(best.temperature), top-k \(best.topK)\ninstruction:\n\(best.instruction)\n")
let report = best.report
print("validation \(report.start?.mean ?? 0) -> \(report.best.mean) in \(report.trials) trials")
if let test = report.test {
  print("test       \(test.start) -> \(test.best), p \(test.pValue)")
} else {
  print("test       \(report.untested)")
}
