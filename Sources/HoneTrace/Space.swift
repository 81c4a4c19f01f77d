/// A named value that may be tuned: its domain, where it starts, what it is for and when it counts.
public struct ParameterSpec: Hashable, Codable, Sendable {
  public var name: String
  public var domain: Domain
  /// The value an untuned workflow uses. Always in the domain.
  public var initial: Value
  /// One or two sentences for people and for proposers.
  public var description: String
  /// When the parameter is active; nil means always.
  public var condition: Condition?

  public init(name: String, domain: Domain, initial: Value, description: String = "", condition: Condition? = nil) {
    self.name = name
    self.domain = domain
    self.initial = initial
    self.description = description
    self.condition = condition
  }
}

/// `when: { rerank: true, retriever: [dense, hybrid] }`: active if every named parameter is active and holds one of the
/// values listed for it.
public struct Condition: Hashable, Codable, Sendable {
  public var allowed: [String: [Value]]

  public init(_ allowed: [String: [Value]]) { self.allowed = allowed }
}

/// The parameters of a workflow, and which combinations of them are not allowed.
public struct Space: Hashable, Codable, Sendable {
  /// In the order they were declared; a condition names only parameters that stand before its own.
  public var parameters: [ParameterSpec]
  /// An assignment that holds every pair of one of these is refused.
  public var forbidden: [[String: Value]]

  public init(_ parameters: [ParameterSpec], forbidden: [[String: Value]] = []) {
    self.parameters = parameters
    self.forbidden = forbidden
  }

  public subscript(name: String) -> ParameterSpec? { parameters.first { $0.name == name } }
}

/// One value for every active parameter of a space. Only `Space.accept` and `Space.initial` make valid ones.
public struct Assignment: Hashable, Codable, Sendable {
  public var values: [String: Value]

  public init(_ values: [String: Value]) { self.values = values }

  public subscript(name: String) -> Value? { values[name] }

  /// Canonical JSON of the values: equal assignments have equal keys.
  public var key: String { Value.object(values).canonicalJSON }
}

/// Why a proposed value or combination was refused, in words that a proposer or a person can act on.
public struct Rejection: Error, Hashable, Codable, Sendable, CustomStringConvertible {
  public enum Kind: String, Codable, Sendable {
    case unknownParameter, wrongType, notLossless, outOfRange, notAChoice, notFinite, missingPlaceholder,
      unknownPlaceholder, tooLong, tooShort, patternMismatch, forbidden, duplicate, truncated, malformed, ambiguous,
      empty, inactive, unchanged
  }
  public var kind: Kind
  /// The parameter it is about; nil when it is about the whole.
  public var parameter: String?
  /// One sentence: what was found and what is allowed.
  public var reason: String

  public init(_ kind: Kind, parameter: String? = nil, _ reason: String) {
    self.kind = kind
    self.parameter = parameter
    self.reason = reason
  }

  public var description: String { parameter.map { "\($0): \(reason)" } ?? reason }
}
