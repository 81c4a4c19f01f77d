import Foundation
import Testing

@testable import HoneTrace

@Suite struct TraceSummaryTests {
  static let space = Space([
    ParameterSpec(
      name: "instruction", domain: .text(TextDomain(placeholders: ["question"])), initial: "Answer.\n{question}",
      description: "Instruction given\nto the model."),
    ParameterSpec(name: "topK", domain: .categorical([2, 4, 8]), initial: 4),
    ParameterSpec(name: "temperature", domain: .float(FloatDomain(0...1)), initial: 0.2),
  ])
  static let assignment = Assignment([
    "instruction": "Answer.\n{question}", "topK": 4, "temperature": 0.2,
  ])

  /// Retrieves, answers, compares: a small workflow as users write them.
  static func rollout(_ question: String, _ expected: String, fails: Bool = false) -> (example: String, trace: Trace) {
    let (_, recorder) = recording(assignment.values) {
      let question = Traced.input("question", question)
      guard let topK = parameter("topK"), let instruction = parameter("instruction") else { return }
      let passages = step("retrieve", doc: "Finds passages.", question, topK) { question, topK in
        (0..<(topK.int ?? 0)).map { "passage \($0) about \(question)" }
      }
      let shortened = passages.prefix(2)
      _ = try? step("answer", doc: "Asks the model.", instruction, question, shortened) { _, _, passages in
        if fails { throw Refused() }
        return passages.joined(separator: " ")
      }
    }
    let last = recorder.count - 1
    let feedback = Feedback(node: last, text: "Expected \(expected).\nSo not that.", score: 0)
    return (question, recorder.finish(feedback: [feedback]))
  }

  static func text(_ summary: TraceSummary) -> String {
    [
      ("Code", summary.code), ("Documentation", summary.documentation), ("Variables", summary.variables),
      ("Constraints", summary.constraints), ("Inputs", summary.inputs), ("Others", summary.others),
      ("Outputs", summary.outputs), ("Feedback", summary.feedback),
    ].map { "#\($0)\n\($1)" }.joined(separator: "\n")
  }

  @Test func threeRolloutsReadAsTheGoldenFileSays() throws {
    let rollouts = [
      Self.rollout("Who?", "Me"), Self.rollout("Where?", "Here", fails: true), Self.rollout("When?", "Now"),
    ]
    let summary = TraceSummary(rollouts, space: Self.space, assignment: Self.assignment, tokenCap: 4_000)
    try expectGolden(Self.text(summary), "summary.txt")
  }
}

/// Compares with a fixture. With HONE_GOLDEN set to a folder, writes there what it got, for a person to look at and copy.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  if let folder = ProcessInfo.processInfo.environment["HONE_GOLDEN"] {
    try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
  }
  let url = Bundle.module.url(forResource: "Fixtures", withExtension: nil)?.appending(path: name)
  let expected = try url.map { try String(contentsOf: $0, encoding: .utf8) }
  #expect(text == expected, sourceLocation: sourceLocation)
}
