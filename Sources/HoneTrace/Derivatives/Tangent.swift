extension Tape {
  /// One sweep forwards: how some nodes move when others do.
  ///
  /// Run over a gradient's own nodes it gives the products of the second derivatives with a direction (forward over
  /// reverse; Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 1994).
  /// - Parameters:
  ///   - targets: nodes whose tangents are wanted.
  ///   - directions: the tangents of some leaves, in their shapes.
  /// - Returns: by target its tangent; nil where it does not move.
  /// - Complexity: the operations between the leaves and the targets, each once.
  func tangents(of targets: [Int], along directions: [(node: Int, tangent: Tensor)]) -> [Tensor?] {
    guard let last = targets.max() else { return [] }
    var isNeeded = [Bool](repeating: false, count: last + 1)
    for target in targets { isNeeded[target] = true }
    for node in stride(from: last, through: 0, by: -1) where isNeeded[node] && operation(node) != nil {
      for input in inputs(node) { isNeeded[input] = true }
    }
    var tangents = [Tensor?](repeating: nil, count: last + 1)
    for (node, tangent) in directions where node <= last { tangents[node] = tangent }
    for node in 0...last where isNeeded[node] && tangents[node] == nil {
      guard let operation = operation(node) else { continue }
      let inputs = inputs(node)
      guard inputs.contains(where: { tangents[$0] != nil }) else { continue }
      tangents[node] = operation.tangent(inputs.map(array), array(node), inputs.map { tangents[$0] })
    }
    return targets.map { tangents[$0] }
  }
}
