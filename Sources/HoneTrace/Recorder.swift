/// Records the graph of one rollout: every step, operator, parameter and input, with identities and not by value.
///
/// Any number of tasks may record into one recorder at once. Payloads are kept as they are and rendered by `finish`, so
/// a step costs well below a microsecond and less than 200 bytes besides its payload.
public final class Recorder: Sendable {
  /// Who a traced value belongs to.
  @usableFromInline final class Identity: Sendable {}

  @usableFromInline let identity = Identity()
  @usableFromInline let table = Lock(NodeTable())
  private let maxValueBytes: Int

  /// - Parameter maxValueBytes: longer values are cut when they are rendered, with the cut shown; parameters never are.
  public init(maxValueBytes: Int = 16_384) { self.maxValueBytes = maxValueBytes }

  /// Adds a node whose value is already rendered, as command workflows report them.
  /// - Parameters:
  ///   - inputs: indices of earlier nodes; others are left out.
  ///   - parent: index of an earlier node this one is nested in.
  /// - Returns: the node's index; for a parameter that is known by this name, the index it already has.
  @discardableResult
  public func append(
    _ kind: Trace.Node.Kind, name: String, inputs: [Int], value: Value, doc: String? = nil, parent: Int? = nil
  ) -> Int {
    table.withLock { table in
      if let doc { table.noteDoc(doc, of: name) }
      if kind == .parameter { return Int(table.parameter(name, value: value, scope: NodeTable.noScope)) }
      let start = table.inputCount
      for input in inputs where (0..<table.count).contains(input) {
        table.note(input: Int32(truncatingIfNeeded: input))
      }
      let range = table.inputs(from: start)
      let isNested = parent.map { (0..<table.count).contains($0) } ?? false
      let scope = isNested ? table.scope(of: Int32(truncatingIfNeeded: parent ?? 0)) : NodeTable.noScope
      return Int(table.append(NodeTag(kind), name: name, inputs: range, value: value, scope: scope))
    }
  }

  /// Index of the node a traced value came from; nil when it is detached or another recorder's.
  public func node<T>(of traced: Traced<T>) -> Int? {
    guard let origin = traced.origin, origin.recorder === identity else { return nil }
    return Int(origin.node)
  }

  /// Index of the newest failure.
  public var lastFailure: Int? { table.withLock { $0.lastFailure.map(Int.init) } }

  /// How many nodes there are.
  public var count: Int { table.withLock { $0.count } }

  /// The edges alone, for propagators that need no values. - Complexity: O(1).
  public var graph: Graph { table.withLock { Graph($0) } }

  /// The trace so far. Renders every payload: canonical, cut to the cap, the same on every run.
  public func finish(feedback: [Feedback] = []) -> Trace {
    let snapshot = table.withLock { $0 }
    return Trace(nodes: snapshot.rendered(maxValueBytes: maxValueBytes), feedback: feedback)
  }
}

// What steps, operators and parameters record. What is generic is inlinable, so that a program that uses Hone gets code
// for its own types; everything behind it is not generic.
extension Recorder {
  /// A step that has begun: where its inputs stand, and the scope its body runs in.
  @usableFromInline
  struct Call {
    @usableFromInline let inputs: InputRange
    @usableFromInline let scope: Int32

    @inlinable
    init(inputs: InputRange, scope: Int32) {
      self.inputs = inputs
      self.scope = scope
    }
  }

  func leaf<T>(_ kind: Trace.Node.Kind, name: String, value: T, scope: Int32) -> Traced<T> {
    traced(value, table.withLock { $0.leaf(kind, name: name, value: value, scope: scope) })
  }

  func parameter<T: Sendable>(_ name: String, value: T) -> Traced<T> {
    traced(value, table.withLock { $0.parameter(name, value: value, scope: NodeTable.noScope) })
  }

  /// Notes that the body of a step read a parameter directly.
  func noteRead(_ name: String, value: any Sendable, in scope: Int32) {
    table.withLock { table in
      table.noteRead(table.parameter(name, value: value, scope: NodeTable.noScope), in: scope)
    }
  }

  @inlinable
  func begin<each Input>(in scope: Int32, _ inputs: repeat Traced<each Input>) -> Call {
    table.withLock { table in
      let start = table.inputCount
      for input in repeat each inputs { note(input, scope: scope, in: &table) }
      return Call(inputs: table.inputs(from: start), scope: table.openScope())
    }
  }

  @usableFromInline
  func end(_ call: Call, name: String, doc: String?, value: any Sendable, in scope: Int32) -> Origin {
    let node = table.withLock { table in
      if let doc { table.noteDoc(doc, of: name) }
      return table.close(call.scope, tag: NodeTag(.step), name: name, inputs: call.inputs, value: value, in: scope)
    }
    return Origin(recorder: identity, node: node)
  }

  @usableFromInline
  func fail(_ call: Call, name: String, doc: String?, error: any Error, in scope: Int32) {
    table.withLock { table in
      if let doc { table.noteDoc(doc, of: name) }
      let value = RecordedFailure(error: error)
      _ = table.close(call.scope, tag: NodeTag(.failure), name: name, inputs: call.inputs, value: value, in: scope)
    }
  }

  /// Records an operator, a step without a body of its own. `note` notes its inputs.
  @inlinable
  func record<Output: Sendable>(
    _ name: String, value: Output, in scope: Int32, noting note: (inout NodeTable) -> Void
  ) -> Traced<Output> {
    let node = table.withLock { table in
      let start = table.inputCount
      note(&table)
      return table.appendOperator(name, inputs: table.inputs(from: start), value: value, scope: scope)
    }
    return traced(value, node)
  }

  /// Records an operator over a list of any length.
  func record<Input, Output: Sendable>(_ name: String, list: [Traced<Input>], value: Output, in scope: Int32)
    -> Traced<Output>
  {
    record(name, value: value, in: scope) { table in
      for input in list { note(input, scope: scope, in: &table) }
    }
  }

  @inlinable
  func traced<T>(_ value: T, _ node: Int32) -> Traced<T> {
    Traced(value, origin: Origin(recorder: identity, node: node))
  }

  /// Notes one input; a value that is detached becomes a constant, one of another recorder an input of the rollout. Both
  /// are leaves, so the inputs noted for one step stay together.
  @inlinable
  func note<T>(_ traced: Traced<T>, scope: Int32, in table: inout NodeTable) {
    if let origin = traced.origin, origin.recorder === identity {
      table.note(input: origin.node)
    } else {
      table.note(leaf: traced.value, isForeign: traced.origin != nil, scope: scope)
    }
  }
}

/// What a failure node holds until it is rendered.
struct RecordedFailure: Sendable {
  let error: any Error
}
