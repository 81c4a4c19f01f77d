// Arrays and dictionaries of traced values, and operations on traced collections.

/// One traced array of many traced values: every element is an input.
public func gather<T: Sendable>(_ elements: [Traced<T>]) -> Traced<[T]> {
  let value = elements.map(\.value)
  guard let context = TraceContext.recording, let recorder = context.recorder else { return Traced(value) }
  return recorder.record("gather", list: elements, value: value, in: context.scope)
}

/// One traced dictionary of many traced values: every element is an input, in the order of the keys.
public func gather<T: Sendable>(_ members: [String: Traced<T>]) -> Traced<[String: T]> {
  let value = members.mapValues(\.value)
  guard let context = TraceContext.recording, let recorder = context.recorder else { return Traced(value) }
  let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
  return recorder.record("gather", list: sorted.map(\.value), value: value, in: context.scope)
}

extension Traced where Wrapped: Collection {
  @inlinable public var count: Traced<Int> { Operator.apply("count", self) { $0.count } }
  @inlinable public var isEmpty: Traced<Bool> { Operator.apply("isEmpty", self) { $0.isEmpty } }
}

extension Traced where Wrapped: Collection, Wrapped.Element: Sendable {
  @inlinable public var first: Traced<Wrapped.Element?> { Operator.apply("first", self) { $0.first } }

  /// A function of each element, as one node.
  @inlinable public func map<T: Sendable>(_ transform: (Wrapped.Element) -> T) -> Traced<[T]> {
    Operator.apply("map", self) { $0.map(transform) }
  }

  /// The elements that satisfy a condition, as one node.
  @inlinable public func filter(_ isIncluded: (Wrapped.Element) -> Bool) -> Traced<[Wrapped.Element]> {
    Operator.apply("filter", self) { Array($0).filter(isIncluded) }
  }

  /// All elements combined, as one node.
  @inlinable public func reduce<T: Sendable>(_ initial: T, _ combine: (T, Wrapped.Element) -> T) -> Traced<T> {
    Operator.apply("reduce", self, Traced<T>(initial)) { $0.reduce($1, combine) }
  }
}

extension Traced where Wrapped: BidirectionalCollection, Wrapped.Element: Sendable {
  @inlinable public var last: Traced<Wrapped.Element?> { Operator.apply("last", self) { $0.last } }
  @inlinable public func reversed() -> Traced<[Wrapped.Element]> { Operator.apply("reverse", self) { $0.reversed() } }
}

extension Traced where Wrapped: Sequence, Wrapped.Element: Comparable & Sendable {
  @inlinable public func sorted() -> Traced<[Wrapped.Element]> { Operator.apply("sort", self) { $0.sorted() } }
}

extension Traced where Wrapped: RangeReplaceableCollection {
  @inlinable public static func + (a: Traced, b: Traced) -> Traced { Operator.apply("concatenate", a, b) { $0 + $1 } }
  @inlinable public static func + (a: Traced, b: Wrapped) -> Traced { a + Traced(b) }
  @inlinable public static func + (a: Wrapped, b: Traced) -> Traced { Traced(a) + b }

  /// At most `count` elements from the start.
  @inlinable public func prefix(_ count: Traced<Int>) -> Traced {
    Operator.apply("prefix", self, count) { Wrapped($0.prefix($1)) }
  }

  @inlinable public func prefix(_ count: Int) -> Traced { prefix(Traced<Int>(count)) }
}

extension Traced where Wrapped: BidirectionalCollection & RangeReplaceableCollection {
  /// At most `count` elements from the end.
  @inlinable public func suffix(_ count: Traced<Int>) -> Traced {
    Operator.apply("suffix", self, count) { Wrapped($0.suffix($1)) }
  }

  @inlinable public func suffix(_ count: Int) -> Traced { suffix(Traced<Int>(count)) }
}

/// Element access is a node of its own, with the index as its second input.
extension Traced where Wrapped: RandomAccessCollection, Wrapped.Index == Int, Wrapped.Element: Sendable {
  @inlinable public subscript(index: Int) -> Traced<Wrapped.Element> { self[Traced<Int>(index)] }
  @inlinable public subscript(index: Traced<Int>) -> Traced<Wrapped.Element> {
    Operator.apply("element", self, index) { $0[$1] }
  }

  /// Every element as a traced value of its own.
  @inlinable public var elements: [Traced<Wrapped.Element>] { value.indices.map { self[$0] } }
}

extension Traced {
  @inlinable public subscript<Key: Sendable, Element>(key: Key) -> Traced<Element?> where Wrapped == [Key: Element] {
    Operator.apply("element", self, Traced<Key>(key)) { $0[$1] }
  }

  /// The keys in order.
  @inlinable public func sortedKeys<Key: Comparable & Sendable, Element>() -> Traced<[Key]>
  where Wrapped == [Key: Element] {
    Operator.apply("keys", self) { $0.keys.sorted() }
  }
}

/// Members and elements of JSON values; `null` where there is none.
extension Traced where Wrapped == Value {
  @inlinable public subscript(key: String) -> Traced {
    Operator.apply("element", self, Traced<String>(key)) { $0[$1] ?? .null }
  }
  @inlinable public subscript(index: Int) -> Traced {
    Operator.apply("element", self, Traced<Int>(index)) { $0[$1] ?? .null }
  }

  /// How a prompt shows the value.
  @inlinable public var text: Traced<String> { Operator.apply("property", self) { $0.text } }
}
