/// A differentiable operation on arrays: its value, and its two derivatives.
///
/// The derivative forwards (JVP) is computed. The one backwards (VJP) is written in operations again and goes on the tape,
/// so that it can be differentiated itself: a forward sweep over it gives products with second derivatives.
protocol ArrayOperation: Sendable {
  /// The name of its node.
  var name: String { get }

  /// Why inputs of these shapes do not fit; nil when they do.
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit?

  /// - Parameter x: of shapes that fit.
  func value(_ x: [Tensor]) -> Tensor

  /// JVP: sum_i (dy / dx_i) t_i, in the shape of y.
  /// - Parameter t: how each input moves; nil stands for zeros, and not all are nil.
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor

  /// VJP: (dy / dx_i)' c for the input at `position`, in its shape, as a node of the tape. All arguments are nodes.
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int
}

extension ArrayOperation {
  /// The tangent of a linear operation with one input.
  func linear(_ y: Tensor, _ t: [Tensor?]) -> Tensor {
    t[0].map { value([$0]) } ?? Tensor(repeating: 0, y.shape)
  }
}

/// What does not fit, and what to do.
struct Misfit: Error {
  var what: String
  var hint: String
}

/// What the node of an array operation holds: the value, and the rule that made it.
struct ArrayPayload: Sendable {
  let operation: any ArrayOperation
  let value: Tensor
}

extension ArrayOperation {
  /// Applies the operation and records it. Recording costs one node, however long the arrays are.
  /// - Throws: `shape` when the inputs do not fit.
  func callAsFunction(_ inputs: Traced<Tensor>...) throws(ArrayError) -> Traced<Tensor> { try apply(inputs) }

  func apply(_ inputs: [Traced<Tensor>]) throws(ArrayError) -> Traced<Tensor> {
    let context = TraceContext.recording
    if let misfit = misfit(inputs.map(\.value.shape)) {
      let place = context?.recorder.map { " after node \($0.count - 1)" } ?? ""
      throw ArrayError(.shape, "\(name)\(place): \(misfit.what)", hint: misfit.hint)
    }
    return record(inputs, context)
  }

  /// For operations that fit every shape.
  func always(_ input: Traced<Tensor>) -> Traced<Tensor> { record([input], TraceContext.recording) }

  private func record(_ inputs: [Traced<Tensor>], _ context: TraceContext?) -> Traced<Tensor> {
    let value = value(inputs.map(\.value))
    guard let context, let recorder = context.recorder else { return Traced(value) }
    return recorder.record(self, value: value, inputs, in: context.scope)
  }
}

extension Recorder {
  fileprivate func record(
    _ operation: some ArrayOperation, value: Tensor, _ inputs: [Traced<Tensor>], in scope: Int32
  ) -> Traced<Tensor> {
    let payload = ArrayPayload(operation: operation, value: value)
    let node = table.withLock { table in
      let start = table.inputCount
      for input in inputs { note(input, scope: scope, in: &table) }
      return table.appendOperator(operation.name, inputs: table.inputs(from: start), value: payload, scope: scope)
    }
    return traced(value, node)
  }
}

// MARK: - Bridges to single numbers

extension Traced {
  /// Records this value as an array.
  fileprivate func recorded(as array: Tensor) -> Traced<Tensor> {
    guard let context = TraceContext.recording, let recorder = context.recorder else { return Traced<Tensor>(array) }
    let scope = context.scope
    let payload = ArrayPayload(operation: Reshape(array.shape), value: array)
    let node = recorder.table.withLock { table in
      let start = table.inputCount
      recorder.note(self, scope: scope, in: &table)
      return table.appendOperator("tensor", inputs: table.inputs(from: start), value: payload, scope: scope)
    }
    return recorder.traced(array, node)
  }
}

extension Traced where Wrapped == Double {
  /// The number as an array, for operations on arrays; gradients pass.
  public func tensor() -> Traced<Tensor> { recorded(as: Tensor(value)) }
}

extension Traced where Wrapped == Value {
  /// A number, a list of numbers or a list of rows as an array; gradients pass.
  /// - Throws: `shape` when the value is none of these.
  public func tensor() throws(ArrayError) -> Traced<Tensor> {
    guard let array = Tensor(value) else {
      throw ArrayError(
        .shape, "tensor: the value is \(value.quotedLine(limit: 60)), expected numbers",
        hint: "give a number, a list of numbers, or a list of rows of one length")
    }
    return recorded(as: array)
  }
}

extension Traced where Wrapped == Tensor {
  /// The one number of an array, for operators on numbers; gradients pass.
  /// - Throws: `shape` when there are more, or none.
  public func number() throws(ArrayError) -> Traced<Double> {
    guard value.count == 1 else {
      throw ArrayError(
        .shape, "number: the array is \(value.shape), expected one number",
        hint: "take its sum, its mean or an element")
    }
    return Operator.apply("number", self) { $0.elements[0] }
  }
}

extension Operator {
  /// The derivatives of operators on single numbers, by name.
  static func operation(_ name: String) -> (any ArrayOperation)? {
    switch name {
    case "add": Add()
    case "subtract": Subtract()
    case "multiply": Multiply()
    case "divide": Divide()
    case "negate": Multiple(-1)
    case "number": Reshape(.scalar)
    default: nil
    }
  }
}

extension Operator {
  /// What each operation on arrays does, for proposers.
  static let arrayDocs: [String: String] = [
    "tensor": "The number as an array.", "number": "The one number of an array.", "add": "The sum, element by element.",
    "subtract": "The first less the second, element by element.", "multiply": "The product, element by element.",
    "divide": "The first divided by the second, element by element.", "negate": "Each number with its sign changed.",
    "exp": "The exponential of each number.", "log": "The natural logarithm of each number.",
    "square": "The square of each number.", "sigmoid": "1 / (1 + exp(-x)) of each number.",
    "softplus": "log(1 + exp(x)) of each number.", "sum": "The sum of all numbers.", "mean": "The mean of all numbers.",
    "sumRows": "The sum of each row.", "logsumexp": "The logarithm of the sum of exponentials of each row.",
    "softmax": "The weights exp(x) / sum exp(x) along each row.", "dot": "The inner product.",
    "matvec": "A matrix times a vector.", "matmul": "The product of two matrices.",
    "reshape": "The same numbers in another shape.", "tie": "An element of the array for each place, by its group.",
    "stack": "The numbers of all arrays, one after the other.",
    "squaredLoss": "The squared difference of each score and its target.",
    "logisticLoss": "The logistic loss of each score and its target from 0 to 1.",
    "crossEntropy": "-log softmax of the scores at the label of each row.",
  ]
}
