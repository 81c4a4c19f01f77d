import Foundation
import HoneTrace

extension TaskReader {
  private static let kinds = ["float", "int", "bool", "choice", "prompt", "demonstrations", "code"]
  private static let common = ["initial", "when", "description"]
  private static let kindKeys: [String: [String]] = [
    "float": ["log", "scale", "step", "clip"], "int": ["log", "scale", "step", "clip"], "bool": [],
    "choice": ["ordered"], "prompt": ["min_length", "max_length", "placeholders", "optional_placeholders", "pattern"],
    "demonstrations": ["max_length"], "code": ["language", "max_length"],
  ]

  /// Notes the names first: the workflow may be read before their domains are.
  mutating func declareParameters(_ node: YAMLNode?) {
    for (key, _) in node?.pairs ?? [] { parameters[key.scalar ?? ""] = key.mark }
  }

  mutating func space(_ node: YAMLNode?, forbidden: YAMLNode?) -> Space? {
    guard let node else { return nil }
    guard let pairs = node.pairs else {
      fail(
        "parameters: expected a mapping, found \(node.found)", at: node, hint: "such as temperature: { float: [0, 1] }")
      return nil
    }
    if pairs.isEmpty { fail("parameters: there is nothing to tune", at: node, hint: "declare at least one parameter") }
    var specs: [ParameterSpec] = []
    for (key, value) in pairs {
      let name = key.scalar ?? ""
      guard Template("$" + name).parameters == [name] else {
        fail(
          "parameters: \(quoted(name)) is no parameter name", at: key,
          hint: "a name is a letter or underscore, then letters, digits or underscores")
        continue
      }
      if let spec = parameter(value, name, earlier: specs) { specs.append(spec) }
    }
    let space = Space(specs, forbidden: self.forbidden(forbidden, specs))
    // What the reader has no words for of its own, such as bounds beyond 2^53.
    guard !diagnostics.contains(where: { $0.severity == .error }) else { return space }
    do throws(SpaceError) {
      try space.check()
    } catch {
      let at = pairs.first { $0.key.scalar == error.parameter }?.key ?? forbidden ?? node
      fail((error.parameter.map { "\($0): " } ?? "") + error.message, at: at, hint: error.hint)
    }
    return space
  }

  private mutating func parameter(_ node: YAMLNode, _ name: String, earlier: [ParameterSpec]) -> ParameterSpec? {
    guard let pairs = node.pairs else {
      fail(
        "\(name): expected a mapping, found \(node.found)", at: node, hint: "such as { float: [0, 1], initial: 0.2 }")
      return nil
    }
    let given = pairs.compactMap { pair in pair.key.scalar }.filter(Self.kinds.contains)
    guard let kind = given.first else {
      missingKind(node, name, pairs)
      return nil
    }
    let keys = [kind] + Self.common + (Self.kindKeys[kind] ?? [])
    if given.count > 1 {
      fail("\(name): \(list(given)) exclude each other", at: node, hint: "a parameter has one kind")
      return nil
    }
    guard let members = members(node, of: name, keys: keys), let at = members[kind] else { return nil }
    guard let (domain, start) = domain(kind, at, members, name) else { return nil }
    let condition = self.condition(members["when"], name, earlier)
    guard let initial = initial(members["initial"], name, domain, start) else { return nil }
    let description = text(members["description"], "\(name).description") ?? ""
    return ParameterSpec(name: name, domain: domain, initial: initial, description: description, condition: condition)
  }

  private mutating func missingKind(_ node: YAMLNode, _ name: String, _ pairs: [(key: YAMLNode, value: YAMLNode)]) {
    for (key, _) in pairs {
      guard let nearest = Nearest.name(to: key.scalar ?? "", among: Self.kinds) else { continue }
      return fail("\(name): unknown key \(quoted(key.scalar ?? ""))", at: key, hint: "did you mean \(nearest)?")
    }
    fail("\(name): has no kind", at: node, hint: "give it one of \(list(Self.kinds))")
  }

