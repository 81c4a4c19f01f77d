import HoneTrace

/// Text with `{field}` for a field of the data row and `$name` for a parameter.
///
/// A brace that is no placeholder stands for itself, as does a `$` that begins no name. `{{name}}` writes `{name}` and `$$`
/// writes `$` where they would be read otherwise.
public struct Template: Hashable, Sendable {
  public enum Part: Hashable, Sendable {
    case text(String)
    case field(String)
    case parameter(String)
  }
  public var parts: [Part]
  /// As it stands in the file.
  public var source: String

  public init(_ source: String) {
    self.source = source
    parts = Self.parse(source)
  }

  public var fields: [String] { parts.compactMap { if case .field(let name) = $0 { name } else { nil } } }
  public var parameters: [String] { parts.compactMap { if case .parameter(let name) = $0 { name } else { nil } } }

  /// The text with every part in its place. What is put in is not read again.
  public func fill(field: (String) -> String, parameter: (String) -> String) -> String {
    parts.map { part in
      switch part {
      case .text(let text): text
      case .field(let name): field(name)
      case .parameter(let name): parameter(name)
      }
    }.joined()
  }

  private static func parse(_ source: String) -> [Part] {
    let scalars = Array(source.unicodeScalars)
    var parts: [Part] = []
    var text = String.UnicodeScalarView()
    func flush() {
      if !text.isEmpty { parts.append(.text(String(text))) }
      text = String.UnicodeScalarView()
    }
    var index = 0
    while index < scalars.count {
      let scalar = scalars[index]
      let next = index + 1 < scalars.count ? scalars[index + 1] : nil
      if scalar == "$", next == "$" {
        text.append(scalar)
        index += 2
      } else if scalar == "{", next == "{", let name = placeholder(scalars, from: index + 2),
        scalars.indices.contains(index + 3 + name.unicodeScalars.count),
        scalars[index + 3 + name.unicodeScalars.count] == "}"
      {
        text.append(contentsOf: "{\(name)}".unicodeScalars)
        index += 4 + name.unicodeScalars.count
      } else if scalar == "$", let name = name(scalars, from: index + 1) {
        flush()
        parts.append(.parameter(name))
        index += 1 + name.unicodeScalars.count
      } else if scalar == "{", let name = placeholder(scalars, from: index + 1) {
        flush()
        parts.append(.field(name))
        index += 2 + name.unicodeScalars.count
      } else {
        text.append(scalar)
        index += 1
      }
    }
    flush()
    return parts
  }

  /// A letter or underscore, then letters, digits, underscores: the longest from `start`.
  private static func name(_ scalars: [Unicode.Scalar], from start: Int) -> String? {
    guard start < scalars.count, scalars[start].properties.isAlphabetic || scalars[start] == "_" else { return nil }
    let end = scalars[start...].firstIndex { !isNameScalar($0) } ?? scalars.count
    return String(String.UnicodeScalarView(scalars[start..<end]))
  }

  /// A name, which for files such as `{batch.jsonl}` may hold dots, up to a closing brace.
  private static func placeholder(_ scalars: [Unicode.Scalar], from start: Int) -> String? {
    guard start < scalars.count, scalars[start].properties.isAlphabetic || scalars[start] == "_",
      let end = scalars[start...].firstIndex(where: { !isNameScalar($0) && $0 != "." }), scalars[end] == "}"
    else { return nil }
    let inside = scalars[start..<end]
    return String(String.UnicodeScalarView(inside))
  }

  private static func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
  }
}
