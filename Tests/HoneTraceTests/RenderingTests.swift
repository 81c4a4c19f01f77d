import Testing

@testable import HoneTrace

@Suite struct RenderingTests {
  private struct Answer: Sendable {
    var text = "x"
    var tags: Set<String> = ["c", "a", "b"]
    var scores: [String: Double] = ["b": 2, "a": 1]
    var missing: Int?
    var found: Int? = 3
  }
  private struct Shown: Sendable, CustomStringConvertible { var description: String { "shown" } }
  private enum Choice: Sendable {
    case plain
    case with(Int)
  }

  private func render(_ payload: some Sendable, maxBytes: Int = 16_384) -> Value {
    let recorder = Recorder(maxValueBytes: maxBytes)
    TraceContext.$current.withValue(TraceContext(recorder: recorder)) { _ = Traced.input("x", payload) }
    return recorder.finish().nodes[0].value
  }

  @Test func valuesOfAllKindsAreRenderedTheSameOnEveryRun() {
    #expect(render(true) == true && render(3) == 3 && render(2.5) == 2.5 && render("x") == "x")
    #expect(render(UInt8(7)) == 7 && render(UInt64.max) == "18446744073709551615" && render(Float(0.5)) == 0.5)
    #expect(render(Prompt("{a}")) == "{a}" && render(["a": 1] as Value) == ["a": 1])
    #expect(render([1, 2]) == [1, 2] && render(["b": [1], "a": []]) == ["a": [], "b": [1]])
    #expect(render(["x", nil]) == ["x", nil] && render((1, "a")) == [".0": 1, ".1": "a"])
    #expect(render(Set([3, 1, 2])) == [1, 2, 3])
    #expect(render(Shown()) == "shown")
    #expect(render(Choice.plain) == "plain" && render(Choice.with(3)) == "with(3)")
    #expect(
      render(Answer()) == [
        "text": "x", "tags": ["a", "b", "c"], "scores": ["a": 1.0, "b": 2.0], "missing": nil, "found": 3,
      ])
  }

  @Test func longValuesAreCutWithTheCutShown() {
    #expect(render(String(repeating: "é", count: 100), maxBytes: 11) == "ééééé… (190 more bytes)")
    #expect(render(Array(0..<1_000), maxBytes: 36) == [0, 1, 2, 3, "… (996 more)"])
    let many = render(Dictionary(uniqueKeysWithValues: (100..<999).map { (String($0), $0) }), maxBytes: 26)
    #expect(many == ["100": 100, "101": 101, "…": "(897 more)"])
  }

  @Test func aParameterIsNeverCut() {
    let long = String(repeating: "x", count: 100)
    let recorder = Recorder(maxValueBytes: 10)
    let context = TraceContext(recorder: recorder, assignment: Assignment(["p": .string(long)]))
    TraceContext.$current.withValue(context) { _ = parameter("p") }
    #expect(recorder.finish().nodes[0].value == .string(long))
  }

  @Test func deepAndEndlessValuesEnd() {
    final class Node: Sendable {
      nonisolated(unsafe) var next: Node?
    }
    let node = Node()
    node.next = node
    #expect(render(node).string != nil)
    node.next = nil
    var deep: Value = 1
    for _ in 0..<500 { deep = .array([deep]) }
    #expect(render(deep, maxBytes: 100).canonicalJSON.utf8.count < 300)
  }
}
