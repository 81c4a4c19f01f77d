/// Records one of Hone's own operators: a pure function of traced values.
@usableFromInline
enum Operator {
  // One form for each number of inputs and no parameter pack: the compiler keeps packs in memory, which would double
  // what an operator costs when nothing records.

  @inlinable @inline(__always)
  static func apply<A, Output: Sendable>(_ name: String, _ a: Traced<A>, body: (A) -> Output) -> Traced<Output> {
    let value = body(a.value)
    guard let context = TraceContext.recording, let recorder = context.recorder else { return Traced(value) }
    let scope = context.scope
    return recorder.record(name, value: value, in: scope) { recorder.note(a, scope: scope, in: &$0) }
  }

  @inlinable @inline(__always)
  static func apply<A, B, Output: Sendable>(
    _ name: String, _ a: Traced<A>, _ b: Traced<B>, body: (A, B) -> Output
  ) -> Traced<Output> {
    let value = body(a.value, b.value)
    guard let context = TraceContext.recording, let recorder = context.recorder else { return Traced(value) }
    let scope = context.scope
    return recorder.record(name, value: value, in: scope) { table in
      recorder.note(a, scope: scope, in: &table)
      recorder.note(b, scope: scope, in: &table)
    }
  }

  @inlinable @inline(__always)
  static func apply<A, B, C, Output: Sendable>(
    _ name: String, _ a: Traced<A>, _ b: Traced<B>, _ c: Traced<C>, body: (A, B, C) -> Output
  ) -> Traced<Output> {
    let value = body(a.value, b.value, c.value)
    guard let context = TraceContext.recording, let recorder = context.recorder else { return Traced(value) }
    let scope = context.scope
    return recorder.record(name, value: value, in: scope) { table in
      recorder.note(a, scope: scope, in: &table)
      recorder.note(b, scope: scope, in: &table)
      recorder.note(c, scope: scope, in: &table)
    }
  }

  /// What each operator does, for proposers.
  static let docs: [String: String] = [
    "add": "The sum.", "subtract": "The first less the second.", "multiply": "The product.",
    "divide": "The first divided by the second.", "negate": "The number with its sign changed.",
    "minimum": "The smaller one.", "maximum": "The larger one.",
    "equal": "Whether both are equal.", "differ": "Whether they are different.",
    "less": "Whether the first is less than the second.",
    "lessOrEqual": "Whether the first is at most the second.",
    "not": "True for false and false for true.", "and": "Whether both are true.", "or": "Whether one is true.",
    "choose": "The second if the first is true, else the third.",
    "concatenate": "The first followed by the second.", "format": "All parts joined into one text.",
    "join": "The texts joined by a separator.", "split": "The parts between separators.",
    "uppercase": "The text in upper case.", "lowercase": "The text in lower case.",
    "trim": "The text without white space at its ends.", "contains": "Whether the first holds the second.",
    "hasPrefix": "Whether the first starts with the second.", "hasSuffix": "Whether the first ends with the second.",
    "replace": "The text with every occurrence of the second replaced by the third.",
    "fill": "The prompt with its placeholders filled.",
    "count": "How many elements there are.", "isEmpty": "Whether there is none.", "first": "The first element.",
    "last": "The last element.", "prefix": "The first elements.", "suffix": "The last elements.",
    "reverse": "The elements in reverse order.", "sort": "The elements in order.",
    "element": "The element at a position or key.", "gather": "All inputs as one collection.",
    "map": "A function of each element.", "filter": "The elements that satisfy a condition.",
    "reduce": "All elements combined.", "keys": "The keys in order.", "property": "A property of the value.",
  ]
}
