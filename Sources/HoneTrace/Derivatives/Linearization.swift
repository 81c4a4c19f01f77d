/// A function of arrays, recorded at one point: its value, its exact gradient, and products with its second derivatives.
///
///     let x = try Tensor(rows: [[1, 2], [3, -1], [0, 1]])
///     let point = try Linearization(at: [Tensor([0.1, -0.2]), Tensor(0.5)]) { inputs in
///       let (w, strength) = (inputs[0], inputs[1])
///       let losses = try logisticLoss(matvec(x, w), Tensor([1, 0, 1]))
///       return try losses.sum() + strength.exp() * w.square().sum()
///     }
///     print(point.value, point.gradient[0])
///     let products = try point.hessianProduct(along: [Tensor([1, 0]), nil])
///     print(products[0], products[1])  // d2h/dwdw v and d2h/dstrength dw v
///
/// The function is recorded once, with its derivatives; a product then costs one sweep over them. Steps without a
/// derivative count as constants.
public struct Linearization: Sendable {
  public let value: Double
  /// The gradient with respect to each input, in its shape.
  public let gradient: [Tensor]

  private let tape: Tape
  /// Where the inputs, the value and the gradients stand; nil: a constant, or not asked for.
  private let inputs: [Int]
  private let objective: Int?
  private let gradients: [Int?]

  /// - Parameters:
  ///   - point: the value of each input.
  ///   - wanted: the inputs whose gradients are worked out, by their positions; nil: all. The others' are zeros.
  ///   - function: gives one number, recorded in a recorder of its own.
  /// - Throws: what the function throws; an `ArrayError`: `shape` when it does not give one number, `notFinite` when the
  ///   value or the gradient is not finite, naming the first operation that made such a number.
  public init(
    at point: [Tensor], wanted: [Int]? = nil, _ function: ([Traced<Tensor>]) throws -> Traced<Tensor>
  ) throws {
    let recorder = Recorder()
    var context = TraceContext.current ?? TraceContext()
    context.recorder = recorder
    let (leaves, result) = try TraceContext.$current.withValue(context) {
      let leaves = point.enumerated().map { Traced<Tensor>.input("input \($0)", $1) }
      return (leaves, try function(leaves))
    }
    guard result.value.count == 1 else {
      throw ArrayError(
        .shape, "the function gave \(result.value.shape), expected one number", hint: "take its sum or its mean")
    }
    inputs = leaves.map { recorder.node(of: $0) ?? 0 }
    objective = recorder.node(of: result)
    value = result.value.elements[0]

    var tape = Tape(recorder)
    let asked = (wanted ?? Array(point.indices)).filter(point.indices.contains)
    var gradients = [Int?](repeating: nil, count: point.count)
    if let objective {
      let found = tape.gradients(of: objective, to: asked.map { [inputs] in inputs[$0] })
      for (position, node) in zip(asked, found) { gradients[position] = node }
    }
    gradient = zip(point, gradients).map { point, node in
      node.map(tape.array) ?? Tensor(repeating: 0, point.shape)
    }
    self.tape = tape
    self.gradients = gradients
    try check(value.isFinite ? gradient : [Tensor(value)])
  }

  /// How fast the value changes along a direction; nil stands for an input that does not move.
  /// - Throws: `shape` when the direction does not fit the point; `notFinite`.
  public func slope(along direction: [Tensor?]) throws(ArrayError) -> Double {
    let directions = try checked(direction)
    let moved = objective.flatMap { tape.tangents(of: [$0], along: directions)[0] }
    guard let moved else { return 0 }
    try check([moved])
    return moved.elements[0]
  }

  /// The product of the second derivatives with a direction: by input, how its gradient changes along it.
  /// - Parameters:
  ///   - direction: one array an input; nil stands for zeros.
  ///   - wanted: the inputs whose gradients count, by their positions; nil: all. The others' are zeros.
  /// - Throws: `shape` when the direction does not fit the point; `notFinite`.
  public func hessianProduct(along direction: [Tensor?], wanted: [Int]? = nil) throws(ArrayError) -> [Tensor] {
    let directions = try checked(direction)
    let asked = (wanted ?? Array(inputs.indices)).filter { inputs.indices.contains($0) && gradients[$0] != nil }
    let moved = tape.tangents(of: asked.compactMap { gradients[$0] }, along: directions)
    var products = gradient.map { Tensor(repeating: 0, $0.shape) }
    for (position, tangent) in zip(asked, moved) {
      if let tangent { products[position] = tangent }
    }
    try check(products)
    return products
  }

  private func checked(_ direction: [Tensor?]) throws(ArrayError) -> [(node: Int, tangent: Tensor)] {
    guard direction.count == inputs.count else {
      throw ArrayError(
        .shape, "the direction has \(direction.count) arrays, the function \(inputs.count) inputs",
        hint: "give one array an input, nil where it does not move")
    }
    var directions: [(node: Int, tangent: Tensor)] = []
    for (position, tangent) in direction.enumerated() {
      guard let tangent else { continue }
      guard tangent.shape == gradient[position].shape else {
        throw ArrayError(
          .shape, "the direction of input \(position) is \(tangent.shape), the input \(gradient[position].shape)",
          hint: "give it the shape of the input")
      }
      directions.append((inputs[position], tangent))
    }
    return directions
  }

  /// - Throws: `notFinite`, naming the first operation that made a number that is not finite.
  private func check(_ results: [Tensor]) throws(ArrayError) {
    guard results.contains(where: { $0.firstNotFinite != nil }) else { return }
    let found = tape.notFinite(upTo: tape.count - 1) { node in
      if let position = inputs.firstIndex(of: node) { return "input \(position)" }
      return node < tape.graph.count ? "node \(node)" : "a derivative"
    }
    throw found
      ?? ArrayError(
        .notFinite, "a product with the second derivatives is not finite", hint: "scale the direction or the inputs")
  }
}
