import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTasks
import HoneTrace

/// The end of `hone tune`: what was found, how sure that is, what it cost, what to do next. It is the command's data.
struct ReportView {
  let report: Report
  let task: ResolvedTask
  /// Of the best trial, on the sealed test.
  let test: [RolloutRecord]
  /// All that were begun.
  let trials: [TrialRecord]
  let roles: Roles
  let database: Setting<String>
  /// As they were given, with the other words that a command to go on keeps.
  let options: TaskOptions
  let kept: [String]
  /// Nothing was sent: what was spent was spent when the cassette was recorded.
  let isReplay: Bool
  let console: Console

  func print() throws {
    if console.json {
      var fields = try report.fields(trials, space: task.task.space, roles: roles)
      let fit = fit.asValue
      if fit != .null { fields["fit"] = fit }
      console.json("hone.report/1", fields)
      return
    }
    console.result("Stop", report.stopLine, .info)
    console.result("Best", best, report.bestTrial == report.startTrial ? .warn : .good)
    // One rollout says nothing of another.
    if let winner = report.winner, report.best.count > 1 { console.result("Expect", winner.line, .info) }
    fit.print(on: console)
    for line in changes { console.result("Change", line, .info) }
    Lineage(of: report.bestTrial, among: trials, space: task.task.space)
      .print(on: console.dataTerminal, isWhole: false) { console.result($0, $1, .info, wraps: false) }
    console.result("Test", report.testLine, report.isImproved ? .good : .warn)
    if let front = report.front { FrontView(front: front, problem: task.task.problem, console: console).print() }
    ImportanceView(task.task.problem, trials).print(on: console)
    if let reason = report.optimizerReason { console.result("Optimizer", Printable.line(reason), .info) }
    console.result("Spent", spent)
    if let line = roles.line { console.result("By role", line) }
    console.next(next, asData: true)
  }

  private var fit: FitView { FitView(trials.first { $0.number == report.bestTrial }, test: test) }

  private var best: String {
    let rows = Format.plural(report.best.count, "rollout")
    var text = "\(Format.score(report.best.mean)) at trial \(report.bestTrial) (validation, \(rows))"
    if report.bestTrial == report.startTrial {
      text += ": the start; nothing better was found"
    } else if let start = report.validation {
      text += "; the start \(Format.score(start.start))"
      if start.count < report.best.count { text += " and this \(Format.score(start.best))" }
      let interval = start.isSample ? start.gainIntervalText : Comparison.noInterval
      text += " on the same \(Format.count(start.count)), gain \(start.gainText) (\(interval))"
    }
    return text
  }

  private var changes: [String] {
    let space = task.task.space
    return space.parameters.compactMap { parameter in
      guard let value = report.assignment[parameter.name], value != parameter.initial else { return nil }
      let shown = Format.pair(parameter.initial, value, columns: (60, 120))
      return "\(parameter.name)  \(shown.old) -> \(shown.new)"
    }
  }

  private var spent: String {
    let budget = task.task.budget
    var text = Format.count(report.spend.requests)
    if let cap = budget.requests { text += " of \(Format.count(cap))" }
    text +=
      " request\(report.spend.requests == 1 && budget.requests == nil ? "" : "s"), \(Format.count(report.spend.tokens))"
    if let cap = budget.tokens { text += " of \(Format.count(cap))" }
    text += " tokens"
    if let calls = FitView.calls(trials) { text += ", \(calls)" }
    if report.spend.money > 0 { text += ", \(Format.fixed(report.spend.money, 4)) of money" }
    if isReplay { text += " when recorded, nothing now" }
    return text + ", " + Format.duration(report.seconds)
  }

  private var next: [String] {
    let study = Shell.quoted(report.study)
    let place = database.place
    if report.bestTrial == report.startTrial {
      // A recording holds no more than it holds.
      let more = isReplay ? nil : raised.map { [$0.line("tune", database, kept)] }
      return ["hone list \(study)\(place)"] + (more ?? [])
    }
    return ["hone diff \(study)\(place)", "hone best \(study) --write tuned.yaml\(place)"]
  }

