import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneTrace
import Testing

@testable import HoneTasks

/// Command workflows from the task file to the outcome, with real programs.
@Suite(.serialized)
struct CommandWorkflowTests {
  static func task(
    _ workflow: String, score: String = "{ json: loss }", data: String? = nil, in folder: String = "/tmp"
  )
    throws -> TaskFile
  {
    let text = """
      version: 1
      study: s
      goal: { minimize: loss }
      \(data.map { "data: \($0)" } ?? "")
      workflow: \(workflow)
      parameters:
        rate: { float: [0.0, 1.0], initial: 0.5 }
        note: { prompt: "plain", max_length: 300000 }
      score: \(score)
      """
    return try TaskFile.parse([UInt8](text.utf8), path: "task.yaml", directory: folder)
  }

  func run(
    _ task: TaskFile, _ values: [String: Value] = [:], example: Example = Example(id: "run", fields: .object([:])),
    environment: [String: String] = ["PATH": "/usr/local/bin:/usr/bin:/bin"], repeat: Int = 0
  ) async throws -> (Outcome, Trace) {
    let runner = TaskRunner(task, train: [], endpoint: nil, model: nil, environment: environment)
    let recorder = Recorder()
    let assignment = try runner.space.accept(values, defaults: runner.space.initial)
    let context = TraceContext(recorder: recorder, assignment: assignment)
    let outcome = await TraceContext.$current.withValue(context) { await runner.run(example, repeat: `repeat`) }
    return (outcome, recorder.finish())
  }

