import HoneOptimize
import HoneStore
import HoneTrace

/// What mattered: the parameters by how much each alone decided over the score.
struct ImportanceView {
  /// Trials below which nothing is said.
  static let fewest = 10

  let problem: Problem
  /// Empty when there is nothing to say.
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
    guard !importances.isEmpty else { return }
    console.result(
      "Mattered",
      "for \(Printable.line(problem.objective.metric)), as a random forest guesses from \(Format.plural(trials, "trial")):"
    )
    let rest = max(0, 1 - importances.reduce(0) { $0 + $1.fraction })
    let rows = importances.map { ($0.parameter, $0.fraction, "") } + [("the rest", rest, "  together, or by chance")]
    let width = rows.map { Printable.width($0.0) }.max() ?? 0
    for (name, fraction, note) in rows {
      let share = Printable.pad(Format.percent(fraction), to: 5, right: true)
      console.continued(Printable.pad(name, to: width) + "  " + share + note)
    }
  }

  var asValue: Value {
    .array(importances.map { ["parameter": .string($0.parameter), "fraction": .double($0.fraction)] })
  }
}
