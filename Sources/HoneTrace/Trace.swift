/// The directed acyclic graph of one rollout, as it is stored: parameters, inputs, steps, values, failures, feedback.
///
/// Nodes stand in execution order: a node's inputs always stand before it.
public struct Trace: Hashable, Codable, Sendable {
  public struct Node: Hashable, Codable, Sendable {
    public enum Kind: String, Codable, Sendable {
      case parameter, input, constant, step, failure
    }
    public var kind: Kind
    /// Parameter's or input's name; the step's or operator's name.
    public var name: String
    /// Indices of the inputs, in argument order; a node may stand twice.
    public var inputs: [Int]
    /// The value, rendered; cut to a cap with the cut shown in it.
    public var value: Value
    /// What the step does; one text per name.
    public var doc: String?
    /// Index of the enclosing step, for nested steps.
    public var parent: Int?

    public init(
      kind: Kind, name: String, inputs: [Int] = [], value: Value = .null, doc: String? = nil, parent: Int? = nil
    ) {
      self.kind = kind
      self.name = name
      self.inputs = inputs
      self.value = value
      self.doc = doc
      self.parent = parent
    }
  }

  public var nodes: [Node]
  public var feedback: [Feedback]

  public init(nodes: [Node] = [], feedback: [Feedback] = []) {
    self.nodes = nodes
    self.feedback = feedback
  }
}

extension Trace.Node {
  /// Whether it only puts together what a later step is given: a filled prompt, the result of an operator.
  package var isPreparation: Bool {
    kind == .step && (name == "render" || name.hasSuffix(".render") || Operator.docs[name] != nil)
  }
}
