/// A worked example that a prompt may show: what a step was given, and what it should answer.
public struct Demonstration: Hashable, Codable, Sendable {
  /// By the name of the field, or of the earlier step, that the step reads.
  public var inputs: [String: Value]
  public var output: String

  public init(inputs: [String: Value], output: String) {
    self.inputs = inputs
    self.output = output
  }

  /// `{"inputs": {...}, "output": "..."}`; nil when the value is not of this form.
  public init?(_ value: Value) {
    guard let members = value.object, members.count == 2, let inputs = members["inputs"]?.object,
      let output = members["output"]?.string
    else { return nil }
    self.init(inputs: inputs, output: output)
  }

  public var value: Value { ["inputs": .object(inputs), "output": .string(output)] }
}

/// Worked examples as the value of a parameter, which an optimizer fills with what worked on training examples.
///
///     @Parameter("Worked examples.") var shots: Demonstrations = []
///
/// As a text it is JSON Lines, a demonstration a line: the form it is stored in and the form a template puts in.
public struct Demonstrations: Hashable, Sendable, ExpressibleByArrayLiteral {
  public var list: [Demonstration]

  public init(_ list: [Demonstration] = []) { self.list = list }

  public init(arrayLiteral elements: Demonstration...) { list = elements }

  /// Nil when a line that is not empty holds no demonstration.
  public init?(lines text: String) {
    var list: [Demonstration] = []
    // By bytes: other line ends may stand inside of a text.
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) where !line.allSatisfy({ $0 <= UInt8(ascii: " ") }) {
      guard let value = try? Value.parse(json: Array(line)), let demonstration = Demonstration(value) else {
        return nil
      }
      list.append(demonstration)
    }
    self.init(list)
  }

  /// JSON Lines; empty for none.
  public var lines: String { list.map(\.value.canonicalJSON).joined(separator: "\n") }

  /// Those that do not show the example that is being answered, so that none is answered by looking it up: left out is
  /// exactly the one whose inputs are, every one, what the step is given now.
  ///
  /// What a step is given says which example it is, not the example's name: another row with the same inputs has the same
  /// answer, and a name may be that of another file's row. Most demonstrations differ in the first input that is looked at.
  ///
  /// - Parameter fields: those of the example and, by name, the outputs of the steps before.
  public func without(_ fields: Value) -> Demonstrations {
    guard let fields = fields.object else { return self }
    return Demonstrations(
      list.filter { shown in shown.inputs.isEmpty || shown.inputs.contains { fields[$0.key] != $0.value } })
  }
}

extension Demonstrations: ParameterValue {
  public init?(parameterValue: Value) {
    guard let text = parameterValue.string else { return nil }
    self.init(lines: text)
  }

  public var parameterValue: Value { .string(lines) }
}

extension Parameter where T == Demonstrations {
  /// Worked examples, which an optimizer that makes them fills; the others leave them as they are.
  /// - Parameter length: of all of them as JSON Lines, in characters, at most.
  public init(
    wrappedValue: Demonstrations, _ description: String = "", length: Int = 20_000, when condition: Condition? = nil
  ) {
    self.init(wrappedValue: wrappedValue, in: .demonstrations(maxLength: length), description, when: condition)
  }
}

extension Domain {
  /// Texts that hold demonstrations; the empty one is among them.
  public static func demonstrations(maxLength: Int = 20_000) -> Domain {
    .text(TextDomain(optionalPlaceholders: nil, minLength: 0, maxLength: maxLength, role: .demonstrations))
  }

  /// Whether it holds demonstrations, which are made of what worked and not written.
  public var holdsDemonstrations: Bool {
    guard case .text(let domain) = self else { return false }
    return domain.role == .demonstrations
  }
}
