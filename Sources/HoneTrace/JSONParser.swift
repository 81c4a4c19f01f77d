/// A recursive-descent reader of JSON over bytes. See `Value.parse(json:maxDepth:)` for what it refuses.
struct JSONParser {
  let bytes: [UInt8]
  let maxDepth: Int
  /// Also reads what models write by mistake: single quotes, a comma before the closing bracket, Python's `True`, `False`
  /// and `None`, line ends and tabs inside strings.
  let tolerant: Bool
  var position = 0

  init(bytes: [UInt8], maxDepth: Int, tolerant: Bool = false) {
    self.bytes = bytes
    self.maxDepth = maxDepth
    self.tolerant = tolerant
  }

  mutating func document() throws(JSONError) -> Value {
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw error("unexpected text after the value") }
    return value
  }

  /// Reads one value and stops right behind it.
  mutating func value(depth: Int) throws(JSONError) -> Value {
    guard depth <= maxDepth else { throw error("nested deeper than \(maxDepth)") }
    skipSpace()
    guard position < bytes.count else { throw error("expected a value, found the end") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "'") where tolerant: return .string(try string())
    case UInt8(ascii: "T") where tolerant: return try word("True", .bool(true))
    case UInt8(ascii: "F") where tolerant: return try word("False", .bool(false))
    case UInt8(ascii: "N") where tolerant: return try word("None", .null)
    default: throw error("expected a value")
    }
  }

  /// Whether the brace at the position begins an object: a key and a colon follow it, or it closes at once. Nothing is
  /// consumed.
  func objectBegins() -> Bool {
    var ahead = self
    ahead.position += 1
    if ahead.consume("}") { return true }
    guard ahead.peek("\"") || (tolerant && ahead.peek("'")) else { return false }
    return (try? ahead.string()) != nil && ahead.consume(":")
  }

  private mutating func object(depth: Int) throws(JSONError) -> Value {
    position += 1
    var members: [String: Value] = [:]
    if consume("}") { return .object(members) }
    members.reserveCapacity(3)
    repeat {
      skipSpace()
      if tolerant, !members.isEmpty, peek("}") { break }
      let start = position
      guard peek("\"") || (tolerant && peek("'")) else { throw error("expected a key in quotes") }
      let key = try string()
      guard consume(":") else { throw error("expected ':' after the key") }
      guard members.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
        throw JSONError(reason: "key \"\(key)\" stands twice", offset: start)
      }
      // Most objects have up to 3 members or up to 12: growing step by step hashes the keys again each time.
      if members.count == 3, peek(",") { members.reserveCapacity(12) }
    } while consume(",")
    guard consume("}") else { throw error("expected ',' or '}'") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(JSONError) -> Value {
    position += 1
    var elements: [Value] = []
    if consume("]") { return .array(elements) }
    repeat {
      skipSpace()
      if tolerant, !elements.isEmpty, peek("]") { break }
      elements.append(try value(depth: depth + 1))
    } while consume(",")
    guard consume("]") else { throw error("expected ',' or ']'") }
    return .array(elements)
  }

  private mutating func word(_ word: String, _ value: Value) throws(JSONError) -> Value {
    guard bytes[position...].starts(with: word.utf8) else { throw error("expected a value") }
    position += word.utf8.count
    return value
  }

  private mutating func number() throws(JSONError) -> Value {
    let start = position
    if peek("-") { position += 1 }
    let whole = digits()
    guard whole > 0 else { throw error("expected a digit") }
    let leadingZero = bytes[position - whole] == UInt8(ascii: "0") && whole > 1
    guard !leadingZero else { throw JSONError(reason: "a number may not start with 0", offset: start) }
    var isWhole = true
    if peek(".") {
      isWhole = false
      position += 1
      guard digits() > 0 else { throw error("expected a digit after '.'") }
    }
    if peek("e") || peek("E") {
      isWhole = false
      position += 1
      if peek("+") || peek("-") { position += 1 }
      guard digits() > 0 else { throw error("expected a digit in the exponent") }
    }
    guard position - start <= 1024 else { throw JSONError(reason: "a number over 1024 digits", offset: start) }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let value = Int(text) { return .int(value) }
    guard let value = Double(text), value.isFinite else {
      throw JSONError(reason: "the number is out of range", offset: start)
    }
    return .double(value)
  }

  private mutating func digits() -> Int {
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
    return position - start
  }

  private mutating func string() throws(JSONError) -> String {
    let start = position
    let quote = bytes[position]
    position += 1
    var out: [UInt8] = []
    var runStart = position
    while true {
      skipPlain(until: quote)
      guard position < bytes.count else { break }
      switch bytes[position] {
      case quote:
        let isWhole = runStart == start + 1
        if !isWhole { out += bytes[runStart..<position] }
        let text = Self.text(isWhole ? bytes[runStart..<position] : out[...])
        position += 1
        guard let text else {
          throw JSONError(reason: "the string is not valid UTF-8", offset: start)
        }
        return text
      case UInt8(ascii: "\\"):
        out += bytes[runStart..<position]
        position += 1
        try escape(into: &out)
        runStart = position
      case 0x09 where tolerant, 0x0a where tolerant, 0x0d where tolerant: position += 1
      default: throw error("a control character in a string must be escaped")
      }
    }
    throw JSONError(reason: "the string is not closed", offset: start)
  }

  /// Goes to the next byte of a string that means something else than itself.
  private mutating func skipPlain(until quote: UInt8) {
    position = bytes.withUnsafeBufferPointer { bytes in
      var end = position
      while end < bytes.count, bytes[end] != quote, bytes[end] != UInt8(ascii: "\\"), bytes[end] >= 0x20 { end += 1 }
      return end
    }
  }

  /// The text of UTF-8 bytes; nil when they are none. `String(validating:)` says the same, but looks types up at run time,
  /// which takes longer than a short text.
  private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
    let text = String(decoding: bytes, as: UTF8.self)
    let isASCII = bytes.withUnsafeBufferPointer { $0.reduce(0, |) } < 0x80
    // A text that had to be repaired differs from its bytes.
    return isASCII || text.utf8.elementsEqual(bytes) ? text : nil
  }

  private mutating func escape(into out: inout [UInt8]) throws(JSONError) {
    guard position < bytes.count else { throw error("the string is not closed") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
    case UInt8(ascii: "'") where tolerant: out.append(byte)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0c)
    case UInt8(ascii: "n"): out.append(0x0a)
    case UInt8(ascii: "r"): out.append(0x0d)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"): try out += unicodeEscape().utf8
    default: throw JSONError(reason: "unknown escape", offset: position - 1)
    }
  }

  private mutating func unicodeEscape() throws(JSONError) -> String {
    let start = position - 2
    let first = try hex4()
    if let scalar = Unicode.Scalar(first) { return String(Character(scalar)) }
    guard (0xd800..<0xdc00).contains(first), bytes[position...].starts(with: "\\u".utf8) else {
      throw JSONError(reason: "a lone surrogate", offset: start)
    }
    position += 2
    let second = try hex4()
    guard (0xdc00..<0xe000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
    else { throw JSONError(reason: "a lone surrogate", offset: start) }
    return String(Character(scalar))
  }

  private mutating func hex4() throws(JSONError) -> UInt32 {
    guard position + 4 <= bytes.count,
      let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16),
      bytes[position] != UInt8(ascii: "+")
    else { throw error("expected four hexadecimal digits") }
    position += 4
    return value
  }

  private func peek(_ character: Unicode.Scalar) -> Bool {
    position < bytes.count && bytes[position] == UInt8(ascii: character)
  }

  /// Skips white space, then the character if it is next.
  private mutating func consume(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard peek(character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0a, 0x0d, 0x09: position += 1
      default: return
      }
    }
  }

  private func error(_ reason: String) -> JSONError { JSONError(reason: reason, offset: position) }
}
