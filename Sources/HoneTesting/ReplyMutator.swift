import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// Replies of a model that knows the form it is asked for, and gets most of it wrong: other types, values an epsilon out of
/// range or off the grid, numbers no JSON has, lost placeholders, huge texts, names twice, values that were tried before, and
/// broken JSON around all of it. About a third of the replies are sound.
public struct ReplyMutator: Sendable {
  public let space: Space
  private var random: RandomStream

  public init(_ space: Space, seed: UInt64, name: String = "mutator") {
    self.space = space
    random = RandomStream(seed: seed, name: name)
  }

  /// A reply in the form of the request's schema.
  ///
  /// - Parameter known: assignments that were tried; values near theirs come often.
  public mutating func reply(to request: ChatRequest, known: [Assignment]) -> ChatReply {
    let near = known.randomElement(using: &random)
    var schema: Value = ["properties": ["suggestion": ["type": "object"]]]
    if case .jsonSchema(_, let asked) = request.format { schema = asked }
    let rows = request.messages.last { $0.role == .user }?.content.split(separator: "\n").count { line in
      line.firstIndex(of: ":").map { Int(line[..<$0]) != nil } ?? false
    }
    // Of sound replies, of those with wrong values, of those with broken JSON.
    let kind = random.uniform()
    let wrong = kind < 0.35 ? 0 : kind < 0.7 ? 0.25 : kind < 0.85 ? 0.7 : 0.05
    var text = json(schema, name: "", Draw(near: near?.values ?? [:], wrong: wrong, rows: rows ?? 0))
    if kind >= 0.85 { text = broken(text) }
    let finish: FinishReason = random.uniform() < 0.02 ? .length : .stop
    return ChatReply(
      text: text, finish: finish, usage: Usage(promptTokens: 1, completionTokens: 1), model: "mutator", seconds: 0,
      callKey: "mutated-\(random.next())", replayed: false)
  }

  private struct Draw {
    /// The values of a known assignment.
    var near: [String: Value]
    /// Probability that a value is made wrong.
    var wrong: Double
    /// Numbered rows of the question.
    var rows: Int
  }

  // MARK: Form

  /// JSON in the form of a schema; a property with a parameter's name gets a value of its domain, or near it.
  private mutating func json(_ schema: Value, name: String, _ draw: Draw) -> String {
    if let parameter = space[name], schema["properties"] == nil { return value(parameter, draw) }
    if var names = schema["properties"]?.object?.keys.sorted() {
      if names == ["suggestion"] { return "{\"suggestion\": \(free(draw))}" }
      if random.uniform() < draw.wrong / 4 { names.removeAll { _ in random.uniform() < 0.3 } }
      var members = names.map { member in
        (member, json(schema["properties"]?[member] ?? .null, name: member, draw))
      }
      if random.uniform() < draw.wrong / 4, let twice = members.randomElement(using: &random) {
        members.append((twice.0, json(schema["properties"]?[twice.0] ?? .null, name: twice.0, draw)))
      }
      if random.uniform() < draw.wrong / 6 { members.append((strangeName(), "1")) }
      return object(members)
    }
    if schema["type"] == "array" {
      let items = schema["items"] ?? .null
      let isNumber = ["number", "integer"].contains(items["type"]?.string ?? "")
      var count = isNumber ? draw.rows : 1 + Int(random.next() % 6)
      if random.uniform() < draw.wrong / 4 { count += random.uniform() < 0.5 ? 1 : -1 }
      return "[\((0..<max(0, count)).map { _ in json(items, name: "", draw) }.joined(separator: ", "))]"
    }
    if random.uniform() < draw.wrong / 3 { return Self.wrongTypes.randomElement(using: &random) ?? "null" }
    if let choice = schema["enum"]?.array?.randomElement(using: &random) { return choice.canonicalJSON }
    switch schema["type"]?.string {
    case "number": return Value.double(random.normal()).canonicalJSON
    case "integer": return String(Int(random.next() % 10))
    case "boolean": return name == "terminate" && random.uniform() < 0.95 ? "false" : "true"
    default: return Value.string("Say why: \(random.next() % 1_000).").canonicalJSON
    }
  }

  /// Some parameters at once, for requests without a schema.
  private mutating func free(_ draw: Draw) -> String {
    var members: [(String, String)] = []
    for parameter in space.parameters where random.uniform() < 0.7 {
      members.append((parameter.name, value(parameter, draw)))
    }
    return object(members)
  }

  private func object(_ members: [(String, String)]) -> String {
    "{\(members.map { "\(Value.string($0.0).canonicalJSON): \($0.1)" }.joined(separator: ", "))}"
  }

