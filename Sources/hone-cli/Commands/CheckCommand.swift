import ArgumentParser
import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneTasks
import HoneTrace

struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check a task and its data; show what would be searched and what it may cost.",
    discussion: """
      Nothing is sent and nothing is written. A budget or data that can decide nothing ends it with code 65: --force insists.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var options: TaskOptions
  @OptionGroup var database: DatabaseOptions
  @Flag(help: "Print every setting with the place it comes from.") var explain = false
  @Flag(help: "Exit 1 when there are warnings.") var strict = false

  func run() async throws {
    let console = global.console()
    let resolved = try options.resolved()
    let task = resolved.task
    let data = try task.loadData()
    for warning in task.warnings where !console.json {
      console.message(warning.rendered(colored: console.terminal.hasColor))
    }
    try await task.checkSandbox(environment: resolved.environment)
    try task.checkPrograms(environment: resolved.environment)
    let plan = CheckPlan(task: task, data: data)
    if console.json {
      try printJSON(resolved, data, plan, console)
    } else {
      try print(resolved, data, plan, console)
    }
    try plan.decidability.check(isForced: options.force, console)
    if !console.json { console.status("Next", options.line("tune", database.setting()), .info, wraps: false) }
    if strict, !task.warnings.isEmpty { throw ExitCode(Exit.no.rawValue) }
  }

  private func print(_ resolved: ResolvedTask, _ data: DataSplits, _ plan: CheckPlan, _ console: Console) throws {
    let task = resolved.task
    let columns = console.dataTerminal.columns
    console.result("Checked", "\(task.path)  study \(task.study), \(task.objective.line)")
    for line in task.space.lines(columns: columns) { console.result("Parameter", line) }
    for line in Self.lines(of: task) { console.result("Step", line) }
    console.result(
      "Data",
      "train \(Format.count(data.train.count)), validation \(Format.count(data.validation.count)), "
        + "test \(Format.count(data.test.count))" + (data.test.isEmpty ? "" : " (sealed)"))
    if explain {
      for entry in try entries(resolved) {
        console.result(
          "Setting", "\(Printable.pad(entry.name, to: 10))\(Printable.pad(entry.value, to: 28))  \(entry.origin)", .info
        )
      }
    } else if let endpoint = try task.endpoint(environment: resolved.environment) {
      console.result("Model", "\(Printable.line(endpoint.model)) at \(endpoint.place)")
    }
    if let endpoint = try task.embeddingEndpoint(environment: resolved.environment) {
      console.result("Embedding", "\(Printable.line(endpoint.model)) at \(endpoint.place)")
    }
    if task.isSandboxed {
      console.result("Sandbox", "bubblewrap; the command sees no network and no file but those named")
    }
    let search = SearchWords(task)
    console.result("Optimizer", search.optimizerLine)
    if let reason = reason(task) { console.result("Why", Printable.line(reason)) }
    console.result("Scheduler", search.schedulerLine)
    for line in plan.lines { console.result(line.word, line.text, line.isWarning ? .warn : .good) }
  }

  /// The steps of a workflow that declares several, each with what it reads: parameters, fields, outputs.
  private static func lines(of task: TaskFile) -> [String] {
    guard task.workflow.isGraph else { return [] }
    let steps = task.stepReads
    let width = steps.map(\.name.count).max() ?? 0
    return steps.map { step in
      let reads = (step.parameters.map { "$\($0)" } + step.fields).joined(separator: ", ")
      return "\(Printable.pad(step.name, to: width))  \(Printable.pad(step.kind, to: 8))  "
        + (reads.isEmpty ? "reads nothing" : "reads \(Printable.line(reads))")
    }
  }

  private func reason(_ task: TaskFile) -> String? {
    SearchWords(task).reason(SearchProgress(trials: 0, mostTrials: task.budget.trials))
  }

  private func entries(_ resolved: ResolvedTask) throws -> [ResolvedTask.Entry] {
    let setting = database.setting()
    return resolved.settings + (try resolved.endpointSettings())
      + [ResolvedTask.Entry(name: "db", value: setting.value, origin: setting.origin)]
  }

  private func printJSON(_ resolved: ResolvedTask, _ data: DataSplits, _ plan: CheckPlan, _ console: Console) throws {
    let task = resolved.task
    var settings: [String: Value] = [:]
    for entry in try entries(resolved) {
      settings[entry.name] = ["value": .string(entry.value), "origin": .string(entry.origin)]
    }
    console.json(
      "hone.check/1",
      [
        "task": .string(task.path), "study": .string(task.study), "metric": .string(task.objective.metric),
        "direction": .string(task.objective.direction.rawValue), "outcomes": task.objective.outcomesAsValue,
        "optimizer": .string(task.optimizer.name),
        "optimizer_reason": reason(task).asValue, "scheduler": SearchWords(task).scheduler,
        "parameters": .array(task.space.parameters.map(\.asValue)),
        "steps": .array(
          task.stepReads.map {
            [
              "name": .string($0.name), "kind": .string($0.kind), "parameters": .array($0.parameters.map(Value.string)),
              "fields": .array($0.fields.map(Value.string)),
            ]
          }),
        "data": [
          "train": .int(data.train.count), "validation": .int(data.validation.count), "test": .int(data.test.count),
        ],
        "settings": .object(settings), "plan": plan.asValue, "warnings": .array(task.warnings.map(\.fields)),
      ])
  }
}

/// What a study would need at most, as `check` shows it.
struct CheckPlan: Sendable {
  /// Assignments there are; nil: no end of them.
  var assignments: Int?
  /// Whether each rollout asks a model.
  var asksModel: Bool
  var budget: Budget
  var estimate: CostEstimate
  var decidability: Decidability
  /// Every trial is measured whole.
  var isWhole: Bool

  init(task: TaskFile, data: DataSplits) {
    assignments = task.space.cardinality
    budget = task.budget
    estimate = task.estimate(data)
    decidability = task.decidability(data)
    isWhole = task.optimizer.scheduler.map { $0.name == SchedulerCatalog.defaultName } ?? true
    asksModel = estimate.requestsPerRollout > 0
  }

  /// Rollouts of a trial that is not screened out, the training examples shown to proposers included.
  private var rolloutsPerTrial: Int { estimate.rolloutsPerTrial + estimate.trainRolloutsPerAsk }

  struct Line { var word: String, text: String, isWarning = false }

  var lines: [Line] {
    var lines: [Line] = []
    lines.append(
      Line(
        word: "Space",
        text: assignments.map { "\(Format.count($0)) assignments" } ?? "no end of assignments"))
    var caps: [String] = []
    if let value = budget.trials { caps.append(Format.plural(value, "trial")) }
    if let value = budget.rollouts { caps.append(Format.plural(value, "rollout")) }
    if let value = budget.requests { caps.append(Format.plural(value, "request")) }
    if let value = budget.tokens { caps.append(Format.plural(value, "token")) }
    if let value = budget.money { caps.append("\(Format.number(value)) of money") }
    if let value = budget.seconds { caps.append(Format.duration(value)) }
    if caps.isEmpty {
      lines.append(
        Line(word: "Budget", text: "none: the study ends when its space does, or when it is stopped", isWarning: true))
    } else {
      lines.append(Line(word: "Budget", text: "at most " + caps.joined(separator: ", ")))
    }
    var text =
      "\(Format.plural(rolloutsPerTrial, "rollout")) a trial at most, \(Format.count(estimate.testRollouts)) for the sealed test"
    if let rollouts = estimate.rollouts { text += "; \(Format.count(rollouts)) in all at most" }
    let each = estimate.requestsPerRollout
    if asksModel { text += each == 1 ? ", each one request" : ", each \(Format.count(each)) requests" }
    lines.append(Line(word: "Plan", text: text))
    if let bought { lines.append(Line(word: "Buys", text: bought)) }
    let (validation, test) = (decidability.smallestValidationGain, decidability.smallestTestGain)
    if let gains = Format.gains(validation: validation, test: test) {
      lines.append(Line(word: "Can show", text: gains))
    }
    if let rollouts = estimate.rollouts, asksModel, let requests = budget.requests, rollouts > requests / each {
      lines.append(
        Line(
          word: "Note",
          text: "the request budget of \(Format.count(requests)) may end the study before its trials are run",
          isWarning: true))
    }
    return lines
  }

  /// `about 9 trials measured whole and the test: 610 rollouts, 622 requests, 95,000 tokens`.
  private var bought: String? {
    guard let bought = decidability.bought, budget != Budget() else { return nil }
    var parts = [Format.plural(bought.rollouts, "rollout")]
    if bought.requests > 0 { parts.append("about " + Format.plural(bought.requests, "request")) }
    if let tokens = bought.tokens { parts.append("about " + Format.plural(tokens, "token")) }
    let trials = "\(Format.plural(bought.trials, "trial")) measured whole"
    return (isWhole ? "room for " : "as much as ") + trials
      + (estimate.testRollouts > 0 ? " and the sealed test: " : ": ") + parts.joined(separator: ", ")
  }

  var asValue: Value {
    [
      "bought": decidability.bought.map {
        [
          "trials": .int($0.trials), "rollouts": .int($0.rollouts), "requests": .int($0.requests),
          "tokens": $0.tokens.asValue,
        ]
      } ?? .null,
      "least": [
        "rollouts": .int(decidability.rollouts), "requests": .int(decidability.requests),
        "tokens": .int(decidability.tokens),
      ],
      "smallest_validation_gain": decidability.smallestValidationGain.asValue,
      "smallest_test_gain": decidability.smallestTestGain.asValue, "refusals": decidability.asValue,
      "rollouts_per_trial": .int(rolloutsPerTrial), "test_rollouts": .int(estimate.testRollouts),
      "assignments": assignments.asValue,
      "trials": estimate.trials.asValue, "rollouts": estimate.rollouts.asValue, "asks_model": .bool(asksModel),
    ]
  }
}

extension Decidability {
  /// - Throws: `Failure` 65 when a study could decide nothing; forced, that is a warning.
  func check(isForced: Bool, _ console: Console) throws(Failure) {
    guard !refusals.isEmpty else { return }
    guard isForced else {
      let isOfData = refusals.allSatisfy { if case .rows = $0 { true } else { false } }
      throw Failure(
        .badInput, refusals.map(\.description).joined(separator: "; "),
        hint: (isOfData ? "add rows, or give that split a larger part" : "raise the budget") + "; --force insists")
    }
    for refusal in refusals { console.warning(refusal.description) }
  }

  var asValue: Value {
    .array(
      refusals.map {
        [
          "of": .string($0.subject), "given": .int($0.given), "needed": .int($0.needed),
          "message": .string($0.description),
        ]
      })
  }
}
