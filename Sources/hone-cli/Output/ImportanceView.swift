import HoneOptimize
import HoneStore
import HoneTrace

/// What mattered: the parameters by how much each alone decided over the score, where that can be told from noise.
struct ImportanceView {
  /// Trials below which nothing is said.
  static let fewest = 10

  let problem: Problem
  /// Of the parameters whose effect is shown.
  let importances: [Importance]
  private let trials: Int

  init(_ problem: Problem, _ trials: [TrialRecord]) {
    let scored = trials.compactMap { trial in
      trial.state == .complete ? trial.estimate.map { (trial.proposal.assignment, $0.mean) } : nil
    }
    self.problem = problem
    self.trials = scored.count
    importances =
      scored.count < Self.fewest
      ? [] : Importance.mainEffects(of: problem.space, trials: scored, seed: problem.seed)
  }

  func print(on console: Console) {
    guard let first = lines.first else { return }
    console.result("Mattered", first)
    for line in lines.dropFirst() { console.continued(line) }
  }

  /// None below the fewest trials.
  var lines: [String] {
    guard trials >= Self.fewest else { return [] }
    let (metric, count) = (Printable.line(problem.objective.metric), Format.plural(trials, "trial"))
    guard !importances.isEmpty else {
      return ["no parameter's effect on \(metric) can be told from noise yet (\(count))"]
    }
    let rest = max(0, 1 - importances.reduce(0) { $0 + $1.fraction })
    let others = "  noise, parameters together, or effects not told from noise yet"
    let rows = importances.map { ($0.parameter, $0.fraction, "") } + [("not explained", rest, others)]
    let width = rows.map { Printable.width($0.0) }.max() ?? 0
    return ["for \(metric), as a random forest guesses from \(count):"]
      + rows.map { name, fraction, note in
        Printable.pad(name, to: width) + "  " + Printable.pad(Format.percent(fraction), to: 5, right: true) + note
      }
  }

  var asValue: Value {
    .array(
      importances.map {
        ["parameter": .string($0.parameter), "fraction": .double($0.fraction), "p_value": .double($0.pValue)]
      })
  }
}
