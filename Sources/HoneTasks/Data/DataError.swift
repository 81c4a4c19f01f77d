/// What is wrong with a data file, each with its line.
public struct DataError: Error, Hashable, Sendable, CustomStringConvertible {
  public var kind: TaskFileError.Kind
  /// At least one; at most 20 and one that counts the rest.
  public var diagnostics: [Diagnostic]

  public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