  private mutating func strangeName() -> String {
    let strange = [
      "admin", "../../etc/passwd", "a\u{0}b", "", "\u{202e}p0", String(repeating: "p", count: 5_000),
      (space.parameters.first?.name ?? "p") + " ", (space.parameters.last?.name ?? "p").uppercased(),
    ]
    return strange.randomElement(using: &random) ?? ""
  }

  // MARK: Values

  private mutating func value(_ parameter: ParameterSpec, _ draw: Draw) -> String {
    let near = draw.near[parameter.name]
    if random.uniform() < draw.wrong { return wrong(parameter.domain, near ?? parameter.initial) }
    if let near, random.uniform() < 0.4 { return near.canonicalJSON }
    switch parameter.domain {
    case .text(let domain): return Value.string(text(domain)).canonicalJSON
    case .code(let domain) where domain.alternatives.isEmpty:
      return Value.string("return \(random.next() % 1_000)").canonicalJSON
    case .float(let domain) where domain.step == nil && random.uniform() < 0.3:
      // Any number of the range, in the notation of another program.
      let number = domain.lower + random.uniform() * (domain.upper - domain.lower)
      return random.uniform() < 0.5 ? "\(number)" : String(format: "%.17e", number)
    default: return parameter.domain.decode(random.uniform()).canonicalJSON
    }
  }

  private mutating func text(_ domain: TextDomain) -> String {
    let words = ["Answer", "briefly", "the", "question", "é", "数", "👩‍👩‍👧", "in", "one", "word", "{}", "{ x }", "{1}"]
    var parts = (0..<(1 + Int(random.next() % 6))).map { _ in words.randomElement(using: &random) ?? "" }
    for name in domain.placeholders { parts.insert("{\(name)}", at: Int(random.next() % UInt64(parts.count + 1))) }
    return parts.joined(separator: " ")
  }

  private static let wrongTypes = [
    "null", "true", "\"\"", "[]", "{}", "[1]", "{\"value\": 1}", "NaN", "Infinity", "-Infinity", "1e999", "-1e999",
    "\"nan\"", "\"inf\"", "0x10", "1_000", "+1", "01", "1.", ".5", "-0", "-0.0", "\"\\u0000\"", "\"٣\"", "None", "True",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "9007199254740993", "5e-324",
    "1.7976931348623157e308", "\"\\ud800\"", "undefined",
  ]

  private mutating func wrong(_ domain: Domain, _ near: Value) -> String {
    if random.uniform() < 0.25 { return Self.wrongTypes.randomElement(using: &random) ?? "null" }
    let found: [String] =
      switch domain {
      case .float(let domain): Self.around(domain, near.number ?? domain.lower)
      case .int(let domain): Self.around(domain, near.int ?? domain.lower)
      case .bool: ["\"True\"", "\" false \"", "0", "1", "\"yes\"", "\"TRUE\""]
      case .categorical(let choices), .ordinal(let choices): Self.around(choices)
      case .text(let domain): [wrong(domain)]
      case .code(let domain): Self.around(domain)
      }
    return found.randomElement(using: &random) ?? "null"
  }

  /// The edges and one unit in the last place beyond them, points an epsilon from the grid, other notations.
  private static func around(_ domain: FloatDomain, _ near: Double) -> [String] {
    let step = domain.step ?? (domain.upper - domain.lower) / 7
    let numbers = [
      domain.lower, domain.lower.nextDown, domain.upper, domain.upper.nextUp, near.nextUp, near.nextDown,
      near + step / 2, near + step * 0.499_999_999, near + 1e-12 * step, near - 1e-9 * step, domain.upper + step,
      domain.lower - step, -near, near * 1e300, near * 1e-300,
    ].filter(\.isFinite).map { Value.double($0).canonicalJSON }
    return numbers + ["\"\(near)\"", "\" \(near)\\n\"", "\"\(near),0\"", "[\(near)]", "\"about \(near)\""]
  }

  private static func around(_ domain: IntDomain, _ near: Int) -> [String] {
    let step = max(1, domain.step)
    let numbers = [
      domain.lower, domain.lower &- 1, domain.upper, domain.upper &+ 1, near &+ step, near &- step, near &+ step / 2,
      near &+ step / 2 + 1, domain.lower &- step, domain.upper &+ step,
    ]
    return numbers.map { "\($0)" } + [
      "\(near).0", "\(near).5", "\(near).0000000000000001", "\"\(near)\"", "\(near)e0", "\(near)e3", "\"\(near).0\"",
    ]
  }

