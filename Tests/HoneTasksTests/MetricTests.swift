import HoneTrace
import Testing

@testable import HoneTasks

struct MetricTests {
  static func score(_ metric: Metric, _ output: String, _ expected: Value) throws -> Double {
    try metric.score(output, row: ["y": expected]).score
  }

  @Test(
    arguments: [
      (" Yes.\n", "yes", 1), ("yes!?", "yes", 1), ("yes and no", "yes", 0), ("", "yes", 0), ("`yes`", "yes", 1),
      ("\"yes\"", "yes", 1),
    ] as [(String, Value, Double)])
  func exactMatchForgivesWhatItIsTold(_ output: String, _ expected: Value, _ score: Double) throws {
    let rule = TextRule(field: "y", ignoreCase: true, stripPunctuation: true)
    #expect(try Self.score(.exactMatch(rule), output, expected) == score)
  }

  @Test func exactMatchIsExactOtherwise() throws {
    let plain = Metric.exactMatch(TextRule(field: "y"))
    #expect(try Self.score(plain, "yes.", "yes") == 0)
    #expect(try Self.score(plain, "Yes", "yes") == 0)
    #expect(try Self.score(plain, " yes ", "yes") == 1)
    #expect(try Self.score(.exactMatch(TextRule(field: "y", trim: false)), " yes", "yes") == 0)
    #expect(try Self.score(plain, "b", ["a", "b"]) == 1)
    #expect(try Self.score(plain, "3", 3) == 1)
    #expect(throws: ScoreError.self) { try plain.score("x", row: ["z": 1]) }
  }

  @Test func containsLooksInside() throws {
    let rule = Metric.contains(TextRule(field: "y", ignoreCase: true))
    #expect(try Self.score(rule, "The answer is PARIS.", "paris") == 1)
    #expect(try Self.score(rule, "London", "paris") == 0)
    #expect(try Self.score(rule, "anything", "") == 0)
  }

