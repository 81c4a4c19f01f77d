import HoneTrace

extension TaskReader {
  private static let metrics = [
    "exact_match", "contains", "regex", "numeric", "token_f1", "json_schema", "command", "json", "outcome",
  ]

  /// - Parameter fit: what the last step fits; nil when it is no fit.
  mutating func score(_ node: YAMLNode, isCommand: Bool, fit: String?) -> ScoreSpec? {
    stepScope = .row("a score compares with the row's fields")
    defer { stepScope = .any }
    let keys = Self.metrics + ["repeats", "feedback", "constraints", "timeout", "directory"]
    guard let members = members(node, of: "score", keys: keys) else { return nil }
    let given = Self.metrics.filter { members[$0] != nil }
    guard let kind = given.first, let at = members[kind] else {
      if members.count == node.pairs?.count {
        fail("score: names no metric", at: node, hint: "one of \(list(Self.metrics))")
      }
      return nil
    }
    if given.count > 1, let second = members[given[1]] {
      fail("score: \(list(given)) exclude each other", at: second, hint: "a study has one metric")
      return nil
    }
    if let timeout = members["timeout"], kind != "command" {
      fail("score.timeout: only a command has one", at: timeout)
    }
    if let directory = members["directory"], kind != "command" {
      fail("score.directory: only a command has one", at: directory)
    }
    let feedback = feedback(members["feedback"])
    let repeats = int(members["repeats"], "score.repeats", in: 1...1000) ?? 1
    let constraints = self.constraints(members["constraints"])
    guard let metric = metric(kind, at, members, isCommand, fit) else { return nil }
    return ScoreSpec(metric: metric, repeats: repeats, feedback: feedback, constraints: constraints)
  }

  private mutating func feedback(_ node: YAMLNode?) -> Template? {
    let scope = stepScope
    stepScope = .any
    defer { stepScope = scope }
    guard let template = template(node, "score.feedback", fields: false), let node else { return nil }
    for field in template.fields where field != "output" && field != "score" {
      noteField(field, at: node, "score.feedback")
    }
    return template
  }

  private mutating func metric(
    _ kind: String, _ at: YAMLNode, _ members: [String: YAMLNode], _ isCommand: Bool, _ fit: String?
  ) -> Metric? {
    switch kind {
    case "exact_match", "contains":
      guard let rule = textRule(at, kind) else { return nil }
      return kind == "contains" ? .contains(rule) : .exactMatch(rule)
    case "regex": return regex(at)
    case "numeric": return numeric(at)
    case "token_f1": return expected(at, "score.token_f1").map { .tokenF1(TokenF1(field: $0)) }
    case "json_schema":
      guard let schema = schema(at, "score.json_schema"), let checked = try? JSONSchema(schema) else { return nil }
      return .jsonSchema(checked)
    case "command":
      guard let arguments = argumentVector(at, "score.command", isScore: true) else { return nil }
      return .command(
        CommandMetric(
          arguments: arguments, directory: path(members["directory"], "score.directory"),
          timeout: duration(members["timeout"], "score.timeout") ?? 60))
    case "outcome":
      guard let fit else {
        fail("score.outcome: the last step is no fit", at: at, hint: "use exact_match, or a command")
        return nil
      }
      return choice(at, "score.outcome", FitSpec.outcomes(fit)).map { .outcome($0) }
    default:
      if !isCommand {
        fail(
          "score.json: reads a command's standard output; \(isInGraph ? "the last step is no command" : "this workflow is a prompt")",
          at: at,
          hint: "use json_schema, or exact_match")
      }
      return name(at, "score.json").map { .json(field: $0) }
    }
  }

  /// The row's field with the expected output: by name alone, or under `output`.
  private mutating func expected(_ node: YAMLNode, _ name: String) -> String? {
    var at = node
    if node.pairs != nil {
      guard let output = members(node, of: name, keys: ["output"])?["output"] else {
        if node.pairs?.contains(where: { $0.key.scalar == "output" }) != true { needsOutput(node, name) }
        return nil
      }
      at = output
    }
    return field(at, name)
  }

  private mutating func needsOutput(_ node: YAMLNode, _ name: String) {
    fail("\(name): needs output, the row's field with the expected output", at: node, hint: "such as output: label")
  }

