import Foundation
import HoneModel
import HoneTrace

extension TaskReader {
  private static let promptKeys = [
    "system", "user", "messages", "demonstrations", "temperature", "max_tokens", "top_p", "stop", "seed", "format",
  ]
  private static let commandKeys = [
    "command", "directory", "timeout", "trace", "pass_env", "env", "stdin", "batch", "sandbox",
  ]

  mutating func workflow(_ node: YAMLNode, minibatch: Int?) -> WorkflowSpec? {
    guard let pairs = node.pairs else {
      fail("workflow: expected prompt or command, found \(node.found)", at: node)
      return nil
    }
    let names = pairs.map { $0.key.scalar ?? "" }
    if names.contains("prompt") {
      guard let members = members(node, of: "workflow", keys: ["prompt"]), let prompt = members["prompt"] else {
        return nil
      }
      return self.prompt(prompt).map { .prompt($0) }
    }
    guard let members = members(node, of: "workflow", keys: ["prompt"] + Self.commandKeys) else { return nil }
    guard members["command"] != nil else {
      if members.count == pairs.count {
        fail(
          "workflow: needs prompt or command", at: node,
          hint: "prompt: { user: \"{text}\" } or command: [python3, run.py]")
      }
      return nil
    }
    return command(members, minibatch).map { .command($0) }
  }

  // MARK: - Prompts

  private mutating func prompt(_ node: YAMLNode) -> PromptSpec? {
    guard let members = members(node, of: "workflow.prompt", keys: Self.promptKeys) else { return nil }
    let messages = self.messages(members, node)
    let temperature = setting(members["temperature"], "workflow.prompt.temperature") { reader, node, name in
      reader.double(node, name, in: 0...2).map { .double($0) }
    }
    let maxTokens = setting(members["max_tokens"], "workflow.prompt.max_tokens") { reader, node, name in
      reader.int(node, name, in: 1...1_000_000).map { .int($0) }
    }
    let topP = setting(members["top_p"], "workflow.prompt.top_p") { reader, node, name in
      reader.double(node, name, in: 0...1).map { .double($0) }
    }
    return PromptSpec(
      messages: messages, demonstrations: demonstrations(members["demonstrations"], user: members["user"]),
      temperature: temperature ?? .value(.double(0)), maxTokens: maxTokens ?? .value(.int(1024)), topP: topP,
      stop: texts(members["stop"], "workflow.prompt.stop") ?? [], seed: int(members["seed"], "workflow.prompt.seed"),
      format: format(members["format"]) ?? .text)
  }

  private mutating func messages(_ members: [String: YAMLNode], _ node: YAMLNode) -> [PromptSpec.Message] {
    if let list = members["messages"] {
      for key in ["system", "user"] {
        if let other = members[key] {
          fail("workflow.prompt: \(key) and messages exclude each other", at: other, hint: "move it into messages")
        }
      }
      return messages(list)
    }
    if members["user"] == nil {
      fail("workflow.prompt: needs user", at: node, hint: "the message with the row's fields: user: \"{text}\"")
    }
    var messages: [PromptSpec.Message] = []
    if let system = template(members["system"], "workflow.prompt.system") {
      messages.append(.init(role: .system, template: system))
    }
    if let user = template(members["user"], "workflow.prompt.user") {
      messages.append(.init(role: .user, template: user))
    }
    return messages
  }

  private mutating func messages(_ node: YAMLNode) -> [PromptSpec.Message] {
    var messages: [PromptSpec.Message] = []
    for element in elements(node, "workflow.prompt.messages") ?? [] {
      guard let pair = element.pairs?.first, element.pairs?.count == 1,
        let role = ChatMessage.Role(rawValue: pair.key.scalar ?? "")
      else {
        fail(
          "workflow.prompt.messages: expected one of system, user and assistant with its text, found \(element.pairs?.first?.key.scalar.map(quoted) ?? element.found)",
          at: element, hint: "such as - user: \"{text}\"")
        continue
      }
      if let template = template(pair.value, "workflow.prompt.messages") {
        messages.append(.init(role: role, template: template))
      }
    }
    if !messages.isEmpty, !messages.contains(where: { $0.role == .user }) {
      fail("workflow.prompt.messages: there is no user message", at: node)
    }
    return messages
  }

  private mutating func demonstrations(_ node: YAMLNode?, user: YAMLNode?) -> DemonstrationSpec? {
    let name = "workflow.prompt.demonstrations"
    guard let node, let members = members(node, of: name, keys: ["from", "count", "balance", "user", "assistant"])
    else {
      return nil
    }
    _ = choice(members["from"], "\(name).from", ["train"])
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
    guard let count, let assistant, let turn else { return nil }
    return DemonstrationSpec(count: count, balance: balance, user: turn, assistant: assistant)
  }

