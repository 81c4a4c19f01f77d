/// The set of values a parameter may take.
public enum Domain: Hashable, Codable, Sendable {
  case float(FloatDomain)
  case int(IntDomain)
  case bool
  /// Unordered choices, at least one, all different.
  case categorical([Value])
  /// Choices with a meaningful order.
  case ordinal([Value])
  case text(TextDomain)
  case code(CodeDomain)
}

/// How a number's range is laid out for search.
public enum Scale: String, Hashable, Codable, Sendable {
  case linear, log, logit
}

/// Real numbers in `lower...upper`, both finite; `log` needs lower > 0, `logit` needs the open interval (0, 1).
public struct FloatDomain: Hashable, Codable, Sendable {
  public var lower: Double
  public var upper: Double
  public var scale: Scale
  /// Distance of the grid from `lower`; nil for a continuum.
  public var step: Double?
  /// Values outside the range are moved to its edge instead of being refused.
  public var clip: Bool

  public init(_ range: ClosedRange<Double>, scale: Scale = .linear, step: Double? = nil, clip: Bool = false) {
    lower = range.lowerBound
    upper = range.upperBound
    self.scale = scale
    self.step = step
    self.clip = clip
  }
}

/// Whole numbers in `lower...upper`.
public struct IntDomain: Hashable, Codable, Sendable {
  public var lower: Int
  public var upper: Int
  public var scale: Scale
  public var step: Int
  public var clip: Bool

  public init(_ range: ClosedRange<Int>, scale: Scale = .linear, step: Int = 1, clip: Bool = false) {
    lower = range.lowerBound
    upper = range.upperBound
    self.scale = scale
    self.step = step
    self.clip = clip
  }
}

/// Text with rules. A placeholder is `{name}`, a letter or underscore followed by letters, digits or underscores.
public struct TextDomain: Hashable, Codable, Sendable {
  /// Placeholders every value must keep, without braces.
  public var placeholders: [String]
  /// Placeholders a value may use beside those; nil allows any text in braces (it is then no template).
  public var optionalPlaceholders: [String]?
  /// In characters.
  public var minLength: Int
  public var maxLength: Int
  /// A regular expression the whole text must match.
  public var pattern: String?
  /// What kind of text it is; nil: words.
  public var role: Role?

  public enum Role: String, Hashable, Codable, Sendable {
    /// JSON Lines of `Demonstration`.
    case demonstrations
  }

  public init(
    placeholders: [String] = [], optionalPlaceholders: [String]? = [], minLength: Int = 1, maxLength: Int = 20_000,
    pattern: String? = nil, role: Role? = nil
  ) {
    self.placeholders = placeholders
    self.optionalPlaceholders = optionalPlaceholders
    self.minLength = minLength
    self.maxLength = maxLength
    self.pattern = pattern
    self.role = role
  }
}

/// Code as a parameter: named alternatives, or text in a language that an outside process runs in a sandbox.
public struct CodeDomain: Hashable, Codable, Sendable {
  public var language: String
  /// Source text by name; when not empty a value is one of the names.
  public var alternatives: [String: String]
  public var maxLength: Int

  public init(language: String, alternatives: [String: String] = [:], maxLength: Int = 20_000) {
    self.language = language
    self.alternatives = alternatives
    self.maxLength = maxLength
  }
}
