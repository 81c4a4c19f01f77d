import Foundation
import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct SequentialTestTests {
  /// What becomes of a trial against the first one, computed from scratch; less is better.
  private enum Fate: Equatable {
    case accepted(Int)
    case culled(Int)
    case whole(Bool)
  }

  private static func fate(_ old: [Double], _ new: [Double], _ test: SequentialTest) -> Fate {
    var random = RandomStream(seed: 1, name: "sequential-test/order")
    let order = Array(old.indices).shuffled(using: &random)
    var look = min(test.fewest, old.count)
    while true {
      let shown = order.prefix(look)
      let all: [Double] = shown.flatMap { [old[$0], new[$0]] }
      let isUnit = all.allSatisfy { $0 >= 0 && $0 <= 1 }
      let range: Double = isUnit ? 1 : (all.max() ?? 0) - (all.min() ?? 0)
      let zs: [Double] = shown.map { (old[$0] - new[$0]) / range }
      let sum: Double = zs.reduce(0, +)
      var capital = 0.0
      for bet in 0..<16 {
        let lambda = (Double(bet) + 0.5) / 16
        var product = 1.0
        for z in zs { product *= 1 + lambda * z }
        capital += product / 16
      }
      if capital >= 1 / test.falseAcceptance { return .accepted(look) }
      if look == old.count { return .whole(sum > 1e-9) }
      let n = Double(look)
      let left = Double(old.count - look)
      let greatest: Double = zs.map(abs).max() ?? 0
      let end = greatest > 0 ? greatest : 1
      let mean = sum / (n + 2)
      var squares = end * end
      for z in zs { squares += z * z }
      let variance = squares / (n + 2) - mean * mean
      let expected = sum + left * mean - test.margin * Double(old.count)
      let deviation = (left * variance + left * left * variance / (n + 2)).squareRoot()
      let chance = 0.5 * erfc(-expected / deviation / 2.0.squareRoot())
      if chance < test.futility { return .culled(look) }
      look = min(look + test.block, old.count)
    }
  }

  /// Right or wrong, graded, or of any range.
  private static func score(kind: Int, _ rate: Double, _ random: inout RandomStream) -> Double {
    switch kind {
    case 0: random.uniform() < rate ? 1 : 0
    case 1: (random.uniform() + rate) / 2
    default: 300 * random.uniform() - 100 * rate
    }
  }

  /// Tables of every kind, decided as the scratch computation says, and no rollout more than that takes.
  @Test(arguments: [
    SequentialTest(), SequentialTest(falseAcceptance: 0.2, futility: 0.3, fewest: 1, block: 1),
    SequentialTest(futility: 0, fewest: 5, block: 7), SequentialTest(futility: 0.05, margin: 0.05, block: 3),
  ])
  func decidesAsTheScratchComputationDoes(_ test: SequentialTest) {
    var seen: Set<String> = []
    for seed in 0..<36 {
      var random = RandomStream(seed: UInt64(seed), name: "tables")
      let examples = 10 + Int(random.uniform() * 40)
      var scores: [[Double]] = []
      for rate in [random.uniform(), random.uniform()] {
        scores.append((0..<examples).map { _ in Self.score(kind: seed % 3, rate, &random) })
      }
      var study = ScheduledStudy(scores)
      study.run(test)
      let fate = Self.fate(scores[0], scores[1], test)
      let remark = test.remark(on: 1, study.context) ?? ""
      switch fate {
      case .accepted(let look):
        #expect(remark.hasPrefix("accepted after \(look) of \(examples) examples (e-value "))
        // The new champion is measured whole at the end, and the start too.
        #expect(study.table.rows.allSatisfy { $0.count == examples })
      case .culled(let look):
        #expect(remark == "culled after \(look) of \(examples) examples")
        #expect(study.table.rows.map(\.count) == [examples, look] && !study.table.rows[1].isOpen)
      case .whole:
        #expect(remark.hasPrefix("not shown after \(examples) of \(examples) examples"))
        #expect(study.table.rows.map(\.count) == [examples, examples])
      }
      #expect(test.remark(on: 0, study.context) == nil && test.remark(on: 7, study.context) == nil)
      seen.insert(String(remark.prefix { $0 != " " }))
    }
    #expect(seen.contains("accepted") && (test.futility == 0) != seen.contains("culled"))
  }

  /// All is there: what a study would have decided on the way follows from it.
  private static func measured(_ scores: [[Double]]) -> ScheduledStudy {
    var study = ScheduledStudy(scores)
    study.table.rows = scores.indices.map {
      ScoreTable.Row(trial: $0, assignment: Assignment([:]), scores: scores[$0], isOpen: false)
    }
    return study
  }

  private static func isAccepted(_ study: ScheduledStudy, _ test: SequentialTest, _ trial: Int = 1) -> Bool {
    test.remark(on: trial, study.context)?.hasPrefix("accepted") ?? false
  }

  /// Where nothing is better a trial is accepted early at most so often: for right and wrong, for graded scores, and for many
  /// small gains against few great losses. Culling is off, which could only spare false ones.
  @Test(arguments: [0.05, 0.2], ["half right", "mostly right", "graded", "skewed"])
  func falseAcceptances(_ alpha: Double, _ kind: String) {
    let test = SequentialTest(falseAcceptance: alpha, futility: 0, fewest: 4, block: 2)
    let runs = 150
    var accepted = 0
    for seed in 0..<runs {
      var random = RandomStream(seed: UInt64(seed), name: "null/\(kind)")
      var (old, new): ([Double], [Double]) = ([], [])
      for _ in 0..<60 {
        switch kind {
        case "half right", "mostly right":
          let rate = kind == "half right" ? 0.5 : 0.1
          old.append(random.uniform() < rate ? 1 : 0)
          new.append(random.uniform() < rate ? 1 : 0)
        case "graded":
          old.append(random.uniform())
          new.append(random.uniform())
        default:
          old.append(0.1)
          new.append(random.uniform() < 0.1 ? 1 : 0)
        }
      }
      if Self.isAccepted(Self.measured([old, new]), test) { accepted += 1 }
    }
    #expect(Double(accepted) / Double(runs) <= alpha + 3 * (alpha * (1 - alpha) / Double(runs)).squareRoot())
  }

  /// Shared among all trials of a study: the chance that any of many is accepted, each against the champion of its time.
  @Test func falseAcceptancesOfAStudy() {
    let test = SequentialTest(falseAcceptance: 0.2, isFamilywise: true, futility: 0, fewest: 4, block: 2)
    let each = SequentialTest(falseAcceptance: 0.2, futility: 0, fewest: 4, block: 2)
    var (familywise, any) = (0, 0)
    for seed in 0..<40 {
      let scores = ScheduledStudy.errors(Array(repeating: 0.5, count: 9), examples: 40, seed: UInt64(500 + seed))
      let study = Self.measured(scores)
      if (1..<9).contains(where: { Self.isAccepted(study, test, $0) }) { familywise += 1 }
      if (1..<9).contains(where: { Self.isAccepted(study, each, $0) }) { any += 1 }
    }
    #expect(Double(familywise) / 40 <= 0.2 + 3 * (0.16 / 40).squareRoot())
    #expect(familywise < any)
  }

  /// Beside full evaluation: as good a winner, for fewer rollouts.
  @Test func power() {
    let rates = [0.6, 0.8, 0.6, 0.35, 0.5, 0.7, 0.15, 0.6]
    var (spent, lost) = (0, 0.0)
    let runs = 12
    for seed in 0..<runs {
      let scores = ScheduledStudy.errors(rates, examples: 80, seed: UInt64(seed))
      var study = ScheduledStudy(scores)
      study.run(SequentialTest())
      spent += study.spent
      let winner = Winner(study.table, Objective(direction: .minimize))?.trial ?? 0
      lost += rates[winner] - 0.15
    }
    // Full evaluation takes 640, and finds the best in all but a few runs.
    #expect(Double(spent) / Double(runs) < 480)
    #expect(lost / Double(runs) < 0.03)
  }

  /// A file that is sorted decides nothing: better on its first rows and as much worse on the others is not better.
  @Test func sortedFiles() {
    let scores: [[Double]] = [
      Array(repeating: 1, count: 30) + Array(repeating: 0, count: 30),
      Array(repeating: 0, count: 30) + Array(repeating: 1, count: 30),
    ]
    var study = ScheduledStudy(scores)
    let test = SequentialTest(futility: 0)
    study.run(test)
    #expect(test.remark(on: 1, study.context)?.hasPrefix("not shown after 60 of 60") == true)
  }

  /// Repeats of one example are one observation.
  @Test func repeatsAreTakenTogether() throws {
    let scores = ScheduledStudy.errors([0.7, 0.2], examples: 40, seed: 5)
    var single = ScheduledStudy(scores)
    single.run(SequentialTest())
    var double = ScheduledStudy(scores.map { row in row.flatMap { [$0, $0] } })
    double.repeats = 2
    double.run(SequentialTest())
    let remark = try #require(SequentialTest().remark(on: 1, double.context))
    #expect(remark == SequentialTest().remark(on: 1, single.context) && remark.hasPrefix("accepted"))
    #expect(double.spent == 2 * single.spent)
  }

  /// The champion has all examples when the budget of rollouts ends, whatever it is.
  @Test(arguments: [90, 137, 200, 333])
  func theChampionIsMeasuredWhole(_ rollouts: Int) {
    let rates = (0..<40).map { 0.8 - 0.015 * Double($0) }
    var study = ScheduledStudy(ScheduledStudy.errors(rates, examples: 60, seed: 9), rollouts: rollouts)
    study.run(SequentialTest())
    #expect(study.counts.max() == 60 && study.spent <= rollouts && study.table.rows.count > 1)
  }

  /// A champion that breaks a constraint gives way to the first trial that does not; one that breaks it is never champion.
  @Test func constraints() {
    let scores = ScheduledStudy.errors([0.1, 0.8, 0.1, 0.2], examples: 40, seed: 4)
    var study = ScheduledStudy(scores)
    let test = SequentialTest(futility: 0)
    func step() { study.run(test, steps: 1) }
    for _ in 0..<200 {
      step()
      for row in study.table.rows.indices where [0, 2].contains(row) && study.table.rows[row].count >= 8 {
        study.table.rows[row].isFeasible = false
      }
    }
    guard case .stop? = study.allocations.last else {
      Issue.record("does not stop")
      return
    }
    #expect(test.remark(on: 3, study.context)?.hasPrefix("accepted") == true)
    #expect(study.table.rows[3].count == 40 && study.table.rows[1].count < 40)
  }

  /// With further outcomes every trial is measured whole.
  @Test func outcomesAreNotTested() {
    var study = ScheduledStudy(ScheduledStudy.errors([0.2, 0.9], examples: 40, seed: 4), costs: [2, 1])
    study.run(SequentialTest())
    #expect(study.counts == [40, 40] && SequentialTest().remark(on: 1, study.context) == nil)
  }
}
