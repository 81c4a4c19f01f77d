import HoneTrace

/// Harmonic mean of precision and recall over words, as SQuAD's evaluation script computes it: lower case, punctuation
/// and the articles a, an and the left out, the best of several expected answers (Rajpurkar et al. 2016, section 6.1).
public struct TokenF1: Hashable, Sendable {
  /// The row's field with the expected text, or a list of them.
  public var field: String

  public init(field: String) { self.field = field }

  func score(_ output: String, row: Value) throws(ScoreError) -> Verdict {
    let found = Self.tokens(output)
    return Verdict(try Metric.expected(field, in: row).map { Self.f1(found, Self.tokens($0)) }.max() ?? 0)
  }

  static func f1(_ found: [Substring], _ expected: [Substring]) -> Double {
    // With no words on one side, the script gives 1 only when there are none on the other.
    guard !found.isEmpty, !expected.isEmpty else { return found.isEmpty && expected.isEmpty ? 1 : 0 }
    var left = Dictionary(expected.map { ($0, 1) }, uniquingKeysWith: +)
    var common = 0
    for token in found {
      guard let count = left[token], count > 0 else { continue }
      left[token] = count - 1
      common += 1
    }
    guard common > 0 else { return 0 }
    let precision = Double(common) / Double(found.count)
    let recall = Double(common) / Double(expected.count)
    return 2 * precision * recall / (precision + recall)
  }

  static func tokens(_ text: String) -> [Substring] {
    let punctuation = Set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    let bare = text.lowercased().filter { !punctuation.contains($0) }
    return bare.split(whereSeparator: \.isWhitespace).filter { !["a", "an", "the"].contains($0) }
  }
}
