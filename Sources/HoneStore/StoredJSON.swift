import HoneTrace

/// The JSON a value is stored as: read back, it is the same value, int and double told apart.
///
/// Unlike `Value.canonicalJSON` a whole double keeps its point (`2.0`), so that a stored assignment equals the one that
/// was begun. Keys are sorted, so equal values have equal bytes and share a blob. Non-finite numbers, which JSON has no
/// word for, become the strings "nan", "inf" and "-inf".
enum StoredJSON {
  /// Deepest nesting that is stored.
  static let maxDepth = 512

  static func text(_ value: Value) throws(StoreError) -> String {
    if case .int(let number) = value { return String(number) }
    var out: [UInt8] = []
    try write(value, depth: 0, to: &out)
    return String(decoding: out, as: UTF8.self)
  }

  static func value(_ text: String) throws(StoreError) -> Value { try value(Array(text.utf8)) }

  static func value(_ bytes: [UInt8]) throws(StoreError) -> Value {
    do {
      return try Value.parse(json: bytes, maxDepth: maxDepth)
    } catch {
      throw StoreError(.corrupt, "a stored value is not JSON: \(error.description)")
    }
  }

  static func text(_ outcomes: [String: Double]) throws(StoreError) -> String {
    outcomes.isEmpty ? "{}" : try text(.object(outcomes.mapValues { .double($0) }))
  }

  static func outcomes(_ text: String) throws(StoreError) -> [String: Double] {
    if text == "{}" { return [:] }
    guard let members = try value(text).object else { throw StoreError(.corrupt, "stored outcomes are no object") }
    var outcomes: [String: Double] = [:]
    for (name, member) in members { outcomes[name] = member.number ?? .nan }
    return outcomes
  }

  static func text(_ keys: [String]) throws(StoreError) -> String {
    keys.isEmpty ? "[]" : try text(.array(keys.map { .string($0) }))
  }

  static func strings(_ text: String) throws(StoreError) -> [String] {
    if text == "[]" { return [] }
    guard let elements = try value(text).array else { throw StoreError(.corrupt, "a stored list is no array") }
    return elements.compactMap(\.string)
  }

  private static func write(_ value: Value, depth: Int, to out: inout [UInt8]) throws(StoreError) {
    guard depth < maxDepth else {
      throw StoreError(.io, "a value is nested deeper than \(maxDepth) levels", hint: "make it flatter or a text")
    }
    switch value {
    case .double(let number) where number.isFinite: out += "\(number)".utf8
    case .array(let elements):
      out.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        try write(element, depth: depth + 1, to: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let members):
      out.append(UInt8(ascii: "{"))
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for (index, member) in sorted.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        write(member.key, to: &out)
        out.append(UInt8(ascii: ":"))
        try write(member.value, depth: depth + 1, to: &out)
      }
      out.append(UInt8(ascii: "}"))
    case .string(let text): write(text, to: &out)
    case .null, .bool, .int, .double: out += value.canonicalJSON.utf8
    }
  }

  private static func write(_ string: String, to out: inout [UInt8]) {
    let isPlain = string.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    if isPlain {
      out.append(UInt8(ascii: "\""))
      out += string.utf8
      out.append(UInt8(ascii: "\""))
    } else {
      out += Value.string(string).canonicalJSON.utf8
    }
  }
}
