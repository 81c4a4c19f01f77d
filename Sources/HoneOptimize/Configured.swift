import HoneTrace

/// Something with settings that a study keeps, so that it only goes on with the settings it was begun with.
public protocol Configured {
  /// All that decides what it does, but its name: equal settings give equal documents. Null for none.
  ///
  /// By default the property `settings`, or without one all stored properties, down to numbers and texts; what is absent
  /// and what has no settings is left out. Instances of classes and closures are not looked into: a type whose settings are
  /// in one says them here.
  var settingsDocument: Value { get }
}

extension Configured {
  public var settingsDocument: Value {
    let members = Self.members(Mirror(reflecting: self))
    if let settings = members["settings"] { return settings }
    return members.isEmpty ? .null : .object(members)
  }

  private static func members(_ mirror: Mirror) -> [String: Value] {
    guard mirror.displayStyle != .class else { return [:] }
    var members: [String: Value] = [:]
    for (place, child) in mirror.children.enumerated() {
      members[child.label ?? String(place)] = document(child.value)
    }
    return members
  }

  private static func document(_ value: Any) -> Value? {
    if let value = value as? any Configured { return named(value.settingsDocument, value) }
    if let value = value as? any ParameterValue { return value.parameterValue }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional: return mirror.children.first.flatMap { document($0.value) }
    case .collection: return .array(mirror.children.map { document($0.value) ?? .null })
    case .set:
      let elements = mirror.children.map { document($0.value) ?? .null }
      return .array(elements.sorted { $0.canonicalJSON < $1.canonicalJSON })
    case .dictionary:
      let pairs = mirror.children.compactMap { pair -> (String, Value)? in
        let pair = Array(Mirror(reflecting: pair.value).children)
        guard pair.count == 2, let value = document(pair[1].value) else { return nil }
        return ("\(pair[0].value)", value)
      }
      return .object(Dictionary(pairs, uniquingKeysWith: { first, _ in first }))
    case .enum:
      guard let associated = mirror.children.first else { return .string("\(value)") }
      return .object([associated.label ?? "": document(associated.value) ?? .null])
    case .struct, .tuple:
      let members = members(mirror)
      return members.isEmpty ? nil : .object(members)
    case nil: return .string("\(value)")
    default: return nil
    }
  }

  /// Of one that stands in another, which one it is.
  private static func named(_ document: Value, _ value: any Configured) -> Value? {
    let name = (value as? any Optimizer)?.name ?? (value as? any Scheduler)?.name
    guard let name else { return document.isNull ? nil : document }
    return Value(use: name, settings: document)
  }
}

extension Value {
  /// How a study keeps an optimizer or a scheduler: as a task file names it, with its settings.
  package init(use name: String, settings: Value) {
    self = settings.isNull ? ["use": .string(name)] : ["use": .string(name), "settings": settings]
  }
}
