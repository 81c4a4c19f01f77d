/// What is wrong with a space itself.
public struct SpaceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The parameter it is about; nil when it is about the whole.
  public var parameter: String?
  public var message: String
  /// What to do about it.
  public var hint: String?

  public init(parameter: String? = nil, _ message: String, hint: String? = nil) {
    self.parameter = parameter
    self.message = message
    self.hint = hint
  }

  public var description: String {
    let place = parameter.map { "parameter \"\($0)\": " } ?? ""
    return place + message + (hint.map { " (\($0))" } ?? "")
  }
}

extension Space {
  /// Checks the space itself: names, bounds, choices, conditions, forbidden combinations, initial values.
  /// - Throws: the first thing that is wrong, in the order of the parameters.
  public func check() throws(SpaceError) {
    var earlier: Set<String> = []
    for parameter in parameters {
      if parameter.name.isEmpty { throw SpaceError("a parameter has no name") }
      guard !earlier.contains(parameter.name) else {
        throw SpaceError(parameter: parameter.name, "the name stands twice", hint: "names must be different")
      }
      try parameter.domain.check(parameter.name)
      try check(parameter.condition, of: parameter.name, earlier: earlier)
      do {
        _ = try parameter.domain.accept(parameter.initial)
      } catch {
        throw SpaceError(
          parameter: parameter.name, "the initial value is not allowed: \(error.reason)",
          hint: "it must be \(parameter.domain.constraint)")
      }
      earlier.insert(parameter.name)
    }
    try checkForbidden()
  }

  private func check(_ condition: Condition?, of name: String, earlier: Set<String>) throws(SpaceError) {
    guard let condition else { return }
    for other in condition.allowed.keys.sorted() {
      guard earlier.contains(other), let spec = self[other] else {
        let isLater = self[other] != nil
        throw SpaceError(
          parameter: name,
          isLater
            ? "its condition names \"\(other)\", which does not stand before it"
            : "its condition names \"\(other)\", which is no parameter",
          hint: isLater
            ? "move \"\(other)\" before \"\(name)\""
            : Nearest.name(to: other, among: parameters.map(\.name)).map { "did you mean \"\($0)\"?" })
      }
      let allowed = condition.allowed[other] ?? []
      guard !allowed.isEmpty else {
        throw SpaceError(parameter: name, "its condition lists no value for \"\(other)\"; it would never be active")
      }
      for value in allowed { try checkValue(value, of: spec, in: "its condition", for: name) }
    }
  }

  private func checkForbidden() throws(SpaceError) {
    for combination in forbidden {
      guard !combination.isEmpty else { throw SpaceError("a forbidden combination is empty") }
      for name in combination.keys.sorted() {
        guard let spec = self[name], let value = combination[name] else {
          let near = Nearest.name(to: name, among: parameters.map(\.name)).map { "did you mean \"\($0)\"?" }
          throw SpaceError("a forbidden combination names \"\(name)\", which is no parameter", hint: near)
        }
        try checkValue(value, of: spec, in: "a forbidden combination", for: name)
      }
    }
    if Self.anyForbidden(forbidden, in: initial.values) {
      throw SpaceError("the initial values are a forbidden combination", hint: "change an initial value")
    }
  }

  private static func anyForbidden(_ forbidden: [[String: Value]], in values: [String: Value]) -> Bool {
    forbidden.contains { holds($0, in: values) }
  }

  private func checkValue(_ value: Value, of spec: ParameterSpec, in place: String, for name: String)
    throws(SpaceError)
  {
    do throws(Rejection) {
      let accepted = try spec.domain.accept(value)
      guard accepted.isSame(as: value) else {
        throw Rejection(.wrongType, "\(value.shown) stands for \(accepted.shown)")
      }
    } catch {
      throw SpaceError(
        parameter: name, "\(place) gives \"\(spec.name)\" a value it cannot have: \(error.reason)",
        hint: "it must be \(spec.domain.constraint)")
    }
  }
}