  @Test func theLastLineIsTheScore() async throws {
    let task = try Self.task(
      #"{ command: [sh, -c, 'echo start; echo "{\"loss\": $0, \"ms\": 12}"', $rate] }"#.replacing("$0", with: "$$0"))
    let (outcome, trace) = try await run(task, ["rate": 0.25])
    #expect(outcome.score == 0.25, "\(outcome)")
    #expect(outcome.outcomes == ["ms": 12])
    let subgraph = trace.subgraph(of: [Feedback(node: try #require(outcome.node), text: "")])
    #expect(subgraph.nodes.map { trace.nodes[$0].name }.contains("rate"))
  }

  @Test func filesHoldParametersAndRows() async throws {
    let script =
      "import sys,json; p=json.load(open(sys.argv[1])); rows=[json.loads(l) for l in open(sys.argv[2])]; print(json.dumps({'loss': p['rate'] + len(rows), 'note': p['note']}))"
    let task = try Self.task(
      "{ command: [python3, -c, \"\(script)\", \"{parameters.json}\", \"{batch.jsonl}\"], batch: 3 }",
      data: "{ train: t.jsonl, validation: v.jsonl }")
    let note = "quotes \" ' $(x); -rf\n" + String(repeating: "ä", count: 150_000)
    let example = Example(id: "b", fields: ["rows": [["q": 1], ["q": 2], ["q": 3]]])
    let (outcome, _) = try await run(task, ["rate": 0.5, "note": .string(note)], example: example)
    #expect(outcome.score == 3.5, "\(outcome.failure?.message ?? "")")
    let back = try Value.parse(json: outcome.output.text.trimmingCharacters(in: .newlines))
    #expect(back["note"]?.string == note)
  }

  @Test func aLongArgumentIsRefusedWithAdvice() async throws {
    let task = try Self.task("{ command: [echo, $note] }")
    let (outcome, _) = try await run(task, ["note": .string(String(repeating: "x", count: 200_000))])
    #expect(outcome.failure?.kind == .workflow)
    #expect(outcome.failure?.message.contains("hand it over in {parameters.json}") == true)
  }

  @Test func theFailureHoldsTheLastTwentyLines() async throws {
    let task = try Self.task("{ command: [sh, -c, 'for i in $$(seq 1 50); do echo line $$i >&2; done; exit 3'] }")
    let (outcome, trace) = try await run(task)
    #expect(outcome.score == nil)
    #expect(outcome.failure?.kind == .workflow)
    let expected = "the command ended with exit code 3\n" + (31...50).map { "line \($0)" }.joined(separator: "\n")
    #expect(outcome.failure?.message == expected)
    #expect(trace.nodes.last?.kind == .failure)
  }

  @Test func aBrokenScoreIsAScoreFailure() async throws {
    for printed in [#"{"loss": NaN}"#, "nothing", #"{"loss": true}"#] {
      let task = try Self.task("{ command: [echo, '\(printed)'] }")
      let (outcome, _) = try await run(task)
      #expect(outcome.score == nil)
      #expect(outcome.failure?.kind == .score)
      #expect(outcome.failure?.message.contains(quoted(printed)) == true)
    }
  }

  @Test func notedStepsAreRecorded() async throws {
    let lines = [
      #"{"step":"search","inputs":["$$rate","query"],"output":[1,2],"id":"s","doc":"Looks."}"#,
      #"{"step":"rank","inputs":["s"],"output":2,"id":"r"}"#, "not json",
      #"{"step":"call","inputs":["r"],"error":"refused"}"#,
    ].joined(separator: "\n      ")
    let task = try Self.task(
      "\n  trace: jsonl\n  command:\n    - sh\n    - -c\n    - |\n      cat > $$HONE_TRACE <<'END'\n      \(lines)\n      END\n      echo '{\"loss\": 1}'\n"
    )
    let (outcome, trace) = try await run(task)
    #expect(outcome.score == 1, "\(outcome)")
    let names = trace.nodes.map(\.name)
    #expect(names.contains("search") && names.contains("rank"))
    let search = try #require(trace.nodes.first { $0.name == "search" })
    #expect(search.doc == "Looks.")
    #expect(trace.nodes[search.inputs[0]].name == "rate")
    #expect(trace.nodes.contains { $0.kind == .failure && $0.name == "call" })
    #expect(trace.nodes.first { $0.name == "unreadable_trace_lines" }?.value == 1)
    let command = try #require(trace.nodes.first { $0.name == "command" })
    // What the last step made, and the parameter no step said it read.
    #expect(Set(command.inputs.map { trace.nodes[$0].name }) == ["call", "note"])
  }

  @Test func onlyNamedVariablesArePassedAndSecretOnesNeverStored() async throws {
    let secret = "sk-planted-0123456789"
    let environment = ["PATH": "/usr/bin:/bin", "MY_API_KEY": secret, "PLAIN": "p", "OTHER": "hidden-away"]
    let task = try Self.task(
      "{ command: [sh, -c, 'env; env >&2; exit 1'], pass_env: [MY_API_KEY, PLAIN], env: { FIXED: f } }")
    let (outcome, trace) = try await run(task, environment: environment, repeat: 2)
    let message = try #require(outcome.failure?.message)
    for part in ["PLAIN=p", "FIXED=f", "HONE_REPEAT=2", "MY_API_KEY=[secret:MY_API_KEY]"] {
      #expect(message.contains(part))
    }
    #expect(!message.contains("hidden-away"))
    #expect(!"\(outcome)\(trace)".contains(secret))
  }

  @Test func standardInputIsTheTemplate() async throws {
    let task = try Self.task(
      "{ command: [cat], stdin: '{text}/$rate' }", score: "{ exact_match: y }", data: "{ train: t.jsonl }")
    let (outcome, _) = try await run(task, example: Example(id: "a", fields: ["text": "hi", "y": "hi/0.5"]))
    #expect(outcome.score == 1, "\(outcome)")
  }

  @Test func feedbackLeavesTheEndOfTheLastLineOut() async throws {
    for (feedback, expected) in [("", "Expected b, got a."), ("\n  feedback: '{output}, not {y}'", "a, not b")] {
      let task = try Self.task(
        "{ command: [echo, a] }", score: "\n  exact_match: y\(feedback)", data: "{ train: t.jsonl }")
      let (outcome, _) = try await run(task, example: Example(id: "a", fields: ["text": "", "y": "b"]))
      #expect(outcome.feedback == expected, "\(outcome)")
    }
  }

  @Test func aCommandScores() async throws {
    let script =
      "import sys,json; d=json.load(open(sys.argv[1])); print(json.dumps({'score': len(d['output'].strip()), 'feedback': 'as long as ' + d['row']['text']}))"
    let task = try Self.task(
      "{ command: [cat], stdin: '{text}' }", score: "{ command: [python3, -c, \"\(script)\", \"{example.json}\"] }",
      data: "{ train: t.jsonl }")
    let (outcome, _) = try await run(task, example: Example(id: "a", fields: ["text": "four"]))
    #expect(outcome.score == 4, "\(outcome)")
    #expect(outcome.feedback == "as long as four")
  }

  @Test func theRunsFolderIsPrivateAndRemoved() async throws {
    let task = try Self.task(
      "{ command: [sh, -c, 'stat -c %a \"$$HONE_RUN\" \"$$1\"; echo \"$$HONE_RUN\"; echo \"{\\\"loss\\\": 1}\"', sh, '{parameters.json}'] }"
    )
    let (outcome, _) = try await run(task)
    let lines = outcome.output.text.split(separator: "\n").map(String.init)
    #expect(Array(lines.prefix(2)) == ["700", "600"], "\(outcome)")
    #expect(!FileManager.default.fileExists(atPath: lines[2]))
  }

  @Test func aChangedProgramIsAnotherWorkflow() throws {
    let folder = try RunDirectory()
    defer { folder.remove() }
    let file = try folder.write("train.sh", "echo 1")
    func print() throws -> String {
      TaskRunner(try Self.task("{ command: [sh, train.sh] }", in: folder.path), train: [], endpoint: nil, model: nil)
        .fingerprint
    }
    let before = try print()
    #expect(try print() == before)
    try Data("echo 2".utf8).write(to: URL(fileURLWithPath: file))
    #expect(try print() != before)
  }
}
