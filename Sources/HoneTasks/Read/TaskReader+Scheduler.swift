import HoneOptimize
import HoneTrace

extension TaskReader {
  /// `scheduler: asha`, or `scheduler: { use: asha, eta: 3 }` with settings of its own.
  mutating func scheduler(_ node: YAMLNode?) -> SchedulerSpec? {
    guard let node else { return nil }
    let path = "optimizer.scheduler"
    if node.scalar != nil {
      return scheduler(named: node, path).map { SchedulerSpec(name: $0, settings: [:]) }
    }
    var spec = SchedulerSpec(name: SchedulerCatalog.defaultName, settings: [:])
    if let use = node.pairs?.first(where: { $0.key.scalar == "use" })?.value {
      guard let chosen = scheduler(named: use, "\(path).use") else { return nil }
      spec.name = chosen
    }
    let own = SchedulerCatalog.settingNames(of: spec.name)
    guard let members = members(node, of: path, keys: ["use"] + own) else { return nil }
    for key in own { spec.settings[key] = members[key]?.value }
    do throws(OptimizerError) {
      // The scheduler itself knows what its settings may be.
      _ = try SchedulerCatalog.make(name: spec.name, settings: .object(spec.settings))
    } catch {
      let name = error.setting.map { "\(path).\($0)" } ?? path
      fail("\(name): \(error.message)", at: error.setting.flatMap { members[$0] } ?? node, hint: error.hint)
    }
    return spec
  }

  /// A bandit chooses among assignments that can be counted, and by the score alone.
  mutating func checkBandit(
    _ members: [String: YAMLNode], _ spec: OptimizerSpec, _ space: Space, _ objective: Objective
  ) {
    guard let scheduler = spec.scheduler, scheduler.isBandit,
      let node = members["optimizer"]?.pairs?.first(where: { $0.key.scalar == "scheduler" })?.value
    else { return }
    let most = BanditScheduler.mostArms
    if space.cardinality.map({ $0 > most }) ?? true {
      let count = space.cardinality.map { "\($0) assignments" } ?? "assignments without end"
      fail(
        "optimizer.scheduler: \(scheduler.name) needs a space of at most \(most) assignments, and this one has \(count)",
        at: node, hint: "give numbers a step or turn them into choices; race and asha take any space")
    }
    if !objective.outcomes.isEmpty {
      warn(
        "optimizer.scheduler: \(scheduler.name) goes by the score alone: \(list(objective.outcomes.keys.sorted())) are only reported",
        at: node, hint: "full, race and asha look for the front")
    }
  }

  private mutating func scheduler(named node: YAMLNode, _ path: String) -> String? {
    guard let name = node.scalar, OptimizerCatalog.names.contains(name) else {
      return choice(node, path, SchedulerCatalog.names)
    }
    fail(
      "\(path): \(name) is an optimizer, not a scheduler", at: node,
      hint: "an optimizer proposes: optimizer: { use: \(name) }")
    return nil
  }
}
