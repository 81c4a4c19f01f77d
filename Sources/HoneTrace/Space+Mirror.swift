/// Something with `@Parameter` properties. Properties that are `Parameterized` themselves add theirs as `outer.inner`.
public protocol Parameterized {}

extension Space {
  /// Reads the parameters a value declares, in the order they stand, and gives each declaration its name.
  ///
  /// A declaration takes its name once and copies of the value share it, so one workflow value cannot stand in two places
  /// of a larger one; two instances of one type can.
  /// - Throws: when a declaration stands twice, when parameters hide in a type that is not `Parameterized`, or when the
  ///   space is not sound (see `check`).
  public init(of parameterized: any Parameterized) throws(SpaceError) {
    var reader = DeclarationReader()
    try reader.read(Mirror(reflecting: parameterized), prefix: "")
    let names = Set(reader.specs.map(\.name))
    self.init(reader.specs.map { $0.resolvingCondition(among: names) })
    try check()
  }
}

extension ParameterSpec {
  /// A condition names siblings; where one exists it gets the sibling's full name.
  fileprivate func resolvingCondition(among names: Set<String>) -> ParameterSpec {
    guard let condition, let dot = name.lastIndex(of: ".") else { return self }
    let prefix = name[...dot]
    var resolved = self
    let pairs = condition.allowed.map { (names.contains(prefix + $0.key) ? prefix + $0.key : $0.key, $0.value) }
    resolved.condition = Condition(Dictionary(pairs, uniquingKeysWith: { first, _ in first }))
    return resolved
  }
}

/// Walks the properties of a workflow.
private struct DeclarationReader {
  var specs: [ParameterSpec] = []
  private var depth = 0

  mutating func read(_ mirror: Mirror, prefix: String) throws(SpaceError) {
    guard depth < 32 else {
      throw SpaceError(
        parameter: prefix, "components are nested deeper than 32", hint: "does a component hold itself?")
    }
    depth += 1
    defer { depth -= 1 }
    if let parent = mirror.superclassMirror { try read(parent, prefix: prefix) }
    for (position, child) in mirror.children.enumerated() {
      try read(child.value, name: prefix + (child.label ?? String(position)))
    }
  }

  private mutating func read(_ value: Any, name: String) throws(SpaceError) {
    if let declaration = value as? any ParameterDeclaration {
      try declare(declaration, name: Self.withoutUnderscore(name))
      return
    }
    let mirror = Mirror(reflecting: value)
    // Optionals first: an optional of something `Parameterized` passes for one itself.
    if mirror.displayStyle == .optional {
      if let wrapped = mirror.children.first { try read(wrapped.value, name: name) }
    } else if value is any Parameterized {
      try read(mirror, prefix: name + ".")
    } else if mirror.displayStyle == .collection {
      for (position, child) in mirror.children.enumerated() where child.value is any Parameterized {
        try read(child.value, name: "\(name).\(position)")
      }
    } else if mirror.children.contains(where: { $0.value is any ParameterDeclaration }) {
      throw SpaceError(
        parameter: name, "this property holds parameters, but \(type(of: value)) is not Parameterized",
        hint: "add \": Parameterized\" to \(type(of: value))")
    }
  }

  private mutating func declare(_ declaration: any ParameterDeclaration, name: String) throws(SpaceError) {
    let taken = declaration.key.take(name)
    guard taken == name else {
      throw SpaceError(
        parameter: name, "this declaration is already known as \"\(taken)\"",
        hint: "one value stands in two places; make a new instance for each")
    }
    specs.append(
      ParameterSpec(
        name: name, domain: declaration.domain, initial: declaration.initialValue, description: declaration.summary,
        condition: declaration.condition))
  }

  /// A wrapper's storage is named `_x`.
  private static func withoutUnderscore(_ name: String) -> String {
    guard let last = name.split(separator: ".", omittingEmptySubsequences: false).last, last.hasPrefix("_") else {
      return name
    }
    return String(name.dropLast(last.count)) + String(last.dropFirst())
  }
}

/// A `Parameter` of any type.
protocol ParameterDeclaration {
  var key: ParameterKey { get }
  var domain: Domain { get }
  var initialValue: Value { get }
  var summary: String { get }
  var condition: Condition? { get }
}

extension Parameter: ParameterDeclaration {
  var initialValue: Value { initial.parameterValue }
}
