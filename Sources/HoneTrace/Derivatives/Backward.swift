/// What has reached the parameters and inputs of a rollout: exact gradients where a way of differentiable operations leads
/// there, words where a way through other steps does. Both, where both do.
public struct Backward: Sendable {
  /// By node of a parameter or an input, in the shape of its value.
  public let gradients: [Int: Tensor]
  /// By node of a parameter, in the order given; the sentences of boundaries come last, later steps first.
  public let feedback: [Int: [Feedback]]
  /// What the gradients at steps without a derivative say, in words.
  public let notes: [Feedback]
}

extension Recorder {
  /// Carries derivatives and words from the outputs of a rollout back to its parameters, in one pass.
  ///
  /// Where a derivative is known, it is exact. A step without one, such as a call of a model or a command, is a boundary:
  /// there the gradient becomes a sentence, and goes on as feedback to what that step was given. Words about an objective
  /// go with its numbers, and on from a boundary; words about any other node go to all parameters behind it.
  ///
  /// - Parameters:
  ///   - objectives: nodes that hold one number each; their sum is to be lowered.
  ///   - feedback: words about any nodes.
  /// - Throws: `notDifferentiable` for an objective that is no number, `shape` for one of several numbers, `notFinite`
  ///   for a gradient that is not finite.
  /// - Complexity: O(V+E) messages, and the arithmetic of the operations about twice.
  public func backward(from objectives: [Int], feedback: [Feedback] = []) throws(ArrayError) -> Backward {
    let tape = Tape(self)
    let graph = tape.graph
    for node in objectives { try Self.check(node, tape) }
    var propagator = GradientPropagator(tape, wanted: Self.wanted(tape), feedback: feedback)
    var seeds: [(node: Int, message: GradientPropagator.Message)] = []
    for node in objectives {
      let riders = FeedbackSet(feedback.indices.filter { feedback[$0].node == node })
      seeds.append((node, propagator.seed(node, riders: riders)))
    }
    for (position, words) in feedback.enumerated() where !objectives.contains(words.node) {
      seeds.append((words.node, GradientPropagator.Message(words: FeedbackSet([position]))))
    }
    let reached = graph.backward(&propagator, from: seeds)

    var (gradients, byParameter): ([Int: Tensor], [Int: [Feedback]]) = ([:], [:])
    for node in 0..<graph.count {
      guard let message = reached[node] else { continue }
      let kind = graph.kind(of: node)
      if let cotangent = message.cotangent, kind == .parameter || kind == .input {
        gradients[node] = propagator.tape.array(cotangent)
        try Self.checkFinite(gradients[node], node, propagator.tape)
      }
      guard kind == .parameter else { continue }
      // A parameter that is judged itself has nothing else to give its words to.
      var words = message.words
      if message.cotangent == nil { words.formUnion(message.riders) }
      if !words.isEmpty { byParameter[node] = words.positions.map { propagator.feedback[$0] } }
    }
    return Backward(gradients: gradients, feedback: byParameter, notes: Array(propagator.notes))
  }

  /// Numbers at the ends of differentiable ways: parameters and inputs, and what other steps made of parameters.
  private static func wanted(_ tape: Tape) -> [Bool] {
    let depends = tape.graph.dependentOnParameters()
    let ends = (0..<tape.graph.count).map { node in
      guard tape.value(node) != nil, tape.operation(node) == nil else { return false }
      return tape.graph.kind(of: node) == .input || depends[node]
    }
    return tape.dependent(on: ends)
  }

  private static func check(_ node: Int, _ tape: Tape) throws(ArrayError) {
    guard (0..<tape.graph.count).contains(node), let value = tape.value(node) else {
      throw ArrayError(
        .notDifferentiable, "node \(node) holds no number", hint: "give a node whose value is a number or an array")
    }
    guard value.count == 1 else {
      throw ArrayError(
        .shape, "node \(node) holds \(value.shape), expected one number", hint: "take its sum or its mean")
    }
  }

  private static func checkFinite(_ gradient: Tensor?, _ node: Int, _ tape: Tape) throws(ArrayError) {
    guard gradient?.firstNotFinite != nil else { return }
    let found = tape.notFinite(upTo: tape.count - 1) { $0 < tape.graph.count ? "node \($0)" : "a derivative" }
    throw found ?? ArrayError(.notFinite, "the gradient of node \(node) is not finite", hint: "scale what goes in")
  }
}
