import Foundation
import Testing

@testable import HoneTrace

@Suite struct RecorderTests {
  @Test func reportedStepsOfACommandBecomeNodes() {
    let recorder = Recorder()
    let instruction = recorder.append(.parameter, name: "instruction", inputs: [], value: "Answer.")
    let again = recorder.append(.parameter, name: "instruction", inputs: [], value: "Other.")
    let fetch = recorder.append(.step, name: "fetch", inputs: [instruction], value: ["a"], doc: "Fetches.")
    let inside = recorder.append(.step, name: "inside", inputs: [], value: 1, parent: fetch)
    let failure = recorder.append(.failure, name: "answer", inputs: [fetch, 99, -1, fetch], value: "boom", parent: 99)
    let indices = [instruction, again, fetch, inside, failure]
    #expect(indices == [0, 0, 1, 2, 3] as [Int])
    #expect(recorder.lastFailure == 3 && recorder.count == 4)
    let nodes = recorder.finish().nodes
    #expect(nodes[1] == .init(kind: .step, name: "fetch", inputs: [0], value: ["a"], doc: "Fetches."))
    #expect(nodes[2].parent == 1)
    #expect(nodes[3] == .init(kind: .failure, name: "answer", inputs: [1, 1], value: "boom"))
  }

  @Test func recordingMayGoOnAfterATraceWasTaken() {
    let recorder = Recorder()
    recorder.append(.input, name: "a", inputs: [], value: 1)
    let first = recorder.finish()
    recorder.append(.input, name: "b", inputs: [], value: 1)
    #expect(first.nodes.count == 1 && recorder.finish().nodes.count == 2)
  }

  @Test func theGraphOfARecorderIsTheGraphOfItsTrace() {
    let (_, recorder) = recording(["p": 2]) {
      let p = step("p", parameter("p") ?? Traced(.null)) { $0.int ?? 0 }
      return (p + 1) * p
    }
    let (a, b) = (recorder.graph, Graph(recorder.finish()))
    #expect(a.count == b.count)
    for node in 0..<a.count {
      #expect(a.kind(of: node) == b.kind(of: node) && a.inputs(of: node) == b.inputs(of: node))
    }
  }

  @Test func theJSONOfATraceIsStable() throws {
    let trace = Trace(
      nodes: [
        Trace.Node(kind: .parameter, name: "p", value: "a\nb"),
        Trace.Node(kind: .step, name: "s", inputs: [0, 0], value: 0.5, doc: "Does.", parent: 2),
        Trace.Node(kind: .failure, name: "f", inputs: [1], value: "(E) \u{2028}"),
      ], feedback: [Feedback(node: 2, text: "no", score: 0), Feedback(node: 1, text: "yes")])
    try expectGolden(trace.json + "\n", "trace.json")
    try expectGolden(trace.dot, "trace.dot")
    let decoded = try JSONDecoder().decode(Trace.self, from: Data(trace.json.utf8))
    #expect(decoded == trace, "the plain decoder reads the format")
  }

  @Test func nothingInAValueBreaksOutOfADotFile() {
    let nasty = "\"]; rm [label=\"\\\n\0"
    let trace = Trace(
      nodes: [Trace.Node(kind: .step, name: nasty, value: .string(nasty))], feedback: [Feedback(node: 0, text: nasty)])
    for line in trace.dot.split(separator: "\n") where line.contains("label") {
      var isQuoted = false
      var isEscaped = false
      for character in line {
        if isEscaped {
          isEscaped = false
        } else if character == "\\" {
          isEscaped = true
        } else if character == "\"" {
          isQuoted.toggle()
        }
      }
      #expect(!isQuoted && line.hasSuffix("];"), "every quote is closed: \(line)")
    }
    #expect(trace.dot.split(separator: "\n").count == 7)
  }
}
