/// Declares a property as a parameter: a named value that may be tuned.
///
///     @Parameter(0...1) var temperature = 0.2
///     @Parameter(oneOf: [2, 4, 8]) var topK = 4
///     @Parameter("Instruction given to the model.") var instruction: Prompt = "Answer.\n{question}"
///
/// The property keeps a plain default, so the workflow runs untuned. Inside a rollout it reads the running assignment;
/// `$temperature` hands over the traced value, which makes an edge of the graph. `Space(of:)` gives it its name.
@propertyWrapper
public struct Parameter<T: ParameterValue>: Sendable {
  /// The value outside of a rollout, and where tuning starts.
  public var initial: T
  public let domain: Domain
  public let summary: String
  public let condition: Condition?
  let key = ParameterKey()

  /// A parameter over any domain; the other forms spell the usual ones.
  /// - Parameters:
  ///   - description: one or two sentences for people and proposers.
  ///   - condition: names of sibling parameters declared before this one, and the values that make it active.
  public init(wrappedValue: T, in domain: Domain, _ description: String = "", when condition: Condition? = nil) {
    initial = wrappedValue
    self.domain = domain
    summary = description
    self.condition = condition
  }

  /// The running assignment's value; the default outside of a rollout or when the assignment has none of its type.
  ///
  /// Read inside a step's body, it counts as an input of that step. Setting it changes the default.
  public var wrappedValue: T {
    get {
      guard let context = TraceContext.current else { return initial }
      let name = key.name
      let value = assigned(name, in: context)
      context.recorder?.noteRead(name, value: value, in: context.scope)
      return value
    }
    set { initial = newValue }
  }

  /// The traced value, to hand to `step`.
  public var projectedValue: Traced<T> {
    guard let context = TraceContext.current else { return Traced(initial) }
    let name = key.name
    let value = assigned(name, in: context)
    guard let recorder = context.recorder else { return Traced(value) }
    return recorder.parameter(name, value: value)
  }

  private func assigned(_ name: String, in context: TraceContext) -> T {
    context.assignment[name].flatMap(T.init(parameterValue:)) ?? initial
  }
}

/// Reads a parameter by name, for workflows whose parameters are declared in a task file.
/// - Returns: nil outside of a rollout or when the assignment has no such parameter.
public func parameter(_ name: String) -> Traced<Value>? {
  guard let context = TraceContext.current, let value = context.assignment[name] else { return nil }
  return context.recorder?.parameter(name, value: value) ?? Traced(value)
}

/// The name of one declared parameter: given once, when the space is read, and shared by copies of the workflow.
final class ParameterKey: Sendable {
  private let given = Lock<String?>(nil)

  /// A parameter that `Space(of:)` has not seen has no name yet.
  var name: String { given.withLock { $0 } ?? "parameter" }

  /// Takes the name, or keeps the one it has. - Returns: the name that counts.
  func take(_ name: String) -> String {
    given.withLock { given in
      let kept = given ?? name
      given = kept
      return kept
    }
  }
}

extension Parameter where T == Double {
  /// A number in a range.
  public init(
    wrappedValue: Double, _ range: ClosedRange<Double>, _ description: String = "", scale: Scale = .linear,
    step: Double? = nil, clip: Bool = false, when condition: Condition? = nil
  ) {
    let domain = FloatDomain(range, scale: scale, step: step, clip: clip)
    self.init(wrappedValue: wrappedValue, in: .float(domain), description, when: condition)
  }
}

extension Parameter where T == Int {
  /// A whole number in a range.
  public init(
    wrappedValue: Int, _ range: ClosedRange<Int>, _ description: String = "", scale: Scale = .linear, step: Int = 1,
    clip: Bool = false, when condition: Condition? = nil
  ) {
    let domain = IntDomain(range, scale: scale, step: step, clip: clip)
    self.init(wrappedValue: wrappedValue, in: .int(domain), description, when: condition)
  }
}

extension Parameter where T == Bool {
  /// A switch.
  public init(wrappedValue: Bool, _ description: String = "", when condition: Condition? = nil) {
    self.init(wrappedValue: wrappedValue, in: .bool, description, when: condition)
  }
}

extension Parameter {
  /// One of several choices without an order.
  public init(wrappedValue: T, oneOf choices: [T], _ description: String = "", when condition: Condition? = nil) {
    let domain = Domain.categorical(choices.map(\.parameterValue))
    self.init(wrappedValue: wrappedValue, in: domain, description, when: condition)
  }

  /// One of several choices whose order means something.
  public init(wrappedValue: T, ordered choices: [T], _ description: String = "", when condition: Condition? = nil) {
    let domain = Domain.ordinal(choices.map(\.parameterValue))
    self.init(wrappedValue: wrappedValue, in: domain, description, when: condition)
  }
}

extension Parameter where T: CaseIterable & RawRepresentable {
  /// One of an enum's cases.
  public init(wrappedValue: T, _ description: String = "", when condition: Condition? = nil) {
    self.init(wrappedValue: wrappedValue, oneOf: Array(T.allCases), description, when: condition)
  }
}

extension Parameter where T == Prompt {
  /// A prompt. The placeholders of the default must stay, and no others may come in, unless the arguments say otherwise.
  /// - Parameter length: in characters.
  public init(
    wrappedValue: Prompt, _ description: String = "", keeping placeholders: [String]? = nil,
    allowing optional: [String] = [], length: ClosedRange<Int> = 1...20_000, when condition: Condition? = nil
  ) {
    let domain = TextDomain(
      placeholders: placeholders ?? wrappedValue.placeholders, optionalPlaceholders: optional,
      minLength: length.lowerBound, maxLength: length.upperBound)
    self.init(wrappedValue: wrappedValue, in: .text(domain), description, when: condition)
  }
}

extension Parameter where T == String {
  /// A plain text, in which braces mean nothing.
  /// - Parameters:
  ///   - length: in characters.
  ///   - pattern: a regular expression the whole text must match.
  public init(
    wrappedValue: String, _ description: String = "", length: ClosedRange<Int> = 1...20_000, pattern: String? = nil,
    when condition: Condition? = nil
  ) {
    let domain = TextDomain(
      optionalPlaceholders: nil, minLength: length.lowerBound, maxLength: length.upperBound, pattern: pattern)
    self.init(wrappedValue: wrappedValue, in: .text(domain), description, when: condition)
  }
}
