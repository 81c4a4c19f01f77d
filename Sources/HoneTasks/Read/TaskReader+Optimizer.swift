import HoneModel
import HoneOptimize
import HoneTrace

extension TaskReader {
  private static let general = ["use", "model", "minibatch", "screening", "scheduler", "seed"]

  mutating func optimizer(_ node: YAMLNode?, _ space: Space?) -> OptimizerSpec {
    var spec = OptimizerSpec(
      name: OptimizerCatalog.defaultName, settings: [:], model: nil, minibatch: nil, screening: nil, seed: 0)
    guard let node else { return spec }
    if let use = node.pairs?.first(where: { $0.key.scalar == "use" })?.value {
      if let name = use.scalar, SchedulerCatalog.names.contains(name) {
        fail(
          "optimizer.use: \(name) is a scheduler, not an optimizer", at: use,
          hint: "a scheduler decides what is measured: optimizer: { scheduler: \(name) }")
        return spec
      }
      guard let chosen = choice(use, "optimizer.use", OptimizerCatalog.names) else { return spec }
      spec.name = chosen
    }
    let own = OptimizerCatalog.settingNames(of: spec.name)
    guard let members = members(node, of: "optimizer", keys: Self.general + own) else { return spec }
    spec.model = model(members["model"], "optimizer.model")
    spec.minibatch = int(members["minibatch"], "optimizer.minibatch", in: 1...100_000)
    spec.screening = bool(members["screening"], "optimizer.screening")
    spec.scheduler = scheduler(members["scheduler"])
    spec.seed = UInt64(int(members["seed"], "optimizer.seed") ?? 0)
    for key in own { spec.settings[key] = members[key]?.value }
    if let folder = members["prompts"] {
      spec.settings["prompts"] = path(folder, "optimizer.prompts").map(Value.string)
    }
    if let file = members["library"] {
      spec.settings["library"] = path(file, "optimizer.library").map(Value.string)
    }
    check(spec, members, node, space)
    if spec.name == "gp-constrained", members["constraints"] == nil {
      fail(
        "optimizer: gp-constrained has no constraints to learn", at: node,
        hint: "such as constraints: { tokens: { at_most: 400 } }")
    }
    return spec
  }

  /// The optimizer itself knows what its settings may be.
  private mutating func check(_ spec: OptimizerSpec, _ members: [String: YAMLNode], _ node: YAMLNode, _ space: Space?) {
    do throws(OptimizerError) {
      _ = try OptimizerCatalog.make(name: spec.name, settings: .object(spec.settings), space: space)
    } catch {
      let name = error.setting.map { "optimizer.\($0)" } ?? "optimizer"
      fail("\(name): \(error.message)", at: error.setting.flatMap { members[$0] } ?? node, hint: error.hint)
    }
  }

  /// A command that names no model leaves texts as they are, and an optimizer that only asks one without any proposal.
  mutating func checkProposer(_ spec: OptimizerSpec, _ space: Space, at node: YAMLNode) {
    guard spec.model == nil, spec.scheduler?.isBandit != true else { return }
    let texts = space.parameters.filter { !$0.domain.isEncodable }.map(\.name)
    let remedy = "name one: optimizer: { model: { endpoint: http://127.0.0.1:8080/v1, name: my-model } }"
    let isWords = !texts.isEmpty && texts.count == space.parameters.count
    if OptimizerCatalog.askingModel.contains(spec.name) || ["joint", "portfolio"].contains(spec.name) && isWords {
      fail(
        "optimizer: \(spec.name) asks a model for every proposal, and the task names none", at: node,
        hint: isWords ? remedy : remedy + "; auto needs none for numbers and choices")
    } else if !texts.isEmpty, ["auto", "joint", "portfolio"].contains(spec.name) {
      warn("optimizer: only a model changes \(list(texts)), and the task names none", at: node, hint: remedy)
    }
  }

  /// An outcome that nothing gives is searched for in vain. A rollout with a prompt has `tokens`; what a command gives only a
  /// run can tell, but a name that is nearly one of the task's own is a misspelling.
  mutating func checkOutcomes(_ members: [String: YAMLNode], _ workflow: WorkflowSpec, _ score: ScoreSpec) {
    func keys(_ section: String, _ key: String) -> [YAMLNode] {
      let node = members[section]?.pairs?.first { $0.key.scalar == key }?.value
      return node?.pairs?.map(\.key) ?? (node?.scalar == nil ? [] : [node].compactMap(\.self))
    }
    let declared = [("goal.outcomes", keys("goal", "outcomes")), ("score.constraints", keys("score", "constraints"))]
    let learned = [
      ("optimizer.constraints", keys("optimizer", "constraints")), ("optimizer.outcome", keys("optimizer", "outcome")),
    ]
    let isScoredByCommand = if case .command = score.metric { true } else { false }
    let fit = workflow.isGraph ? [] : workflow.fits.flatMap(\.allOutcomes)
    let own = (workflow.asksModel ? ["tokens"] : []) + fit
    if !workflow.endsWithCommand, !isScoredByCommand { return checkOutcomes(declared + learned, of: own) }
    let known = own + declared.flatMap(\.1).compactMap(\.scalar)
    for (path, nodes) in learned {
      for node in nodes where !known.contains(node.scalar ?? "") {
        guard let near = Nearest.name(to: node.scalar ?? "", among: known) else { continue }
        fail(
          "\(path): the task names no outcome \(quoted(node.scalar ?? "")) elsewhere", at: node,
          hint: "did you mean \(near)?")
      }
    }
  }

