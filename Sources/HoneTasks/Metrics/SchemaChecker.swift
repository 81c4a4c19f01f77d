import HoneTrace

/// One check of a value against a schema, collecting what is wrong.
struct SchemaChecker {
  let root: Value
  var problems: [String] = []
  /// A schema may refer to itself; this bounds what one check may cost.
  private var steps = 0
  private static let maxSteps = 1_000_000

  init(root: Value) { self.root = root }

  mutating func check(_ value: Value, _ schema: Value, _ path: String, depth: Int) {
    steps += 1
    guard depth <= 128, steps <= Self.maxSteps, problems.count < 100 else {
      if problems.isEmpty { problems.append("\(path): too deep to check") }
      return
    }
    if let all = schema.bool {
      if !all { problems.append("\(path): nothing is allowed here") }
      return
    }
    guard let members = schema.object else { return }
    if let reference = members["$ref"]?.string, let target = JSONSchema.resolve(reference, in: root) {
      check(value, target, path, depth: depth + 1)
    }
    checkType(value, members, path)
    checkChoice(value, members, path)
    if let number = value.number { checkNumber(number, members, path) }
    if let text = value.string { checkText(text, members, path) }
    if let elements = value.array { checkArray(elements, members, path, depth) }
    if let object = value.object { checkObject(object, members, path, depth) }
    checkCombinations(value, members, path, depth)
  }

  private func accepts(_ value: Value, _ schema: Value, _ depth: Int) -> Bool {
    var inner = SchemaChecker(root: root)
    inner.steps = steps
    inner.check(value, schema, "$", depth: depth + 1)
    return inner.problems.isEmpty
  }

  private mutating func checkType(_ value: Value, _ schema: [String: Value], _ path: String) {
    guard let type = schema["type"] else { return }
    let allowed = (type.array ?? [type]).compactMap(\.string)
    let found: [String] =
      switch value {
      case .null: ["null"]
      case .bool: ["boolean"]
      case .int: ["integer", "number"]
      case .double(let double): double == double.rounded() ? ["number", "integer"] : ["number"]
      case .string: ["string"]
      case .array: ["array"]
      case .object: ["object"]
      }
    if !found.contains(where: allowed.contains) {
      problems.append("\(path): expected \(allowed.joined(separator: " or ")), found \(found[0])")
    }
  }

  private mutating func checkChoice(_ value: Value, _ schema: [String: Value], _ path: String) {
    if let choices = schema["enum"]?.array, !choices.contains(where: { $0.isSame(as: value) }) {
      problems.append("\(path): expected one of \(choices.map(\.canonicalJSON).joined(separator: ", "))")
    }
    if let constant = schema["const"], !constant.isSame(as: value) {
      problems.append("\(path): expected \(constant.canonicalJSON)")
    }
  }

  private mutating func checkNumber(_ number: Double, _ schema: [String: Value], _ path: String) {
    func bound(_ key: String, _ words: String, _ holds: (Double) -> Bool) {
      guard let bound = schema[key]?.number, !holds(bound) else { return }
      problems.append("\(path): expected \(words) \(Value.double(bound).canonicalJSON)")
    }
    bound("minimum", "at least") { number >= $0 }
    bound("maximum", "at most") { number <= $0 }
    bound("exclusiveMinimum", "more than") { number > $0 }
    bound("exclusiveMaximum", "less than") { number < $0 }
    bound("multipleOf", "a multiple of") { $0 > 0 && abs(number / $0 - (number / $0).rounded()) < 1e-9 }
  }

  private mutating func checkText(_ text: String, _ schema: [String: Value], _ path: String) {
    if let least = schema["minLength"]?.number, Double(text.unicodeScalars.count) < least {
      problems.append("\(path): expected at least \(Int(least)) characters")
    }
    if let most = schema["maxLength"]?.number, Double(text.unicodeScalars.count) > most {
      problems.append("\(path): expected at most \(Int(most)) characters")
    }
    if let pattern = schema["pattern"]?.string, let regex = try? Regex(pattern), text.firstMatch(of: regex) == nil {
      problems.append("\(path): expected text that matches \(pattern)")
    }
  }

  private mutating func checkArray(_ elements: [Value], _ schema: [String: Value], _ path: String, _ depth: Int) {
    if let least = schema["minItems"]?.number, Double(elements.count) < least {
      problems.append("\(path): expected at least \(Int(least)) elements")
    }
    if let most = schema["maxItems"]?.number, Double(elements.count) > most {
      problems.append("\(path): expected at most \(Int(most)) elements")
    }
    if schema["uniqueItems"]?.bool == true, Set(elements.map(\.canonicalJSON)).count < elements.count {
      problems.append("\(path): expected elements that differ")
    }
    let prefix = schema["prefixItems"]?.array ?? []
    for (index, element) in elements.enumerated() {
      guard let rule = index < prefix.count ? prefix[index] : schema["items"] else { continue }
      check(element, rule, "\(path)[\(index)]", depth: depth + 1)
    }
  }

  private mutating func checkObject(_ object: [String: Value], _ schema: [String: Value], _ path: String, _ depth: Int)
  {
    for name in schema["required"]?.array?.compactMap(\.string) ?? [] where object[name] == nil {
      problems.append("\(path): \(quoted(name)) is missing")
    }
    if let least = schema["minProperties"]?.number, Double(object.count) < least {
      problems.append("\(path): expected at least \(Int(least)) members")
    }
    if let most = schema["maxProperties"]?.number, Double(object.count) > most {
      problems.append("\(path): expected at most \(Int(most)) members")
    }
    let known = schema["properties"]?.object ?? [:]
    let patterns = schema["patternProperties"]?.object ?? [:]
    for name in object.keys.sorted() {
      guard let member = object[name] else { continue }
      if let names = schema["propertyNames"], !accepts(.string(name), names, depth) {
        problems.append("\(path): \(quoted(name)) is no allowed name")
      }
      var isKnown = false
      if let rule = known[name] {
        isKnown = true
        check(member, rule, "\(path).\(name)", depth: depth + 1)
      }
      for pattern in patterns.keys.sorted() {
        guard let rule = patterns[pattern], let regex = try? Regex(pattern), name.firstMatch(of: regex) != nil else {
          continue
        }
        isKnown = true
        check(member, rule, "\(path).\(name)", depth: depth + 1)
      }
      guard !isKnown, let rest = schema["additionalProperties"] else { continue }
      if rest == .bool(false) {
        problems.append("\(path): \(quoted(name)) is not allowed here")
      } else {
        check(member, rest, "\(path).\(name)", depth: depth + 1)
      }
    }
  }

  private mutating func checkCombinations(_ value: Value, _ schema: [String: Value], _ path: String, _ depth: Int) {
    for rule in schema["allOf"]?.array ?? [] { check(value, rule, path, depth: depth + 1) }
    if let rules = schema["anyOf"]?.array, !rules.contains(where: { accepts(value, $0, depth) }) {
      problems.append("\(path): fits none of the \(rules.count) alternatives")
    }
    if let rules = schema["oneOf"]?.array {
      let fits = rules.count { accepts(value, $0, depth) }
      if fits != 1 { problems.append("\(path): fits \(fits) of the \(rules.count) alternatives, expected one") }
    }
    if let rule = schema["not"], accepts(value, rule, depth) { problems.append("\(path): is what it must not be") }
  }
}
