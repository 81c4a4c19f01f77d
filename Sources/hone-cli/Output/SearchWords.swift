import HoneOptimize
import HoneStore
import HoneTasks
import HoneTrace

/// Who proposes trials and who decides what is measured, as `check` and `show` say it.
struct SearchWords {
  let problem: Problem
  /// Name and settings, as a study keeps them.
  let optimizer: Value
  let scheduler: Value

  init(_ task: TaskFile) {
    problem = task.problem
    optimizer = ["use": .string(task.optimizer.name), "settings": .object(task.optimizer.settings)]
    scheduler =
      task.optimizer.scheduler.map {
        ["use": .string($0.name), "settings": .object($0.settings)]
      } ?? Self.full
  }

  init(_ definition: StudyDefinition) {
    problem = definition.problem
    optimizer = definition.optimizer
    scheduler = definition.settings["scheduler"] ?? Self.full
  }

  private static let full: Value = ["use": .string(SchedulerCatalog.defaultName)]

  private var isBandit: Bool {
    (try? SchedulerCatalog.make(name: scheduler["use"]?.string ?? ""))?.asksOptimizer == false
  }

  private var made: (any Optimizer)? {
    try? OptimizerCatalog.make(
      name: optimizer["use"]?.string ?? "", settings: optimizer["settings"] ?? .null, space: problem.space)
  }

  /// `gp driven by ParEGO over accuracy and tokens, seed 3`.
  var optimizerLine: String {
    let seed = ", seed \(problem.seed)"
    if isBandit { return "none, the scheduler picks the settings itself" + seed }
    return Self.line(optimizer) + way + seed
  }

  /// `asha {"eta":4}`.
  var schedulerLine: String { Self.line(scheduler) + (isBandit ? ", a bandit over all settings" : "") }

  /// Why an optimizer that chooses searches as it does now; a cap on trials belongs to a session, and is not known here.
  func reason(_ trials: [TrialRecord]) -> String? {
    reason(
      SearchProgress(
        trials: trials.count, estimates: trials.compactMap { $0.state == .complete ? $0.estimate : nil }))
  }

  func reason(_ progress: SearchProgress) -> String? {
    isBandit ? nil : made?.reason(for: problem, progress: progress)
  }

  /// With several goals: whether the front is searched for.
  private var way: String {
    let objective = problem.objective
    guard !objective.outcomes.isEmpty, let made else { return "" }
    let metric = Printable.line(objective.metric)
    if made.needsRollouts { return " for \(metric) alone" }
    return " driven by ParEGO over \(metric) and "
      + Printable.line(objective.outcomes.keys.sorted().joined(separator: ", "))
  }

  /// A name, and the settings that are not the usual ones.
  private static func line(_ named: Value) -> String {
    guard let name = named["use"]?.string else { return named.text }
    let settings = named["settings"] ?? .null
    return settings.object?.isEmpty ?? true ? name : "\(name) \(Printable.cut(Printable.line(settings.text), to: 400))"
  }
}