  private mutating func checkOutcomes(_ uses: [(path: String, nodes: [YAMLNode])], of known: [String]) {
    for (path, nodes) in uses {
      for node in nodes {
        guard let name = node.scalar, !name.isEmpty, !known.contains(name) else { continue }
        fail(
          "\(path): a rollout of this workflow has no outcome \(quoted(name))", at: node,
          hint: (known.isEmpty ? "" : "it has \(list(known)); ") + "a score.command can give others")
      }
    }
  }

  mutating func budget(_ node: YAMLNode?) -> (budget: Budget, parallel: Int?) {
    guard let node else { return (Budget(), nil) }
    let keys = ["trials", "rollouts", "requests", "tokens", "money", "time", "oracle_calls", "parallel"]
    guard let members = members(node, of: "budget", keys: keys) else { return (Budget(), nil) }
    func cap(_ key: String, _ reader: inout TaskReader) -> Int? {
      reader.int(members[key], "budget.\(key)", in: 1...Int.max)
    }
    let budget = Budget(
      trials: cap("trials", &self), rollouts: cap("rollouts", &self), requests: cap("requests", &self),
      tokens: cap("tokens", &self), money: double(members["money"], "budget.money", in: 0...1e12),
      seconds: duration(members["time"], "budget.time"), oracleCalls: cap("oracle_calls", &self))
    return (budget, int(members["parallel"], "budget.parallel", in: 1...1024))
  }

  /// What is made better, and when that is enough.
  struct Goal {
    var objective = Objective()
    var target: Double?
    var costPerExample: Double?
  }

  mutating func goal(_ node: YAMLNode?) -> Goal {
    guard let node else { return Goal() }
    let keys = ["maximize", "minimize", "purpose", "target", "cost_per_example", "outcomes"]
    guard let members = members(node, of: "goal", keys: keys) else { return Goal() }
    if let second = members["minimize"], let first = members["maximize"] {
      let both = "{ maximize: \(first.scalar ?? "accuracy"), outcomes: { \(second.scalar ?? "cost"): minimize } }"
      fail(
        "goal: maximize and minimize exclude each other", at: second,
        hint: "to weigh one against the other, goal: \(both); to bound it, score.constraints")
    }
    if members["maximize"] == nil, members["minimize"] == nil, members.count == node.pairs?.count {
      fail("goal: needs maximize or minimize", at: node, hint: "such as goal: { maximize: accuracy }")
    }
    let key = members["maximize"] == nil ? "minimize" : "maximize"
    let metric = name(members[key], "goal.\(key)") ?? "score"
    let purpose = text(members["purpose"], "goal.purpose") ?? ""
    let cost = members["cost_per_example"]
    if let cost, let outcomes = members["outcomes"] {
      fail(
        "goal: cost_per_example and outcomes exclude each other", at: cost,
        hint: "line \(outcomes.mark.line) names several goals, and what the front gains is not told by the score alone")
    }
    return Goal(
      objective: Objective(
        metric: metric, direction: key == "minimize" ? .minimize : .maximize, purpose: purpose,
        outcomes: outcomes(members["outcomes"], metric: metric)),
      target: double(members["target"], "goal.target"),
      costPerExample: double(cost, "goal.cost_per_example", in: 0...1e12))
  }

  /// What matters beside the score: `{ tokens: minimize }`.
  private mutating func outcomes(_ node: YAMLNode?, metric: String) -> [String: Objective.Direction] {
    guard let node else { return [:] }
    let hint = "such as outcomes: { tokens: minimize }"
    guard let pairs = node.pairs else {
      fail("goal.outcomes: expected a mapping, found \(node.found)", at: node, hint: hint)
      return [:]
    }
    if pairs.isEmpty { fail("goal.outcomes: names no outcome", at: node, hint: hint) }
    if pairs.count > Self.mostOutcomes {
      fail(
        "goal.outcomes: \(pairs.count) outcomes, expected \(Self.mostOutcomes) at most", at: node,
        hint: "with many outcomes nearly every trial is on the front; bound some under score.constraints")
    }
    var outcomes: [String: Objective.Direction] = [:]
    for (key, value) in pairs {
      let name = key.scalar ?? ""
      guard !name.allSatisfy(\.isWhitespace) else {
        fail("goal.outcomes: an outcome needs a name", at: key, hint: hint)
        continue
      }
      if name == metric {
        fail("goal.outcomes.\(name): this is the score itself", at: key, hint: "name what it is weighed against")
      }
      if value.value.number != nil {
        fail(
          "goal.outcomes.\(name): expected minimize or maximize, found \(value.found)", at: value,
          hint: "to bound it: score: { constraints: { \(name): { at_most: \(value.scalar ?? "400") } } }")
        continue
      }
      let directions = Objective.Direction.allCases.map(\.rawValue)
      let direction = choice(value, "goal.outcomes.\(name)", directions).flatMap(Objective.Direction.init)
      outcomes[name] = direction
    }
    return outcomes
  }

  /// More than this is no trade-off that a person could survey.
  private static let mostOutcomes = 4
}
