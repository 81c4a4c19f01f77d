import HoneTrace

/// 1 when the last number in the output is the expected one, within a tolerance, else 0.
public struct NumericMatch: Hashable, Sendable {
  /// The row's field with the expected number.
  public var field: String
  /// Largest difference that still counts.
  public var tolerance: Double
  /// Largest difference that still counts, as a share of the expected number.
  public var relative: Double

  public init(field: String, tolerance: Double = 0, relative: Double = 0) {
    self.field = field
    self.tolerance = tolerance
    self.relative = relative
  }

  func score(_ output: String, row: Value) throws(ScoreError) -> Verdict {
    let expected = try expected(in: row)
    guard let found = Self.lastNumber(in: output) else {
      return Verdict(0, feedback: "There is no number in the output.")
    }
    let near = expected.contains { abs(found - $0) <= max(tolerance, relative * abs($0)) }
    return Verdict(near ? 1 : 0)
  }

  private func expected(in row: Value) throws(ScoreError) -> [Double] {
    guard let value = row[field] else { throw ScoreError("the row has no field \(quoted(field))") }
    let elements = value.array ?? [value]
    let numbers = elements.compactMap { $0.number ?? $0.string.flatMap(Self.lastNumber) }.filter(\.isFinite)
    guard !numbers.isEmpty, numbers.count == elements.count else {
      throw ScoreError("the row's field \(quoted(field)) is no number: \(quoted(value.text))")
    }
    return numbers
  }

  /// The last number of a text; `1,234.5` is one number, `1e400` and `nan` are none. Linear.
  static func lastNumber(in text: String) -> Double? {
    var last: Double?
    var word = ""
    func end() {
      // A point or comma behind a number ends a sentence.
      while let edge = word.last, ".,eE+-".contains(edge) { word.removeLast() }
      let plain = word.replacing(",", with: "")
      if let value = Double(plain.hasPrefix("+") ? String(plain.dropFirst()) : plain), value.isFinite { last = value }
      word = ""
    }
    for character in text {
      let isDigit = character.isASCII && character.isNumber
      if isDigit || (character == "." && !word.contains(".")) {
        if word.count < 400 { word.append(character) }
      } else if character == "," && word.last?.isNumber == true {
        word.append(character)
      } else if (character == "e" || character == "E") && word.last?.isNumber == true && !word.contains("e") {
        word.append("e")
      } else if character == "-" || character == "+" {
        if word.last != "e" { end() }
        word.append(character)
      } else {
        end()
      }
    }
    end()
    return last
  }
}
