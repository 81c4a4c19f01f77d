import HoneOptimize
import HoneTrace

extension TaskReader {
  private static let fitForms = ["classify", "rank", "calibrate"]
  private static let fitKeys = ["use", "penalty", "outer", "calls"]

  /// What a fit does, by its key, before it is read: the score asks for it.
  static func fitForm(_ step: YAMLNode?) -> String? {
    let fit = step?.pairs?.first { $0.key.scalar == "fit" }?.value
    return fit?.pairs?.compactMap(\.key.scalar).first(where: fitForms.contains)
  }

  /// - Parameter place: of the fit.
  mutating func fit(_ node: YAMLNode, _ place: String) -> FitSpec? {
    let scope = stepScope
    stepScope = .row("a fit reads the rows, which have no output of a step")
    defer { stepScope = scope }
    guard let pairs = node.pairs else {
      fail("\(place): expected a mapping, found \(node.found)", at: node, hint: "such as { classify: label, ... }")
      return nil
    }
    let given = pairs.compactMap(\.key.scalar).filter(Self.fitForms.contains)
    guard let form = given.first, given.count == 1 else {
      fail(
        "\(place): \(given.isEmpty ? "does not say what it does" : "\(list(given)) exclude each other")", at: node,
        hint: "give it one of \(list(Self.fitForms)), each with the field that is right: classify: label")
      return nil
    }
    let own: [String] =
      switch form {
      case "classify": ["features", "checked", "ridge"]
      case "rank": ["features", "candidates", "name", "top_k"]
      default: ["scores", "costs"]
      }
    guard let members = members(node, of: place, keys: [form] + own + Self.fitKeys), let at = members[form],
      let label = field(at, "\(place).\(form)")
    else { return nil }
    fitUses.append(diagnostic(place, at: node, hint: nil))
    let groups =
      form == "calibrate" ? [] : groups(members["features"], node, "\(place).features", ofRow: form != "rank")
    guard let kind = fitForm(form, members, node, place) else { return nil }
    return FitSpec(
      form: kind, label: label, groups: groups,
      use: choices(members["use"], "\(place).use") ?? .value(.string(FitSpec.all)),
      penalty: setting(members["penalty"], "\(place).penalty") { reader, node, name in
        reader.choice(node, name, PenaltyKind.allCases.map(\.rawValue)).map { .string($0) }
      } ?? .value(.string(PenaltyKind.group.rawValue)),
      outer: setting(members["outer"], "\(place).outer") { reader, node, name in
        reader.double(node, name, in: 0.05...0.95).map { .double($0) }
      } ?? .value(.double(0.4)),
      ridge: setting(members["ridge"], "\(place).ridge") { reader, node, name in
        reader.double(node, name, in: 0...1e6).map { .double($0) }
      } ?? .value(.double(1)),
      calls: int(members["calls"], "\(place).calls", in: 1...1_000_000_000) ?? TunedStrengths.calls)
  }

  private mutating func fitForm(_ form: String, _ members: [String: YAMLNode], _ node: YAMLNode, _ place: String)
    -> FitSpec.Form?
  {
    switch form {
    case "classify":
      let checked = members["checked"].flatMap { field($0, "\(place).checked") }
      if let at = members["ridge"], members["checked"] == nil {
        fail(
          "\(place).ridge: strengths are tuned here", at: at, hint: "it is for rows that are weighted: checked: FIELD")
      }
      for key in ["penalty", "outer"] where checked != nil {
        guard let at = members[key] else { continue }
        fail("\(place).\(key): the weights of rows are tuned here, by the checked rows", at: at, hint: "remove it")
      }
      return .classify(checked: checked)
    case "rank":
      guard let at = members["candidates"] else {
        fail("\(place): needs candidates", at: node, hint: "the field with a row's list of them: candidates: passages")
        return nil
      }
      let candidates = setting(at, "\(place).candidates") { reader, node, name in
        reader.field(node, name).map { .string($0) }
      }
      let topK = setting(members["top_k"], "\(place).top_k") { reader, node, name in
        reader.int(node, name, in: 1...Self.mostPassages).map { .int($0) }
      }
      guard let candidates else { return nil }
      return .rank(
        FitSpec.RankSpec(
          candidates: candidates, name: members["name"].flatMap { name($0, "\(place).name") } ?? "name",
          topK: topK ?? .value(.int(1))))
    default:
      guard let at = members["scores"] else {
        fail(
          "\(place): needs scores", at: node,
          hint: "the field with an object of each label's score: scores: scores")
        return nil
      }
      guard let scores = field(at, "\(place).scores") else { return nil }
      return .calibrate(scores: scores, costs: costs(members["costs"], "\(place).costs"))
    }
  }

  /// What a mistake about each label costs; 1 where it is not named.
  private mutating func costs(_ node: YAMLNode?, _ name: String) -> [String: Double] {
    guard let node else { return [:] }
    guard let pairs = node.pairs else {
      fail("\(name): expected a mapping, found \(node.found)", at: node, hint: "such as { lost_card: 5 }")
      return [:]
    }
    var costs: [String: Double] = [:]
    for (key, value) in pairs {
      guard let label = key.scalar else { continue }
      costs[label] = double(value, "\(name).\(label)", in: 1e-3...1e6)
    }
    return costs
  }

