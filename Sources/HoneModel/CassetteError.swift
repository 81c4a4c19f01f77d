/// Why a cassette cannot be used.
public struct CassetteError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Sendable {
    case notFound
    /// Not a cassette, or of a newer version.
    case foreign
    /// A line is damaged.
    case corrupt
    case readOnly
    case permission
    /// Disk full.
    case full
    case io
  }
  public let kind: Kind
  /// What, where and why in one sentence, with path and line.
  public let message: String
  /// Line of the file from 1, where one is to blame.
  public let line: Int?
  public let hint: String?

  init(_ kind: Kind, path: String, line: Int? = nil, _ reason: String, hint: String? = nil) {
    self.kind = kind
    self.line = line
    self.hint = hint
    message = "cassette \(path)" + (line.map { ", line \($0)" } ?? "") + ": \(reason)"
  }

  public var description: String { message }
}
