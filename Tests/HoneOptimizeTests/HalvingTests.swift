import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct HalvingTests {
  /// Jamieson and Talwalkar 2016, figure 3: floor(B / (|S_k| ceil(log_2 n))) more examples in each rung.
  @Test func equalSharesAreThePapers() {
    let depths = SuccessiveHalving(eta: 2, decay: 1).depths(16, 16 * 40, 10_000)
    #expect(depths == [10, 30, 70, 150])
    // Nothing is left over when there are too few examples: the later rungs have it.
    let capped = SuccessiveHalving(eta: 2, decay: 1).depths(16, 16 * 40, 100)
    #expect(capped == [10, 30, 70, 100])
    // Without a budget each rung has twice the examples of the one before, the last has all.
    #expect(SuccessiveHalving(eta: 2).depths(16, nil, 80) == [10, 20, 40, 80])
    #expect(SuccessiveHalving().depths(1, nil, 80) == [80])
    // Early rungs get more when shares decay; the budget holds.
    let decayed = SuccessiveHalving(eta: 2, decay: 0.5).depths(16, 640, 10_000)
    #expect(decayed[0] > 2 * 10)
    let steps = zip(decayed, [0] + decayed).map { $0 - $1 }
    #expect(zip([16, 8, 4, 2], steps).reduce(0) { $0 + $1.0 * $1.1 } <= 640)
  }

  @Test func theBestHalfOfEachRungGoesOn() {
    // Trial i is wrong on the first i examples of each ten: the order is known at every depth.
    let scores = (0..<8).map { trial in (0..<80).map { $0 % 10 < trial ? 1.0 : 0.0 } }
    var study = ScheduledStudy(scores.reversed())
    study.run(SuccessiveHalving(trials: 8, eta: 2))
    #expect(study.counts == [20, 20, 20, 20, 40, 40, 80, 80])
    #expect(study.table.rows.map(\.isOpen) == [false, false, false, false, false, false, true, true])
    #expect(Winner(study.table, Objective(direction: .minimize))?.trial == 7)
  }

  /// Li et al. 2018, table 1: R = 81, eta = 3.
  @Test func bracketsAreThePapers() {
    let scores = Array(repeating: Array(repeating: 0.5, count: 81), count: 200)
    var study = ScheduledStudy(scores)
    study.rollouts = nil
    study.run(Hyperband(fewest: 1, eta: 3))
    let sizes = [81, 34, 15, 8, 5]
    #expect(Array(study.counts[..<81]).sorted() == sorted([1: 54, 3: 18, 9: 6, 27: 2, 81: 1]))
    #expect(Array(study.counts[81..<115]).sorted() == sorted([3: 23, 9: 8, 27: 2, 81: 1]))
    #expect(Array(study.counts[115..<130]).sorted() == sorted([9: 10, 27: 4, 81: 1]))
    #expect(Array(study.counts[130..<138]).sorted() == sorted([27: 6, 81: 2]))
    #expect(Array(study.counts[138...]) == Array(repeating: 81, count: 5))
    #expect(study.counts.count == sizes.reduce(0, +))
  }

  private func sorted(_ counts: [Int: Int]) -> [Int] {
    counts.keys.sorted().flatMap { Array(repeating: $0, count: counts[$0] ?? 0) }
  }

  /// Against the paper's rule, written down naively: at every step, a trial that is promoted is in the top half of its
  /// rung, and a new one is begun only when no trial can be promoted.
  @Test(arguments: [1, 4]) func asynchronousPromotions(_ batch: Int) {
    let rates = (0..<60).map { Double(($0 * 37) % 60) / 60 }
    let scores = ScheduledStudy.errors(rates, examples: 64, seed: 3)
    var study = ScheduledStudy(scores, rollouts: 1_500)
    let asha = ASHA(fewest: 8, most: 64, eta: 2, batch: batch)
    var promotions = 0
    for _ in 0..<400 {
      let before = study.table
      study.run(asha, steps: 1)
      guard case .run(let work)? = study.allocations.last else { continue }
      for item in work where before.rows[item.trial].reached > 0 {
        let depth = before.rows[item.trial].reached
        let means = before.rows.filter { $0.reached >= depth }.map { row in
          (row.trial, scores[row.trial][..<depth].reduce(0, +))
        }
        let better = means.count {
          $0.1 < scores[item.trial][..<depth].reduce(0, +)
            || ($0.1 == scores[item.trial][..<depth].reduce(0, +) && $0.0 < item.trial)
        }
        #expect(better < max(1, means.count / 2))
        promotions += 1
      }
    }
    #expect(promotions > 40 && study.counts.max() == 64)
    #expect(study.spent <= 1_500)
  }

  /// Deepening goes on with the rungs that were run: more examples later cost only themselves.
  @Test func deepeningUsesRungsAgain() {
    let rates = (0..<300).map { 0.1 + 0.8 * Double(($0 * 97) % 300) / 300 }
    let all = ScheduledStudy.errors(rates, examples: 72, seed: 5)
    var short = ScheduledStudy(all.map { Array($0[..<24]) })
    short.run(IDHyperband(fewest: 8, eta: 3))
    // s_max = 1: brackets of 3 trials from 8 and 2 from 24 examples.
    #expect(short.counts == [8, 24, 8, 24, 24] || short.counts.sorted() == [8, 8, 24, 24, 24])
    var long = ScheduledStudy(all)
    long.table = ScoreTable(
      examples: 72,
      rows: short.table.rows.map { row in
        var row = row
        row.scores += Array(repeating: nil, count: 48)
        return row
      })
    long.run(IDHyperband(fewest: 8, eta: 3))
    #expect(long.counts.count == 9 + 5 + 3)
    #expect(long.counts.max() == 72)
    var fresh = ScheduledStudy(all)
    fresh.run(IDHyperband(fewest: 8, eta: 3))
    #expect(fresh.table == long.table)
    #expect(long.spent == fresh.spent - short.spent)
  }

  /// Where two rungs rank the trials alike, no further rung is opened.
  @Test func progressiveHalvingStopsWhereRanksAgree() {
    let clear = (0..<24).map { trial in (0..<256).map { $0 % 24 < trial ? 1.0 : 0.0 } }
    var study = ScheduledStudy(clear)
    study.run(PASHA(fewest: 24))
    #expect(study.counts.max() == 48)
    // Ranks that turn around open every rung: what was worse on the first examples is better on all.
    let turning = (0..<24).map { trial -> [Double] in
      let share = Double(trial) / 24
      return Array(repeating: 1 - share, count: 8) + Array(repeating: 3 * share, count: 248)
    }
    var deep = ScheduledStudy(turning)
    deep.run(PASHA(fewest: 8))
    #expect(deep.counts.max() ?? 0 > 16)
  }

  @Test func tenThousandTrialsInTheTable() {
    let rows = (0..<10_000).map { trial in
      ScoreTable.Row(
        trial: trial, assignment: Assignment([:]),
        scores: (0..<16).map { $0 < 8 ? Double((trial * 31 + $0 * 7) % 11) : nil })
    }
    var study = ScheduledStudy(Array(repeating: Array(repeating: 0, count: 16), count: 10_000))
    study.table = ScoreTable(examples: 16, rows: rows)
    for name in SchedulerCatalog.names {
      guard let scheduler = try? SchedulerCatalog.make(name: name) else { continue }
      if case .propose = scheduler.next(study.context) { Issue.record("\(name) proposes from a finished pool") }
    }
    #expect(Winner(study.table, Objective())?.count == 8)
  }
}
