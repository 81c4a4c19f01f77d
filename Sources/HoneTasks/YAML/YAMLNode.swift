import HoneTrace

/// A node of a YAML document with its place in the file.
struct YAMLNode: Sendable {
  indirect enum Content: Sendable {
    /// `plain` when it stands without quotes and not as a block, and so may be a number, a bool or null.
    case scalar(String, plain: Bool)
    case sequence([YAMLNode])
    case mapping([(key: YAMLNode, value: YAMLNode)])
  }
  var content: Content
  var mark: SourceMark

  var pairs: [(key: YAMLNode, value: YAMLNode)]? { if case .mapping(let pairs) = content { pairs } else { nil } }
  var elements: [YAMLNode]? { if case .sequence(let elements) = content { elements } else { nil } }

  /// A scalar's text as it stands, quoted or not.
  var scalar: String? { if case .scalar(let text, _) = content { text } else { nil } }

  /// The value by the core schema of YAML 1.2: `no`, `on` and dates are strings, `012` is twelve, `1e3` a float.
  var value: Value {
    switch content {
    case .scalar(let text, let plain): plain ? Self.resolve(text) : .string(text)
    case .sequence(let elements): .array(elements.map(\.value))
    case .mapping(let pairs):
      .object(Dictionary(pairs.map { ($0.key.scalar ?? "", $0.value.value) }, uniquingKeysWith: { first, _ in first }))
    }
  }

  /// What the node is, for messages: "the text \"abc\"", "a list".
  var found: String {
    switch content {
    case .sequence: "a list"
    case .mapping: "a mapping"
    case .scalar(let text, _):
      switch value {
      case .null: "nothing"
      case .bool(let value): "\(value)"
      case .int, .double: "the number \(text)"
      default: "the text \(quoted(text))"
      }
    }
  }

  /// Table 10.2 of the YAML 1.2.2 specification.
  static func resolve(_ text: String) -> Value {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .double(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .double(-.infinity)
    case ".nan", ".NaN", ".NAN": return .double(.nan)
    default: break
    }
    let bytes = Array(text.utf8)
    if bytes.count > 2, bytes[0] == UInt8(ascii: "0") {
      if bytes[1] == UInt8(ascii: "o"), let value = unsigned(bytes[2...], radix: 8) { return .int(value) }
      if bytes[1] == UInt8(ascii: "x"), let value = unsigned(bytes[2...], radix: 16) { return .int(value) }
    }
    guard isNumber(bytes) else { return .string(text) }
    if let value = Int(text) { return .int(value) }
    return Double(text.hasSuffix(".") ? text + "0" : text).map { .double($0) } ?? .string(text)
  }

  private static func unsigned(_ digits: ArraySlice<UInt8>, radix: Int) -> Int? {
    guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
    return Int(String(decoding: digits, as: UTF8.self), radix: radix)
  }

  /// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
  private static func isNumber(_ bytes: [UInt8]) -> Bool {
    var index = 0
    func digits() -> Int {
      let start = index
      while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
      return index - start
    }
    func consume(_ options: String) -> Bool {
      guard index < bytes.count, options.utf8.contains(bytes[index]) else { return false }
      index += 1
      return true
    }
    _ = consume("+-")
    let whole = digits()
    let fraction = consume(".") ? digits() : 0
    guard whole + fraction > 0 else { return false }
    if consume("eE") {
      _ = consume("+-")
      guard digits() > 0 else { return false }
    }
    return index == bytes.count
  }
}

/// A place in a task file, both from 1; columns count Unicode scalars.
struct SourceMark: Hashable, Comparable, Sendable {
  var line: Int
  var column: Int

  static func < (a: SourceMark, b: SourceMark) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// Text for a message: in quotes, with control characters escaped, cut after 60 characters.
func quoted(_ text: String) -> String {
  let shown = text.count > 60 ? text.prefix(59) + "…" : text[...]
  return Value.string(String(shown)).canonicalJSON
}
