import HoneTrace

/// Reads typed settings; an absent one is nil.
struct SettingsReader {
  let members: [String: Value]

  /// Checks a name and its settings against what there is.
  ///
  /// - Parameters:
  ///   - kind: what it is called in messages: "optimizer".
  ///   - other: what to say of a name that is another kind's.
  ///   - allowed: the settings it knows.
  init(
    of name: String, _ kind: String, among names: [String], settings: Value, allowed: [String],
    other: (String) -> String? = { _ in nil }
  ) throws(OptimizerError) {
    guard names.contains(name) else {
      let near = Nearest.name(to: name, among: names).map { "did you mean \($0)?" }
      throw OptimizerError(
        setting: nil, "there is no \(kind) \"\(name.prefix(60))\"",
        hint: other(name) ?? near ?? "there are \(names.joined(separator: ", "))")
    }
    guard settings.isNull || settings.object != nil else {
      throw OptimizerError(setting: nil, "the settings of \(name) must be an object, found \(settings.shown)")
    }
    members = settings.object ?? [:]
    for key in members.keys.sorted() where !allowed.contains(key) {
      let near = Nearest.name(to: key, among: allowed).map { "did you mean \($0)?" }
      let listed = allowed.isEmpty ? "\(name) has no settings" : "\(name) knows \(allowed.joined(separator: ", "))"
      throw OptimizerError(setting: key, "\(name) has no setting of this name", hint: near ?? listed)
    }
  }

  func number(_ key: String, in range: ClosedRange<Double>) throws(OptimizerError) -> Double? {
    guard let value = members[key] else { return nil }
    return try accept(.float(FloatDomain(range)), value, key).number
  }

  func int(_ key: String, in range: ClosedRange<Int>) throws(OptimizerError) -> Int? {
    guard let value = members[key] else { return nil }
    return try accept(.int(IntDomain(range)), value, key).int
  }

  func bool(_ key: String) throws(OptimizerError) -> Bool? {
    guard let value = members[key] else { return nil }
    return try accept(.bool, value, key).bool
  }

  func string(_ key: String) throws(OptimizerError) -> String? {
    guard let value = members[key] else { return nil }
    return try accept(.text(TextDomain(optionalPlaceholders: nil)), value, key).string
  }

  /// One of the cases of an enumeration, by its name.
  func choice<T: RawRepresentable & CaseIterable>(_ key: String, _: T.Type = T.self) throws(OptimizerError) -> T?
  where T.RawValue == String {
    guard let value = members[key] else { return nil }
    let names = T.allCases.map { Value.string($0.rawValue) }
    return T(rawValue: try accept(.categorical(names), value, key).string ?? "")
  }

  func strings(_ key: String) throws(OptimizerError) -> [String]? {
    guard let value = members[key] else { return nil }
    var strings: [String] = []
    for element in try list(value, key) {
      strings.append(try accept(.text(TextDomain(optionalPlaceholders: nil)), element, key).string ?? "")
    }
    return strings
  }

  func numbers(_ key: String, in range: ClosedRange<Double>) throws(OptimizerError) -> [Double]? {
    guard let value = members[key] else { return nil }
    if value.array == nil { return [try accept(.float(FloatDomain(range)), value, key).number ?? 0] }
    var numbers: [Double] = []
    for element in try list(value, key) {
      numbers.append(try accept(.float(FloatDomain(range)), element, key).number ?? 0)
    }
    return numbers
  }

  func object(_ key: String) throws(OptimizerError) -> [String: Value]? {
    guard let value = members[key] else { return nil }
    guard let object = value.object, !object.isEmpty else {
      throw OptimizerError(setting: key, "\(value.shown) is not an object with at least one member")
    }
    return object
  }

  private func list(_ value: Value, _ key: String) throws(OptimizerError) -> [Value] {
    guard let elements = value.array, !elements.isEmpty else {
      throw OptimizerError(setting: key, "\(value.shown) is not a list with at least one element")
    }
    return elements
  }

  private func accept(_ domain: Domain, _ value: Value, _ key: String) throws(OptimizerError) -> Value {
    do {
      return try domain.accept(value)
    } catch {
      throw OptimizerError(setting: key, error.reason, hint: "expected \(domain.constraint)")
    }
  }
}