extension Domain {
  fileprivate func check(_ name: String) throws(SpaceError) {
    switch self {
    case .float(let domain): try domain.check(name)
    case .int(let domain): try domain.check(name)
    case .bool: break
    case .categorical(let choices), .ordinal(let choices):
      guard !choices.isEmpty else {
        throw SpaceError(parameter: name, "there are no choices", hint: "list at least one")
      }
      var seen: Set<String> = []
      for choice in choices where !seen.insert(choice.canonicalJSON).inserted {
        throw SpaceError(parameter: name, "the choice \(choice.shown) stands twice")
      }
    case .text(let domain): try domain.check(name)
    case .code(let domain):
      guard domain.maxLength > 0 else { throw SpaceError(parameter: name, "the longest length must be over 0") }
    }
  }
}

extension FloatDomain {
  fileprivate func check(_ name: String) throws(SpaceError) {
    guard lower.isFinite, upper.isFinite, (upper - lower).isFinite else {
      throw SpaceError(parameter: name, "the bounds \(lower.shown) and \(upper.shown) are not finite")
    }
    guard lower <= upper else {
      throw SpaceError(
        parameter: name, "the lower bound \(lower.shown) is above the upper bound \(upper.shown)",
        hint: "write the smaller one first")
    }
    if scale == .log, lower <= 0 {
      throw SpaceError(
        parameter: name, "a log scale needs a lower bound above 0, not \(lower.shown)",
        hint: "raise the lower bound or use the linear scale")
    }
    if scale == .logit, lower <= 0 || upper >= 1 {
      throw SpaceError(parameter: name, "a logit scale needs bounds inside 0 and 1, both excluded")
    }
    if let step {
      guard step.isFinite, step > 0 else { throw SpaceError(parameter: name, "the step must be above 0") }
      guard step <= upper - lower || lower == upper else {
        throw SpaceError(parameter: name, "the step \(step.shown) is larger than the range")
      }
    }
  }
}

extension IntDomain {
  fileprivate func check(_ name: String) throws(SpaceError) {
    guard lower <= upper else {
      throw SpaceError(
        parameter: name, "the lower bound \(lower) is above the upper bound \(upper)",
        hint: "write the smaller one first")
    }
    // Beyond 2^53 not every whole number is a double, and the unit interval is one.
    guard lower >= -(1 << 53), upper <= 1 << 53 else {
      throw SpaceError(parameter: name, "the bounds must lie within 2^53 of 0")
    }
    guard step >= 1 else { throw SpaceError(parameter: name, "the step must be at least 1, not \(step)") }
    guard step <= upper - lower || lower == upper else {
      throw SpaceError(parameter: name, "the step \(step) is larger than the range")
    }
    if scale == .log, lower < 1 {
      throw SpaceError(
        parameter: name, "a log scale needs a lower bound of at least 1, not \(lower)",
        hint: "raise the lower bound or use the linear scale")
    }
    if scale == .logit { throw SpaceError(parameter: name, "whole numbers have no logit scale") }
  }
}

extension TextDomain {
  fileprivate func check(_ name: String) throws(SpaceError) {
    guard minLength >= 0, maxLength >= max(1, minLength) else {
      throw SpaceError(parameter: name, "the lengths \(minLength) to \(maxLength) are no range")
    }
    for placeholder in placeholders + (optionalPlaceholders ?? [])
    where TextDomain.placeholders(in: "{\(placeholder)}") != [placeholder] {
      throw SpaceError(
        parameter: name, "\"\(placeholder)\" cannot be a placeholder",
        hint: "use letters, digits and underscores, no digit first")
    }
    if role == .demonstrations, !placeholders.isEmpty || optionalPlaceholders != nil {
      throw SpaceError(
        parameter: name, "demonstrations are no template and have no placeholders",
        hint: "use Domain.demonstrations(maxLength:)")
    }
    if let pattern, (try? Regex(pattern)) == nil {
      throw SpaceError(parameter: name, "the pattern \(pattern) is not a regular expression")
    }
  }
}
