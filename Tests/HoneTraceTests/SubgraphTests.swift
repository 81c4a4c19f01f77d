import HoneNumerics
import Testing

@testable import HoneTrace

/// Random graphs against an oracle that searches paths one by one, and the cases that other tracers get wrong.
@Suite struct SubgraphTests {
  private static func node(_ kind: Trace.Node.Kind, _ inputs: [Int] = []) -> Trace.Node {
    Trace.Node(kind: kind, name: "n", inputs: inputs)
  }

  /// Up to 30 nodes of all kinds, repeated operands, several outputs that may be parameters or stand twice.
  private static func random(_ stream: inout RandomStream) -> Trace {
    var trace = Trace()
    for index in 0..<Int.random(in: 1...30, using: &stream) {
      let kinds: [Trace.Node.Kind] = [.parameter, .input, .constant, .step, .step, .step, .failure]
      let kind = kinds.randomElement(using: &stream) ?? .step
      let isLeaf = kind != .step && kind != .failure
      let count = isLeaf || index == 0 ? 0 : Int.random(in: 0...4, using: &stream)
      trace.nodes.append(node(kind, (0..<count).map { _ in Int.random(in: 0..<index, using: &stream) }))
    }
    for number in 0..<Int.random(in: 0...4, using: &stream) {
      let node = Int.random(in: 0..<trace.nodes.count, using: &stream)
      trace.feedback.append(Feedback(node: node, text: "feedback \(number)", score: Double(number)))
    }
    return trace
  }

  /// Whether `from` can be reached from `to` along inputs; tries every path.
  private static func leads(_ trace: Trace, from: Int, to: Int) -> Bool {
    from == to || trace.nodes[to].inputs.contains { leads(trace, from: from, to: $0) }
  }

  @Test func randomGraphsAgreeWithTheOracle() {
    let seed: UInt64 = 20_260_721
    var stream = RandomStream(seed: seed, name: "subgraph")
    for round in 0..<3_000 {
      let trace = Self.random(&stream)
      let all = trace.nodes.indices
      let parameters = all.filter { trace.nodes[$0].kind == .parameter }
      let expected = all.filter { node in
        trace.feedback.contains { Self.leads(trace, from: node, to: $0.node) }
          && parameters.contains { Self.leads(trace, from: $0, to: node) }
      }
      let blanket = Set(expected.flatMap { trace.nodes[$0].inputs }).subtracting(expected).sorted()
      let subgraph = trace.subgraph()
      #expect(subgraph.nodes == expected && subgraph.blanket == blanket, "seed \(seed), round \(round)")

      var reached: [Int: [Feedback]] = [:]
      for parameter in parameters {
        let feedback = trace.feedback.filter { Self.leads(trace, from: parameter, to: $0.node) }
        if !feedback.isEmpty { reached[parameter] = feedback }
      }
      #expect(trace.backward() == reached, "seed \(seed), round \(round)")
      #expect(trace.backward() == reached, "a second backward gives the same")
    }
  }

  @Test func aNodeUsedTwiceInOneCallCountsOnce() {
    let trace = Trace(
      nodes: [Self.node(.parameter), Self.node(.step, [0, 0]), Self.node(.step, [1, 1])],
      feedback: [Feedback(node: 2, text: "no")])
    #expect(trace.subgraph().nodes == [0, 1, 2])
    #expect(trace.backward() == [0: trace.feedback])
  }

  @Test func twoOutputsWithDifferentFeedbackBothArrive() {
    let trace = Trace(
      nodes: [Self.node(.parameter), Self.node(.step, [0]), Self.node(.step, [1]), Self.node(.step, [1])],
      feedback: [Feedback(node: 2, text: "up"), Feedback(node: 3, text: "down")])
    #expect(trace.backward() == [0: trace.feedback])
    // One after the other gives the same: nothing is used up.
    #expect(trace.backward([trace.feedback[0]]) == [0: [trace.feedback[0]]])
    #expect(trace.backward([trace.feedback[1]]) == [0: [trace.feedback[1]]])
    #expect(trace.subgraph(of: [trace.feedback[1]]).nodes == [0, 1, 3])
  }

  @Test func severalFeedbacksOnOneNodeAllArriveInOrder() {
    let feedback = (0..<200).map { Feedback(node: 1, text: "feedback \($0)") }
    let trace = Trace(nodes: [Self.node(.parameter), Self.node(.step, [0])], feedback: feedback)
    #expect(trace.backward() == [0: feedback])
  }

  @Test func anOutputThatIsAParameterIsItsOwnSubgraph() {
    let trace = Trace(nodes: [Self.node(.parameter)], feedback: [Feedback(node: 0, text: "no")])
    #expect(trace.subgraph().nodes == [0] && trace.backward() == [0: trace.feedback])
  }

  @Test func parentsWithEqualValuesAreDifferentNodes() {
    let (_, recorder) = recording(["p": 1, "q": 1]) {
      guard let p = parameter("p"), let q = parameter("q") else { return }
      step("use p", p) { $0 }
      step("use q", q) { $0 }
    }
    let trace = recorder.finish(feedback: [Feedback(node: 3, text: "no")])
    #expect(trace.subgraph().nodes == [1, 3])
  }

  @Test func feedbackOnNoNodeAndEdgesThatLeadForwardDoNotCrash() {
    let trace = Trace(
      nodes: [Self.node(.parameter), Self.node(.step, [0, 1, 7, -1])],
      feedback: [Feedback(node: 9, text: "a"), Feedback(node: -1, text: "b"), Feedback(node: 1, text: "c")])
    #expect(trace.subgraph().nodes == [0, 1])
    #expect(trace.backward() == [0: [trace.feedback[2]]])
  }

  @Test func aMillionStepsDoNotOverflowTheStack() {
    let count = 1_000_000
    var nodes = [Self.node(.parameter)]
    for index in 0..<count { nodes.append(Self.node(.step, [index])) }
    let trace = Trace(nodes: nodes, feedback: [Feedback(node: count, text: "no")])
    #expect(trace.subgraph().nodes.count == count + 1)
  }

  /// A propagator of one's own: counts the paths from the output, which doubles at each `y = y + y`.
  private struct PathCount: Propagator {
    func message(_ message: Double, from node: Int, toInput position: Int, in graph: Graph) -> Double? { message }
    func merge(_ message: Double, into total: inout Double) { total += message }
  }

  @Test func aPropagatorSeesEveryEdgeOnce() {
    let (last, recorder) = recording(["p": 1]) {
      var value = step("start", parameter("p") ?? Traced(.null)) { $0.number ?? 0 }
      for _ in 0..<50 { value = value + value }
      return value
    }
    let output = recorder.node(of: last) ?? -1
    let reached = recorder.graph.backward(PathCount(), from: [(node: output, message: 1)])
    #expect(reached.first == 0x1p50)
    #expect(last.value == 0x1p50, "here the number of paths is the value itself")
  }
}
