/// What a proposer is shown of some rollouts: their minimal subgraphs as text, one string a section.
public struct TraceSummary: Sendable {
  public var code = ""
  public var documentation = ""
  public var variables = ""
  public var constraints = ""
  public var inputs = ""
  public var others = ""
  public var outputs = ""
  public var feedback = ""

  public init(
    _ rollouts: [(example: String, trace: Trace)], space: Space, assignment: Assignment, tokenCap: Int
  ) {
    variables = space.parameters.compactMap { parameter in
      assignment[parameter.name].map { "\(parameter.name) = \($0.canonicalJSON)" }
    }.joined(separator: "\n")
  }

  public var estimatedTokens: Int {
    Tokens.estimate(
      bytes: [code, documentation, variables, constraints, inputs, others, outputs, feedback]
        .reduce(0) { $0 + $1.utf8.count })
  }
}
