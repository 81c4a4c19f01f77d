// Arithmetic, comparison and logic on traced values. They mean what they mean on plain values, traps included.

extension Traced where Wrapped: AdditiveArithmetic {
  @inlinable public static func + (a: Traced, b: Traced) -> Traced { Operator.apply("add", a, b) { $0 + $1 } }
  @inlinable public static func + (a: Traced, b: Wrapped) -> Traced { a + Traced(b) }
  @inlinable public static func + (a: Wrapped, b: Traced) -> Traced { Traced(a) + b }
  @inlinable public static func - (a: Traced, b: Traced) -> Traced { Operator.apply("subtract", a, b) { $0 - $1 } }
  @inlinable public static func - (a: Traced, b: Wrapped) -> Traced { a - Traced(b) }
  @inlinable public static func - (a: Wrapped, b: Traced) -> Traced { Traced(a) - b }
}

extension Traced where Wrapped: Numeric {
  @inlinable public static func * (a: Traced, b: Traced) -> Traced { Operator.apply("multiply", a, b) { $0 * $1 } }
  @inlinable public static func * (a: Traced, b: Wrapped) -> Traced { a * Traced(b) }
  @inlinable public static func * (a: Wrapped, b: Traced) -> Traced { Traced(a) * b }
}

extension Traced where Wrapped: SignedNumeric {
  @inlinable public static prefix func - (a: Traced) -> Traced { Operator.apply("negate", a) { -$0 } }
}

extension Traced where Wrapped: FloatingPoint {
  @inlinable public static func / (a: Traced, b: Traced) -> Traced { Operator.apply("divide", a, b) { $0 / $1 } }
  @inlinable public static func / (a: Traced, b: Wrapped) -> Traced { a / Traced(b) }
  @inlinable public static func / (a: Wrapped, b: Traced) -> Traced { Traced(a) / b }
}

extension Traced where Wrapped: BinaryInteger {
  @inlinable public static func / (a: Traced, b: Traced) -> Traced { Operator.apply("divide", a, b) { $0 / $1 } }
  @inlinable public static func / (a: Traced, b: Wrapped) -> Traced { a / Traced(b) }
  @inlinable public static func / (a: Wrapped, b: Traced) -> Traced { Traced(a) / b }
}

/// Equality of two traced values is a traced value itself; `Traced` is not `Equatable`.
extension Traced where Wrapped: Equatable {
  @inlinable public static func == (a: Traced, b: Traced) -> Traced<Bool> { Operator.apply("equal", a, b) { $0 == $1 } }
  @inlinable public static func == (a: Traced, b: Wrapped) -> Traced<Bool> { a == Traced(b) }
  @inlinable public static func != (a: Traced, b: Traced) -> Traced<Bool> {
    Operator.apply("differ", a, b) { $0 != $1 }
  }
  @inlinable public static func != (a: Traced, b: Wrapped) -> Traced<Bool> { a != Traced(b) }
}

extension Traced where Wrapped: Comparable {
  @inlinable public static func < (a: Traced, b: Traced) -> Traced<Bool> { Operator.apply("less", a, b) { $0 < $1 } }
  @inlinable public static func < (a: Traced, b: Wrapped) -> Traced<Bool> { a < Traced(b) }
  @inlinable public static func <= (a: Traced, b: Traced) -> Traced<Bool> {
    Operator.apply("lessOrEqual", a, b) { $0 <= $1 }
  }
  @inlinable public static func <= (a: Traced, b: Wrapped) -> Traced<Bool> { a <= Traced(b) }
  @inlinable public static func > (a: Traced, b: Traced) -> Traced<Bool> { b < a }
  @inlinable public static func > (a: Traced, b: Wrapped) -> Traced<Bool> { Traced(b) < a }
  @inlinable public static func >= (a: Traced, b: Traced) -> Traced<Bool> { b <= a }
  @inlinable public static func >= (a: Traced, b: Wrapped) -> Traced<Bool> { Traced(b) <= a }

  /// The smaller of two traced values.
  @inlinable public static func minimum(_ a: Traced, _ b: Traced) -> Traced {
    Operator.apply("minimum", a, b) { min($0, $1) }
  }

  /// The larger of two traced values.
  @inlinable public static func maximum(_ a: Traced, _ b: Traced) -> Traced {
    Operator.apply("maximum", a, b) { max($0, $1) }
  }
}

extension Traced where Wrapped == Bool {
  @inlinable public static prefix func ! (a: Traced) -> Traced { Operator.apply("not", a) { !$0 } }

  /// Both sides are traced values, so both have been computed already: nothing is skipped.
  @inlinable public static func && (a: Traced, b: Traced) -> Traced { Operator.apply("and", a, b) { $0 && $1 } }
  @inlinable public static func || (a: Traced, b: Traced) -> Traced { Operator.apply("or", a, b) { $0 || $1 } }

  /// One of two traced values; the condition is an input too, so feedback reaches what decided.
  @inlinable public func choose<T>(_ yes: Traced<T>, else no: Traced<T>) -> Traced<T> {
    Operator.apply("choose", self, yes, no) { $0 ? $1 : $2 }
  }
}
