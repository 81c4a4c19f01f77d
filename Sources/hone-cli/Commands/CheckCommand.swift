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
    try plan.decidability.gate(options, console, next: database.setting())
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
