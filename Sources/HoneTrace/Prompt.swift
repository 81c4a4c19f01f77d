/// A text with `{placeholders}`: an instruction given to a model.
public struct Prompt: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  public var template: String

  public init(_ template: String) { self.template = template }

  public init(stringLiteral value: String) { template = value }

  public var description: String { template }

  /// The text with every `{name}` that `values` knows replaced; other braces stay as they are, and what is filled in is
  /// not searched again. - Complexity: O(length of the result).
  public func callAsFunction(_ values: [String: String]) -> String {
    var filled = ""
    for part in Self.parts(of: template) {
      switch part {
      case .text(let text): filled += text
      case .placeholder(let name): filled += values[String(name)] ?? "{\(name)}"
      }
    }
    return filled
  }

  /// Names in braces, each once, in the order they stand.
  public var placeholders: [String] { TextDomain.placeholders(in: template) }

  private enum Part {
    case text(Substring)
    case placeholder(Substring)
  }

  /// A placeholder is `{name}`: a letter or underscore followed by letters, digits or underscores.
  private static func parts(of text: String) -> [Part] {
    var parts: [Part] = []
    var rest = text[...]
    while let brace = rest.firstIndex(of: "{") {
      let inside = rest[rest.index(after: brace)...]
      let name = inside.prefix { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
      let isName = name.first.map { !$0.isNumber } ?? false
      if isName, name.endIndex < rest.endIndex, rest[name.endIndex] == "}" {
        parts.append(.text(rest[..<brace]))
        parts.append(.placeholder(name))
        rest = rest[rest.index(after: name.endIndex)...]
      } else {
        parts.append(.text(rest[...brace]))
        rest = inside
      }
    }
    parts.append(.text(rest))
    return parts
  }
}
