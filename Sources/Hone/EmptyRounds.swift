import HoneOptimize
import HoneTrace

/// Rounds of which no proposal came, though something was tried. Each is named by how many events the study had after it:
/// stored before its attempts, so that a round whose attempts were lost with the process does not count.
struct EmptyRounds: Sendable {
  /// The name it is stored under, beside the study.
  static let document = "empty-rounds"

  private var ends: [Int] = []
  /// Since the last proposal.
  private(set) var inARow = 0

  init() {}

  init(_ stored: Value?, events: [Event]) {
    let lastBegun = events.lastIndex { if case .began = $0 { true } else { false } } ?? -1
    ends = (stored?.array ?? []).compactMap(\.int).filter { $0 <= events.count }
    inARow = ends.count { $0 > lastBegun + 1 }
  }

  var count: Int { ends.count }
  var value: Value { .array(ends.map { .int($0) }) }

  mutating func add(endingAt events: Int) {
    ends.append(events)
    inARow += 1
  }

  mutating func proposed() { inARow = 0 }

  /// Why nothing came of the last of these attempts, in words.
  func reason(_ attempts: [Attempt]) -> String {
    let last = attempts.last { $0.outcome != .applied }
    let why = last?.rejections.map(\.description).joined(separator: "; ") ?? ""
    return "the proposer gave no usable reply \(inARow) times in a row: "
      + (why.isEmpty ? last?.outcome.rawValue ?? "nothing new" : why)
  }
}
