/// The edges of a trace without its values: what a propagator walks.
///
/// Nodes stand in execution order, so a node's inputs stand before it.
public struct Graph: Sendable {
  private let tags: [NodeTag]
  private let ranges: [InputRange]
  private let inputs: [Int32]

  init(_ table: NodeTable) {
    tags = table.kinds
    ranges = table.ranges
    inputs = table.inputs
  }

  /// - Complexity: O(V+E).
  public init(_ trace: Trace) {
    var inputs: [Int32] = []
    var ranges: [InputRange] = []
    ranges.reserveCapacity(trace.nodes.count)
    for (index, node) in trace.nodes.enumerated() {
      let start = inputs.count
      // A trace that was read from outside may hold anything; an edge that does not lead backwards is no edge.
      for input in node.inputs where (0..<index).contains(input) { inputs.append(Int32(truncatingIfNeeded: input)) }
      ranges.append(InputRange(start: start, count: inputs.count - start))
    }
    tags = trace.nodes.map { NodeTag($0.kind) }
    self.inputs = inputs
    self.ranges = ranges
  }

  public var count: Int { tags.count }

  public func kind(of node: Int) -> Trace.Node.Kind { tags[node].kind }

  /// Indices of a node's inputs, in argument order.
  public func inputs(of node: Int) -> ArraySlice<Int32> { inputs[ranges[node].indices] }

  /// Which nodes depend on a parameter, or are one. - Complexity: O(V+E).
  func dependentOnParameters() -> [Bool] {
    var reached = [Bool](repeating: false, count: count)
    for node in 0..<count {
      reached[node] = tags[node].kind == .parameter || inputs(of: node).contains { reached[Int($0)] }
    }
    return reached
  }

  /// Nodes on a path from a parameter to one of `outputs`, in execution order, and their other direct inputs.
  /// - Complexity: O(V+E).
  public func minimalSubgraph(of outputs: some Sequence<Int>) -> (nodes: [Int], blanket: [Int]) {
    let dependent = dependentOnParameters()
    var wanted = [Bool](repeating: false, count: count)
    var isBlanket = wanted
    for output in outputs where (0..<count).contains(output) && dependent[output] { wanted[output] = true }
    for node in stride(from: count - 1, through: 0, by: -1) where wanted[node] {
      for input in inputs(of: node) {
        if dependent[Int(input)] { wanted[Int(input)] = true } else { isBlanket[Int(input)] = true }
      }
    }
    return ((0..<count).filter { wanted[$0] }, (0..<count).filter { isBlanket[$0] })
  }
}
