import HoneModel
import HoneTrace

/// What a study used, by who asked: `workflow`, `proposer`, `judge`, `embedding`.
struct Roles: Sendable {
  let spends: [String: Spend]

  /// `workflow 200 requests, 31,040 tokens; proposer 14 requests, 9,312 tokens`; nil when nobody asked.
  var line: String? {
    let used = spends.filter { $0.value.requests > 0 || $0.value.tokens > 0 }
    guard !used.isEmpty else { return nil }
    // The greatest part first.
    let order = used.sorted { ($1.value.tokens, $0.key) < ($0.value.tokens, $1.key) }
    return order.map { "\(Printable.line($0.key)) \($0.value.line)" }.joined(separator: "; ")
  }

  var asValue: Value { .object(spends.mapValues(\.asValue)) }
}
