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
      if let (name, number) = infinite(in: String(line), at: error.offset) {
        throw ScoreError("\(quoted(name)) is not finite, but \(number), in the last line: \(quoted(String(line)))")
      }
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

  /// The member whose value, where reading failed, is what programs print for a number that is not finite.
  private static func infinite(in line: String, at offset: Int) -> (name: String, number: String)? {
    let before = String(decoding: line.utf8.prefix(offset), as: UTF8.self)
    guard let colon = before.lastIndex(of: ":"),
      let name = before[..<colon].split(separator: "\"", omittingEmptySubsequences: false).dropLast().last
    else { return nil }
    let value = line[line.index(after: colon)...].drop(while: \.isWhitespace)
    let word = value.prefix { $0.isLetter || "+-".contains($0) }
    let bare = word.drop { "+-".contains($0) }.lowercased()
    return ["nan", "inf", "infinity"].contains(bare) ? (String(name), String(word)) : nil
  }
}
