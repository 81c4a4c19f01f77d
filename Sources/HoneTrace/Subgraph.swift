/// The part of a trace that feedback concerns: what lies between the parameters and the outputs it is about.
public struct Subgraph: Sendable {
  public let trace: Trace
  /// Nodes on a path from a parameter to an output with feedback, in execution order.
  public let nodes: [Int]
  /// The other direct inputs of those nodes, in execution order: constants, as far as this feedback is concerned.
  public let blanket: [Int]
  public let feedback: [Feedback]
}

extension Trace {
  /// The minimal subgraph of some feedback, the trace's own when nil. May be asked for any number of times.
  /// - Complexity: O(V+E).
  public func subgraph(of feedback: [Feedback]? = nil) -> Subgraph {
    let feedback = feedback ?? self.feedback
    let (nodes, blanket) = Graph(self).minimalSubgraph(of: feedback.map(\.node))
    return Subgraph(trace: self, nodes: nodes, blanket: blanket, feedback: feedback)
  }

  /// Carries feedback, the trace's own when nil, back to the parameters.
  /// - Returns: by parameter node, the feedback that reaches it, in the order given; parameters it does not reach are
  ///   left out.
  /// - Complexity: O((V+E) * ceil(f / 64)) for f feedbacks.
  public func backward(_ feedback: [Feedback]? = nil) -> [Int: [Feedback]] {
    let feedback = feedback ?? self.feedback
    let seeds = feedback.enumerated().map { (node: $1.node, message: FeedbackSet([$0])) }
    let reached = Graph(self).backward(TextPropagator(), from: seeds)
    var byParameter: [Int: [Feedback]] = [:]
    for node in nodes.indices where nodes[node].kind == .parameter {
      if let set = reached[node] { byParameter[node] = set.positions.map { feedback[$0] } }
    }
    return byParameter
  }
}
