import Foundation

// Text operations on traced values.

extension Traced where Wrapped == String {
  @inlinable public func uppercased() -> Traced { Operator.apply("uppercase", self) { $0.uppercased() } }
  @inlinable public func lowercased() -> Traced { Operator.apply("lowercase", self) { $0.lowercased() } }

  /// Without white space and line breaks at both ends.
  @inlinable public func trimmed() -> Traced {
    Operator.apply("trim", self) { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
  }

  @inlinable public func contains(_ other: Traced) -> Traced<Bool> {
    Operator.apply("contains", self, other) { $1.isEmpty || $0.contains($1) }
  }

  @inlinable public func contains(_ other: String) -> Traced<Bool> { contains(Traced(other)) }
  @inlinable public func hasPrefix(_ other: String) -> Traced<Bool> {
    Operator.apply("hasPrefix", self, Traced(other)) { $0.hasPrefix($1) }
  }
  @inlinable public func hasSuffix(_ other: String) -> Traced<Bool> {
    Operator.apply("hasSuffix", self, Traced(other)) { $0.hasSuffix($1) }
  }

  /// Every occurrence of `target` replaced.
  @inlinable public func replacing(_ target: String, with replacement: Traced) -> Traced {
    Operator.apply("replace", self, Traced(target), replacement) { $0.replacing($1, with: $2) }
  }

  @inlinable public func replacing(_ target: String, with replacement: String) -> Traced {
    replacing(target, with: Traced(replacement))
  }

  /// The parts between separators, empty ones left out.
  @inlinable public func split(separator: String) -> Traced<[String]> {
    Operator.apply("split", self, Traced<String>(separator)) { text, separator in
      separator.isEmpty ? [text] : text.split(separator: separator).map(String.init)
    }
  }
}

extension Traced where Wrapped == [String] {
  @inlinable public func joined(separator: String = "") -> Traced<String> {
    Operator.apply("join", self, Traced<String>(separator)) { $0.joined(separator: $1) }
  }
}

extension Traced where Wrapped == Prompt {
  /// The prompt with its placeholders filled from traced values. See `Prompt.callAsFunction`.
  @inlinable public func callAsFunction(_ values: [String: Traced<String>]) -> Traced<String> {
    Operator.apply("fill", self, gather(values)) { prompt, values in prompt(values) }
  }
}

/// `let prompt: Traced<String> = "Question: \(question)"` joins plain text and traced values and keeps the edges.
extension Traced: ExpressibleByUnicodeScalarLiteral, ExpressibleByExtendedGraphemeClusterLiteral,
  ExpressibleByStringLiteral, ExpressibleByStringInterpolation
where Wrapped == String {
  public init(stringLiteral value: String) { self.init(value) }

  public init(stringInterpolation interpolation: TracedInterpolation) {
    let text = interpolation.parts.map(\.value).joined()
    guard let context = TraceContext.recording, let recorder = context.recorder else {
      self.init(text)
      return
    }
    self = recorder.record("format", list: interpolation.parts, value: text, in: context.scope)
  }
}

/// Collects the parts of an interpolated traced text.
public struct TracedInterpolation: StringInterpolationProtocol, Sendable {
  fileprivate var parts: [Traced<String>] = []

  public init(literalCapacity: Int, interpolationCount: Int) { parts.reserveCapacity(2 * interpolationCount + 1) }

  public mutating func appendLiteral(_ literal: String) {
    if !literal.isEmpty { parts.append(Traced<String>(literal)) }
  }

  /// A traced value, shown as a plain interpolation would show it.
  public mutating func appendInterpolation<T>(_ part: Traced<T>) {
    parts.append(Traced<String>("\(part.value)" as String, origin: part.origin))
  }

  public mutating func appendInterpolation(_ part: some Sendable) { parts.append(Traced<String>("\(part)" as String)) }
}