  /// - Parameter ofRow: fields are the row's, not a candidate's.
  private mutating func groups(_ node: YAMLNode?, _ at: YAMLNode, _ name: String, ofRow: Bool) -> [FitSpec.Group] {
    guard let node, let pairs = node.pairs, !pairs.isEmpty else {
      fail(
        "\(name): \(node.map { "expected groups of fields, found \($0.found)" } ?? "needs groups of fields")",
        at: node ?? at, hint: "such as features: { embedding: embedding, words: [length, has_link] }")
      return []
    }
    var groups: [FitSpec.Group] = []
    for (key, value) in pairs {
      let title = key.scalar ?? ""
      if title.isEmpty || title.contains("+") || title == FitSpec.all {
        fail(
          "\(name): \(quoted(title)) is no name of a group", at: key, hint: "use joins names by +, and all means all")
      }
      let nodes = value.elements ?? [value]
      let fields = nodes.compactMap { ofRow ? field($0, "\(name).\(title)") : self.name($0, "\(name).\(title)") }
      if fields.isEmpty, nodes.isEmpty { fail("\(name).\(title): has no field", at: value) }
      groups.append(FitSpec.Group(name: title, fields: fields))
    }
    return groups
  }

  /// A fixed text or a parameter.
  private mutating func choices(_ node: YAMLNode?, _ name: String) -> Setting? {
    setting(node, name) { reader, node, name in reader.name(node, name).map { .string($0) } }
  }

  /// A cap that has no room for one trial would end every study before its start.
  mutating func check(oracleCalls cap: Int, _ workflow: WorkflowSpec, at node: YAMLNode) {
    let each = workflow.fits.reduce(0) { $0 + $1.calls }
    if workflow.fits.isEmpty {
      fail("budget.oracle_calls: the workflow fits nothing", at: node, hint: "remove it")
    } else if cap < each {
      fail(
        "budget.oracle_calls: one trial may make \(each)", at: node,
        hint: "raise it, or give the fit less: calls: \(cap / max(2, workflow.fits.count))")
    }
  }

  /// Of the outcomes of a fit it is known which way is better.
  mutating func check(direction: Objective.Direction, ofOutcome name: String, at node: YAMLNode) {
    let isLess = ["log_loss", "cost"].contains(name)
    guard (direction == .minimize) != isLess else { return }
    fail(
      "goal: \(isLess ? "less" : "more") \(name) is better", at: node,
      hint: "write \(isLess ? "minimize" : "maximize"): \(name)")
  }

  // MARK: - Settings that are parameters

  mutating func check(_ fit: FitSpec, _ place: String, _ space: Space, _ node: YAMLNode) {
    check(choices: fit.penalty, "\(place).penalty", space, PenaltyKind.allCases.map(\.rawValue))
    check(uses: fit, "\(place).use", space, node)
    check(fit.outer, "\(place).outer", space, whole: false, atLeast: 0.05, atMost: 0.95)
    check(fit.ridge, "\(place).ridge", space, whole: false, atLeast: 0)
    guard case .rank(let rank) = fit.form else { return }
    check(rank.topK, "\(place).top_k", space, whole: true, atLeast: 1)
    guard case .parameter(let name) = rank.candidates, let spec = space[name], let mark = parameters[name] else {
      return
    }
    let at = YAMLNode(content: .scalar(name, plain: true), mark: mark)
    guard let fields = spec.domain.choices else {
      return fail("\(name): \(place).candidates needs choices of fields, which this parameter does not hold", at: at)
    }
    for field in fields { noteField(field.text, at: at, name) }
  }

  private mutating func check(uses fit: FitSpec, _ name: String, _ space: Space, _ node: YAMLNode) {
    let known = [FitSpec.all] + fit.groups.map(\.name)
    if case .calibrate = fit.form {
      if case .value(let value) = fit.use, !FitSpec.calibrations.contains(value.text) {
        fail(
          "\(name): expected one of \(FitSpec.calibrations.joined(separator: ", ")), found \(quoted(value.text))",
          at: node)
      }
      return check(choices: fit.use, name, space, FitSpec.calibrations)
    }
    func isKnown(_ value: Value) -> Bool {
      value.text == FitSpec.all
        || !value.text.isEmpty
          && value.text.split(separator: "+").allSatisfy { part in known.dropFirst().contains(part.filter { $0 != " " })
          }
    }
    switch fit.use {
    case .value(let value):
      if !isKnown(value) { fail("\(name): \(quoted(value.text)) is no group of features", at: node, hint: hint(known)) }
    case .parameter(let parameter):
      guard let spec = space[parameter], let mark = parameters[parameter] else { return }
      let at = YAMLNode(content: .scalar(parameter, plain: true), mark: mark)
      guard let wrong = (spec.domain.choices ?? [.null]).first(where: { !isKnown($0) }) else { return }
      fail("\(parameter): \(name) needs groups of features, found \(quoted(wrong.text))", at: at, hint: hint(known))
    }
  }

  private func hint(_ known: [String]) -> String {
    "they are \(list(Array(known.dropFirst()))), joined by +; all means all of them"
  }
}
