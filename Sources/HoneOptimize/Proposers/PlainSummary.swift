import HoneTrace

enum Tokens {
  static func estimate(_ text: String) -> Int { max(1, Int((Double(text.utf8.count) / 3.5).rounded(.up))) }
}

struct TraceSummary: Sendable {
  var code = "", documentation = "", variables = "", constraints = "", inputs = "", others = "", outputs = ""
  var feedback = ""
  init(_ rollouts: [(example: String, trace: Trace)], space: Space, assignment: Assignment, tokenCap: Int) {
    variables = space.parameters.compactMap { p in assignment[p.name].map { "\(p.name) = \($0.canonicalJSON)" } }
      .joined(separator: "\n")
    constraints = space.parameters.map { "\($0.name): \($0.domain.constraint)" }.joined(separator: "\n")
    var outputLines: [String] = []
    var feedbackLines: [String] = []
    var inputLines: [String] = []
    for rollout in rollouts {
      for node in rollout.trace.nodes where node.kind == .input {
        inputLines.append("\(rollout.example) \(node.name) = \(node.value.canonicalJSON)")
      }
      for item in rollout.trace.feedback {
        outputLines.append("\(rollout.example) = \(rollout.trace.nodes[item.node].value.canonicalJSON)")
        feedbackLines.append("\(rollout.example): \(Value.string(item.text).canonicalJSON)")
      }
    }
    inputs = inputLines.joined(separator: "\n")
    outputs = outputLines.joined(separator: "\n")
    feedback = feedbackLines.joined(separator: "\n")
  }
}
