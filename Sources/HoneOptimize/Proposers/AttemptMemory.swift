import HoneTrace

/// What a proposer remembers of past trials, and which of them it shows: the best few and the newest few. A function of the
/// events told alone; which trials are best is decided anew at each ask (`seen`).
public struct AttemptMemory: Codable, Sendable, Equatable {
  public struct Entry: Codable, Sendable, Equatable {
    public var trial: Int
    /// In the form it has after a round trip through JSON, so that a rebuilt memory is equal.
    public var values: Value
    /// Nil while the trial runs, and when it failed.
    public var mean: Double?
    public var screened = false
    public var failure: String?
  }

  /// How many of the best and how many of the newest ended trials are shown.
  public let best: Int
  public let newest: Int
  let direction: Objective.Direction
  /// By trial number of beginning.
  public private(set) var running: [Entry] = []
  /// By time of ending.
  public private(set) var ended: [Entry] = []

  init(best: Int, newest: Int, direction: Objective.Direction) {
    self.best = max(0, best)
    self.newest = max(0, newest)
    self.direction = direction
  }

  mutating func tell(_ event: Event) {
    switch event {
    case .began(let trial, let proposal):
      guard !running.contains(where: { $0.trial == trial }) else { return }
      running.append(Entry(trial: trial, values: Value.object(proposal.assignment.values).canonical))
    case .completed(let trial, let estimate, let screened, _):
      end(trial) { entry in
        entry.mean = estimate.mean
        entry.screened = screened
      }
    case .failed(let trial, _, .infrastructure?): running.removeAll { $0.trial == trial }
    case .failed(let trial, let reason, _): end(trial) { $0.failure = String(reason.prefix(200)) }
    case .attempted: break
    }
  }

  private mutating func end(_ trial: Int, _ change: (inout Entry) -> Void) {
    if let index = running.firstIndex(where: { $0.trial == trial }) {
      var entry = running.remove(at: index)
      change(&entry)
      ended.append(entry)
    } else if let index = ended.firstIndex(where: { $0.trial == trial }) {
      // Measured on more examples.
      ended[index].mean = nil
      change(&ended[index])
    }
  }

  /// The best and the newest trials as an ask shows them: with the mean that stands for one which was measured on a part of the
  /// examples (`ShrunkenMeans`), so that a lucky mean of a few is none of the best. Dropped trials stand apart, with theirs.
  func seen(in context: AskContext) -> AttemptMemory {
    var seen = self
    let means = ShrunkenMeans(context.table)
    for place in ended.indices where !ended[place].screened {
      seen.ended[place].mean = ended[place].mean.map { means.mean(of: ended[place].trial, told: $0) }
    }
    let kept = Set(seen.ranked.prefix(best).map(\.trial)).union(ended.suffix(newest).map(\.trial))
    seen.ended.removeAll { !kept.contains($0.trial) }
    return seen
  }

  /// Entries that may be among the best, best first, those dropped aside; the earlier of equals.
  private var ranked: [Entry] {
    ended.enumerated().filter { $0.element.mean != nil && !$0.element.screened }.sorted { a, b in
      guard let x = a.element.mean, let y = b.element.mean, x != y else { return a.offset < b.offset }
      return direction == .maximize ? x > y : x < y
    }.map(\.element)
  }

  /// What is worth showing, worst first and best last: a reader keeps the end best.
  var shown: [Entry] {
    let unscored = ended.filter { $0.mean == nil }
    let screened = ended.filter { $0.mean != nil && $0.screened }
    return unscored + screened + ranked.reversed()
  }
}

extension Value {
  /// The value as it is read back from its canonical JSON: whole doubles below 2^53 are ints.
  var canonical: Value {
    switch self {
    case .double(let value):
      if value.isFinite, value == value.rounded(), abs(value) < 0x1p53 { .int(Int(value)) } else { self }
    case .array(let values): .array(values.map(\.canonical))
    case .object(let members): .object(members.mapValues(\.canonical))
    default: self
    }
  }
}
