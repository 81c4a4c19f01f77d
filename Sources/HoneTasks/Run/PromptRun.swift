import Hone
import HoneModel
import HoneTrace

/// Builds a prompt workflow's chat request for one example.
struct PromptRun: Sendable {
  let spec: PromptSpec
  let space: Space
  let demonstrations: Demonstrations?

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
    guard let shots = spec.demonstrations, let demonstrations else { return [] }
    let rows = demonstrations.rows(value(shots.count, assignment).int ?? 0, for: example)
    return rows.flatMap { row in
      [
        ChatMessage(.user, fill(shots.user, row, assignment)),
        ChatMessage(.assistant, fill(shots.assistant, row, assignment)),
      ]
    }
  }

  private func fill(_ template: Template, _ row: Example, _ assignment: Assignment) -> String {
    filling.text(template, row.fields, assignment)
  }

  private func value(_ setting: Setting, _ assignment: Assignment) -> Value { filling.value(setting, assignment) }
}
