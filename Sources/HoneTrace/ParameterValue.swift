/// A Swift type that a parameter can hold: it is read from a value of its domain, and written as one.
public protocol ParameterValue: Sendable {
  /// nil when the value is of another type.
  init?(parameterValue: Value)
  var parameterValue: Value { get }
}

extension Value: ParameterValue {
  public init?(parameterValue: Value) { self = parameterValue }
  public var parameterValue: Value { self }
}

extension Bool: ParameterValue {
  public init?(parameterValue: Value) {
    guard let value = parameterValue.bool else { return nil }
    self = value
  }
  public var parameterValue: Value { .bool(self) }
}

extension Int: ParameterValue {
  public init?(parameterValue: Value) {
    guard let value = parameterValue.int else { return nil }
    self = value
  }
  public var parameterValue: Value { .int(self) }
}

extension Double: ParameterValue {
  public init?(parameterValue: Value) {
    guard let value = parameterValue.number else { return nil }
    self = value
  }
  public var parameterValue: Value { .double(self) }
}

extension String: ParameterValue {
  public init?(parameterValue: Value) {
    guard let value = parameterValue.string else { return nil }
    self = value
  }
  public var parameterValue: Value { .string(self) }
}

extension Prompt: ParameterValue {
  public init?(parameterValue: Value) {
    guard let value = parameterValue.string else { return nil }
    self.init(value)
  }
  public var parameterValue: Value { .string(template) }
}

extension ParameterValue where Self: RawRepresentable, RawValue: ParameterValue {
  public init?(parameterValue: Value) {
    guard let raw = RawValue(parameterValue: parameterValue) else { return nil }
    self.init(rawValue: raw)
  }
  public var parameterValue: Value { rawValue.parameterValue }
}
