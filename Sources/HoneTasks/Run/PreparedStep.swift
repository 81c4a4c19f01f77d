import Hone
import HoneModel
import HoneTrace

/// A step of a workflow, ready to run.
struct PreparedStep: Sendable {
  enum Work: Sendable {
    case prompt(PromptRun)
    case retrieve(Retriever)
    case command(CommandSpec)
    case fit(Fitter)
  }
  var spec: StepSpec
  var work: Work
  /// One of several: what it reads is recorded one by one, and later steps read its output by its name.
  var isInGraph: Bool
  /// Parameters it is handed.
  var parameters: [String]
  /// Fields of the row and outputs of earlier steps that it reads by name.
  var fields: [String]

  var name: String { spec.name }

  /// The node of a prompt before it is sent.
  var renderName: String { isInGraph ? "\(name).render" : "render" }

  static func all(
    of task: TaskFile, train: [Example], embedder: (any EmbeddingModel)?, redact: (String) -> String
  ) -> [PreparedStep] {
    task.workflow.steps.map { step in
      let work: Work =
        switch step.work {
        case .prompt(let spec):
          .prompt(
            PromptRun(
              spec: spec, space: task.space,
              rows: spec.demonstrations.flatMap { shots in
                guard case .rows(_, let balance) = shots.source else { return nil }
                return DemonstrationRows(train, balance: balance)
              }))
        case .retrieve(let spec):
          .retrieve(Retriever(spec, model: spec.mayEmbed(task.space) ? embedder : nil, redact: redact))
        case .command(let spec): .command(spec)
        case .fit(let spec): .fit(Fitter(spec, space: task.space, rows: train))
        }
      return PreparedStep(
        spec: step, work: work, isInGraph: task.workflow.isGraph, parameters: step.parameters(task.space),
        fields: step.fields(task.space))
    }
  }
}

/// What one rollout knows while its steps run.
struct RolloutState: Sendable {
  let row: Example
  /// The row with the outputs of the steps that have run, which the next ones read as fields.
  var fields: Example
  let assignment: Assignment
  let `repeat`: Int
  /// Trace nodes of the fields that have been read or made, by name.
  var nodes: [String: Int] = [:]
  /// Node of the whole row, once a command was handed it.
  var rowNode: Int?
  /// Names of the steps that have run, in their order.
  var done: [String] = []
  /// Of all prompts so far; nil without a prompt.
  var tokens: Int?
  /// What steps said of this row.
  var outcomes: [String: Double] = [:]

  /// The node of a field: that of the step that made it, else an input of the rollout.
  mutating func node(of field: String) -> Int? {
    if let node = nodes[field] { return node }
    let value = fields.fields[field] ?? .null
    let node = TraceContext.current?.recorder?.append(.input, name: field, inputs: [], value: value)
    nodes[field] = node
    return node
  }

  /// The nodes of the whole row, and of every step before.
  mutating func nodesOfAll() -> [Int] {
    if rowNode == nil, row.fields.object?.isEmpty == false {
      rowNode = TraceContext.current?.recorder?.append(.input, name: "example", inputs: [], value: row.fields)
    }
    return [rowNode].compactMap(\.self) + done.compactMap { nodes[$0] }
  }

  /// Later steps read the output under the step's name.
  mutating func note(_ output: String, of step: PreparedStep, node: Int?) {
    guard step.isInGraph else { return }
    var object = fields.fields.object ?? [:]
    object[step.name] = .string(output)
    fields.fields = .object(object)
    nodes[step.name] = node
    done.append(step.name)
  }
}

/// What a step gave.
struct StepOutput: Sendable {
  var text: String
  var node: Int?
}

/// A step that gave nothing, which ends the rollout.
struct StepFailure: Error { var outcome: Outcome }

extension String {
  /// Without the line ends it ends in.
  var withoutLastLineEnds: String {
    var text = self[...]
    while text.last?.isNewline == true { text.removeLast() }
    return String(text)
  }
}
