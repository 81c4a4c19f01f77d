/// The minimal subgraph of one trace in an order that only the graph decides: depth first from the outputs, inputs in
/// argument order, each node behind its inputs. Parallel steps may end in any order without changing it.
///
/// Two rollouts with equal graphs ran the same code.
struct SummaryGraph: Hashable {
  struct Node: Hashable {
    var kind: Trace.Node.Kind
    var name: String
    /// Positions in this graph; empty for what counts as a constant here.
    var inputs: [Int32]
    /// On a path from a parameter to an output, and no parameter itself.
    var isCode: Bool
    /// Position of the step it is nested in, if that is shown.
    var parent: Int32?
  }

  private(set) var nodes: [Node] = []
  /// Position of each feedback's node; -1 for feedback about no node of the trace.
  private(set) var outputs: [Int32] = []
  /// Which of the nodes are outputs.
  private(set) var isOutput: [Bool] = []

  /// - Returns: the graph, and by position the node of the trace.
  static func of(_ trace: Trace) -> (graph: SummaryGraph, indices: [Int]) {
    let edges = Graph(trace)
    let targets = trace.feedback.map(\.node)
    var isOnPath = [Bool](repeating: false, count: edges.count)
    for node in edges.minimalSubgraph(of: targets).nodes { isOnPath[node] = true }
    let indices = order(edges, isOnPath: isOnPath, from: targets, in: trace)
    var positions = [Int32](repeating: -1, count: edges.count)
    for (position, node) in indices.enumerated() { positions[node] = Int32(truncatingIfNeeded: position) }

    var graph = SummaryGraph()
    graph.nodes = indices.map { index in
      let node = trace.nodes[index]
      let isCode = isOnPath[index] && node.kind != .parameter
      let parent = node.parent.flatMap { edges.contains($0) && positions[$0] >= 0 ? positions[$0] : nil }
      return Node(
        kind: node.kind, name: node.name,
        inputs: isCode ? sortedInputs(of: index, edges, in: trace).map { positions[$0] } : [], isCode: isCode,
        parent: parent)
    }
    graph.outputs = targets.map { edges.contains($0) ? positions[$0] : -1 }
    graph.isOutput = [Bool](repeating: false, count: indices.count)
    for output in graph.outputs where output >= 0 { graph.isOutput[Int(output)] = true }
    return (graph, indices)
  }

  /// Depth first without recursion, as a chain may be of any length.
  private static func order(_ edges: Graph, isOnPath: [Bool], from targets: [Int], in trace: Trace) -> [Int] {
    var order: [Int] = []
    var isSeen = [Bool](repeating: false, count: edges.count)
    var stack: [(node: Int, inputs: [Int], next: Int)] = []
    func visit(_ node: Int) {
      guard !isSeen[node] else { return }
      isSeen[node] = true
      stack.append((node, isOnPath[node] ? sortedInputs(of: node, edges, in: trace) : [], 0))
    }
    for target in targets where edges.contains(target) {
      visit(target)
      while let top = stack.last {
        if top.next < top.inputs.count {
          stack[stack.count - 1].next += 1
          visit(top.inputs[top.next])
        } else {
          order.append(top.node)
          stack.removeLast()
        }
      }
    }
    return order
  }

  /// Declared inputs in argument order, then steps nested in this one by name and value, since they may be parallel.
  private static func sortedInputs(of node: Int, _ edges: Graph, in trace: Trace) -> [Int] {
    let inputs = edges.inputs(of: node).map(Int.init)
    guard inputs.contains(where: { trace.nodes[$0].parent == node }) else { return inputs }
    let nested = inputs.filter { trace.nodes[$0].parent == node }
      .map { (index: $0, name: trace.nodes[$0].name, value: trace.nodes[$0].value.canonicalJSON) }
      .sorted { ($0.name, $0.value, $0.index) < ($1.name, $1.value, $1.index) }
    return inputs.filter { trace.nodes[$0].parent != node } + nested.map(\.index)
  }

  /// Steps between each node and the nearest output or parameter, whichever is nearer: what is far in both is folded
  /// first. What counts as a constant is as far as the nearest operation that uses it. - Complexity: O(V+E).
  func distances() -> [Int32] {
    let far = Int32.max / 2
    var fromParameter = [Int32](repeating: far, count: nodes.count)
    var distance = fromParameter
    for (position, node) in nodes.enumerated() {
      if node.kind == .parameter { fromParameter[position] = 0 }
      for input in node.inputs {
        fromParameter[position] = min(fromParameter[position], fromParameter[Int(input)] + 1)
      }
    }
    for output in outputs where output >= 0 { distance[Int(output)] = 0 }
    for (position, node) in nodes.enumerated().reversed() {
      for input in node.inputs { distance[Int(input)] = min(distance[Int(input)], distance[position] + 1) }
    }
    for (position, node) in nodes.enumerated() where node.isCode {
      distance[position] = min(distance[position], fromParameter[position])
      for input in node.inputs where !nodes[Int(input)].isCode {
        distance[Int(input)] = min(distance[Int(input)], distance[position])
      }
    }
    return distance
  }

