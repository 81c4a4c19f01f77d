import HoneTrace

extension TaskFile {
  /// What a step of the workflow is handed.
  public struct StepReads: Hashable, Sendable {
    public var name: String
    /// `prompt`, `retrieve`, `command` or `fit`.
    public var kind: String
    /// In the order they first stand.
    public var parameters: [String]
    /// Fields of the row and names of earlier steps; all of both for a command that is handed the row.
    public var fields: [String]
  }

  /// The workflow as a graph: its steps in their order, each with what it reads.
  public var stepReads: [StepReads] {
    let steps = workflow.steps
    return steps.enumerated().map { index, step in
      let all = step.readsAll ? ["example.json"] + steps[..<index].map(\.name) : []
      return StepReads(
        name: step.name, kind: step.kind, parameters: step.parameters(space), fields: (step.fields(space) + all).unique)
    }
  }
}

extension StepSpec {
  private static let files: Set = ["parameters.json", "batch.jsonl", "example.json"]

  /// The templates it fills for each example, demonstrations apart.
  var templates: [Template] {
    switch work {
    case .prompt(let spec): spec.messages.map(\.template)
    case .retrieve(let spec): [spec.query]
    case .command(let spec): spec.arguments + [spec.input].compactMap(\.self)
    case .fit: []
    }
  }

  /// Fields of the row and outputs of earlier steps that it reads by name, in the order they first stand.
  func fields(_ space: Space) -> [String] {
    if case .fit(let spec) = work { return spec.inputs(space) }
    guard case .command = work else { return Filling(space: space).fields(of: templates) }
    return templates.flatMap(\.fields).filter { !Self.files.contains($0) }.unique
  }

  /// Whether it reads all there is: a command that is handed the row.
  var readsAll: Bool {
    guard case .command(let spec) = work else { return false }
    return spec.arguments.contains { $0.fields.contains("example.json") || $0.fields.contains("batch.jsonl") }
  }

  /// Parameters it is handed, in the order they first stand.
  func parameters(_ space: Space) -> [String] {
    switch work {
    case .prompt(let spec): return spec.messageParameters + spec.modelParameters
    case .retrieve(let spec):
      return (spec.query.parameters + [spec.method, spec.topK, spec.words].compactMap(\.self?.parameter)).unique
    case .fit(let spec): return spec.settings.compactMap(\.parameter).unique
    case .command(let spec):
      let takesAll = spec.arguments.contains { $0.fields.contains("parameters.json") }
      return takesAll ? space.parameters.map(\.name) : templates.flatMap(\.parameters).unique
    }
  }
}

extension PromptSpec {
  /// Parameters that the messages are made of, in the order they first stand.
  var messageParameters: [String] {
    var names = messages.flatMap(\.template.parameters)
    if let shots = demonstrations {
      names += [shots.source.parameter].compactMap(\.self) + shots.user.parameters + shots.assistant.parameters
    }
    return names.unique
  }

  /// Parameters that the model is called with.
  var modelParameters: [String] { [temperature, maxTokens, topP].compactMap(\.self?.parameter) }
}

extension DemonstrationSpec.Source {
  var parameter: String? {
    switch self {
    case .rows(let count, _): count.parameter
    case .parameter(let name): name
    }
  }
}

extension Setting {
  var parameter: String? { if case .parameter(let name) = self { name } else { nil } }
}

extension [String] {
  /// Each once, where it first stands.
  var unique: [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}
