import HoneTrace

/// 1 when a pattern is found in the output; with a field, only when what it captured is the field's text.
public struct RegexMetric: Hashable, Sendable {
  public let pattern: String
  /// The row's field that the first group (or, without one, the whole match) must equal.
  public let field: String?
  public let ignoreCase: Bool

  /// Nil when the pattern is no regular expression.
  public init?(pattern: String, field: String? = nil, ignoreCase: Bool = false) {
    guard (try? Regex(pattern)) != nil else { return nil }
    self.pattern = pattern
    self.field = field
    self.ignoreCase = ignoreCase
  }

  func score(_ output: String, row: Value) throws(ScoreError) -> Verdict {
    // A regex is not Sendable, so it is compiled where it is used.
    guard let regex = (try? Regex(pattern))?.ignoresCase(ignoreCase) else {
      throw ScoreError("\(quoted(pattern)) is no regular expression")
    }
    guard let match = output.firstMatch(of: regex) else {
      return Verdict(0, feedback: "The pattern \(pattern) was not found.")
    }
    guard let field else { return Verdict(1) }
    let groups = Array(match.output)
    let found = String((groups.count > 1 ? groups[1].substring : nil) ?? groups[0].substring ?? "")
    let rule = TextRule(field: field, ignoreCase: ignoreCase)
    let expected = try Metric.expected(field, in: row)
    return Verdict(expected.contains { rule.normalized($0) == rule.normalized(found) } ? 1 : 0)
  }
}
