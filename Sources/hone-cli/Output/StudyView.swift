import Hone
import HoneOptimize
import HoneStore
import HoneTrace

/// `hone show STUDY`.
struct StudyView {
  let reader: StudyReader
  let definition: StudyDefinition
  let console: Console

  func print() async throws {
    let name = definition.name
    let summary = try await reader.summary(of: name)
    let trials = try await reader.store.trials(of: name)
    let search = SearchWords(definition)
    let roles = Roles(spends: try await reader.store.spendByRole(of: name))
    let lineage = summary.bestTrial.map { Lineage(of: $0, among: trials, space: definition.problem.space) }
    let ended = try await reader.report(of: name)
    let reason = ended?.trials == trials.count ? ended?.optimizerReason : search.reason(trials)
    if console.json {
      var fields = summary.fields
      fields["purpose"] = .string(definition.problem.objective.purpose)
      fields["seed"] = .string(String(definition.problem.seed))
      fields["optimizer"] = definition.optimizer
      fields["optimizer_reason"] = reason.asValue
      fields["winner"] = try await reader.winner(of: name).asValue
      fields["scheduler"] = search.scheduler
      fields["fingerprint"] = .string(definition.fingerprint)
      fields["report"] =
        try ended.map {
          .object(try $0.fields(trials, space: definition.problem.space, roles: roles))
        } ?? .null
      fields["roles"] = roles.asValue
      fields["lineage"] = lineage?.asValue ?? .null
      fields["parameters"] = .array(definition.problem.space.parameters.map(\.asValue))
      fields["importances"] = ImportanceView(definition.problem, trials).asValue
      console.json("hone.study/1", fields)
      return
    }
    let objective = definition.problem.objective
    console.result("Study", "\(Printable.line(name))  \(objective.line)")
    if !objective.purpose.isEmpty { console.result("Purpose", Printable.line(objective.purpose)) }
    console.result("Optimizer", search.optimizerLine)
    if let reason { console.result("Why", Printable.line(reason)) }
    console.result("Scheduler", search.schedulerLine)
    for line in definition.problem.space.lines(columns: console.dataTerminal.columns) {
      console.result("Parameter", line)
    }
    let calls = FitView.calls(trials).map { ", \($0)" } ?? ""
    console.result("Spent", summary.spend.line + calls + ", ran " + Format.duration(summary.seconds))
    if let line = roles.line { console.result("By role", line) }
    if let best = summary.best, let number = summary.bestTrial {
      console.result("Best", "\(Format.score(best)) at trial \(number)")
      if let winner = try await reader.winner(of: name) { console.result("Expect", winner.line, .info) }
      FitView(
        trials.first { $0.number == number },
        test: try await reader.store.rollouts(of: name, trial: number, split: .test, traces: false)
      ).print(on: console)
      lineage?.print(on: console.dataTerminal) { console.result($0, $1, .info, wraps: false) }
    }
    if let report = ended {
      console.result("Stop", report.stopLine, .info)
      console.result("Test", report.testLine, report.isImproved ? .good : .warn)
    }
    if !objective.outcomes.isEmpty, let (front, problem) = try? await reader.front(definition) {
      FrontView(front: front, problem: problem, console: console).print()
    }
    ImportanceView(definition.problem, trials).print(on: console)
    let terminal = console.dataTerminal
    let room = terminal.isInteractive ? terminal.columns - Console.statusColumns - 1 : Int.max
    for trial in trials {
      let changes = Changes(of: trial.proposal, among: trials, space: definition.problem.space)
      let items = changes.changes.isEmpty ? [] : changes.items(namingTexts: true, columns: room)
      let isBest = trial.number == summary.bestTrial
      for (index, line) in Changes.lines(trial.line(best: isBest), items, columns: room).enumerated() {
        let style: Style = trial.state == .failed ? .bad : isBest ? .good : .strong
        console.result(index == 0 ? "Trial \(trial.number)" : "", line, style, wraps: false)
      }
    }
  }
}

extension TrialRecord {
  /// `0.812  84 rows  optoprime from 3`.
  func line(best: Bool) -> String {
    var parts: [String] = []
    switch state {
    case .complete:
      if let estimate {
        parts.append(Format.score(estimate.mean) + "  " + Format.plural(estimate.count, "row"))
      }
      if screened { parts.append("screened out") }
      if best { parts.append("best") }
    case .failed: parts.append("failed  \(Printable.cut(Printable.line(reason), to: 120))")
    case .interrupted: parts.append("interrupted")
    case .running: parts.append("running")
    }
    parts.append(proposal.source)
    return parts.joined(separator: "  ")
  }
}

extension Proposal {
  /// `gepa from 3`: who proposed it, and the trial it was made from.
  var source: String { Printable.line(origin) + (parent.map { " from \($0)" } ?? "") }
}

extension Space {
  /// One line a parameter: name, domain, start, condition.
  func lines(columns: Int) -> [String] {
    let width = parameters.map { Printable.width($0.name) }.max() ?? 0
    return parameters.map { parameter in
      var line = Printable.pad(parameter.name, to: width) + "  " + Printable.line(parameter.domain.constraint)
      line += ", starts at " + Format.value(parameter.initial, columns: 48)
      if let condition = parameter.condition {
        let terms = condition.allowed.sorted { $0.key < $1.key }.map { name, values in
          "\(name) is \(values.map(\.text).joined(separator: " or "))"
        }
        line += ", when " + terms.joined(separator: " and ")
      }
      return line
    }
  }
}

extension ParameterSpec {
  var asValue: Value {
    [
      "name": .string(name), "domain": .string(domain.constraint), "initial": initial,
      "description": .string(description),
      "when": condition.map { .object($0.allowed.mapValues { .array($0) }) } ?? .null,
    ]
  }
}
