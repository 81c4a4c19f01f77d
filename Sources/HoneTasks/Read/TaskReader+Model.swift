import Foundation
import HoneModel
import HoneTrace

extension TaskReader {
  static let modelKeys = [
    "endpoint", "api", "name", "alias", "key", "timeout", "price", "max_concurrent", "allow_insecure_http",
  ]

  mutating func model(_ node: YAMLNode?, _ name: String) -> ModelSpec? {
    guard let node, let members = members(node, of: name, keys: Self.modelKeys) else { return nil }
    let api = choice(members["api"], "\(name).api", ModelSpec.API.allCases.map(\.rawValue))
    return ModelSpec(
      endpoint: endpoint(members["endpoint"], "\(name).endpoint"), api: api.flatMap(ModelSpec.API.init) ?? .openai,
      name: self.name(members["name"], "\(name).name"), alias: self.name(members["alias"], "\(name).alias"),
      key: key(members["key"], "\(name).key"), timeout: duration(members["timeout"], "\(name).timeout"),
      price: price(members["price"], "\(name).price"),
      maxConcurrent: int(members["max_concurrent"], "\(name).max_concurrent", in: 1...1024),
      allowInsecureHTTP: bool(members["allow_insecure_http"], "\(name).allow_insecure_http") ?? false)
  }

  private mutating func endpoint(_ node: YAMLNode?, _ name: String) -> String? {
    guard let node, let text = self.name(node, name) else { return nil }
    guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(), let host = parts.host,
      ["http", "https"].contains(scheme), !host.isEmpty
    else {
      failHidden(
        "\(name): expected a base URL", at: node,
        hint: "such as http://127.0.0.1:8080/v1 or https://api.openai.com/v1")
      return nil
    }
    guard parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil else {
      failHidden(
        "\(name): a base URL holds no key, query or fragment", at: node, hint: "name the key's variable under key:")
      return nil
    }
    if parts.path.hasSuffix("/chat/completions") || parts.path.hasSuffix("/messages") {
      fail("\(name): expected the base URL, found the address of one call", at: node, hint: "end it with /v1")
      return nil
    }
    return text
  }

  private mutating func key(_ node: YAMLNode?, _ name: String) -> ModelSpec.Key? {
    guard let node else { return nil }
    let hint = "write { env: HONE_API_KEY } or { file: PATH }; a key itself never stands in a task file"
    guard node.pairs != nil else {
      failHidden(
        "\(name): expected env or file, found \(node.elements == nil ? "text" : "a list")", at: node, hint: hint)
      return nil
    }
    guard let members = members(node, of: name, keys: ["env", "file"]) else { return nil }
    if let file = members["file"] {
      if members["env"] != nil { fail("\(name): env and file exclude each other", at: file, hint: "keep one") }
      return path(file, "\(name).file").map { .file($0) }
    }
    guard let variable = members["env"] else {
      if node.pairs?.isEmpty == true { fail("\(name): expected env or file, found nothing", at: node, hint: hint) }
      return nil
    }
    guard let text = self.name(variable, "\(name).env") else { return nil }
    guard Self.isVariableName(text) else {
      failHidden("\(name).env: expected a variable's name", at: variable, hint: hint)
      return nil
    }
    return .environment(text)
  }

  /// A name the environment can hold; a key pasted here by mistake mostly is none.
  static func isVariableName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !("0"..."9").contains(Character(Unicode.Scalar(first))) else { return false }
    return text.utf8.allSatisfy { byte in
      let character = Character(Unicode.Scalar(byte))
      return byte < 0x80 && (character.isLetter || character.isNumber || character == "_")
    }
  }

  private mutating func price(_ node: YAMLNode?, _ name: String) -> Price? {
    guard let node, let members = members(node, of: name, keys: ["input", "output"]) else { return nil }
    let range = 0.0...1e9
    let input = double(members["input"], "\(name).input", in: range)
    let output = double(members["output"], "\(name).output", in: range)
    guard members["input"] != nil, members["output"] != nil else {
      fail("\(name): needs input and output, in money per million tokens", at: node)
      return nil
    }
    guard let input, let output else { return nil }
    return Price(input: input, output: output)
  }
}
