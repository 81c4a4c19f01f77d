extension Space {
  /// Every active parameter at its initial value.
  public var initial: Assignment {
    var values: [String: Value] = [:]
    for parameter in parameters where Self.holds(parameter.condition, in: values) {
      values[parameter.name] = (try? parameter.domain.accept(parameter.initial)) ?? parameter.initial
    }
    return Assignment(values)
  }

  /// Whether a parameter counts under these values: its condition holds, and so do those of the parameters it names.
  public func isActive(_ parameter: ParameterSpec, in values: [String: Value]) -> Bool {
    var active: [String: Value] = [:]
    for earlier in parameters {
      let holds = Self.holds(earlier.condition, in: active)
      if earlier.name == parameter.name { return holds }
      if holds { active[earlier.name] = values[earlier.name] }
    }
    return Self.holds(parameter.condition, in: active)
  }

  /// The valid assignment these values stand for: inactive parameters dropped, every other value typed, snapped and
  /// checked, forbidden combinations refused.
  ///
  /// - Parameters:
  ///   - values: by parameter name; unknown names are refused.
  ///   - defaults: where the value of an active parameter comes from that has none; then from its initial value. When
  ///     nil, a missing value is refused.
  public func accept(_ values: [String: Value], defaults: Assignment? = nil) throws(Rejection) -> Assignment {
    let known = Set(parameters.map(\.name))
    for name in values.keys.filter({ !known.contains($0) }).sorted() {
      let hint = Nearest.name(to: name, among: parameters.map(\.name)).map { "; did you mean \"\($0)\"?" } ?? ""
      throw Rejection(
        .unknownParameter, parameter: String(name.prefix(80)), "there is no parameter of this name\(hint)")
    }
    var accepted: [String: Value] = [:]
    for parameter in parameters where Self.holds(parameter.condition, in: accepted) {
      let fallback = defaults.map { $0.values[parameter.name] ?? parameter.initial }
      guard let value = values[parameter.name] ?? fallback else {
        throw Rejection(
          .empty, parameter: parameter.name, "a value is missing; expected \(parameter.domain.constraint)")
      }
      do {
        accepted[parameter.name] = try parameter.domain.accept(value)
      } catch {
        var rejection = error
        rejection.parameter = parameter.name
        throw rejection
      }
    }
    try refuseForbidden(accepted)
    return Assignment(accepted)
  }

  private func refuseForbidden(_ values: [String: Value]) throws(Rejection) {
    for combination in forbidden where Self.holds(combination, in: values) {
      let shown = combination.keys.sorted().map { "\($0) = \(combination[$0]?.shown ?? "")" }
      throw Rejection(.forbidden, "the combination \(shown.joined(separator: ", ")) is forbidden")
    }
  }

  /// Whether all pairs of a forbidden combination stand in the values. An empty combination forbids nothing.
  static func holds(_ combination: [String: Value], in values: [String: Value]) -> Bool {
    !combination.isEmpty
      && combination.allSatisfy { name, value in values[name].map { value.isSame(as: $0) } ?? false }
  }

  /// Whether a condition holds; `active` has the values of active parameters only.
  static func holds(_ condition: Condition?, in active: [String: Value]) -> Bool {
    guard let condition else { return true }
    return condition.allowed.allSatisfy { name, allowed in
      active[name].map { value in allowed.contains { $0.isSame(as: value) } } ?? false
    }
  }
}

extension Value {
  /// Equal as JSON: 1 and 1.0 are the same number, whichever way they were read.
  package func isSame(as other: Value) -> Bool { self == other || canonicalJSON == other.canonicalJSON }
}