  /// The domain, and the value the kind's own key gives as the initial one.
  private mutating func domain(_ kind: String, _ at: YAMLNode, _ members: [String: YAMLNode], _ name: String)
    -> (Domain, Value?)?
  {
    switch kind {
    case "float": floatDomain(at, members, name).map { (.float($0), nil) }
    case "int": intDomain(at, members, name).map { (.int($0), nil) }
    case "bool": bool(at, name).map { (.bool, .bool($0)) }
    case "choice": choices(at, members, name).map { ($0, nil) }
    case "prompt": promptDomain(at, members, name)
    case "demonstrations": demonstrationsDomain(at, members, name)
    default: codeDomain(at, members, name)
    }
  }

  // MARK: - Numbers

  private mutating func scale(_ members: [String: YAMLNode], _ name: String, _ scales: [String]) -> Scale {
    if let scale = members["scale"] {
      if members["log"] != nil { fail("\(name): log and scale exclude each other", at: scale, hint: "keep scale") }
      return choice(scale, "\(name).scale", scales).flatMap(Scale.init) ?? .linear
    }
    return bool(members["log"], "\(name).log") == true ? .log : .linear
  }

  private mutating func bounds(_ node: YAMLNode, _ name: String) -> (lower: YAMLNode, upper: YAMLNode)? {
    guard let elements = node.elements, elements.count == 2 else {
      let found = node.elements.map { "a list of \($0.count)" } ?? node.found
      fail("\(name): expected two bounds, found \(found)", at: node, hint: "write [lower, upper]")
      return nil
    }
    return (elements[0], elements[1])
  }

  private mutating func floatDomain(_ node: YAMLNode, _ members: [String: YAMLNode], _ name: String) -> FloatDomain? {
    guard let bounds = bounds(node, name), let lower = double(bounds.lower, name),
      let upper = double(bounds.upper, name)
    else { return nil }
    guard lower <= upper else { return crossed(node, name, bounds, "float") }
    let scale = scale(members, name, ["linear", "log", "logit"])
    if scale == .log, lower <= 0 {
      fail("\(name): a log scale needs a lower bound above 0, found \(number(lower))", at: node)
      return nil
    }
    if scale == .logit, lower <= 0 || upper >= 1 {
      fail("\(name): a logit scale needs bounds between 0 and 1, without them", at: node)
      return nil
    }
    let step = double(members["step"], "\(name).step")
    if let step, let at = members["step"], step <= 0 || step > upper - lower {
      fail("\(name).step: \(number(step)) is no step between \(number(lower)) and \(number(upper))", at: at)
      return nil
    }
    return FloatDomain(
      lower...upper, scale: scale, step: step, clip: bool(members["clip"], "\(name).clip") ?? false)
  }

  private mutating func intDomain(_ node: YAMLNode, _ members: [String: YAMLNode], _ name: String) -> IntDomain? {
    let all = Int.min...Int.max
    guard let bounds = bounds(node, name), let lower = int(bounds.lower, name, in: all),
      let upper = int(bounds.upper, name, in: all)
    else { return nil }
    guard lower <= upper else { return crossed(node, name, bounds, "int") }
    let scale = scale(members, name, ["linear", "log"])
    if scale == .log, lower <= 0 {
      fail("\(name): a log scale needs a lower bound above 0, found \(lower)", at: node)
      return nil
    }
    let step = int(members["step"], "\(name).step", in: 1...Int.max) ?? 1
    if let at = members["step"], step > upper.subtractingReportingOverflow(lower).partialValue.magnitude {
      fail("\(name).step: \(step) is no step between \(lower) and \(upper)", at: at)
      return nil
    }
    return IntDomain(lower...upper, scale: scale, step: step, clip: bool(members["clip"], "\(name).clip") ?? false)
  }

  private mutating func crossed<T>(
    _ node: YAMLNode, _ name: String, _ bounds: (lower: YAMLNode, upper: YAMLNode), _ kind: String
  ) -> T? {
    let lower = bounds.lower.scalar ?? ""
    let upper = bounds.upper.scalar ?? ""
    fail(
      "\(name): lower bound \(lower) is above upper bound \(upper)", at: node,
      hint: "write the lower bound first: \(kind): [\(upper), \(lower)]")
    return nil
  }

  // MARK: - Choices

