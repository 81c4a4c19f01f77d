import ArgumentParser
import Foundation
import HoneModel
import HoneTasks

/// What may be changed about a task from the command line: `check` and `tune` share it.
struct TaskOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Task file (YAML).", valueName: "task"), completion: .file(extensions: ["yaml", "yml"]))
  var path: String

  @Option(help: ArgumentHelp("Most trials, in all.", valueName: "n"))
  var trials: Int?

  @Option(help: ArgumentHelp("Most rollouts, in all.", valueName: "n"))
  var rollouts: Int?

  @Option(help: ArgumentHelp("Most requests to the model, in all.", valueName: "n"))
  var requests: Int?

  @Option(help: ArgumentHelp("Most tokens, in all.", valueName: "n"))
  var tokens: Int?

  @Option(help: ArgumentHelp("Most money, in the currency of the task's price.", valueName: "amount"))
  var money: Double?

  @Option(help: ArgumentHelp("Longest time, in all: 90s, 30m, 2h.", valueName: "time"))
  var time: Seconds?

  @Option(help: ArgumentHelp("Rollouts at a time.", valueName: "n"))
  var parallel: Int?

  @Option(help: ArgumentHelp("Seed of every random choice.", valueName: "n"))
  var seed: UInt64?

  @Flag(help: "Insist on a budget or on data that can decide nothing.") var force = false

  func validate() throws {
    for (name, value) in [
      ("trials", trials), ("rollouts", rollouts), ("requests", requests), ("tokens", tokens), ("parallel", parallel),
    ] {
      if let value, value < 1 { throw ValidationError("--\(name) must be at least 1, not \(value)") }
    }
    if let money, !(money > 0 && money.isFinite) { throw ValidationError("--money must be above 0, not \(money)") }
  }

  /// The task as its file, the environment and the flags together make it.
  func resolved(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> ResolvedTask {
    var task = try TaskFile.load(path: path)
    var settings: [ResolvedTask.Entry] = []
    let file = (path as NSString).lastPathComponent
    func pick<Value: Sendable & Equatable>(
      _ key: String, _ flag: Value?, _ written: Value?, fallback: Value? = nil, show: (Value) -> String
    ) -> Value? {
      let chosen = flag ?? written ?? fallback
      let origin = flag != nil ? "--\(key)" : written != nil ? file : "default"
      settings.append(.init(name: key, value: chosen.map(show) ?? "no limit", origin: origin))
      return chosen
    }
    task.budget.trials = pick("trials", trials, task.budget.trials) { Format.count($0) }
    task.budget.rollouts = pick("rollouts", rollouts, task.budget.rollouts) { Format.count($0) }
    task.budget.requests = pick("requests", requests, task.budget.requests) { Format.count($0) }
    task.budget.tokens = pick("tokens", tokens, task.budget.tokens) { Format.count($0) }
    task.budget.money = pick("money", money, task.budget.money) { Format.number($0) }
    task.budget.seconds = pick("time", time?.value, task.budget.seconds) { Format.duration($0) }
    task.parallel = pick("parallel", parallel, task.parallel, fallback: ResolvedTask.defaultParallel) { "\($0)" }
    task.optimizer.seed = pick("seed", seed, task.optimizer.seed) { "\($0)" } ?? 0
    return ResolvedTask(task: task, settings: settings, environment: environment)
  }
}

/// A length of time on the command line: `90s`, `30m`, `2h`, `1h30m`; a bare number is seconds.
struct Seconds: ExpressibleByArgument, Sendable {
  var value: Double

  init?(argument: String) {
    if let seconds = Double(argument), seconds > 0, seconds.isFinite {
      value = seconds
      return
    }
    var total = 0.0
    var number = ""
    for character in argument {
      if character.isNumber || character == "." {
        number.append(character)
        continue
      }
      guard let amount = Double(number), let unit = ["s": 1.0, "m": 60, "h": 3600, "d": 86_400][character] else {
        return nil
      }
      total += amount * unit
      number = ""
    }
    guard number.isEmpty, total > 0, total.isFinite else { return nil }
    value = total
  }
}