  @Test func regexFindsOrCaptures() throws {
    let found = Metric.regex(try #require(RegexMetric(pattern: "^[0-9]+$")))
    #expect(try Self.score(found, "42", nil) == 1)
    #expect(try Self.score(found, "x42", nil) == 0)
    let captured = Metric.regex(try #require(RegexMetric(pattern: "Answer: (\\w+)", field: "y", ignoreCase: true)))
    #expect(try Self.score(captured, "so. answer: B", "b") == 1)
    #expect(try Self.score(captured, "so. answer: C", "b") == 0)
    #expect(RegexMetric(pattern: "(") == nil)
  }

  @Test(
    arguments: [
      ("The total is 1,234.5.", 1234.5), ("-3", -3), ("1e3 apples", 1000), ("3 of 4", 4), ("5.", 5), ("1e400", nil),
      ("none", nil), ("nan", nil),
      ("x=+7", 7), ("2-1", -1), ("v1.2.3", 3), ("", nil), ("1e", 1), ("--5", -5),
    ] as [(String, Double?)])
  func theLastNumberIsFound(_ text: String, _ expected: Double?) {
    let found = NumericMatch.lastNumber(in: text)
    // A version is no number; whatever is found in it must be finite.
    if text == "v1.2.3" { #expect(found?.isFinite == true) } else { #expect(found == expected) }
  }

  @Test func numbersMatchWithinTolerance() throws {
    #expect(try Self.score(.numeric(NumericMatch(field: "y", tolerance: 0.1)), "3.05", 3) == 1)
    #expect(try Self.score(.numeric(NumericMatch(field: "y")), "3.05", 3) == 0)
    #expect(try Self.score(.numeric(NumericMatch(field: "y", relative: 0.01)), "1005", "1,000") == 1)
    #expect(throws: ScoreError.self) { try Self.score(.numeric(NumericMatch(field: "y")), "3", "three") }
  }

  /// Figures of SQuAD's own script.
  @Test(
    arguments: [
      ("the cat", "cat", 1), ("black cat", "cat", 2.0 / 3), ("dog", "cat", 0), ("", "", 1), ("", "cat", 0),
      ("The", "a", 1),
      ("cat cat", "cat", 2.0 / 3), ("Denver Broncos!", "The Denver Broncos", 1),
    ] as [(String, Value, Double)])
  func tokenF1IsSQuADs(_ output: String, _ expected: Value, _ score: Double) throws {
    #expect(abs(try Self.score(.tokenF1(TokenF1(field: "y")), output, expected) - score) < 1e-12)
  }

  @Test func schemasAcceptAndRefuse() throws {
    let schema = try JSONSchema([
      "type": "object", "required": ["label"], "additionalProperties": false,
      "properties": ["label": ["enum": ["a", "b"]], "n": ["$ref": "#/$defs/count"]],
      "$defs": ["count": ["type": "integer", "minimum": 0, "exclusiveMaximum": 10]],
    ])
    #expect(schema.problems(with: ["label": "a", "n": 3]) == [])
    #expect(schema.problems(with: ["label": "c"]) == ["$.label: expected one of \"a\", \"b\""])
    #expect(schema.problems(with: ["n": 10, "x": 1]).count == 3)
    #expect(schema.score("```json\n{\"label\": \"a\"}\n```").score == 1)
    #expect(schema.score("label a").score == 0)
    #expect(throws: SchemaError.self) { try JSONSchema(["typ": "object"]) }
    #expect(throws: SchemaError.self) { try JSONSchema(["$ref": "http://elsewhere"]) }
  }

  @Test func aSchemaThatRefersToItselfEnds() throws {
    let schema = try JSONSchema(["anyOf": [["$ref": "#"], ["type": "null"]]])
    #expect(schema.problems(with: 1).isEmpty == false)
  }

  /// C4: what is no score fails, and the text is shown.
  @Test(arguments: [
    "", "  \n", "0.5", "{\"f1\": NaN}", "{\"f1\": 1e400}", "{\"f1\": \"1,5\"}", "{\"f1\": true}", "{\"g\": 1}",
    "{\"f1\": 1} {\"f1\": 2}",
    "{\"f1\": 1, \"f1\": 2}", "{\"f1\": null}", "[1]", "{\"f1\": inf}", "{\"f1\": -Infinity}",
  ])
  func aBrokenScoreFails(_ text: String) {
    let error = #expect(throws: ScoreError.self) { try LastLine.verdict(in: "noise\n" + text, field: "f1") }
    if text.contains("{") { #expect(error?.message.contains(quoted(text)) == true) }
  }

  /// What Python's `json.dumps` and C's `printf` write for numbers that are not finite.
  @Test(arguments: ["NaN", "nan", "Infinity", "-Infinity", "inf", "-inf"])
  func aNumberThatIsNotFiniteIsNamed(_ number: String) {
    for (line, name) in [
      ("{\"f1\": \(number)}", "f1"), ("{\"f1\": 0.5, \"ms\":\(number), \"x\": 1}", "ms"),
    ] {
      let error = #expect(throws: ScoreError.self) { try LastLine.verdict(in: line, field: "f1") }
      #expect(
        error?.message == "\(quoted(name)) is not finite, but \(number), in the last line: \(quoted(line))")
    }
  }

  @Test(arguments: ["{\"f1\": NaNny}", "{\"f1\": nothing}", "NaN", "{\"f1\" NaN}"])
  func otherWordsAreNoJSON(_ line: String) {
    let error = #expect(throws: ScoreError.self) { try LastLine.verdict(in: line, field: "f1") }
    #expect(error?.message.hasPrefix("the last line is no JSON (") == true, "\(error?.message ?? "")")
  }

  @Test func theLastLineHoldsScoreAndOutcomes() throws {
    let verdict = try LastLine.verdict(
      in: "loading\n{\"f1\": 0.71, \"latency_ms\": 840, \"feedback\": \"slow\"}\n\n", field: "f1")
    #expect(verdict == Verdict(0.71, feedback: "slow", outcomes: ["latency_ms": 840]))
  }
}