  private mutating func choices(_ node: YAMLNode, _ members: [String: YAMLNode], _ name: String) -> Domain? {
    guard let elements = elements(node, name) else { return nil }
    guard !elements.isEmpty else {
      fail("\(name): there is nothing to choose from", at: node)
      return nil
    }
    var values: [Value] = []
    for element in elements {
      let value = element.value
      if let number = value.number, !number.isFinite {
        fail("\(name): expected a finite number, found \(element.scalar ?? "")", at: element)
      } else if value.isNull {
        fail("\(name): a choice is empty", at: element, hint: "write null as text: \"null\"")
      } else if values.contains(where: { $0.canonicalJSON == value.canonicalJSON }) {
        fail("\(name): the choice \(value.text) stands twice", at: element)
      } else {
        values.append(value)
      }
    }
    guard values.count == elements.count else { return nil }
    return bool(members["ordered"], "\(name).ordered") == true ? .ordinal(values) : .categorical(values)
  }

  // MARK: - Texts

  /// Text that stands in the file, or in a file it names with `{ file: PATH }`.
  private mutating func textOrFile(_ node: YAMLNode, _ name: String) -> String? {
    guard node.pairs != nil else { return self.name(node, name) }
    guard let members = members(node, of: name, keys: ["file"]) else { return nil }
    guard let file = members["file"], let path = path(file, "\(name).file") else {
      if members["file"] == nil { fail("\(name): expected text or { file: PATH }, found a mapping", at: node) }
      return nil
    }
    do throws(FileReadError) {
      let bytes = try SafePath.read(path, limit: 1 << 20)
      if let text = String(validating: bytes, as: UTF8.self) { return text.trimmingCharacters(in: .newlines) }
      fail("\(name).file: \(path) is not valid UTF-8", at: file, hint: "save the file as UTF-8")
    } catch {
      fail("\(name).file: \(error.message)", at: file, hint: error.hint)
    }
    return nil
  }

  private mutating func promptDomain(_ node: YAMLNode, _ members: [String: YAMLNode], _ name: String)
    -> (Domain, Value?)?
  {
    guard let text = textOrFile(node, name) else { return nil }
    let used = TextDomain.placeholders(in: text)
    let required = texts(members["placeholders"], "\(name).placeholders") ?? used
    let optional = texts(members["optional_placeholders"], "\(name).optional_placeholders") ?? []
    for placeholder in required where !used.contains(placeholder) {
      if let at = members["placeholders"] {
        fail("\(name): the prompt does not hold the placeholder {\(placeholder)}", at: at, hint: "put it into the text")
      }
    }
    for field in used where !required.contains(field) && !optional.contains(field) {
      fail(
        "\(name): the prompt holds {\(field)}, which is no placeholder of it", at: node, hint: "add it to placeholders")
    }
    for field in required + optional { noteField(field, at: node, name) }
    let least = int(members["min_length"], "\(name).min_length", in: 0...1_000_000) ?? 1
    let most = int(members["max_length"], "\(name).max_length", in: 1...1_000_000) ?? 20_000
    if text.count > most, let at = members["max_length"] {
      fail("\(name): the prompt has \(text.count) characters, more than max_length \(most)", at: at)
    }
    let pattern = self.pattern(members["pattern"], "\(name).pattern")
    return (
      .text(
        TextDomain(
          placeholders: required, optionalPlaceholders: optional, minLength: least, maxLength: most, pattern: pattern)),
      .string(text)
    )
  }

  /// Worked examples as JSON Lines; none to begin with is an empty text.
  private mutating func demonstrationsDomain(_ node: YAMLNode, _ members: [String: YAMLNode], _ name: String)
    -> (Domain, Value?)?
  {
    // An empty text is one of its values.
    guard let text = node.pairs == nil ? self.text(node, name) : textOrFile(node, name) else { return nil }
    let most = int(members["max_length"], "\(name).max_length", in: 1...1_000_000) ?? 20_000
    let domain = Domain.demonstrations(maxLength: most)
    do throws(Rejection) {
      return (domain, try domain.accept(.string(text)))
    } catch {
      fail("\(name): \(error.reason)", at: node, hint: "begin with none: demonstrations: \"\"")
      return nil
    }
  }

  mutating func pattern(_ node: YAMLNode?, _ name: String) -> String? {
    guard let node, let text = self.name(node, name) else { return nil }
    guard (try? Regex(text)) != nil else {
      fail("\(name): \(quoted(text)) is no regular expression", at: node)
      return nil
    }
    return text
  }

