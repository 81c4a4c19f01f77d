import HoneModel
import HoneTrace

extension TaskReader {
  private static let promptKeys = [
    "system", "user", "messages", "demonstrations", "temperature", "max_tokens", "top_p", "stop", "seed", "format",
  ]

  mutating func prompt(_ node: YAMLNode, _ place: String) -> PromptSpec? {
    guard let members = members(node, of: "\(place).prompt", keys: Self.promptKeys) else { return nil }
    let messages = self.messages(members, node, place)
    let temperature = setting(members["temperature"], "\(place).prompt.temperature") { reader, node, name in
      reader.double(node, name, in: 0...2).map { .double($0) }
    }
    let maxTokens = setting(members["max_tokens"], "\(place).prompt.max_tokens") { reader, node, name in
      reader.int(node, name, in: 1...1_000_000).map { .int($0) }
    }
    let topP = setting(members["top_p"], "\(place).prompt.top_p") { reader, node, name in
      reader.double(node, name, in: 0...1).map { .double($0) }
    }
    let shots = demonstrations(members["demonstrations"], members, messages, "\(place).prompt.demonstrations")
    return PromptSpec(
      messages: messages, demonstrations: shots,
      temperature: temperature ?? .value(.double(0)), maxTokens: maxTokens ?? .value(.int(1024)), topP: topP,
      stop: texts(members["stop"], "\(place).prompt.stop") ?? [], seed: int(members["seed"], "\(place).prompt.seed"),
      format: format(members["format"], "\(place).prompt.format") ?? .text)
  }

  private mutating func messages(_ members: [String: YAMLNode], _ node: YAMLNode, _ place: String)
    -> [PromptSpec.Message]
  {
    if let list = members["messages"] {
      for key in ["system", "user"] {
        if let other = members[key] {
          fail("\(place).prompt: \(key) and messages exclude each other", at: other, hint: "move it into messages")
        }
      }
      return messages(list, place)
    }
    if members["user"] == nil {
      fail("\(place).prompt: needs user", at: node, hint: "the message with the row's fields: user: \"{text}\"")
    }
    var messages: [PromptSpec.Message] = []
    if let system = template(members["system"], "\(place).prompt.system") {
      messages.append(.init(role: .system, template: system))
    }
    if let user = template(members["user"], "\(place).prompt.user") {
      messages.append(.init(role: .user, template: user))
    }
    return messages
  }

  private mutating func messages(_ node: YAMLNode, _ place: String) -> [PromptSpec.Message] {
    var messages: [PromptSpec.Message] = []
    for element in elements(node, "\(place).prompt.messages") ?? [] {
      guard let pair = element.pairs?.first, element.pairs?.count == 1,
        let role = ChatMessage.Role(rawValue: pair.key.scalar ?? "")
      else {
        fail(
          "\(place).prompt.messages: expected one of system, user and assistant with its text, found \(element.pairs?.first?.key.scalar.map(quoted) ?? element.found)",
          at: element, hint: "such as - user: \"{text}\"")
        continue
      }
      if let template = template(pair.value, "\(place).prompt.messages") {
        messages.append(.init(role: role, template: template))
      }
    }
    if !messages.isEmpty, !messages.contains(where: { $0.role == .user }) {
      fail("\(place).prompt.messages: there is no user message", at: node)
    }
    return messages
  }

  private mutating func demonstrations(
    _ node: YAMLNode?, _ prompt: [String: YAMLNode], _ messages: [PromptSpec.Message], _ name: String
  ) -> DemonstrationSpec? {
    guard let node, let members = members(node, of: name, keys: ["from", "count", "balance", "user", "assistant"])
    else {
      return nil
    }
    let source = setting(members["from"], "\(name).from") { reader, node, name in
      reader.choice(node, name, ["train"]).map { .string($0) }
    }
    if case .parameter(let parameter)? = source {
      return demonstrations(in: parameter, members, messages, name)
    }
    return demonstrationRows(node, members, user: prompt["user"], name)
  }

  /// Those that a parameter holds: the prompt's own user message, and what was answered, unless the file says otherwise.
  private mutating func demonstrations(
    in parameter: String, _ members: [String: YAMLNode], _ messages: [PromptSpec.Message], _ name: String
  ) -> DemonstrationSpec? {
    for key in ["count", "balance"] {
      guard let node = members[key] else { continue }
      fail("\(name): \(key) is for rows of train, and these come from $\(parameter)", at: node, hint: "remove it")
    }
    // A demonstration has what the prompt reads, which is checked where all parameters are known, and not the row's fields.
    let user = template(members["user"], "\(name).user", fields: false) ?? messages.last { $0.role == .user }?.template
    let assistant = template(members["assistant"], "\(name).assistant", fields: false)
    guard let user else { return nil }
    return DemonstrationSpec(
      source: .parameter(parameter), user: user,
      assistant: assistant ?? Template("{\(DemonstrationSpec.output)}"))
  }

  private mutating func demonstrationRows(
    _ node: YAMLNode, _ members: [String: YAMLNode], user: YAMLNode?, _ name: String
  ) -> DemonstrationSpec? {
    let scope = stepScope
    stepScope = .row("a row of train has no output of a step")
    defer { stepScope = scope }
    let count = setting(members["count"], "\(name).count") { reader, node, name in
      reader.int(node, name, in: 0...1000).map { .int($0) }
    }
    if members["count"] == nil {
      fail("\(name): needs count", at: node, hint: "a number, or a parameter such as $shots")
    }
    let balance = self.name(members["balance"], "\(name).balance")
    if let balance, let at = members["balance"] { noteField(balance, at: at, "\(name).balance") }
    let assistant = template(members["assistant"], "\(name).assistant")
    if members["assistant"] == nil {
      fail("\(name): needs assistant", at: node, hint: "what the model should have said: assistant: \"{label}\"")
    }
    // Without its own text a demonstration's user turn is the prompt's; its mistakes are reported there.
    let turn = template(members["user"], "\(name).user") ?? user?.scalar.map { Template($0) }
    if members["user"] == nil, let turn, let step = turn.fields.first(where: { stepIndex($0) != nil }) {
      fail(
        "\(name): the prompt's user message holds {\(step)}, which a row of train does not have", at: node,
        hint: "give it a text of its own: user: \"{question}\"")
    }
    guard let count, let assistant, let turn else { return nil }
    return DemonstrationSpec(source: .rows(count: count, balance: balance), user: turn, assistant: assistant)
  }

  private mutating func format(_ node: YAMLNode?, _ name: String) -> ResponseFormat? {
    guard let node else { return nil }
    guard node.pairs != nil else {
      let word = choice(node, name, ["text", "json"])
      return word.map { $0 == "json" ? .jsonObject : .text }
    }
    guard let members = members(node, of: name, keys: ["json_schema"]),
      let schema = schema(members["json_schema"], "\(name).json_schema")
    else { return nil }
    return .jsonSchema(name: "reply", schema: schema)
  }
}
