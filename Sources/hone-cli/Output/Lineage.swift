import HoneOptimize
import HoneStore
import HoneTrace

/// How a trial came about: from the start over the trials it was made from, each with its score and what it changed.
struct Lineage: Sendable {
  struct Step: Sendable {
    /// Nil: the start, which was not run as a trial.
    var trial: TrialRecord?
    /// Beside the step before it; none at the start.
    var changes: Changes?
  }

  /// The start first.
  let steps: [Step]

  /// - Parameter trials: of the study; where a parent is not among them the line begins at the start.
  init(of number: Int, among trials: [TrialRecord], space: Space) {
    let byNumber = Dictionary(trials.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
    var line: [TrialRecord] = []
    var next = byNumber[number]
    // A parent is begun before its child; anything else is a damaged record.
    while let trial = next {
      line.append(trial)
      next = trial.proposal.parent.flatMap { $0 < trial.number ? byNumber[$0] : nil }
    }
    line.reverse()
    var steps: [Step] = []
    if let first = line.first, first.proposal.assignment != space.initial {
      steps.append(Step(trial: trials.first { $0.proposal.assignment == space.initial }))
    }
    for trial in line {
      steps.append(
        Step(trial: trial, changes: steps.isEmpty ? nil : Changes(of: trial.proposal, among: trials, space: space)))
    }
    self.steps = steps
  }

  /// Steps that stand at the end of `tune`: the first and the last ones.
  private static let page = 8

  /// One line a step and one for each text that it changed; nothing for the start alone.
  func lines(columns: Int, colored: Bool, isWhole: Bool = true) -> [String] {
    guard steps.count > 1 else { return [] }
    let cut = isWhole || steps.count <= Self.page ? 0 : steps.count - Self.page
    return steps.enumerated().flatMap { index, step -> [String] in
      // The start and the newest ones stay.
      if (1...max(1, cut)).contains(index), cut > 0 {
        return index == 1 ? ["… \(cut) more steps; hone show lists them"] : []
      }
      return lines(of: step, columns: columns, colored: colored)
    }
  }

  private func lines(of step: Step, columns: Int, colored: Bool) -> [String] {
    let score = (step.trial?.estimate?.mean).map(Format.score) ?? "-"
    guard let trial = step.trial, let changes = step.changes else { return ["\(score)  the start"] }
    let head = "\(score)  trial \(trial.number) (\(Printable.line(trial.proposal.origin)))"
    let lines = Changes.lines(head, changes.items(namingTexts: false, columns: columns - 7), columns: columns - 7)
    let below = lines.dropFirst() + changes.textLines(columns: columns - 7, colored: colored)
    return [lines[0]] + below.map { "       " + $0 }
  }

  /// Hands the lines on, each with the status word that stands before it.
  func print(on terminal: Terminal, isWhole: Bool = true, _ put: (_ word: String, _ text: String) -> Void) {
    let columns = terminal.isInteractive ? terminal.columns - Console.statusColumns - 1 : 160
    for (index, line) in lines(columns: columns, colored: terminal.hasColor, isWhole: isWhole).enumerated() {
      put(index == 0 ? "Lineage" : "", line)
    }
  }

  var asValue: Value {
    .array(
      steps.map { step in
        [
          "trial": (step.trial?.number).asValue, "origin": .string(step.trial?.proposal.origin ?? "initial"),
          "score": (step.trial?.estimate?.mean).asValue, "rollouts": .int(step.trial?.estimate?.count ?? 0),
          "changes": step.changes?.asValue ?? [],
        ]
      })
  }
}