  private mutating func codeDomain(_ node: YAMLNode, _ members: [String: YAMLNode], _ name: String) -> (Domain, Value?)?
  {
    let language = self.name(members["language"], "\(name).language")
    if members["language"] == nil { fail("\(name): code needs a language", at: node, hint: "add language: python") }
    let most = int(members["max_length"], "\(name).max_length", in: 1...1_000_000) ?? 20_000
    guard let pairs = node.pairs, pairs.first?.key.scalar != "file" else {
      guard let text = textOrFile(node, name), let language else { return nil }
      return (.code(CodeDomain(language: language, maxLength: most)), .string(text))
    }
    var alternatives: [String: String] = [:]
    for (key, value) in pairs {
      guard let alternative = key.scalar, let text = textOrFile(value, "\(name).\(alternative)") else { return nil }
      alternatives[alternative] = text
    }
    guard let first = pairs.first?.key.scalar, let language else { return nil }
    return (.code(CodeDomain(language: language, alternatives: alternatives, maxLength: most)), .string(first))
  }

  // MARK: - Start, conditions, forbidden combinations

  private mutating func initial(_ node: YAMLNode?, _ name: String, _ domain: Domain, _ start: Value?) -> Value? {
    guard let node else { return start ?? Self.start(domain) }
    if let start, start != node.value {
      fail("\(name).initial: the value is given twice, as \(start.text) and as \(node.value.text)", at: node)
      return nil
    }
    do throws(Rejection) {
      return try domain.accept(node.value)
    } catch {
      fail("\(name).initial: \(error.reason)", at: node)
      return nil
    }
  }

  /// Where search starts when the file does not say: the middle of a range on its scale, the first choice.
  private static func start(_ domain: Domain) -> Value {
    switch domain {
    case .categorical(let choices), .ordinal(let choices): choices.first ?? .null
    default: domain.decode(0.5)
    }
  }

  private mutating func condition(_ node: YAMLNode?, _ name: String, _ earlier: [ParameterSpec]) -> Condition? {
    guard let node else { return nil }
    guard let pairs = node.pairs else {
      fail("\(name).when: expected a mapping, found \(node.found)", at: node, hint: "such as when: { rerank: true }")
      return nil
    }
    var allowed: [String: [Value]] = [:]
    for (key, value) in pairs {
      guard let spec = other(key, "\(name).when", earlier) else { continue }
      let values = value.elements ?? [value]
      allowed[spec.name] = values.compactMap { accept($0, "\(name).when.\(spec.name)", spec) }
    }
    return Condition(allowed)
  }

  private mutating func forbidden(_ node: YAMLNode?, _ specs: [ParameterSpec]) -> [[String: Value]] {
    var combinations: [[String: Value]] = []
    for element in elements(node, "forbidden") ?? [] {
      guard let pairs = element.pairs, !pairs.isEmpty else {
        fail(
          "forbidden: expected a mapping, found \(element.found)", at: element,
          hint: "such as - { rerank: true, top_k: 1 }")
        continue
      }
      var combination: [String: Value] = [:]
      for (key, value) in pairs {
        guard let spec = other(key, "forbidden", specs) else { continue }
        combination[spec.name] = accept(value, "forbidden.\(spec.name)", spec)
      }
      if combination.count == pairs.count { combinations.append(combination) }
    }
    return combinations
  }

  /// The parameter a condition or combination names, which must be one of those given.
  private mutating func other(_ key: YAMLNode, _ name: String, _ specs: [ParameterSpec]) -> ParameterSpec? {
    let text = key.scalar ?? ""
    if let spec = specs.first(where: { $0.name == text }) { return spec }
    if parameters[text] != nil {
      if diagnostics.contains(where: { $0.message.hasPrefix("\(text):") }) { return nil }
      fail("\(name): the parameter \(text) stands below; a condition names earlier ones", at: key, hint: "move it up")
    } else {
      let hint = Nearest.name(to: text, among: specs.map(\.name)).map { "did you mean \($0)?" }
      fail("\(name): there is no parameter \(text)", at: key, hint: hint)
    }
    return nil
  }

  private mutating func accept(_ node: YAMLNode, _ name: String, _ spec: ParameterSpec) -> Value? {
    do throws(Rejection) {
      return try spec.domain.accept(node.value)
    } catch {
      fail("\(name): \(error.reason)", at: node)
      return nil
    }
  }
}
