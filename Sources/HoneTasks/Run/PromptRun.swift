import Hone
import HoneModel
import HoneTrace

/// Builds a prompt workflow's chat request for one example.
struct PromptRun: Sendable {
  let spec: PromptSpec
  let space: Space
  /// What demonstrations are taken from when they are rows.
  let rows: DemonstrationRows?

  private var filling: Filling { Filling(space: space) }

  func request(_ example: Example, _ assignment: Assignment) -> ChatRequest {
    ChatRequest(
      messages(example, assignment), temperature: value(spec.temperature, assignment).number ?? 0,
      maxTokens: max(1, value(spec.maxTokens, assignment).int ?? 1024),
      topP: spec.topP.flatMap { value($0, assignment).number }, stop: spec.stop, seed: spec.seed, format: spec.format)
  }

  func messages(_ example: Example, _ assignment: Assignment) -> [ChatMessage] {
    var messages: [ChatMessage] = []
    let last = spec.messages.lastIndex { $0.role == .user }
    for (index, message) in spec.messages.enumerated() {
      if index == last { messages += worked(example, assignment) }
      let text = fill(message.template, example, assignment)
      // An empty system text says nothing, and some servers refuse it.
      if message.role != .system || !text.allSatisfy(\.isWhitespace) {
        messages.append(ChatMessage(message.role, text))
      }
    }
    return messages
  }

  private func worked(_ example: Example, _ assignment: Assignment) -> [ChatMessage] {
    guard let shots = spec.demonstrations else { return [] }
    return turns(shots.source, example, assignment).flatMap { fields in
      [
        ChatMessage(.user, filling.text(shots.user, fields, assignment)),
        ChatMessage(.assistant, filling.text(shots.assistant, fields, assignment)),
      ]
    }
  }

  /// The fields of each demonstration; never those of the example itself.
  private func turns(_ source: DemonstrationSpec.Source, _ example: Example, _ assignment: Assignment) -> [Value] {
    switch source {
    case .rows(let count, _):
      return rows?.rows(value(count, assignment).int ?? 0, for: example).map(\.fields) ?? []
    case .parameter(let name):
      let shown = Demonstrations(parameterValue: value(.parameter(name), assignment)) ?? []
      return shown.without(example.fields).list.map { one in
        .object(one.inputs.merging([DemonstrationSpec.output: .string(one.output)]) { $1 })
      }
    }
  }

  private func fill(_ template: Template, _ row: Example, _ assignment: Assignment) -> String {
    filling.text(template, row.fields, assignment)
  }

  private func value(_ setting: Setting, _ assignment: Assignment) -> Value { filling.value(setting, assignment) }
}