  /// A symbol for each node: parameters by their names, others `name0`, `name1`, ... in order.
  func symbols(reserved: Set<String>) -> [String] {
    var next: [String: Int] = [:]
    var bases: [String: String] = [:]
    return nodes.map { node in
      guard node.kind != .parameter else { return TraceSummary.symbol(node.name) }
      let base = bases[node.name] ?? Self.symbolBase(node.name)
      bases[node.name] = base
      var number = next[base, default: 0]
      while reserved.contains(base + String(number)) { number += 1 }
      next[base] = number + 1
      return base + String(number)
    }
  }

  /// A name as it stands in code: word characters only, at most 48.
  static func word(_ name: String) -> String {
    let bytes = name.utf8.prefix(48).map { $0.isWordByte && $0 != UInt8(ascii: "-") ? $0 : UInt8(ascii: "_") }
    return bytes.isEmpty ? "step" : String(decoding: bytes, as: UTF8.self)
  }

  /// A name as the start of a symbol, which a number follows.
  private static func symbolBase(_ name: String) -> String {
    let word = word(name)
    return word.last?.isNumber == true ? word + "_" : word
  }
}

extension Graph {
  func contains(_ node: Int) -> Bool { (0..<count).contains(node) }
}

/// Rollouts whose graphs are equal: they share the lines of code and differ in values.
struct SummaryGroup {
  struct Rollout {
    /// Counted from 0 in the order given.
    var number: Int
    var trace: Trace
    /// By position in the graph, the node of the trace.
    var indices: [Int]
  }

  let graph: SummaryGraph
  let symbols: [String]
  private(set) var rollouts: [Rollout] = []
  private let isOnlyRollout: Bool

  /// In the order of their first rollouts.
  static func groups(of traces: [Trace], reserved: Set<String>) -> [SummaryGroup] {
    var groups: [SummaryGroup] = []
    var known: [SummaryGraph: Int] = [:]
    for (number, trace) in traces.enumerated() {
      let (graph, indices) = SummaryGraph.of(trace)
      let rollout = Rollout(number: number, trace: trace, indices: indices)
      if let group = known[graph] {
        groups[group].rollouts.append(rollout)
      } else {
        known[graph] = groups.count
        let symbols = graph.symbols(reserved: reserved)
        groups.append(
          SummaryGroup(graph: graph, symbols: symbols, rollouts: [rollout], isOnlyRollout: traces.count == 1))
      }
    }
    return groups
  }

  func node(_ position: Int, of rollout: Rollout) -> Trace.Node { rollout.trace.nodes[rollout.indices[position]] }

  /// `[2] ` in front of what belongs to the second rollout; nothing when there is only one.
  func prefix(_ rollout: Rollout) -> String { isOnlyRollout ? "" : "[\(rollout.number + 1)] " }

  /// Every feedback as a line, whole.
  var feedback: [(rollout: Int, line: String)] {
    rollouts.flatMap { rollout in
      zip(rollout.trace.feedback, graph.outputs).map { feedback, output in
        let about = output >= 0 ? "\(symbols[Int(output)]): " : ""
        let score = feedback.score.map { "score \(Value.double($0).canonicalJSON), " } ?? ""
        return (rollout.number, "\(prefix(rollout))\(about)\(score)\(Value.string(feedback.text).quotedLine)")
      }
    }
  }

  /// One line a rollout with the value at a position.
  func values(_ position: Int, limit: Int) -> [String] {
    let mark = graph.nodes[position].kind == .failure ? " failed:" : " ="
    return rollouts.map { rollout in
      "\(prefix(rollout))\(symbols[position])\(mark) \(node(position, of: rollout).value.quotedLine(limit: limit))"
    }
  }

  /// A short constant that is the same in all rollouts stands in the code itself.
  func inlined(_ position: Int) -> String? {
    guard graph.nodes[position].kind == .constant, !graph.nodes[position].isCode, !graph.isOutput[position] else {
      return nil
    }
    let value = rollouts.first.map { node(position, of: $0).value } ?? .null
    guard rollouts.allSatisfy({ node(position, of: $0).value == value }) else { return nil }
    let line = value.quotedLine(limit: 48)
    return line.utf8.count <= 48 ? line : nil
  }

  /// `answer0 = answer(instruction, question0)`.
  func code(_ position: Int) -> String {
    let node = graph.nodes[position]
    let shown = node.inputs.prefix(Self.maxArguments).map { inlined(Int($0)) ?? symbols[Int($0)] }
    let more = node.inputs.count - shown.count
    let arguments = (shown + (more > 0 ? ["… \(more) more"] : [])).joined(separator: ", ")
    let failed = node.kind == .failure ? "  # failed" : ""
    let nested = node.parent.map { "  # in \(symbols[Int($0)])" } ?? ""
    return "\(symbols[position]) = \(SummaryGraph.word(node.name))(\(arguments))\(failed)\(nested)"
  }

  static let maxArguments = 24

  /// `[answer] Asks the model.`
  func documentation(_ position: Int) -> String? {
    guard let doc = rollouts.lazy.compactMap({ node(position, of: $0).doc }).first, !doc.isEmpty else { return nil }
    return "[\(SummaryGraph.word(graph.nodes[position].name))] \(doc.onOneLine.cut(toBytes: 400))"
  }
}
