/// One thing that is wrong in a task file, with where it stands and what to do about it.
public struct Diagnostic: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Severity: String, Hashable, Sendable { case error, warning }

  public var severity: Severity
  /// The file as the user named it.
  public var file: String
  /// From 1; 0 when the whole file is meant.
  public var line: Int
  /// From 1, in Unicode scalars.
  public var column: Int
  /// How much of the line is meant, in Unicode scalars, at least 1.
  public var length: Int
  /// What is wrong: "temperature: lower bound 1.5 is above upper bound 1.0".
  public var message: String
  public var hint: String?
  /// The source line; nil when there is none to show.
  public var source: String?

  public init(
    _ message: String, file: String, line: Int, column: Int, length: Int = 1, hint: String? = nil,
    source: String? = nil, severity: Severity = .error
  ) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.length = max(1, length)
    self.message = message
    self.hint = hint
    self.source = source
  }

  /// The message with its place, the source line with carets under what is meant, and the hint.
  public var description: String {
    guard line > 0 else { return (["\(severity): \(file): \(message)"] + hintLine).joined(separator: "\n") }
    return (["\(severity): \(file):\(line):\(column): \(message)"] + excerpt + hintLine).joined(separator: "\n")
  }

  private var hintLine: [String] { hint.map { ["hint: \($0)"] } ?? [] }

  /// Longest part of a source line that is shown, in Unicode scalars.
  private static let width = 100

  private var excerpt: [String] {
    guard let source else { return [] }
    let scalars = Array(source.unicodeScalars)
    var start = 0
    if scalars.count > Self.width { start = max(0, min(column - 1 - Self.width / 2, scalars.count - Self.width)) }
    let end = min(scalars.count, start + Self.width)
    let shown = scalars[start..<end].map { Self.harmless($0) }
    let from = max(0, min(column - 1 - start, shown.count))
    let carets = max(1, min(length, shown.count - from))
    let prefix = shown[..<from].map { $0 == "\t" ? "\t" : " " }.joined()
    let lead = start > 0 ? "…" : ""
    let tail = end < scalars.count ? "…" : ""
    let margin = "\(line) | "
    return [
      "  \(margin)\(lead)\(shown.joined())\(tail)",
      "  " + String(repeating: " ", count: margin.count - 2) + "| " + (lead.isEmpty ? "" : " ") + prefix
        + String(repeating: "^", count: carets),
    ]
  }

  /// Control and direction characters, which could move a terminal's cursor or reorder the text, are shown as a box.
  private static func harmless(_ scalar: Unicode.Scalar) -> String {
    if scalar == "\t" { return "\t" }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator: return "\u{fffd}"
    default: return String(scalar)
    }
  }
}

/// Everything that is wrong with a task file, in the order it stands in the file.
public struct TaskFileError: Error, Sendable, CustomStringConvertible {
  public enum Kind: Sendable {
    /// The file says something wrong (exit code 65).
    case invalid
    /// The file, or one it names, is not there (66).
    case missing
    /// The file may not be read (77).
    case permission
    /// Reading failed (74).
    case io
    /// What the file needs is not on this machine (78).
    case configuration
  }
  public var kind: Kind
  /// At least one.
  public var diagnostics: [Diagnostic]

  public init(_ diagnostics: [Diagnostic], kind: Kind = .invalid) {
    self.kind = kind
    self.diagnostics = diagnostics
  }

  public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