  /// The options as given, with twice the room of the cap that ended the search; nil when no cap did.
  private var raised: TaskOptions? {
    let budget = task.task.budget
    var raised = options
    func twice(_ cap: Int?) -> Int? { cap.map { $0.multipliedReportingOverflow(by: 2).overflow ? .max : $0 * 2 } }
    switch report.stop {
    case .trials: raised.trials = twice(max(report.trials, budget.trials ?? 0))
    case .rollouts: raised.rollouts = twice(budget.rollouts)
    case .requests: raised.requests = twice(budget.requests)
    case .tokens: raised.tokens = twice(budget.tokens)
    case .money: raised.money = budget.money.map { $0 * 2 }
    case .time: raised.time = budget.seconds.flatMap { Seconds(argument: "\(($0 * 2).rounded(.up))") }
    default: return nil
    }
    return raised
  }
}

extension Report {
  /// Why the search ended, in a sentence.
  var stopLine: String {
    switch stop {
    case .trials: "the budget of \(Format.plural(trials, "trial")) is used"
    case .rollouts: "the budget of rollouts is used"
    case .requests: "the budget of requests is used"
    case .tokens: "the budget of tokens is used"
    case .money: "the budget of money is used"
    case .time: "the time is over"
    case .oracleCalls: "the budget of oracle calls is used"
    case .exhausted: "there is nothing more to try"
    case .target: "the target is reached"
    case .scheduler: Printable.line(stopReason ?? "nothing more is worth a rollout")
    case .gain: Printable.line(stopReason ?? "going on would gain less than it costs")
    case .proposer: Printable.line(stopReason ?? "the proposer gave no usable reply")
    }
  }

  /// What the sealed test says: `0.700 -> 0.900 (0.800 to 1.000), gain +0.200, …: improved`.
  var testLine: String {
    guard let test else {
      return "\(isTestOpened == true ? "opened, but not finished" : "not opened"): \(Printable.line(untested))"
    }
    guard test.isSample else {
      return "\(Format.score(test.start)) -> \(Format.score(test.best)), gain \(Format.gain(test.gain)); "
        + Comparison.noInterval
    }
    let level = Format.percent(0.95)
    var text = "\(Format.score(test.start)) -> \(Format.score(test.best)) (\(test.bestInterval.line))"
    text +=
      ", gain \(test.gainText), \(level) interval \(test.gainIntervalText), \(Format.probability(test.pValue))"
    text += ", \(Format.plural(test.count, "row")): " + (isImproved ? "improved" : "NOT shown to improve")
    return text
  }
}

extension Comparison {
  fileprivate var gainText: String { Format.gain(gain, between: start, and: best) }

  fileprivate var gainIntervalText: String {
    [gainInterval.lower, gainInterval.upper].map { Format.difference($0, between: start, and: best) }
      .joined(separator: " to ")
  }

  /// Rows that stand for others; one says nothing of them.
  var isSample: Bool { count > 1 }

  static let noInterval = "one row: no interval"
}

extension Comparison.Interval {
  var line: String { "\(Format.score(lower)) to \(Format.score(upper))" }
}

extension Winner {
  /// What to expect of it on new rows like those of validation.
  var line: String {
    var text = "\(Format.score(mean)) (\(Format.score(lower)) to \(Format.score(upper))) on new rows"
    if candidates > 1 { text += ": to be the best of \(Format.count(candidates)) trials is partly luck" }
    return text
  }
}

extension Winner? {
  var asValue: Value {
    map {
      [
        "trial": .int($0.trial), "count": .int($0.count), "mean": .double($0.mean), "lower": .double($0.lower),
        "upper": .double($0.upper), "candidates": .int($0.candidates),
      ]
    } ?? .null
  }
}
