import HoneModel
import HoneOptimize
import HoneTrace

extension TaskReader {
  /// Optimizers a task file may name, whichever of them the program at hand has.
  static let optimizers = [
    "joint", "optoprime", "random", "sobol", "portfolio", "bandit", "gp", "tpe", "cmaes", "halving",
  ]
  private static let general = ["use", "model", "minibatch", "screening", "seed"]
  private static let own: [String: [String]] = [
    "joint": ["candidates", "memory", "temperature", "max_tokens", "share", "numbers", "text"],
    "optoprime": ["candidates", "memory", "temperature", "max_tokens"],
    "random": [], "sobol": [],
    "bandit": ["algorithm"], "gp": ["acquisition"], "portfolio": ["candidates", "members"], "tpe": [], "cmaes": [],
    "halving": ["rate"],
  ]

  mutating func optimizer(_ node: YAMLNode?) -> OptimizerSpec {
    var spec = OptimizerSpec(name: "joint", settings: [:], model: nil, minibatch: nil, screening: nil, seed: 0)
    guard let node else { return spec }
    var name = "joint"
    if let use = node.pairs?.first(where: { $0.key.scalar == "use" })?.value {
      guard let chosen = choice(use, "optimizer.use", Self.optimizers) else { return spec }
      name = chosen
    }
    let own = Self.own[name] ?? []
    guard let members = members(node, of: "optimizer", keys: Self.general + own) else { return spec }
    spec.name = name
    spec.model = model(members["model"], "optimizer.model")
    spec.minibatch = int(members["minibatch"], "optimizer.minibatch", in: 1...100_000)
    spec.screening = bool(members["screening"], "optimizer.screening")
    spec.seed = UInt64(int(members["seed"], "optimizer.seed") ?? 0)
    for key in own {
      guard let member = members[key] else { continue }
      if let number = member.value.number, !number.isFinite {
        fail("optimizer.\(key): expected a finite number, found \(member.scalar ?? "")", at: member)
      }
      spec.settings[key] = member.value
    }
    return spec
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

  mutating func goal(_ node: YAMLNode?) -> (objective: Objective, target: Double?) {
    guard let node else { return (Objective(), nil) }
    let keys = ["maximize", "minimize", "purpose", "target"]
    guard let members = members(node, of: "goal", keys: keys) else { return (Objective(), nil) }
    if let second = members["minimize"], members["maximize"] != nil {
      fail(
        "goal: maximize and minimize exclude each other", at: second,
        hint: "bound the other one under score.constraints")
    }
    if members["maximize"] == nil, members["minimize"] == nil, members.count == node.pairs?.count {
      fail("goal: needs maximize or minimize", at: node, hint: "such as goal: { maximize: accuracy }")
    }
    let key = members["maximize"] == nil ? "minimize" : "maximize"
    let metric = name(members[key], "goal.\(key)") ?? "score"
    let purpose = text(members["purpose"], "goal.purpose") ?? ""
    return (
      Objective(metric: metric, direction: key == "minimize" ? .minimize : .maximize, purpose: purpose),
      double(members["target"], "goal.target")
    )
  }
}
