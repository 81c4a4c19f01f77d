import HoneTrace

extension TaskReader {
  static let commandKeys = [
    "command", "directory", "timeout", "trace", "pass_env", "env", "stdin", "batch", "sandbox",
  ]

  mutating func command(_ members: [String: YAMLNode], _ place: String, _ minibatch: Int?) -> CommandSpec? {
    guard let node = members["command"], let arguments = argumentVector(node, "\(place).command") else { return nil }
    let files = Set(arguments.flatMap(\.fields))
    let batch = batch(members["batch"], files, node, place, minibatch)
    let trace = choice(members["trace"], "\(place).trace", ["jsonl", "none"]) == "jsonl"
    let environment = environment(members["env"], "\(place).env")
    let pass = texts(members["pass_env"], "\(place).pass_env") ?? []
    for name in pass where !Self.isVariableName(name) {
      if let at = members["pass_env"] { fail("\(place).pass_env: \(quoted(name)) is no variable's name", at: at) }
    }
    return CommandSpec(
      arguments: arguments, directory: path(members["directory"], "\(place).directory"),
      timeout: duration(members["timeout"], "\(place).timeout") ?? 60, trace: trace, passEnvironment: pass,
      environment: environment, input: template(members["stdin"], "\(place).stdin"), batch: batch,
      sandbox: sandbox(members["sandbox"], "\(place).sandbox"))
  }

  /// Rows at a time; nil when the command takes no file of them.
  private mutating func batch(
    _ node: YAMLNode?, _ files: Set<String>, _ command: YAMLNode, _ place: String, _ minibatch: Int?
  ) -> Int? {
    if isInGraph {
      refuseBatch(node, files, command, place)
      return nil
    }
    let batch = int(node, "\(place).batch", in: 1...1_000_000)
    guard files.contains("batch.jsonl") else {
      if let node {
        fail(
          "\(place).batch: the command takes no {batch.jsonl}", at: node,
          hint: "remove batch, or hand the file to the command")
      }
      return nil
    }
    return batch ?? minibatch ?? 8
  }

  /// An argument vector; a single text, which a shell would have to split, is refused.
  mutating func argumentVector(_ node: YAMLNode, _ name: String, isScore: Bool = false) -> [Template]? {
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
        programUses.append(ProgramUse(program: template, step: isScore ? nil : step, diagnostic: place))
      }
      for field in template.fields where !files.contains(field) && (field != "output" || isInGraph && !isScore) {
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

  private mutating func environment(_ node: YAMLNode?, _ name: String) -> [String: String] {
    guard let node else { return [:] }
    guard let pairs = node.pairs else {
      fail(
        "\(name): expected a mapping, found \(node.found)", at: node, hint: "such as { OMP_NUM_THREADS: \"1\" }")
      return [:]
    }
    var environment: [String: String] = [:]
    for (key, value) in pairs {
      guard let variable = key.scalar, Self.isVariableName(variable) else {
        fail("\(name): \(quoted(key.scalar ?? "")) is no variable's name", at: key)
        continue
      }
      environment[variable] = text(value, "\(name).\(variable)")
    }
    return environment
  }
}
