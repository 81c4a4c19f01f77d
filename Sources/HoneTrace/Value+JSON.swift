extension Value {
  /// Canonical JSON: keys sorted by their UTF-8 bytes, no white space, numbers in their shortest round-trip form, a whole
  /// double below 2^53 written like an integer. Equal documents have equal bytes, so hashes and comparisons use it.
  /// Non-finite numbers, which JSON has no word for, are written as the strings "nan", "inf" and "-inf".
  public var canonicalJSON: String {
    var out: [UInt8] = []
    write(to: &out)
    return String(decoding: out, as: UTF8.self)
  }

  private func write(to out: inout [UInt8]) {
    switch self {
    case .null: out += "null".utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .int(let value): out += String(value).utf8
    case .double(let value):
      if !value.isFinite {
        out += (value.isNaN ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"").utf8
      } else if value == value.rounded(), abs(value) < 0x1p53 {
        out += String(Int(value)).utf8
      } else {
        out += "\(value)".utf8
      }
    case .string(let value): Self.write(value, to: &out)
    case .array(let values):
      out.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        value.write(to: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let members):
      out.append(UInt8(ascii: "{"))
      var sorted = Array(members)
      sorted.sort { Self.precedes($0.key, $1.key) }
      for (index, member) in sorted.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        Self.write(member.key, to: &out)
        out.append(UInt8(ascii: ":"))
        member.value.write(to: &out)
      }
      out.append(UInt8(ascii: "}"))
    }
  }

  /// Order of the UTF-8 bytes, which the order of strings is not.
  private static func precedes(_ a: String, _ b: String) -> Bool {
    let answer = a.utf8.withContiguousStorageIfAvailable { a in
      b.utf8.withContiguousStorageIfAvailable { b in
        for index in 0..<min(a.count, b.count) where a[index] != b[index] { return a[index] < b[index] }
        return a.count < b.count
      }
    }
    return answer.flatMap(\.self) ?? a.utf8.lexicographicallyPrecedes(b.utf8)
  }

  private static func write(_ string: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    let isWritten: Void? = string.utf8.withContiguousStorageIfAvailable { write($0, to: &out) }
    if isWritten == nil { Array(string.utf8).withUnsafeBufferPointer { write($0, to: &out) } }
    out.append(UInt8(ascii: "\""))
  }

  /// Runs that need no escape are copied whole.
  private static func write(_ bytes: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]) {
    var start = 0
    for (index, byte) in bytes.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5c {
      out.append(contentsOf: bytes[start..<index])
      start = index + 1
      switch byte {
      case UInt8(ascii: "\""): out += "\\\"".utf8
      case UInt8(ascii: "\\"): out += "\\\\".utf8
      case 0x0a: out += "\\n".utf8
      case 0x0d: out += "\\r".utf8
      case 0x09: out += "\\t".utf8
      default:
        let hex = String(byte, radix: 16)
        out += "\\u\(String(repeating: "0", count: 4 - hex.count))\(hex)".utf8
      }
    }
    out.append(contentsOf: bytes[start...])
  }

  /// Reads one JSON document (RFC 8259), strictly and within bounds.
  ///
  /// Refused: duplicate keys, trailing text, invalid UTF-8, lone surrogates, numbers that are not finite, nesting deeper
  /// than `maxDepth`. Whole numbers that fit become `.int`. Linear in the length.
  public static func parse(json text: some StringProtocol, maxDepth: Int = 64) throws(JSONError) -> Value {
    try parse(json: Array(text.utf8), maxDepth: maxDepth)
  }

  public static func parse(json bytes: [UInt8], maxDepth: Int = 64) throws(JSONError) -> Value {
    var parser = JSONParser(bytes: bytes, maxDepth: maxDepth)
    return try parser.document()
  }
}

/// Why a text is not the JSON that was asked for.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, as a phrase: "expected a value".
  public let reason: String
  /// Where, in bytes from the start.
  public let offset: Int
  public var description: String { "\(reason) at byte \(offset)" }
}

extension Value: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .int(value)
    } else if let value = try? container.decode(Double.self) {
      self = .double(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([Value].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: Value].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .int(let value): try container.encode(value)
    case .double(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}
