/// Carries numbers and words backwards in one pass: a cotangent through every operation whose derivative is known, and
/// words through everything else.
///
/// A step without a derivative, such as a call of a model, is a boundary: the gradient that arrives there becomes a
/// sentence, which goes on as feedback together with the words that rode along with the numbers.
struct GradientPropagator: Propagator {
  struct Message: Sendable {
    /// Of the tape: the gradient with respect to the node.
    var cotangent: Int?
    /// Feedback that goes on as words.
    var words = FeedbackSet()
    /// Feedback that goes with the number as long as there is one.
    var riders = FeedbackSet()
  }

  private(set) var tape: Tape
  /// Nodes that a cotangent is wanted for.
  private let isWanted: [Bool]
  /// What the sets count; sentences of boundaries come behind the given ones.
  private(set) var feedback: [Feedback]
  private let given: Int
  private var noted: [Int: Int] = [:]

  init(_ tape: Tape, wanted: [Bool], feedback: [Feedback] = []) {
    self.tape = tape
    isWanted = wanted
    self.feedback = feedback
    given = feedback.count
  }

  /// How many feedbacks are sentences about boundaries.
  var notes: ArraySlice<Feedback> { feedback[given...] }

  mutating func message(_ message: Message, from node: Int, toInput position: Int, in graph: Graph) -> Message? {
    var passed = Message(cotangent: nil, words: message.words)
    let inputs = tape.inputs(node)
    if let operation = tape.operation(node) {
      if let cotangent = message.cotangent, isWanted[inputs[position]] {
        passed.cotangent = operation.cotangent(cotangent, to: position, of: inputs, node, on: &tape)
        passed.riders = message.riders
      }
    } else if let cotangent = message.cotangent {
      passed.words.formUnion(message.riders)
      passed.words.insert(note(on: node, cotangent))
    }
    return passed.cotangent == nil && passed.words.isEmpty ? nil : passed
  }

  mutating func merge(_ message: Message, into total: inout Message) {
    total.words.formUnion(message.words)
    total.riders.formUnion(message.riders)
    guard let more = message.cotangent else { return }
    total.cotangent = total.cotangent.map { tape.append(Add(), $0, more) } ?? more
  }

  /// The sentence about a boundary, written once.
  private mutating func note(on node: Int, _ cotangent: Int) -> Int {
    if let known = noted[node] { return known }
    feedback.append(Feedback(node: node, text: Self.sentence(tape.array(cotangent))))
    noted[node] = feedback.count - 1
    return feedback.count - 1
  }

  static func sentence(_ gradient: Tensor) -> String {
    let numbers = gradient.elements
    if numbers.allSatisfy({ $0 == 0 }) { return "The objective does not change with this value (gradient 0)." }
    if numbers.count == 1 {
      let way = numbers[0] > 0 ? "lower" : "higher"
      return "The gradient of the objective here is \(short(numbers[0])): a \(way) value lowers the objective."
    }
    let shown = numbers.prefix(8).map(short).joined(separator: ", ")
    let more = numbers.count > 8 ? ", … (\(numbers.count - 8) more)" : ""
    return "The gradient of the objective here is [\(shown)\(more)]: moving each number against the sign lowers the "
      + "objective."
  }

  /// Enough digits for a reader; the same on every platform.
  private static func short(_ number: Double) -> String {
    guard number.isFinite, number != 0 else { return "\(number)" }
    var (scale, digits) = (1.0, abs(number))
    while digits < 1000, scale < 1e15 { (scale, digits) = (scale * 10, digits * 10) }
    return Value.double((number * scale).rounded() / scale).canonicalJSON
  }
}

extension Tape {
  /// Works out the gradient of a recorded node with respect to others, as nodes behind the recorded ones.
  /// - Returns: by node of `sources` its gradient; nil where the objective does not depend on it.
  mutating func gradients(of objective: Int, to sources: [Int]) -> [Int?] {
    var isSource = [Bool](repeating: false, count: graph.count)
    for source in sources { isSource[source] = true }
    var propagator = GradientPropagator(self, wanted: dependent(on: isSource), feedback: [])
    guard propagator.wants(objective) else { return sources.map { _ in nil } }
    let seed = propagator.seed(objective)
    let reached = graph.backward(&propagator, from: [(objective, seed)])
    self = propagator.tape
    return sources.map { reached[$0]?.cotangent }
  }
}

extension GradientPropagator {
  func wants(_ node: Int) -> Bool { isWanted[node] }

  /// d objective / d objective = 1.
  mutating func seed(_ node: Int, riders: FeedbackSet = FeedbackSet()) -> Message {
    let one = tape.constant(Tensor(repeating: 1, tape.shape(node)))
    return Message(cotangent: one, riders: riders)
  }
}
