import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTasks
import HoneTrace

/// What `hone tune` prints while a study runs: one to three lines a trial that ends, and on a terminal one line of progress
/// below.
final class TuneView: Sendable {
  private struct State {
    var best: Double?
    var bestTrial: Int?
    var running: [Int] = []
    var ended: Set<Int> = []
    /// Those known so far, for what others were made from.
    var trials: [TrialRecord] = []
    /// Rollouts of a trial that is measured whole; nil before that is known.
    var whole: Int?
    /// The scheduler's, by trial.
    var remarks: [Int: String] = [:]
  }
  private let state = Lock(State())
  private let console: Console
  private let task: ResolvedTask
  private let space: Space
  private let study: String

  init(_ task: ResolvedTask, console: Console) {
    self.task = task
    self.console = console
    space = task.task.space
    study = task.task.study
  }

  /// What earlier sessions found.
  func start(_ trials: [TrialRecord], best: TrialRecord?) {
    state.withLock { state in
      (state.best, state.bestTrial) = (best?.estimate?.mean, best?.number)
      state.trials = trials
      state.ended = Set(trials.filter { $0.state == .complete || $0.state == .failed }.map(\.number))
    }
  }

  /// - Parameter done: trials that are done; nil for a new study.
  func opening(_ database: String, done: Int?) {
    let state = done.map { "\(Format.plural($0, "trial")) done, resuming" } ?? "new"
    console.status("Opening", "\(database)  study \(Printable.line(study)), \(state)")
    tuning()
  }

  /// What the data can show, before anything is spent.
  func plan(_ plan: Plan) {
    state.withLock { $0.whole = plan.validation * task.task.score.repeats }
    var parts = ["train \(Format.count(plan.train))", "validation \(Format.count(plan.validation))"]
    parts.append("test \(Format.count(plan.test))" + (plan.test > 0 ? " (sealed)" : ""))
    console.status("Data", parts.joined(separator: ", "))
    let gains = Format.gains(validation: plan.smallestValidationGain, test: plan.smallestTestGain)
    if let text = task.task.data == nil ? Format.noRows : gains { console.status("Can show", text) }
  }

  /// Why an optimizer that chooses searches as it does.
  func optimizer(_ name: String, _ reason: String) { console.status("Optimizer", "\(name): \(Printable.line(reason))") }

  func rollouts(_ trial: Int, _ done: Int, _ total: Int) {
    note("\(Format.count(done))/\(Format.count(total)) rollouts")
  }

  func attempted(_ attempt: Attempt) {
    guard attempt.outcome != .applied else { return }
    let why = attempt.rejections.map(\.description).joined(separator: "; ")
    console.detail("Refused", "\(attempt.origin): \(attempt.outcome.rawValue)  \(Printable.line(why))")
  }

  private func tuning() {
    let names = space.parameters.map { "\($0.name) (\($0.domain.kindName))" }
    console.status("Tuning", "\(Format.plural(space.parameters.count, "parameter"))  \(names.joined(separator: ", "))")
  }

  func began(_ trial: TrialRecord) {
    let line = state.withLock { state -> String in
      if !state.running.contains(trial.number) { state.running.append(trial.number) }
      if !state.trials.contains(where: { $0.number == trial.number }) { state.trials.append(trial) }
      return progressLine(state)
    }
    console.progress(line)
  }

  func note(_ text: String) {
    let line = state.withLock { progressLine($0) }
    console.progress(line + "  " + text)
  }

  private func progressLine(_ state: State) -> String {
    var text = Console.statusLine("Running", "", .info, colored: console.terminal.hasColor)
    let running = state.running.map(String.init).joined(separator: ", ")
    text += running.isEmpty ? "\(state.ended.count) done" : "trial " + running
    if let trials = task.task.budget.trials { text += " of \(Format.count(trials))" }
    if let best = state.best, let trial = state.bestTrial { text += "  best \(Format.score(best)) at trial \(trial)" }
    return text
  }

  func remark(_ trial: Int, _ text: String) { state.withLock { $0.remarks[trial] = text } }

