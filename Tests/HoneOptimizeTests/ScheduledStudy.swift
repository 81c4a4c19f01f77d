import HoneNumerics
import HoneOptimize
import HoneTrace

/// A study of known scores, driven by a scheduler: trial i of the pool has `scores[i]` on the examples. Less is better.
struct ScheduledStudy {
  var scores: [[Double]]
  var table: ScoreTable
  /// Of each trial on every example; with costs the objective is to minimize both.
  var costs: [Double]?
  var rollouts: Int?
  var repeats = 1
  var spent = 0
  var allocations: [Allocation] = []

  init(_ scores: [[Double]], costs: [Double]? = nil, rollouts: Int? = nil) {
    self.scores = scores
    self.costs = costs
    self.rollouts = rollouts
    table = ScoreTable(examples: scores.first?.count ?? 0)
  }

  /// Examples that each trial was measured on.
  var counts: [Int] { table.rows.map(\.count) }

  private var objective: Objective {
    Objective(direction: .minimize, outcomes: costs == nil ? [:] : ["cost": .minimize])
  }

  var context: ScheduleContext {
    ScheduleContext(
      problem: Problem(space: Space([]), objective: objective, seed: 1), table: table,
      rolloutsLeft: rollouts.map { $0 - spent }, isExhausted: table.rows.count == scores.count, repeats: repeats)
  }

  /// Until it stops, or for so many steps.
  mutating func run(_ scheduler: some Scheduler, steps: Int = 10_000) {
    for _ in 0..<steps {
      let allocation = scheduler.next(context)
      allocations.append(allocation)
      switch allocation {
      case .propose(let count):
        for trial in table.rows.count..<min(scores.count, table.rows.count + count) {
          table.rows.append(
            ScoreTable.Row(
              trial: trial, assignment: Assignment([:]), scores: Array(repeating: nil, count: table.examples),
              outcomes: costs.map { Array(repeating: ["cost": $0[trial]], count: table.examples) } ?? []))
        }
      case .run(let work):
        for item in work {
          for place in item.examples where table.rows[item.trial].scores[place] == nil {
            table.rows[item.trial].scores[place] = scores[item.trial][place]
            spent += 1
          }
        }
      case .close(let trials): for trial in trials { table.rows[trial].isOpen = false }
      case .begin: return
      case .stop: return
      }
    }
  }

  /// 0/1 scores of trials with these error rates.
  static func errors(_ rates: [Double], examples: Int, seed: UInt64) -> [[Double]] {
    rates.indices.map { trial in
      var random = RandomStream(seed: seed, name: "errors/\(trial)")
      return (0..<examples).map { _ in random.uniform() < rates[trial] ? 1 : 0 }
    }
  }
}
