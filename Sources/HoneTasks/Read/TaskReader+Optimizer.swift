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
    check(spec, members, node, space)
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

  mutating func budget(_ node: YAMLNode?) -> (budget: Budget, parallel: Int?) {
    guard let node else { return (Budget(), nil) }
    let keys = ["trials", "rollouts", "requests", "tokens", "money", "time", "parallel"]
    guard let members = members(node, of: "budget", keys: keys) else { return (Budget(), nil) }
    func cap(_ key: String, _ reader: inout TaskReader) -> Int? {
      reader.int(members[key], "budget.\(key)", in: 1...Int.max)
    }
    let budget = Budget(
      trials: cap("trials", &self), rollouts: cap("rollouts", &self), requests: cap("requests", &self),
      tokens: cap("tokens", &self), money: double(members["money"], "budget.money", in: 0...1e12),
      seconds: duration(members["time"], "budget.time"))
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
