/// Carries something backwards through a trace: from the outputs that were judged to the parameters.
///
/// The rule says what travels along one edge and how two messages meet; the pass itself is the same for all of them.
public protocol Propagator: Sendable {
  associatedtype Message: Sendable

  /// What a node passes on to one of its inputs; nil when nothing goes that way.
  /// - Parameters:
  ///   - message: everything that has reached the node.
  ///   - position: which of the node's inputs.
  mutating func message(_ message: Message, from node: Int, toInput position: Int, in graph: Graph) -> Message?

  /// Adds a message to what has already reached a node. The order of the calls is fixed: later nodes first.
  mutating func merge(_ message: Message, into total: inout Message)
}

extension Graph {
  /// One pass from the last node to the first.
  /// - Parameter seeds: where the pass starts; a node may stand twice, and a node outside the graph is left out.
  /// - Returns: by node, what has reached it.
  /// - Complexity: O(V+E) messages.
  public func backward<P: Propagator>(_ propagator: P, from seeds: [(node: Int, message: P.Message)]) -> [P.Message?] {
    var propagator = propagator
    return backward(&propagator, from: seeds)
  }

  /// The same with a propagator that remembers something of the pass.
  public func backward<P: Propagator>(_ propagator: inout P, from seeds: [(node: Int, message: P.Message)])
    -> [P.Message?]
  {
    var reached = [P.Message?](repeating: nil, count: count)
    for seed in seeds where (0..<count).contains(seed.node) {
      Self.deliver(seed.message, to: &reached[seed.node], by: &propagator)
    }
    for node in stride(from: count - 1, through: 0, by: -1) {
      guard let message = reached[node] else { continue }
      for (position, input) in inputs(of: node).enumerated() {
        guard let passed = propagator.message(message, from: node, toInput: position, in: self) else { continue }
        Self.deliver(passed, to: &reached[Int(input)], by: &propagator)
      }
    }
    return reached
  }

  private static func deliver<P: Propagator>(_ message: P.Message, to slot: inout P.Message?, by propagator: inout P) {
    guard slot != nil else {
      slot = message
      return
    }
    slot.mutate { propagator.merge(message, into: &$0) }
  }
}

extension Optional {
  fileprivate mutating func mutate(_ change: (inout Wrapped) -> Void) {
    guard var value = take() else { return }
    change(&value)
    self = value
  }
}

/// Carries words: every input of a node gets all feedback that reached the node, each once.
public struct TextPropagator: Propagator {
  public init() {}

  public func message(_ message: FeedbackSet, from node: Int, toInput position: Int, in graph: Graph) -> FeedbackSet? {
    message
  }

  public func merge(_ message: FeedbackSet, into total: inout FeedbackSet) { total.formUnion(message) }
}

/// A set of positions in a list of feedback. Up to 64 fit without memory of their own.
public struct FeedbackSet: Sendable, Hashable {
  private var low: UInt64 = 0
  private var high: [UInt64] = []

  public init(_ positions: some Sequence<Int> = []) {
    for position in positions { insert(position) }
  }

  /// - Parameter position: 0 or more.
  public mutating func insert(_ position: Int) {
    let word = position / 64 - 1
    let bit: UInt64 = 1 << UInt64(position % 64)
    guard word >= 0 else {
      low |= bit
      return
    }
    while high.count <= word { high.append(0) }
    high[word] |= bit
  }

  public mutating func formUnion(_ other: FeedbackSet) {
    low |= other.low
    guard !other.high.isEmpty, other.high != high else { return }
    while high.count < other.high.count { high.append(0) }
    for (word, bits) in other.high.enumerated() { high[word] |= bits }
  }

  public var isEmpty: Bool { low == 0 && high.allSatisfy { $0 == 0 } }

  /// In increasing order.
  public var positions: [Int] {
    ([low] + high).enumerated().flatMap { word, bits in
      (0..<64).filter { bits & (1 << UInt64($0)) != 0 }.map { word * 64 + $0 }
    }
  }
}
