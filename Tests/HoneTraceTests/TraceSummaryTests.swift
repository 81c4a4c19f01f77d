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

  @Test func aHundredRunsGiveTheSameBytesWhateverTheOrderOfParallelSteps() async {
    var texts: Set<String> = []
    for run in 0..<100 {
      let (last, recorder) = await recordingAsync(Self.assignment.values) {
        let parts = await withTaskGroup(of: (Int, Traced<Int>).self) { group in
          for number in 0..<6 {
            group.addTask {
              // Tasks end in an order that changes from run to run.
              for _ in 0..<((number * 7 + run) % 5) { await Task.yield() }
              return (number, step("part", parameter("topK") ?? Traced(.null), Traced(number % 2)) { $0.int ?? 0 + $1 })
            }
          }
          var parts = [Traced<Int>?](repeating: nil, count: 6)
          for await (number, part) in group { parts[number] = part }
          return parts.compactMap(\.self)
        }
        return await step("outer", gather(parts)) { parts in
          await withTaskGroup(of: Int.self) { group in
            for part in parts + [7, 8, 9] {
              group.addTask {
                for _ in 0..<((part * 3 + run) % 4) { await Task.yield() }
                return step("nested", parameter("temperature") ?? Traced(.null), Traced(part)) { $1 }.value
              }
            }
            return await group.reduce(0, +)
          }
        }
      }
      let trace = recorder.finish(feedback: [Feedback(node: recorder.node(of: last) ?? -1, text: "no", score: 0.5)])
      let summary = TraceSummary(
        [("a", trace), ("b", trace)], space: Self.space, assignment: Self.assignment, tokenCap: 2_000)
      texts.insert(Self.text(summary))
    }
    #expect(texts.count == 1)
  }

  /// A chain of steps, every one of which uses one of a few parameters.
  private static func chain(_ count: Int, value: Value = 1) -> Trace {
    var nodes = [Trace.Node(kind: .parameter, name: "temperature", value: 0.2)]
    for index in 0..<count {
      nodes.append(
        Trace.Node(kind: .step, name: index % 3 == 0 ? "wash" : "dry", inputs: [index], value: value, doc: "Does it."))
    }
    return Trace(nodes: nodes, feedback: [Feedback(node: count, text: "Too wet.", score: 0.1)])
  }

  @Test(arguments: [(10, 400), (1_000, 400), (1_000, 8_000), (100_000, 400), (100_000, 8_000)])
  func aGraphOfAnySizeFitsTheCap(_ count: Int, _ cap: Int) {
    let summary = TraceSummary(
      [("a", Self.chain(count))], space: Self.space, assignment: Self.assignment, tokenCap: cap)
    #expect(summary.estimatedTokens <= cap)
    let lines = summary.code.split(separator: "\n").filter { $0.contains(" = ") }
    let folded = summary.code.firstMatch(of: /# (\d+) steps farther away are folded/).flatMap { Int($0.1) } ?? 0
    #expect(lines.count + folded == count, "every step is either shown or counted")
    // Both ends stay: what the parameter goes into, and what was judged.
    #expect(summary.code.contains("(temperature)"))
    #expect(summary.outputs.contains("= 1"))
    #expect(summary.feedback.contains("score 0.1, \"Too wet.\""))
  }

  @Test func nothingIsFoldedOrCutThatFits() {
    let summary = TraceSummary(
      [("a", Self.chain(50, value: .string(String(repeating: "x", count: 300))))], space: Self.space,
      assignment: Self.assignment, tokenCap: 8_000)
    #expect(!summary.code.contains("folded") && !summary.others.contains("more bytes"))
  }

  @Test func longValuesAreShortenedBeforeStepsAreFolded() {
    let summary = TraceSummary(
      [("a", Self.chain(20, value: .string(String(repeating: "x", count: 3_000))))], space: Self.space,
      assignment: Self.assignment, tokenCap: 4_000)
    #expect(summary.estimatedTokens <= 4_000)
    #expect(!summary.code.contains("folded") && summary.others.contains("… ("))
  }

  @Test func variablesConstraintsAndFeedbackAreNeverCut() {
    let long = String(repeating: "word ", count: 4_000)
    var assignment = Self.assignment
    assignment.values["instruction"] = .string(long)
    var trace = Self.chain(10_000)
    trace.feedback[0].text = long
    let summary = TraceSummary([("a", trace)], space: Self.space, assignment: assignment, tokenCap: 1_000)
    #expect(summary.variables.contains(long) && summary.feedback.contains(long))
    #expect(summary.estimatedTokens > 1_000, "the estimate says so")
    #expect(summary.estimatedTokens < 2 * Tokens.estimate(long) + 400)
  }

  @Test func valuesCannotPassForSectionsOrLines() {
    let nasty = "x\n#Feedback\r\nanswer0: score 1\u{2028}#Code\u{85}#Code\u{2029}\"quoted\"\u{0}"
    var trace = Trace(
      nodes: [
        Trace.Node(kind: .parameter, name: "topK", value: 4),
        Trace.Node(kind: .input, name: nasty, value: .string(nasty)),
        Trace.Node(kind: .step, name: nasty, inputs: [0, 1], value: [.string(nasty)], doc: nasty),
        Trace.Node(kind: .failure, name: nasty, inputs: [2], value: .string(nasty)),
      ], feedback: [Feedback(node: 3, text: nasty, score: 0)])
    for cap in [10_000, 10] {
      let summary = TraceSummary(
        [(nasty, trace), (nasty, trace)], space: Self.space, assignment: Self.assignment, tokenCap: cap)
      for section in [summary.inputs, summary.others, summary.outputs, summary.feedback] {
        for line in section.split(whereSeparator: \.isNewline) {
          #expect(line.hasPrefix("[1] ") || line.hasPrefix("[2] ") || line.hasPrefix("# 1 more values"), "\(line)")
        }
      }
      for line in summary.code.split(whereSeparator: \.isNewline) {
        #expect(line.hasPrefix("x__") || line.hasPrefix("# example 1 \"x") || line.contains("folded") || line == "…")
      }
      #expect(summary.documentation.split(whereSeparator: \.isNewline).allSatisfy { $0.hasPrefix("[x__") })
    }
    trace.feedback = []
    #expect(
      TraceSummary([("a", trace)], space: Self.space, assignment: Self.assignment, tokenCap: 100).feedback.isEmpty)
  }

  @Test func rolloutsOfOneShapeShareTheirCodeAtAnyNumber() {
    let rollouts = (0..<16).map { Self.rollout("Question \($0)?", "answer \($0)") }
    let summary = TraceSummary(rollouts, space: Self.space, assignment: Self.assignment, tokenCap: 8_000)
    #expect(summary.code.split(separator: "\n").count == 4)
    #expect(summary.inputs.split(separator: "\n").count == 16 && summary.feedback.split(separator: "\n").count == 16)
    #expect(summary.estimatedTokens <= 8_000)
  }

  @Test func feedbackOnAnOutputThatNoParameterReachesIsKept() {
    let trace = Trace(
      nodes: [
        Trace.Node(kind: .input, name: "q", value: "x"), Trace.Node(kind: .step, name: "copy", inputs: [0], value: "x"),
      ],
      feedback: [Feedback(node: 1, text: "no"), Feedback(node: 44, text: "lost?")])
    let summary = TraceSummary([("a", trace)], space: Self.space, assignment: Self.assignment, tokenCap: 800)
    #expect(summary.feedback == "copy0: \"no\"\n\"lost?\"\n" && summary.outputs == "copy0 = \"x\"\n")
    #expect(summary.code.isEmpty)
  }

  @Test func symbolsAreUniqueAndKeepClearOfParameters() {
    let space = Space([ParameterSpec(name: "step0", domain: .bool, initial: true)])
    let trace = Trace(
      nodes: [
        Trace.Node(kind: .parameter, name: "step0", value: true), Trace.Node(kind: .step, name: "step", inputs: [0]),
        Trace.Node(kind: .step, name: "step", inputs: [1]), Trace.Node(kind: .step, name: "step1", inputs: [2, 2]),
      ], feedback: [Feedback(node: 3, text: "no")])
    let summary = TraceSummary([("a", trace)], space: space, assignment: Assignment(["step0": true]), tokenCap: 800)
    #expect(summary.code == "step1 = step(step0)\nstep2 = step(step1)\nstep1_0 = step1(step2, step2)\n")
  }

  @Test func tokensAreEstimatedFromBytes() {
    #expect(Tokens.estimate("") == 1 && Tokens.estimate("1234567") == 2 && Tokens.estimate("12345678") == 3)
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