  private static func around(_ choices: [Value]) -> [String] {
    choices.flatMap { choice -> [String] in
      let json = choice.canonicalJSON
      let text = choice.text
      return [
        json, Value.string(json).canonicalJSON, Value.string(" \(text) ").canonicalJSON,
        Value.string(text.uppercased()).canonicalJSON,
        Value.string(text.decomposedStringWithCanonicalMapping).canonicalJSON,
        choice.number.map { "\($0)" } ?? json, "[\(json)]", Value.string(text + "\u{200b}").canonicalJSON,
      ]
    } + ["\(choices.count)", "-1"]
  }

  private mutating func wrong(_ domain: TextDomain) -> String {
    let kept = domain.placeholders.map { "{\($0)}" }.joined(separator: " ")
    let text = text(domain)
    let kind = random.next() % 17
    // What no text in quotes can hold.
    if kind == 15 { return "\"\(kept) \\ud83d\"" }
    if kind == 16 { return "\"\(kept)\n\"" }
    let wrong =
      switch kind {
      case 0: text + " {secret}"
      case 1: text.replacingOccurrences(of: "{", with: "{ ")
      case 2: text.replacingOccurrences(of: "{", with: "(")
      case 3: text.replacingOccurrences(of: "{", with: "{{")
      case 4: kept + String(Self.long.prefix(domain.maxLength))
      case 5: kept + " e" + Self.accents
      case 6: kept + "\u{1b}[2J"
      case 7: kept + "\u{85}"
      case 8: kept + "\u{202e}\u{200b}"
      case 9: kept.uppercased()
      case 10: "   "
      case 11: text + " "
      case 12: kept + "\r\n"
      case 13: kept + "\u{2028}"
      default: Self.long
      }
    return Value.string(wrong).canonicalJSON
  }

  private static let long = String(repeating: "y", count: 40_000)
  /// More marks than any letter has.
  private static let accents = String(repeating: "\u{301}", count: 300)

  private static func around(_ domain: CodeDomain) -> [String] {
    guard domain.alternatives.isEmpty else {
      return domain.names.flatMap { ["\"\($0)\"", "\" \($0) \"", "\"\($0)()\""] } + ["\"import os\""]
    }
    return ["\"\"", "\"  \"", "\"\\u0000\"", "\"\(String(repeating: "z", count: domain.maxLength + 1))\""]
  }

  // MARK: Broken text

  private mutating func broken(_ text: String) -> String {
    switch random.next() % 10 {
    case 0: return text + text
    case 1: return text + "\n" + text.replacingOccurrences(of: "1", with: "2")
    case 2: return "Sure! {thinking}\n```json\n\(text)\n``` Hope it helps."
    case 3: return "{\"suggestion\": \(Value.string(text).canonicalJSON)}"
    case 4: return text.replacingOccurrences(of: "\"", with: "'")
    case 5: return String(repeating: "[", count: 1 << Int(random.next() % 8)) + text
    case 6: return text.replacingOccurrences(of: "}", with: ",}")
    default:
      var bytes = Array(text.utf8)
      for _ in 0...Int(random.next() % 3) {
        Self.damage(&bytes, bank: [Array(text.utf8)], tokens: Self.tokens, using: &random)
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// Pieces that change what JSON means.
  public static let tokens = [
    "\"", "'", "{", "}", "[", "]", ",", ":", "null", "NaN", "1e999", "-", "\\u0000", "\\", "0.5", "True",
    "{question}", "\"temperature\"", "\u{202e}", "\u{1b}[2J", "suggestion", "terminate", "99",
  ].map { Array($0.utf8) }

  /// Flips a bit, cuts, inserts a token or a piece of a text of the bank, or doubles a piece.
  public static func damage(
    _ bytes: inout [UInt8], bank: [[UInt8]], tokens: [[UInt8]], using random: inout RandomStream
  ) {
    let at = Int.random(in: 0...bytes.count, using: &random)
    switch random.next() % 6 {
    case 0: if at < bytes.count { bytes[at] ^= 1 << (random.next() % 8) }
    case 1: bytes.removeSubrange(at..<min(bytes.count, at + 1 + Int(random.next() % 8)))
    case 2: bytes.insert(contentsOf: tokens.randomElement(using: &random) ?? [], at: at)
    case 3: bytes.removeSubrange(at...)
    case 4: bytes.insert(contentsOf: bank.randomElement(using: &random)?.prefix(60) ?? [], at: at)
    default: bytes.insert(contentsOf: bytes.suffix(from: at).prefix(20), at: at)
    }
  }
}