  private mutating func format(_ node: YAMLNode?) -> ResponseFormat? {
    guard let node else { return nil }
    guard node.pairs != nil else {
      let word = choice(node, "workflow.prompt.format", ["text", "json"])
      return word.map { $0 == "json" ? .jsonObject : .text }
    }
    guard let members = members(node, of: "workflow.prompt.format", keys: ["json_schema"]),
      let schema = schema(members["json_schema"], "workflow.prompt.format.json_schema")
    else { return nil }
    return .jsonSchema(name: "reply", schema: schema)
  }

  /// A JSON Schema, here or in a file that is named.
  mutating func schema(_ node: YAMLNode?, _ name: String) -> Value? {
    guard let node else { return nil }
    guard node.pairs == nil else {
      do throws(SchemaError) {
        _ = try JSONSchema(node.value)
        return node.value
      } catch {
        fail("\(name): \(error.message)", at: node)
        return nil
      }
    }
    guard let path = path(node, name) else { return nil }
    do {
      let schema = try Value.parse(json: try SafePath.read(path, limit: 1 << 20))
      _ = try JSONSchema(schema)
      return schema
    } catch {
      let reason = (error as? FileReadError)?.message ?? (error as? SchemaError)?.message ?? "\(error)"
      fail("\(name): \(reason)", at: node, hint: "write the schema here, or name a JSON file that holds one")
      return nil
    }
  }

  // MARK: - Commands

  private mutating func command(_ members: [String: YAMLNode], _ minibatch: Int?) -> CommandSpec? {
    guard let node = members["command"], let arguments = argumentVector(node, "workflow.command") else { return nil }
    let files = Set(arguments.flatMap(\.fields))
    var batch = int(members["batch"], "workflow.batch", in: 1...1_000_000)
    if let at = members["batch"], !files.contains("batch.jsonl") {
      fail(
        "workflow.batch: the command takes no {batch.jsonl}", at: at,
        hint: "remove batch, or hand the file to the command")
    }
    if files.contains("batch.jsonl") { batch = batch ?? minibatch ?? 8 }
    let trace = choice(members["trace"], "workflow.trace", ["jsonl", "none"]) == "jsonl"
    let environment = environment(members["env"])
    let pass = texts(members["pass_env"], "workflow.pass_env") ?? []
    for name in pass where !Self.isVariableName(name) {
      if let at = members["pass_env"] { fail("workflow.pass_env: \(quoted(name)) is no variable's name", at: at) }
    }
    return CommandSpec(
      arguments: arguments, directory: path(members["directory"], "workflow.directory"),
      timeout: duration(members["timeout"], "workflow.timeout") ?? 60, trace: trace, passEnvironment: pass,
      environment: environment, input: template(members["stdin"], "workflow.stdin"), batch: batch,
      sandbox: sandbox(members["sandbox"]))
  }

  /// An argument vector; a single text, which a shell would have to split, is refused.
  mutating func argumentVector(_ node: YAMLNode, _ name: String) -> [Template]? {
    if let text = node.scalar {
      let words = text.split(separator: " ").map { word in
        word.allSatisfy { $0.isLetter || $0.isNumber || "._-/$".contains($0) } ? String(word) : quoted(String(word))
      }
      fail(
        "\(name): expected a list of arguments, found \(node.found)", at: node,
        hint: "no shell is used; write [\(words.joined(separator: ", "))]")
      return nil
    }
    guard let elements = elements(node, name) else { return nil }
    guard !elements.isEmpty else {
      fail("\(name): there is no program to run", at: node)
      return nil
    }
    let files = ["parameters.json", "batch.jsonl", "example.json"]
    return elements.compactMap { element in
      guard let template = template(element, name, fields: false) else { return nil }
      if element.mark == elements[0].mark {
        let place = diagnostic(name, at: element, hint: nil)
        programUses.append(ProgramUse(program: template, isWorkflow: name.hasPrefix("workflow"), diagnostic: place))
      }
      for field in template.fields where !files.contains(field) && field != "output" {
        if field.contains(".") {
          let hint = Nearest.name(to: field, among: files).map { "did you mean {\($0)}?" }
          fail("\(name): there is no file {\(field)}", at: element, hint: hint ?? "the files are \(list(files))")
        } else {
          noteField(field, at: element, name)
        }
      }
      return template
    }
  }

  private mutating func environment(_ node: YAMLNode?) -> [String: String] {
    guard let node else { return [:] }
    guard let pairs = node.pairs else {
      fail(
        "workflow.env: expected a mapping, found \(node.found)", at: node, hint: "such as { OMP_NUM_THREADS: \"1\" }")
      return [:]
    }
    var environment: [String: String] = [:]
    for (key, value) in pairs {
      guard let name = key.scalar, Self.isVariableName(name) else {
        fail("workflow.env: \(quoted(key.scalar ?? "")) is no variable's name", at: key)
        continue
      }
      environment[name] = text(value, "workflow.env.\(name)")
    }
    return environment
  }
}