  func ended(_ trial: TrialRecord, incumbent: Int?, seconds: Double, tokens: Int) {
    let known = state.withLock(\.trials)
    let changes = Changes(of: trial.proposal, among: known, space: space)
    let (gain, isBest) = state.withLock { state -> (String?, Bool) in
      state.running.removeAll { $0 == trial.number }
      state.ended.insert(trial.number)
      let old = state.best
      guard trial.state == .complete, let score = trial.estimate?.mean else { return (nil, false) }
      let isBest = incumbent == trial.number
      if isBest { (state.best, state.bestTrial) = (score, trial.number) }
      return (old.map { Format.gain(score - $0, between: score, and: $0) }, isBest)
    }
    if console.json {
      var fields = trial.fields(study: study)
      fields["incumbent"] = incumbent.asValue
      if let remark = state.withLock({ $0.remarks[trial.number] }) { fields["remark"] = .string(remark) }
      fields["base"] = changes.base.asValue
      fields["changes"] = changes.asValue
      console.json("hone.trial/1", fields)
      return
    }
    let style: Style = trial.state == .failed ? .bad : isBest ? .good : .strong
    let columns = figures(trial, gain: gain, isBest: isBest, seconds: seconds, tokens: tokens)
    let colored = console.terminal.hasColor
    // A terminal's line is one line; a log keeps more of it.
    let room = console.terminal.isInteractive ? console.terminal.columns - Console.statusColumns - 1 : 400
    let start = trial.proposal.origin == "initial" && changes.changes.isEmpty
    let items = changes.items(namingTexts: false, columns: room)
    let head = columns + "   " + (start ? "" : trial.proposal.source)
    let lines = start ? [Printable.cut(head + items[0], to: room)] : Changes.lines(head, items, columns: room)
    var text = lines[0]
    if isBest, let range = text.range(of: "best") {
      text.replaceSubrange(range, with: Style.good.apply("best", if: colored))
    }
    console.status("Trial \(trial.number)", text, style, wraps: false)
    for line in lines.dropFirst() { console.below(line) }
    for line in changes.textLines(columns: min(room, 160), colored: colored) { console.below(line) }
  }

  /// `0.812  +0.031  best   2.1 s   1,240 tok`, in columns.
  private func figures(_ trial: TrialRecord, gain: String?, isBest: Bool, seconds: Double, tokens: Int) -> String {
    guard trial.state != .failed else { return "failed  " + Printable.line(trial.reason) }
    guard let estimate = trial.estimate else { return trial.state.rawValue }
    var text = Printable.pad(Format.score(estimate.mean), to: 6)
    let whole = state.withLock(\.whole) ?? estimate.count
    let part = estimate.count < whole ? "on \(Format.count(estimate.count))" : ""
    let mark = trial.screened ? "screened" : isBest ? "best" : part
    text += "  " + Printable.pad(trial.screened ? "" : gain ?? "", to: 7)
    let word = Printable.pad(mark, to: 8)
    text += "  " + word
    text += Printable.pad(Format.duration(seconds), to: 8, right: true)
    if tokens > 0 { text += Printable.pad(Format.count(tokens), to: 9, right: true) + " tok" }
    if let remark = state.withLock({ $0.remarks[trial.number] }) { text += "   " + remark }
    return text
  }

  /// The seal is broken once, and that is said.
  func testing(_ done: Int, _ total: Int) {
    if done == 0 {
      console.status(
        "Testing", "the start and the best trial on the sealed test, \(Format.plural(total, "rollout"))", .info)
    } else {
      note("\(Format.count(done))/\(Format.count(total)) test rollouts")
    }
  }

  func warning(_ text: String) { console.warning(Printable.line(text)) }
}

extension Domain {
  /// `float 0..1`, `text`: for one line.
  var kindName: String {
    switch self {
    case .float(let domain): "float \(Format.number(domain.lower))..\(Format.number(domain.upper))"
    case .int(let domain): "int \(domain.lower)..\(domain.upper)"
    case .bool: "bool"
    case .categorical(let values): "\(values.count) choices"
    case .ordinal(let values): "\(values.count) ordered choices"
    case .text: "text"
    case .code: "code"
    }
  }
}
