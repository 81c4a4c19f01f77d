import HoneTrace

/// How an output is scored. Every score is finite or there is none.
public enum Metric: Sendable {
  /// 1 when the output is the expected text, else 0.
  case exactMatch(TextRule)
  /// 1 when the expected text stands in the output, else 0.
  case contains(TextRule)
  case regex(RegexMetric)
  case numeric(NumericMatch)
  case tokenF1(TokenF1)
  /// 1 when the output is JSON that the schema accepts, else 0.
  case jsonSchema(JSONSchema)
  /// A program reads the output and prints the score.
  case command(CommandMetric)
  /// A number in the last line that a command workflow printed.
  case json(field: String)
  /// What the last step, a fit, says of the row by this name.
  case outcome(String)
}

/// What a metric says about one output.
public struct Verdict: Hashable, Sendable {
  /// Finite.
  public var score: Double
  /// Said beside the task file's own feedback; empty when there is nothing to say.
  public var feedback: String
  /// Further named numbers; all finite.
  public var outcomes: [String: Double]

  public init(_ score: Double, feedback: String = "", outcomes: [String: Double] = [:]) {
    self.score = score
    self.feedback = feedback
    self.outcomes = outcomes
  }
}

/// Why an output has no score.
public struct ScoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public var message: String
  public init(_ message: String) { self.message = message }
  public var description: String { message }
}

extension Metric {
  /// The score above which nothing can be better; nil when there is no such bound.
  var best: Double? {
    switch self {
    case .command, .json, .outcome: nil
    default: 1
    }
  }

  /// Scores a text. Commands are run by `TaskRunner`.
  func score(_ output: String, row: Value) throws(ScoreError) -> Verdict {
    switch self {
    case .exactMatch(let rule):
      let output = rule.normalized(output)
      return Verdict(try Self.expected(rule.field, in: row).contains { rule.normalized($0) == output } ? 1 : 0)
    case .contains(let rule):
      let output = rule.normalized(output)
      let expected = try Self.expected(rule.field, in: row).map(rule.normalized)
      return Verdict(expected.contains { !$0.isEmpty && output.contains($0) } ? 1 : 0)
    case .regex(let metric): return try metric.score(output, row: row)
    case .numeric(let metric): return try metric.score(output, row: row)
    case .tokenF1(let metric): return try metric.score(output, row: row)
    case .jsonSchema(let schema): return schema.score(output)
    case .json(let field): return try LastLine.verdict(in: output, field: field)
    case .command, .outcome: throw ScoreError("what scores this is no metric of a text")
    }
  }

  /// The expected texts: the field's text, or each element of a list, any of which counts.
  static func expected(_ field: String, in row: Value) throws(ScoreError) -> [String] {
    guard let value = row[field] else { throw ScoreError("the row has no field \(quoted(field))") }
    guard let elements = value.array else { return [value.text] }
    guard !elements.isEmpty else { throw ScoreError("the row's field \(quoted(field)) is an empty list") }
    return elements.map(\.text)
  }
}

/// How two texts are made comparable.
public struct TextRule: Hashable, Sendable {
  /// The row's field with the expected text.
  public var field: String
  public var ignoreCase: Bool
  /// White space around the text does not count.
  public var trim: Bool
  /// Punctuation around the text does not count.
  public var stripPunctuation: Bool

  public init(field: String, ignoreCase: Bool = false, trim: Bool = true, stripPunctuation: Bool = false) {
    self.field = field
    self.ignoreCase = ignoreCase
    self.trim = trim
    self.stripPunctuation = stripPunctuation
  }

  func normalized(_ text: String) -> String {
    func isEdge(_ character: Character) -> Bool {
      (trim && character.isWhitespace) || (stripPunctuation && (character.isPunctuation || character == "`"))
    }
    let start = text.firstIndex { !isEdge($0) } ?? text.endIndex
    let end = text[start...].lastIndex { !isEdge($0) }.map { text.index(after: $0) } ?? start
    let bare = String(text[start..<end])
    return ignoreCase ? bare.lowercased() : bare
  }
}
