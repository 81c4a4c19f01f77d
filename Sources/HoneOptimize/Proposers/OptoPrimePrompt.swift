import HoneModel
import HoneNumerics
import HoneTrace

/// Builds OptoPrime's messages. The same context and memory give the same bytes.
struct OptoPrimePrompt {
  let settings: ProposerSettings
  let parameters: [ParameterSpec]
  let memory: AttemptMemory

  /// The system and the user message of a fresh request.
  /// - Parameter request: the how-many-th of this ask it is.
  func messages(_ context: AskContext, base: Assignment, request: Int) -> [ChatMessage] {
    let purpose = context.problem.objective.purpose
    var sections = [
      "objective": purpose.isEmpty ? "Improve the workflow's outputs as the feedback asks." : purpose,
      "score": score(context), "attempts": attempts, "format": format,
      "names": parameters.map(\.name).joined(separator: ", "),
    ]
    let frame = ["optoprime-system", "optoprime-user"].map { settings.prompts.render($0, sections) }
    let summary = TraceSummary(
      context.rollouts.map { ($0.example, holdingFixed($0.recordedOrPlainTrace(base))) }, space: Space(parameters),
      assignment: base, tokenCap: max(200, settings.tokenCap - frame.reduce(0) { $0 + Tokens.estimate($1) }))
    sections.merge([
      "code": summary.code, "documentation": summary.documentation, "variables": summary.variables,
      "constraints": summary.constraints, "inputs": summary.inputs, "others": summary.others,
      "outputs": summary.outputs, "feedback": summary.feedback,
    ]) { $1 }
    for (name, section) in sections {
      let lines = section.last == "\n" ? String(section.dropLast()) : section
      sections[name] = lines.isEmpty ? "(none)" : lines
    }
    sections["boundary"] = boundary(context, request, apartFrom: sections)
    return [
      ChatMessage(.system, settings.prompts.render("optoprime-system", sections)),
      ChatMessage(.user, settings.prompts.render("optoprime-user", sections)),
    ]
  }

  /// Parameters that may not be changed are inputs to whoever changes the others.
  private func holdingFixed(_ trace: Trace) -> Trace {
    let names = Set(parameters.map(\.name))
    var trace = trace
    for index in trace.nodes.indices where trace.nodes[index].kind == .parameter {
      if !names.contains(trace.nodes[index].name) { trace.nodes[index].kind = .input }
    }
    return trace
  }

  private var format: String { ProposalSchema.example(for: parameters) }

  private func score(_ context: AskContext) -> String {
    let objective = context.problem.objective
    let direction = "\(objective.direction == .maximize ? "higher" : "lower") is better"
    let now = context.incumbent.map { ", \(Self.rounded($0.estimate.mean)) now" } ?? ""
    return "\(objective.metric)\(now); \(direction)"
  }

  /// Past trials, one JSON object a line; the oldest lines go when they take over a quarter of the prompt.
  private var attempts: String {
    let names = Set(parameters.map(\.name))
    var lines: [String] = []
    var tokens = 0
    for entry in memory.shown.reversed() {
      let line = Self.line(entry, names)
      tokens += Tokens.estimate(line)
      guard tokens <= settings.tokenCap / 4 else { break }
      lines.append(line)
    }
    return lines.reversed().joined(separator: "\n")
  }

  private static func line(_ entry: AttemptMemory.Entry, _ names: Set<String>) -> String {
    let values = (entry.values.object ?? [:]).filter { names.contains($0.key) }.mapValues { value in
      value.string.map { Value.string($0.count > 600 ? "\($0.prefix(600)) ..." : $0) } ?? value
    }
    var line: [String: Value] = ["values": .object(values)]
    if let mean = entry.mean { line["score"] = .double((mean * 1_000).rounded() / 1_000) }
    if entry.screened { line["note"] = "dropped after the first examples" }
    if let failure = entry.failure { line["failed"] = .string(failure) }
    return Value.object(line).canonicalJSON
  }

  private static func rounded(_ value: Double) -> String {
    Value.double((value * 1_000).rounded() / 1_000).canonicalJSON
  }

  /// A word that marks where recorded data begins and ends, and that stands nowhere in it.
  private func boundary(_ context: AskContext, _ request: Int, apartFrom sections: [String: String]) -> String {
    var random = context.random("optoprime/boundary/\(context.known.count)/\(request)")
    while true {
      let word = String(random.next() | 1 << 63, radix: 16)
      if !sections.values.contains(where: { $0.contains(word) }) { return word }
    }
  }
}

extension RolloutRecord {
  /// The trace as recorded; of a rollout that was not recorded, one step from the parameters to the output, so that its
  /// feedback is not lost.
  func recordedOrPlainTrace(_ assignment: Assignment) -> Trace {
    if let trace, !trace.nodes.isEmpty { return trace }
    var nodes = assignment.values.sorted { $0.key < $1.key }.map { name, value in
      Trace.Node(kind: .parameter, name: name, value: value)
    }
    nodes.append(
      Trace.Node(
        kind: failure == nil ? .step : .failure, name: "workflow", inputs: Array(nodes.indices),
        value: failure.map { .string($0.message) } ?? output))
    let said = feedback.isEmpty ? failure?.message ?? "" : feedback
    return Trace(nodes: nodes, feedback: [Feedback(node: nodes.count - 1, text: said, score: score)])
  }
}
