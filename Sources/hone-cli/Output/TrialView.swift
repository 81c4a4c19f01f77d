import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// `hone show STUDY/TRIAL` and `hone show STUDY/TRIAL/STEP`.
struct TrialView {
  let study: String
  let definition: StudyDefinition
  let trial: TrialRecord
  let changes: Changes
  let reflection: Reflection
  let rollouts: [RolloutRecord]
  let console: Console
  /// Every rollout is listed, also on a terminal.
  var isWhole = false
  /// The proposer's requests and replies are printed whole, in place of the rollouts.
  var isPrompted = false

  /// Rollouts that a terminal's page shows, the worst ones.
  private static let page = 20

  /// The rollout whose trace is shown: the example asked for, else the one with the worst score (a failed one before all).
  /// - Throws: `Failure` 66 when there is none.
  func traced(_ example: String?) throws(Failure) -> RolloutRecord {
    let traced = rollouts.filter { $0.trace?.nodes.isEmpty == false }
    if let example {
      if let rollout = traced.first(where: { $0.example == example }) { return rollout }
      let known = rollouts.contains { $0.example == example }
      throw Failure(
        .missing, "\(study)/\(trial.number) has no \(known ? "trace of" : "rollout on") the example \"\(example)\"",
        hint: "hone show \(study)/\(trial.number) lists its rollouts")
    }
    if let worst = worstFirst(traced).first { return worst }
    throw Failure(
      .missing, "\(study)/\(trial.number) has no trace", hint: "its rollouts were not recorded, or there are none yet")
  }

  /// A failed one before all, equals in the order they have.
  private func worstFirst(_ rollouts: [RolloutRecord]) -> [RolloutRecord] {
    let objective = definition.problem.objective
    return rollouts.enumerated().sorted { a, b in
      switch (a.element.score, b.element.score) {
      case (nil, nil): a.offset < b.offset
      case (nil, _): true
      case (_, nil): false
      case (let x?, let y?): x == y ? a.offset < b.offset : objective.isBetter(y, than: x)
      }
    }.map(\.element)
  }

  func print(example: String?) throws(Failure) {
    let reflected = ReflectionView(reflection: reflection, origin: trial.proposal.origin, console: console)
    if console.json {
      var fields = trial.fields(study: study).merging(reflected.fields) { $1 }
      fields["interval"] = interval.map { ["lower": .double($0.lower), "upper": .double($0.upper)] } ?? .null
      fields["base"] = changes.base.asValue
      fields["changes"] = changes.asValue
      console.json("hone.trial/1", fields)
      if isPrompted {
        for call in reflection.calls { console.json("hone.call/1", call.fields(study: study)) }
      } else {
        for rollout in rollouts { console.json("hone.rollout/1", rollout.fields(study: study)) }
      }
      return
    }
    printHead()
    if isPrompted {
      reflected.printCalls()
      return
    }
    printChanges()
    reflected.print()
    printRollouts()
    if example != nil || rollouts.contains(where: { $0.trace?.nodes.isEmpty == false }) {
      printTree(of: try traced(example))
    }
  }

  private func printHead() {
    let origin = trial.proposal.origin + (trial.proposal.parent.map { " from trial \($0)" } ?? "")
    console.result(
      "Trial", "\(study)/\(trial.number)  \(trial.screened ? "screened out" : trial.state.rawValue)  by \(origin)")
    if let estimate = trial.estimate {
      let range = interval.map { " (\($0.line))" } ?? ""
      var text = "\(Format.score(estimate.mean))\(range)  over \(Format.plural(estimate.count, "rollout"))"
      if estimate.count > 1 { text += ", deviation \(Format.score(estimate.deviation))" }
      if rows.count == 1 { text += "; \(Comparison.noInterval)" }
      console.result("Score", text)
    }
    for (name, value) in trial.outcomes.sorted(by: { $0.key < $1.key }) {
      console.result("Outcome", "\(Printable.line(name)) \(Format.amount(value))", .strong)
    }
    if !trial.reason.isEmpty { console.result("Reason", Printable.clean(trial.reason), .bad) }
    if !trial.proposal.note.isEmpty { console.result("Why", Printable.line(trial.proposal.note), .strong) }
    for parameter in definition.problem.space.parameters {
      guard let value = trial.proposal.assignment[parameter.name] else { continue }
      let text = Printable.clean(value.string ?? value.text)
      if text.contains("\n") {
        console.result("Parameter", "\(parameter.name):", .info)
        console.continued(text)
      } else {
        console.result("Parameter", "\(parameter.name)  \(text)", .info)
      }
    }
  }

  /// Mean scores of the validation rows: repeats of one row say nothing of others.
  private var rows: [Double] {
    var scores: [String: [Double]] = [:]
    for rollout in rollouts where rollout.split == .validation {
      if let score = rollout.score { scores[rollout.example, default: []].append(score) }
    }
    return scores.sorted { $0.key < $1.key }.map { $0.value.reduce(0, +) / Double($0.value.count) }
  }

