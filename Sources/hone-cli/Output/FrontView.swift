import Hone
import HoneOptimize
import HoneStore
import HoneTrace

/// The Pareto front as a small table: the best score first, what differs from the start at the end of the line.
struct FrontView {
  let front: ParetoFront
  let problem: Problem
  let console: Console

  func print() {
    let text =
      "\(front.points.count) of \(Format.plural(front.trials, "trial")): none is better in every goal "
      + "(\(problem.objective.line); \(Format.plural(front.examples, "row")) each)"
    console.result("Front", text)
    if front.unmeasured > 0 {
      console.result(
        "Left out", "\(Format.plural(front.unmeasured, "trial")) that failed or lack rows or an outcome", .warn)
    }
    for line in lines { console.data(line) }
  }

  private var lines: [String] {
    let names = front.outcomes.keys.sorted()
    var table = TextTable(
      ["TRIAL"] + ([problem.objective.metric] + names).map { Printable.line($0).uppercased() } + [
        "ON FRONT", "CHANGES",
      ],
      right: [0, 2 + names.count])
    for point in front.points {
      let different = changes(point.assignment)
      table.add(
        [String(point.trial), point.score.text(Format.score)]
          + names.map { point.outcomes[$0]?.text(Format.amount) ?? "-" }
          + [
            point.membership.map(Format.percent) ?? "-",
            different.isEmpty ? "the start" : different.joined(separator: "  "),
          ])
    }
    let columns = console.dataTerminal.isInteractive ? console.dataTerminal.columns : Int.max
    return table.lines(columns: columns, colored: console.dataTerminal.hasColor)
  }

  /// `temperature 0.11`, for every active parameter whose value is not the start's.
  private func changes(_ assignment: Assignment) -> [String] {
    problem.space.parameters.compactMap { parameter in
      guard let value = assignment[parameter.name], value != problem.space.initial[parameter.name] else { return nil }
      return "\(parameter.name) \(Format.value(value))"
    }
  }
}

extension Objective {
  /// `maximize accuracy, minimize tokens`.
  var line: String {
    let goals = [(metric, direction)] + outcomes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    return goals.map { "\($1.rawValue) \(Printable.line($0))" }.joined(separator: ", ")
  }

  var outcomesAsValue: Value { .object(outcomes.mapValues { .string($0.rawValue) }) }
}

extension Figure {
  /// `0.940 (0.900 to 0.970)`.
  func text(_ format: (Double) -> String) -> String {
    format(mean) + (interval.map { " (\(format($0.lower)) to \(format($0.upper)))" } ?? "")
  }

  var asValue: Value {
    [
      "mean": .double(mean),
      "interval": interval.map { ["lower": .double($0.lower), "upper": .double($0.upper)] } ?? .null,
    ]
  }
}

extension ParetoFront {
  /// As `--json` prints it.
  func fields(study: String, objective: Objective) -> [String: Value] {
    [
      "study": .string(study), "metric": .string(objective.metric), "direction": .string(objective.direction.rawValue),
      "outcomes": objective.outcomesAsValue, "trials": .int(trials),
      "unmeasured": .int(unmeasured), "examples": .int(examples), "confidence": .double(confidence),
      "points": .array(
        points.map { point in
          [
            "trial": .int(point.trial), "assignment": .object(point.assignment.values), "score": point.score.asValue,
            "outcomes": .object(point.outcomes.mapValues(\.asValue)), "membership": point.membership.asValue,
          ]
        }),
    ]
  }
}