  mutating func field(_ node: YAMLNode, _ name: String) -> String? {
    guard let field = self.name(node, name) else { return nil }
    noteField(field, at: node, name)
    return field
  }

  private mutating func textRule(_ node: YAMLNode, _ kind: String) -> TextRule? {
    let name = "score.\(kind)"
    guard node.pairs != nil else { return field(node, name).map { TextRule(field: $0) } }
    let keys = ["output", "ignore_case", "trim", "strip_punctuation"]
    guard let members = members(node, of: name, keys: keys) else { return nil }
    guard let output = members["output"] else {
      needsOutput(node, name)
      return nil
    }
    guard let field = field(output, "\(name).output") else { return nil }
    return TextRule(
      field: field, ignoreCase: bool(members["ignore_case"], "\(name).ignore_case") ?? false,
      trim: bool(members["trim"], "\(name).trim") ?? true,
      stripPunctuation: bool(members["strip_punctuation"], "\(name).strip_punctuation") ?? false)
  }

  private mutating func regex(_ node: YAMLNode) -> Metric? {
    guard node.pairs != nil else {
      guard let pattern = pattern(node, "score.regex") else { return nil }
      return makeRegex(pattern, node: node, field: nil, ignoreCase: false)
    }
    guard let members = members(node, of: "score.regex", keys: ["pattern", "output", "ignore_case"]) else { return nil }
    guard let at = members["pattern"] else {
      fail("score.regex: needs pattern", at: node)
      return nil
    }
    let field = members["output"].flatMap { self.field($0, "score.regex.output") }
    let ignoreCase = bool(members["ignore_case"], "score.regex.ignore_case") ?? false
    guard let pattern = pattern(at, "score.regex.pattern") else { return nil }
    return makeRegex(pattern, node: at, field: field, ignoreCase: ignoreCase)
  }

  private mutating func makeRegex(_ pattern: String, node: YAMLNode, field: String?, ignoreCase: Bool) -> Metric? {
    guard let metric = RegexMetric(pattern: pattern, field: field, ignoreCase: ignoreCase) else {
      fail("score.regex: \(quoted(pattern)) is no regular expression", at: node)
      return nil
    }
    return .regex(metric)
  }

  private mutating func numeric(_ node: YAMLNode) -> Metric? {
    guard node.pairs != nil else { return field(node, "score.numeric").map { .numeric(NumericMatch(field: $0)) } }
    guard let members = members(node, of: "score.numeric", keys: ["output", "tolerance", "relative"]) else {
      return nil
    }
    guard let output = members["output"] else {
      needsOutput(node, "score.numeric")
      return nil
    }
    let range = 0.0...Double.greatestFiniteMagnitude
    let tolerance = double(members["tolerance"], "score.numeric.tolerance", in: range)
    let relative = double(members["relative"], "score.numeric.relative", in: range)
    guard let field = field(output, "score.numeric.output") else { return nil }
    return .numeric(NumericMatch(field: field, tolerance: tolerance ?? 0, relative: relative ?? 0))
  }

  private mutating func constraints(_ node: YAMLNode?) -> [ScoreSpec.Constraint] {
    guard let node else { return [] }
    guard let pairs = node.pairs else {
      fail(
        "score.constraints: expected a mapping, found \(node.found)", at: node,
        hint: "such as latency_ms: { at_most: 1500 }")
      return []
    }
    return pairs.compactMap { key, value in
      let name = key.scalar ?? ""
      guard let members = members(value, of: "score.constraints.\(name)", keys: ["at_most", "at_least"]) else {
        return nil
      }
      let atMost = double(members["at_most"], "score.constraints.\(name).at_most")
      let atLeast = double(members["at_least"], "score.constraints.\(name).at_least")
      if members.isEmpty, value.pairs?.isEmpty == true {
        fail("score.constraints.\(name): needs at_most or at_least", at: value)
      }
      if let atMost, let atLeast, atLeast > atMost {
        fail("score.constraints.\(name): at_least \(number(atLeast)) is above at_most \(number(atMost))", at: value)
      }
      return ScoreSpec.Constraint(outcome: name, atMost: atMost, atLeast: atLeast)
    }
  }
}