  /// Of its mean on the validation rows; nil for fewer than two.
  private var interval: Comparison.Interval? {
    trial.estimate == nil ? nil : Figure(scores: rows, confidence: definition.confidence).interval
  }

  private func printChanges() {
    let base = changes.base.map { "trial \($0)" } ?? "the start"
    let colored = console.dataTerminal.hasColor
    guard !changes.changes.isEmpty else { return console.result("Changed", "nothing: it is \(base)", .info) }
    for change in changes.changes {
      if let texts = change.texts {
        console.result("Changed", "\(Printable.line(change.parameter)), beside \(base):", .info)
        console.continued(WordDiff(texts.old, texts.new).rendered(colored: colored))
      } else {
        console.result("Changed", "\(change.line(colored: colored)), beside \(base)", .info)
      }
    }
  }

  private func printRollouts() {
    guard !rollouts.isEmpty else { return }
    console.data("")
    var table = TextTable(["SPLIT", "EXAMPLE", "SCORE", "TOKENS", "TIME", "OUTPUT", "FEEDBACK"], right: [2, 3, 4])
    let isCut = !isWhole && console.dataTerminal.isInteractive && rollouts.count > Self.page * 2
    let shown = isCut ? worstFirst(rollouts).prefix(Self.page).sorted { $0.comesBefore($1) } : rollouts
    for rollout in shown {
      table.add([
        rollout.split.rawValue, Printable.cut(Printable.line(rollout.example), to: 20),
        rollout.score.map(Format.score) ?? "failed", Format.count(rollout.spend.tokens),
        Format.duration(rollout.seconds),
        Format.value(rollout.output, columns: 32),
        Printable.cut(Printable.line(rollout.failure?.message ?? rollout.feedback), to: 80),
      ])
    }
    console.table(table)
    if isCut {
      console.result(
        "More", "the \(Self.page) worst of \(Format.count(rollouts.count)) rollouts; --all lists the others", .info)
    }
  }

  private func printTree(of rollout: RolloutRecord) {
    guard let trace = rollout.trace else { return }
    console.data("")
    console.result("Trace", "\(rollout.split.rawValue) example \(Printable.line(rollout.example))")
    for line in trace.tree(columns: console.dataTerminal.columns) { console.data("  " + line) }
  }

  /// - Throws: `Failure` 66 when the trace has no such step.
  func print(step: Int, of rollout: RolloutRecord) throws(Failure) {
    let trace = rollout.trace ?? Trace()
    guard trace.nodes.indices.contains(step) else {
      throw Failure(
        .missing, "the trace of \(study)/\(trial.number) on \"\(rollout.example)\" has no step \(step)",
        hint: "its steps are 0 to \(trace.nodes.count - 1)")
    }
    let node = trace.nodes[step]
    let feedback = trace.feedback.filter { $0.node == step }
    if console.json {
      let fields = node.fields(
        study: study, trial: trial.number, example: rollout.example, step: step, feedback: feedback.map(\.text))
      console.json("hone.step/1", fields)
      return
    }
    console.result(
      "Step",
      "\(step)  \(node.kind.rawValue) \(Printable.line(node.name))  on example \(Printable.line(rollout.example))")
    if let doc = node.doc { console.result("Does", Printable.line(doc), .strong) }
    for input in node.inputs where trace.nodes.indices.contains(input) {
      let source = trace.nodes[input]
      console.result(
        "Input", "\(input)  \(Printable.line(source.name))  \(Format.value(source.value, columns: 200))", .info)
    }
    console.result("Value", Printable.clean(node.value.text))
    for feedback in feedback { console.result("Feedback", Printable.clean(feedback.text), .warn) }
  }
}

extension Trace {
  /// One line a node in execution order, nested steps indented under the step they ran in.
  func tree(columns: Int) -> [String] {
    var depths: [Int] = []
    let width = String(max(0, nodes.count - 1)).count
    return nodes.enumerated().map { index, node in
      let depth = node.parent.flatMap { depths.indices.contains($0) ? depths[$0] + 1 : nil } ?? 0
      depths.append(depth)
      let inputs = node.inputs.isEmpty ? "" : "(" + node.inputs.map(String.init).joined(separator: ", ") + ")"
      let mark =
        switch node.kind {
        case .parameter: "$"
        case .failure: "!"
        default: ""
        }
      let head =
        Printable.pad(String(index), to: width, right: true) + "  " + String(repeating: "  ", count: min(depth, 20))
        + mark + Printable.line(node.name) + inputs
      let said = feedback.filter { $0.node == index }.map { "  <- " + Printable.line($0.text) }.joined()
      return Printable.cut(head + " = " + Format.value(node.value, columns: 60) + said, to: max(60, columns - 2))
    }
  }
}

extension RolloutRecord {
  /// By split, then by example as people count: r2 before r10.
  func comesBefore(_ other: RolloutRecord) -> Bool {
    if split != other.split {
      let order = Split.allCases
      return (order.firstIndex(of: split) ?? 0) < (order.firstIndex(of: other.split) ?? 0)
    }
    if example != other.example { return example.compare(other.example, options: .numeric) == .orderedAscending }
    return `repeat` < other.repeat
  }
}
