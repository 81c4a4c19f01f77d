/// The text of a task file, by lines, and where things end in it.
struct YAMLSource: Sendable {
  let file: String
  let lines: [Substring]

  init(file: String, text: String) {
    self.file = file
    // The parser's line breaks; a CRLF is one Character.
    lines = text.split(omittingEmptySubsequences: false) {
      ["\n", "\r\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains($0)
    }
  }

  func line(_ number: Int) -> String? { lines.indices.contains(number - 1) ? String(lines[number - 1]) : nil }

  /// How much of the line the node at the mark covers: a flow collection to its closing bracket, a quoted scalar to its
  /// closing quote, anything else to the end of its word or text.
  func length(at mark: SourceMark, of node: YAMLNode?) -> Int {
    guard let line = line(mark.line) else { return 1 }
    let rest = Array(line.unicodeScalars.dropFirst(mark.column - 1))
    guard let first = rest.first else { return 1 }
    switch first {
    case "[", "{": return Self.flowLength(rest)
    case "\"", "'": return Self.quotedLength(rest, quote: first)
    default:
      guard let text = node?.scalar, !text.isEmpty else { return Self.wordLength(rest) }
      let scalars = Array(text.unicodeScalars)
      return rest.starts(with: scalars) ? scalars.count : Self.wordLength(rest)
    }
  }

  private static func flowLength(_ scalars: [Unicode.Scalar]) -> Int {
    var depth = 0
    var quote: Unicode.Scalar?
    for (index, scalar) in scalars.enumerated() {
      if let open = quote {
        if scalar == open { quote = nil }
      } else if scalar == "\"" || scalar == "'" {
        quote = scalar
      } else if scalar == "[" || scalar == "{" {
        depth += 1
      } else if scalar == "]" || scalar == "}" {
        depth -= 1
        if depth == 0 { return index + 1 }
      }
    }
    return trimmedLength(scalars)
  }

  private static func quotedLength(_ scalars: [Unicode.Scalar], quote: Unicode.Scalar) -> Int {
    var index = 1
    while index < scalars.count {
      if scalars[index] == "\\", quote == "\"" {
        index += 1
      } else if scalars[index] == quote {
        return index + 1
      }
      index += 1
    }
    return trimmedLength(scalars)
  }

  private static func wordLength(_ scalars: [Unicode.Scalar]) -> Int {
    max(1, scalars.prefix { !($0 == " " || $0 == "\t" || $0 == ":" || $0 == "," || $0 == "]" || $0 == "}") }.count)
  }

  private static func trimmedLength(_ scalars: [Unicode.Scalar]) -> Int {
    max(1, scalars.count - scalars.reversed().prefix { $0 == " " || $0 == "\t" }.count)
  }
}
