/// Why a cassette cannot be used.
public struct CassetteError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
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
  /// What to do about it.
  public let hint: String

  init(_ kind: Kind, path: String, line: Int? = nil, _ reason: String, hint: String? = nil) {
    self.kind = kind
    self.line = line
    self.hint = hint ?? kind.hint
    message = "cassette \(path)" + (line.map { ", line \($0)" } ?? "") + ": \(reason)"
  }

  public var description: String { message }
}

extension CassetteError.Kind {
  /// What to do when nothing more is known.
  var hint: String {
    switch self {
    case .notFound: "check the path, or record one (mode record)"
    case .foreign: "name a cassette that Hone recorded, or record one into a new file"
    case .corrupt: "restore the file from a copy, or record it again"
    case .readOnly: "open it for writing"
    case .permission: "check the file's owner and mode"
    case .full: "free some space; nothing recorded is lost"
    case .io: "check the disk"
    }
  }
}
