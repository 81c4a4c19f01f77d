import HoneTrace

/// Reads the score that a program printed as its last line: `{"f1": 0.71, "latency_ms": 840}`.
enum LastLine {
  /// The line's object: its field is the score, `feedback` what is said, other numbers are outcomes.
  ///
  /// Refused, showing the text: no output, no JSON object, a second score, the field missing, a bool, text, NaN or an
  /// infinity. A refused score fails the rollout; it is never counted as zero.
  static func verdict(in output: String, field: String) throws(ScoreError) -> Verdict {
    guard let line = output.split(whereSeparator: \.isNewline).last(where: { !$0.allSatisfy(\.isWhitespace) }) else {
      throw ScoreError("the command printed nothing; its last line should be a JSON object with \(quoted(field))")
    }
    let value: Value
    do throws(JSONError) {
      value = try Value.parse(json: line)
    } catch {
      throw ScoreError("the last line is no JSON (\(error)): \(quoted(String(line)))")
    }
    guard let object = value.object else {
      throw ScoreError("the last line is no JSON object with \(quoted(field)): \(quoted(String(line)))")
    }
    guard let found = object[field] else {
      throw ScoreError("the last line has no \(quoted(field)): \(quoted(String(line)))")
    }
    guard let score = found.number, score.isFinite else {
      throw ScoreError("\(quoted(field)) is no finite number in the last line: \(quoted(String(line)))")
    }
    var outcomes: [String: Double] = [:]
    for (name, value) in object where name != field {
      if let number = value.number, number.isFinite { outcomes[name] = number }
    }
    return Verdict(score, feedback: object["feedback"]?.string ?? "", outcomes: outcomes)
  }
}
