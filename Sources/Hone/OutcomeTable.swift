import HoneNumerics
import HoneOptimize
import HoneStore
import HoneTrace

/// What every trial of a study measured on every validation example, score and further outcomes apart.
///
/// It is read from stored rollouts. The Pareto front and every choice between the goals are made of it, so that weighing
/// them otherwise, later, asks for no rollout.
public struct OutcomeTable: Sendable {
  public struct Row: Sendable {
    public let trial: Int
    public let assignment: Assignment
    /// It ended with a score and was not dropped on the way.
    public let isComplete: Bool
    /// Means over the repeats by column, score and outcomes by name; nil where there was no rollout without failure.
    fileprivate(set) var cells: [Cell?]
  }

  /// One trial on one example.
  public struct Cell: Sendable {
    public let score: Double
    /// Only those that every repeat has.
    public let outcomes: [String: Double]
    /// The outcomes of each repeat.
    public let calls: [[String: Double]]
  }

  /// The examples' ids, sorted.
  public let examples: [String]
  /// In the order of the trials.
  public let rows: [Row]

  /// - Parameter rollouts: of any split; those that failed and those that are not for validation are left out.
  public init(trials: [TrialRecord], rollouts: [RolloutRecord]) {
    let measured = rollouts.filter { $0.split == .validation && $0.failure == nil && $0.score != nil }
    examples = Set(measured.map(\.example)).sorted()
    let columns = Dictionary(uniqueKeysWithValues: zip(examples, examples.indices))
    var byTrial: [Int: [Int: [Int: RolloutRecord]]] = [:]
    for rollout in measured {
      guard let column = columns[rollout.example] else { continue }
      // Of two rollouts at one place the first counts, as it does for the trial's own mean.
      if byTrial[rollout.trial]?[column]?[rollout.repeat] == nil {
        byTrial[rollout.trial, default: [:]][column, default: [:]][rollout.repeat] = rollout
      }
    }
    let count = examples.count
    rows = trials.sorted { $0.number < $1.number }.map { trial in
      var cells: [Cell?] = Array(repeating: nil, count: count)
      for (column, repeats) in byTrial[trial.number] ?? [:] {
        cells[column] = Cell(repeats.keys.sorted().compactMap { repeats[$0] })
      }
      return Row(
        trial: trial.number, assignment: trial.proposal.assignment,
        isComplete: trial.state == .complete && !trial.screened, cells: cells)
    }
  }

  /// The names of all outcomes that were measured, sorted.
  public var outcomes: [String] {
    Set(rows.flatMap { $0.cells.compactMap(\.self).flatMap(\.outcomes.keys) }).sorted()
  }

  /// Trials that can be compared: complete, and measured with these outcomes on one and the same set of examples, the
  /// largest there is. Nobody is on a front because of the few examples that went well.
  func comparable(_ names: [String]) -> Comparable {
    func isMeasured(_ cell: Cell?) -> Bool {
      cell.map { cell in names.allSatisfy { cell.outcomes[$0] != nil } } ?? false
    }
    let complete = rows.filter(\.isComplete)
    var columns: [Int] = []
    for row in complete {
      let own = row.cells.indices.filter { isMeasured(row.cells[$0]) }
      if own.count > columns.count { columns = own }
    }
    let whole = columns.isEmpty ? [] : complete.filter { row in columns.allSatisfy { isMeasured(row.cells[$0]) } }
    return Comparable(rows: whole, columns: columns, unmeasured: rows.count - whole.count)
  }

  struct Comparable {
    let rows: [Row]
    let columns: [Int]
    /// Trials that failed, were dropped, or lack an example or an outcome.
    let unmeasured: Int

    func scores(_ row: Row) -> [Double] { columns.compactMap { row.cells[$0]?.score } }

    /// By example.
    func values(_ name: String, _ row: Row) -> [Double] { columns.compactMap { row.cells[$0]?.outcomes[name] } }

    /// By rollout.
    func calls(_ name: String, _ row: Row) -> [Double] {
      columns.flatMap { row.cells[$0]?.calls.compactMap { $0[name] } ?? [] }
    }
  }
}

extension OutcomeTable.Cell {
  fileprivate init?(_ repeats: [RolloutRecord]) {
    let scores = repeats.compactMap(\.score)
    guard let first = repeats.first, !scores.isEmpty else { return nil }
    score = scores.reduce(0, +) / Double(scores.count)
    let calls = repeats.map(\.outcomes)
    self.calls = calls
    let shared = first.outcomes.keys.filter { name in calls.allSatisfy { $0[name] != nil } }
    outcomes = Dictionary(
      uniqueKeysWithValues: shared.map { name in
        (name, calls.reduce(0) { $0 + ($1[name] ?? 0) } / Double(calls.count))
      })
  }
}

extension Study {
  /// What every trial measured on every validation example, from the store alone: what `Tradeoff.choose` and `ParetoFront`
  /// are made of.
  public func outcomes() async throws(StoreError) -> OutcomeTable {
    OutcomeTable(
      trials: try await store.trials(of: name),
      rollouts: try await store.rollouts(of: name, trial: nil, split: .validation, traces: false))
  }
}

/// A mean with its interval.
public struct Figure: Hashable, Codable, Sendable {
  public var mean: Double
  /// Nil for a single example, which says nothing about the others.
  public var interval: Comparison.Interval?

  /// Of a score, which lies within a range.
  init(scores: [Double], range: ClosedRange<Double>, confidence: Double) {
    mean = scores.reduce(0, +) / Double(max(1, scores.count))
    interval = scores.count < 2 ? nil : ScoreInterval(confidence: confidence, range: range).ofMean(scores)
  }

  /// Of scores that say themselves how far they reach.
  package init(scores: [Double], confidence: Double) {
    self.init(scores: scores, range: ScoreInterval.range(scores), confidence: confidence)
  }

  /// Of a quantity without known bounds: Student's interval.
  init(amounts: [Double], confidence: Double) {
    let estimate = Estimate(amounts) ?? Estimate(mean: 0, deviation: 0, count: 0)
    mean = estimate.mean
    guard estimate.count > 1 else { return }
    let t = StudentT.quantile((1 + confidence) / 2, freedom: Double(estimate.count - 1))
    let half = t * estimate.deviation / Double(estimate.count).squareRoot()
    interval = Comparison.Interval(lower: mean - half, upper: mean + half)
  }
}
