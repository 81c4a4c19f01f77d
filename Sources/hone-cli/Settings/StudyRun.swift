import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTasks
import HoneTrace

extension Workbench {
  /// Runs, or goes on with, the task's study in a store.
  ///
  /// - Parameters:
  ///   - emptyRounds: after how many rounds in vain it ends; nil for the study's own.
  ///   - caps: in a replay, what the study's sessions planned with.
  func run(
    in store: any Store, cassette: (any CallArchive)?, mode: CassetteMode, emptyRounds: Int? = nil,
    caps: Value? = nil, progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) async throws -> Report {
    var optimizerSettings = task.optimizer.settings
    for key in ["prompts", "library"] {
      guard let path = optimizerSettings[key]?.string, !path.hasPrefix("/") else { continue }
      optimizerSettings[key] = .string("\(task.directory)/\(path)")
    }
    let optimizer = try OptimizerCatalog.make(
      name: task.optimizer.name, settings: .object(optimizerSettings), space: task.space)
    var keptSettings = task.optimizer.settings
    // What the file holds now: another library is another study.
    if let optimizer = optimizer as? AlphaOPT, keptSettings["library"] != nil {
      keptSettings["library"] = optimizer.settings.library.document
    }
    let problem = Problem(space: task.space, objective: task.objective, seed: task.optimizer.seed)
    var settings = settings
    if let emptyRounds { settings.emptyRounds = emptyRounds }
    settings.recordedCaps = caps
    return try await Study(store: store, name: task.study).run(
      runner, problem: problem, data: data, optimizer: optimizer,
      optimizerSettings: ["use": .string(task.optimizer.name), "settings": .object(keptSettings)],
      settings: settings, scheduler: try scheduler,
      schedulerSettings: task.optimizer.scheduler.map { .object($0.settings) },
      proposer: proposer, cassette: cassette, mode: mode,
      documents: [TaskSource.document: TaskSource(task, model: endpoint?.model).asValue], logger: nil,
      progress: progress)
  }

  private var settings: StudySettings {
    var settings = StudySettings(budget: task.budget)
    if let minibatch = task.optimizer.minibatch { settings.minibatch = minibatch }
    if let screening = task.optimizer.screening { settings.screening = screening }
    settings.parallel = task.parallel ?? ResolvedTask.defaultParallel
    settings.repeats = task.score.repeats
    settings.target = task.target
    settings.costPerExample = task.costPerExample
    settings.batch = OptimizerCatalog.candidates(.object(task.optimizer.settings)) ?? settings.batch
    settings.constraints = task.score.constraints.map {
      OutcomeConstraint(outcome: $0.outcome, atMost: $0.atMost, atLeast: $0.atLeast)
    }
    return settings
  }

  /// Nil for full evaluation, which the settings describe.
  private var scheduler: (any Scheduler)? {
    get throws(OptimizerError) {
      guard let spec = task.optimizer.scheduler, spec.name != SchedulerCatalog.defaultName else { return nil }
      return try SchedulerCatalog.make(
        name: spec.name, settings: .object(spec.settings), defaults: .init(batch: settings.batch))
    }
  }
}
