/// The nodes of one recorder as a struct of arrays. Not safe by itself: the recorder guards it with a lock.
///
/// A node is appended when its step *ends*, so inputs always stand before it, and so do the steps nested in it. The
/// inputs are noted when the step *begins*.
@usableFromInline
struct NodeTable {
  @usableFromInline static let noScope: Int32 = 0
  private static let none: Int32 = -1

  private(set) var kinds: [NodeTag] = []
  private(set) var names: [String] = []
  private(set) var values: [any Sendable] = []
  /// Where a node's inputs stand in `inputs`, and how many.
  private(set) var ranges: [InputRange] = []
  private(set) var inputs: [Int32] = []
  /// The step each node was recorded in, and the node recorded before it in the same step.
  private(set) var scopes: [Int32] = []
  private var siblings: [Int32] = []
  /// By scope: the node of the step, once it has ended, and the last node recorded in it. Scope 0 is the top level.
  private(set) var scopeNodes: [Int32] = [none]
  private var lastInScope: [Int32] = [none]
  /// Parameters that a step's body read although they are not among its inputs.
  private var reads: [Int32: [Int32]] = [:]
  private var nodeScopes: [Int32: Int32] = [:]
  private(set) var docs: [String: String] = [:]
  private var parameters: [String: Int32] = [:]
  private(set) var lastFailure: Int32?

  var count: Int { kinds.count }

  /// Adds a node. - Complexity: O(1) amortized.
  @discardableResult
  mutating func append(_ tag: NodeTag, name: String, inputs range: InputRange, value: any Sendable, scope: Int32)
    -> Int32
  {
    let index = Int32(truncatingIfNeeded: kinds.count)
    kinds.append(tag)
    names.append(name)
    values.append(value)
    ranges.append(range)
    scopes.append(scope)
    siblings.append(lastInScope[Int(scope)])
    lastInScope[Int(scope)] = index
    for position in range.indices {
      let input = Int(inputs[position])
      if scopes[input] == scope { kinds[input].isConsumed = true }
    }
    if tag.kind == .failure { lastFailure = index }
    return index
  }

  mutating func leaf(_ kind: Trace.Node.Kind, name: String, value: any Sendable, scope: Int32) -> Int32 {
    append(NodeTag(kind), name: name, inputs: InputRange(), value: value, scope: scope)
  }

  /// The node of a parameter: one for each name.
  mutating func parameter(_ name: String, value: any Sendable, scope: Int32) -> Int32 {
    if let index = parameters[name] { return index }
    let index = leaf(.parameter, name: name, value: value, scope: scope)
    parameters[name] = index
    return index
  }

  mutating func noteRead(_ parameter: Int32, in scope: Int32) {
    guard scope != Self.noScope, reads[scope]?.contains(parameter) != true else { return }
    reads[scope, default: []].append(parameter)
  }

  mutating func noteDoc(_ doc: String, of name: String) {
    if docs[name] == nil { docs[name] = doc }
  }

  /// Notes one input of the step that is beginning; inputs of one step are noted in one go.
  @usableFromInline
  mutating func note(input: Int32) { inputs.append(input) }

  /// Notes an input that no node of this table made.
  @usableFromInline
  mutating func note(leaf value: any Sendable, isForeign: Bool, scope: Int32) {
    inputs.append(
      isForeign
        ? leaf(.input, name: "input", value: value, scope: scope)
        : leaf(.constant, name: "constant", value: value, scope: scope))
  }

  @usableFromInline var inputCount: Int { inputs.count }

  /// The inputs noted since there were `start` of them.
  @usableFromInline
  func inputs(from start: Int) -> InputRange { InputRange(start: start, count: inputs.count - start) }

  @usableFromInline
  mutating func appendOperator(_ name: String, inputs: InputRange, value: any Sendable, scope: Int32) -> Int32 {
    append(NodeTag(.step, isOperator: true), name: name, inputs: inputs, value: value, scope: scope)
  }

  @usableFromInline
  mutating func openScope() -> Int32 {
    scopeNodes.append(Self.none)
    lastInScope.append(Self.none)
    return Int32(truncatingIfNeeded: scopeNodes.count - 1)
  }

  /// The scope of an ended node, for nodes that are reported as nested in it later on.
  mutating func scope(of node: Int32) -> Int32 {
    if let scope = nodeScopes[node] { return scope }
    let scope = openScope()
    scopeNodes[Int(scope)] = node
    nodeScopes[node] = scope
    return scope
  }

  /// Adds the node of the step whose body ran in `scope`. What the body recorded or read and did not consume itself
  /// counts as its input too, so feedback reaches parameters that were not handed over.
  mutating func close(
    _ scope: Int32, tag: NodeTag, name: String, inputs declared: InputRange, value: any Sendable, in outer: Int32
  ) -> Int32 {
    let hidden = hiddenInputs(of: scope, declared: declared)
    var range = declared
    if !hidden.isEmpty {
      range = InputRange(start: inputs.count, count: declared.count + hidden.count)
      for position in declared.indices { inputs.append(inputs[position]) }
      inputs += hidden
    }
    let index = append(tag, name: name, inputs: range, value: value, scope: outer)
    scopeNodes[Int(scope)] = index
    return index
  }

  private mutating func hiddenInputs(of scope: Int32, declared: InputRange) -> [Int32] {
    var child = lastInScope[Int(scope)]
    guard child >= 0 || reads[scope] != nil else { return [] }
    var hidden: [Int32] = []
    while child >= 0 {
      let tag = kinds[Int(child)]
      if !tag.isConsumed, tag.kind == .step || tag.kind == .failure { hidden.append(child) }
      child = siblings[Int(child)]
    }
    hidden.reverse()
    for parameter in reads.removeValue(forKey: scope) ?? [] where !inputs[declared.indices].contains(parameter) {
      hidden.append(parameter)
    }
    return hidden
  }
}

/// A node's kind and two flags in one byte.
struct NodeTag: Sendable {
  private var bits: UInt8

  init(_ kind: Trace.Node.Kind, isOperator: Bool = false) {
    bits = kind.code | (isOperator ? 0x40 : 0)
  }

  var kind: Trace.Node.Kind { Trace.Node.Kind(code: bits & 0x0f) }
  /// One of Hone's own operators, whose doc text is known.
  var isOperator: Bool { bits & 0x40 != 0 }
  /// A later node of the same step uses it.
  var isConsumed: Bool {
    get { bits & 0x80 != 0 }
    set { bits = newValue ? bits | 0x80 : bits & 0x7f }
  }
}

@usableFromInline
struct InputRange: Sendable {
  private var start32: UInt32
  private var count32: UInt32

  init(start: Int = 0, count: Int = 0) {
    start32 = UInt32(truncatingIfNeeded: start)
    count32 = UInt32(truncatingIfNeeded: count)
  }

  var count: Int { Int(count32) }
  var indices: Range<Int> { Int(start32)..<Int(start32) + Int(count32) }
}

extension Trace.Node.Kind {
  var code: UInt8 {
    switch self {
    case .parameter: 0
    case .input: 1
    case .constant: 2
    case .step: 3
    case .failure: 4
    }
  }

  init(code: UInt8) {
    self =
      switch code {
      case 0: .parameter
      case 1: .input
      case 2: .constant
      case 3: .step
      default: .failure
      }
  }
}
