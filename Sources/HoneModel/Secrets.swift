import Foundation
import HoneTrace

/// Values that must never be written anywhere, and their replacement by `[secret:NAME]`, whole.
///
/// A secret is found as it is, JSON-escaped, percent-encoded, and inside base64 of any alignment (as basic
/// authentication writes it). Values under 8 characters are no secrets: `none` or `dummy`, as local servers want them,
/// would redact ordinary words.
public struct Secrets: Sendable {
  private struct Pattern: Sendable {
    let name: String
    let bytes: [UInt8]
    /// Part of a base64 run, all of which goes.
    let isBase64: Bool
  }

  public static let shortest = 8
  private var patterns: [Pattern] = []

  public init() {}

  public var isEmpty: Bool { patterns.isEmpty }

  public mutating func add(name: String, value: String) {
    let bytes = Array(value.utf8)
    guard bytes.count >= Self.shortest else { return }
    var found: [Pattern] = [Pattern(name: name, bytes: bytes, isBase64: false)]
    let escaped = Value.string(value).canonicalJSON.dropFirst().dropLast()
    let percent = value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? value
    for form in [String(escaped), percent] where form != value {
      found.append(Pattern(name: name, bytes: Array(form.utf8), isBase64: false))
    }
    for shift in 0..<3 {
      for core in Self.base64Cores(bytes, shift: shift) {
        found.append(Pattern(name: name, bytes: core, isBase64: true))
      }
    }
    patterns += found.filter { new in !patterns.contains { $0.bytes == new.bytes } }
    // Longest first: a secret that contains another one is replaced whole.
    patterns.sort { ($0.bytes.count, $1.name) > ($1.bytes.count, $0.name) }
  }

  /// The characters of base64 that depend on the secret alone when `shift` bytes stand before it, in both alphabets.
  private static func base64Cores(_ secret: [UInt8], shift: Int) -> [[UInt8]] {
    let padded = [UInt8](repeating: 0, count: shift) + secret
    let whole = Array(Data(padded).base64EncodedString().utf8)
    let first = (shift * 8 + 5) / 6
    let last = padded.count * 8 / 6
    guard last - first >= shortest else { return [] }
    let core = Array(whole[first..<last])
    let urlSafe = core.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? 0x5f : $0 }
    return core == urlSafe ? [core] : [core, urlSafe]
  }

  public func redact(_ text: String) -> String {
    guard !patterns.isEmpty, finds(in: Array(text.utf8)) else { return text }
    var bytes = Array(text.utf8)
    for pattern in patterns {
      var start = 0
      while let range = Self.range(of: pattern.bytes, in: bytes, from: start) {
        let whole = pattern.isBase64 ? Self.base64Run(around: range, in: bytes) : range
        let word = Array("[secret:\(pattern.name)]".utf8)
        bytes.replaceSubrange(whole, with: word)
        start = whole.lowerBound + word.count
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  public func redact(_ value: Value) -> Value {
    guard !patterns.isEmpty else { return value }
    return redacted(value, canonical: value.canonicalJSON) ?? value
  }

  /// Nil when nothing is to be redacted. `canonical` is the value's canonical JSON.
  func redacted(_ value: Value, canonical: String) -> Value? {
    guard !patterns.isEmpty, finds(in: Array(canonical.utf8)) else { return nil }
    return redactEach(value)
  }

  private func redactEach(_ value: Value) -> Value {
    switch value {
    case .string(let text): .string(redact(text))
    case .array(let values): .array(values.map(redactEach))
    case .object(let members):
      .object(
        Dictionary(
          members.sorted { $0.key < $1.key }.map { (redact($0.key), redactEach($0.value)) }, uniquingKeysWith: { $1 }))
    default: value
    }
  }

  /// Whether any secret stands in the bytes.
  func finds(in bytes: [UInt8]) -> Bool {
    patterns.contains { Self.range(of: $0.bytes, in: bytes, from: 0) != nil }
  }

  private static func range(of needle: [UInt8], in bytes: [UInt8], from start: Int) -> Range<Int>? {
    bytes.withUnsafeBytes { hay in
      needle.withUnsafeBytes { needle in
        guard let base = hay.baseAddress, let pattern = needle.baseAddress else { return nil }
        var position = start
        while position + needle.count <= hay.count {
          let window = hay.count - needle.count + 1 - position
          guard let hit = memchr(base + position, Int32(needle[0]), window) else { return nil }
          position = UnsafeRawPointer(hit) - base
          if memcmp(hit, pattern, needle.count) == 0 { return position..<(position + needle.count) }
          position += 1
        }
        return nil
      }
    }
  }

  private static func base64Run(around range: Range<Int>, in bytes: [UInt8]) -> Range<Int> {
    func belongs(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "-"), 0x5f:
        true
      default: false
      }
    }
    var lower = range.lowerBound
    var upper = range.upperBound
    while lower > 0, belongs(bytes[lower - 1]) { lower -= 1 }
    while upper < bytes.count, belongs(bytes[upper]) { upper += 1 }
    while upper < bytes.count, bytes[upper] == UInt8(ascii: "=") { upper += 1 }
    return lower..<upper
  }
}
