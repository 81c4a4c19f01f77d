/// Why an operation on arrays, or a derivative of one, has no answer.
public struct ArrayError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Codable, Sendable {
    /// Arrays whose sizes do not fit together, or a position that is not in one.
    case shape
    /// A number that is not finite, in a value or in a derivative.
    case notFinite
    /// Something that has no derivative was asked for one.
    case notDifferentiable
  }
  public var kind: Kind
  /// What is wrong and where: the operation, and its node in the graph where it has one.
  public var message: String
  /// What to do.
  public var hint: String?

  public init(_ kind: Kind, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.message = message
    self.hint = hint
  }

  public var description: String { message + (hint.map { " (\($0))" } ?? "") }
}
