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
    var sections = [
      "objective": PromptSections.objective(context), "score": PromptSections.score(context),
      "attempts": PromptSections.attempts(memory, parameters, tokenCap: settings.tokenCap / 4), "format": format,
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
    sections = PromptSections.filled(sections)
    sections["boundary"] = PromptSections.boundary(context, "optoprime", request, apartFrom: sections)
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
