/// The arrays of a recorded graph with the rules that made them, and what is worked out from them behind it.
///
/// The first nodes are the recorder's, under its numbers. A reverse sweep appends its own operations, so one tape holds a
/// value, its gradient and all that a second derivative needs of the point.
struct Tape: Sendable {
  private struct Node {
    /// nil: a leaf, or a step whose derivative is not known.
    var operation: (any ArrayOperation)?
    var inputs: [Int]
    /// nil: not an array.
    var value: Tensor?
  }

  private var nodes: [Node] = []
  /// The edges of the recorded part.
  let graph: Graph

  init(_ recorder: Recorder) {
    let table = recorder.table.withLock { $0 }
    graph = Graph(table)
    nodes.reserveCapacity(4 * table.count)
    for index in 0..<table.count { nodes.append(node(index, of: table)) }
  }

  private func node(_ index: Int, of table: NodeTable) -> Node {
    let inputs = table.inputs[table.ranges[index].indices].map(Int.init)
    switch table.values[index] {
    case let payload as ArrayPayload: return Node(operation: payload.operation, inputs: inputs, value: payload.value)
    case let array as Tensor: return Node(operation: nil, inputs: inputs, value: array)
    case let number as Double:
      // An operator on numbers has a derivative when all its inputs are such numbers.
      let isNumeric = table.kinds[index].isOperator && inputs.allSatisfy { nodes[$0].value != nil }
      let operation = isNumeric ? Operator.operation(table.names[index]) : nil
      return Node(operation: operation, inputs: inputs, value: Tensor(number))
    case let value as Value: return Node(operation: nil, inputs: inputs, value: Tensor(value))
    default: return Node(operation: nil, inputs: inputs, value: nil)
    }
  }

  var count: Int { nodes.count }

  func operation(_ node: Int) -> (any ArrayOperation)? { nodes[node].operation }

  func inputs(_ node: Int) -> [Int] { nodes[node].inputs }

  /// nil for a node that holds no array.
  func value(_ node: Int) -> Tensor? { nodes[node].value }

  /// Of a node that takes part in operations, which always holds an array.
  func array(_ node: Int) -> Tensor { nodes[node].value ?? Tensor([]) }

  func shape(_ node: Int) -> Tensor.Shape { array(node).shape }

  /// Appends an operation on nodes whose shapes fit, and works out its value.
  mutating func append(_ operation: some ArrayOperation, _ inputs: Int...) -> Int {
    let value = operation.value(inputs.map(array))
    nodes.append(Node(operation: operation, inputs: inputs, value: value))
    return nodes.count - 1
  }

  mutating func constant(_ value: Tensor) -> Int {
    nodes.append(Node(operation: nil, inputs: [], value: value))
    return nodes.count - 1
  }

  /// Which recorded nodes move when some of them move, by operations whose derivatives are known.
  func dependent(on sources: [Bool]) -> [Bool] {
    var moves = sources
    for node in 0..<graph.count where !moves[node] && nodes[node].operation != nil {
      moves[node] = nodes[node].inputs.contains { moves[$0] }
    }
    return moves
  }

  /// The first node at or before `last` whose array is not finite, with what to say about it.
  func notFinite(upTo last: Int, name: (Int) -> String) -> ArrayError? {
    for node in 0...last {
      guard let value = nodes[node].value, let place = value.firstNotFinite else { continue }
      let number = value.elements[place]
      let made = nodes[node].operation.map { " made by \($0.name)" } ?? ""
      let position = value.shape == .scalar ? "" : ", element \(place) of \(value.shape)"
      return ArrayError(
        .notFinite, "\(name(node))\(made) is \(number)\(position)", hint: Self.advice(nodes[node].operation))
    }
    return nil
  }

  private static func advice(_ operation: (any ArrayOperation)?) -> String {
    switch operation {
    case nil: "check the numbers that go in"
    case is Logarithm: "take logarithms of numbers above 0 only; `softplus` and `logSumExp` avoid them"
    case is Divide: "keep what is divided by away from 0"
    case is Exponential: "bound what goes into `exp`; `logSumExp`, `softmax` and the losses do not overflow"
    case is Mean, is LogSumExp: "give at least one number"
    default: "scale what goes in"
    }
  }
}
