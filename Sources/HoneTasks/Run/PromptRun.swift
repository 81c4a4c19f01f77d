import Hone
import HoneModel
import HoneTrace

/// Builds a prompt workflow's chat request for one example.
struct PromptRun: Sendable {
  let spec: PromptSpec
  let space: Space
  let demonstrations: Demonstrations?

  /// Parameters that the messages are made of, in the order they first stand.
  var messageParameters: [String] {
    var names: [String] = []
    func note(_ name: String) { if !names.contains(name) { names.append(name) } }
    for message in spec.messages { message.template.parameters.forEach(note) }
    if let shots = spec.demonstrations {
      if case .parameter(let name) = shots.count { note(name) }
      (shots.user.parameters + shots.assistant.parameters).forEach(note)
    }
    return names
  }

  /// Parameters that the model is called with.
  var modelParameters: [String] {
    [spec.temperature, spec.maxTokens, spec.topP].compactMap { if case .parameter(let name) = $0 { name } else { nil } }
  }

  /// Fields of the row that the messages are made of, in the order they first stand.
  var fields: [String] {
    var names: [String] = []
    for message in spec.messages {
      let inside = message.template.parameters.flatMap { placeholders(of: $0) }
      for name in message.template.fields + inside where !names.contains(name) { names.append(name) }
    }
    return names
  }

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
    template.fill(
      field: { row.fields[$0]?.text ?? "" },
      parameter: { name in
        let text = value(.parameter(name), assignment).text
        let names = placeholders(of: name)
        guard !names.isEmpty else { return text }
        let values = names.map { ($0, row.fields[$0]?.text ?? "") }
        return Prompt(text)(Dictionary(values, uniquingKeysWith: { first, _ in first }))
      })
  }

  /// Row fields that a text parameter may hold as placeholders.
  private func placeholders(of parameter: String) -> [String] {
    guard case .text(let domain)? = space[parameter]?.domain else { return [] }
    return domain.placeholders + (domain.optionalPlaceholders ?? [])
  }

  private func value(_ setting: Setting, _ assignment: Assignment) -> Value {
    switch setting {
    case .value(let value): value
    // An inactive parameter counts as untuned.
    case .parameter(let name): assignment[name] ?? space[name]?.initial ?? .null
    }
  }
}
