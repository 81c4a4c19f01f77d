import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// What a person should know while a study runs, each told once a session.
struct StudyWarnings: Sendable {
  private var told: Set<String> = []

  /// Share of a cap from which on its end is announced.
  static let nearlyUsed = 0.9
  /// Trials that have to fail, and at least half of all, before that is worth a word.
  static let failures = 3

  /// Rows of one split that stand in another as well, letters' case, spacing and punctuation aside. Such rows make a
  /// prompt that has learnt them by heart look good. O(bytes of the data).
  static func overlaps(_ data: DataSplits) -> [String] {
    let train = Set(data.train.map(fingerprint))
    let seen = train.union(data.validation.map(fingerprint))
    let inValidation = data.validation.count { train.contains(fingerprint($0)) }
    let inTest = data.test.count { seen.contains(fingerprint($0)) }
    var warnings: [String] = []
    if inValidation > 0 {
      warnings.append(
        "\(inValidation) of \(data.validation.count) validation rows \(inValidation == 1 ? "is" : "are") also a training "
          + "row: scores may be too good; keep each row in one split")
    }
    if inTest > 0 {
      warnings.append(
        "\(inTest) of \(data.test.count) test rows \(inTest == 1 ? "is" : "are") also a training or validation row: the "
          + "test says less about new rows than it seems; keep each row in one split")
    }
    return warnings
  }

  /// The row without its id.
  private static func fingerprint(_ example: Example) -> String {
    var fields = example.fields
    if var members = fields.object {
      members["id"] = nil
      fields = .object(members)
    }
    var words = ""
    for scalar in fields.canonicalJSON.lowercased().unicodeScalars {
      if scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
        words.unicodeScalars.append(scalar)
      } else if words.last != " " {
        words.append(" ")
      }
    }
    return words
  }

  /// The caps that are nearly used.
  mutating func budget(_ budget: Budget, spent: Spend, seconds: Double, hasTest: Bool) -> [String] {
    let shares: [(name: String, share: Double?)] = [
      ("requests", budget.requests.map { Double(spent.requests) / Double($0) }),
      ("tokens", budget.tokens.map { Double(spent.tokens) / Double($0) }),
      ("money", budget.money.map { spent.money / $0 }), ("time", budget.seconds.map { seconds / $0 }),
    ]
    return shares.compactMap { name, share in
      guard let share, share >= Self.nearlyUsed, told.insert(name).inserted else { return nil }
      let rest = hasTest ? "; the sealed test has to be paid from what is left" : ""
      return "\(Int(min(share, 1) * 100)) % of the budget of \(name) is used\(rest)"
    }
  }

  /// Half of the trials, or more, have failed.
  mutating func failures(_ trials: [TrialRecord]) -> String? {
    let failed = trials.filter { $0.state == .failed }
    let ended = failed.count + trials.count { $0.state == .complete }
    guard let last = failed.last, failed.count >= Self.failures, failed.count * 2 >= ended,
      told.insert("failures").inserted
    else { return nil }
    return "\(failed.count) of \(ended) trials failed, the last one because: \(last.reason)"
  }
}
