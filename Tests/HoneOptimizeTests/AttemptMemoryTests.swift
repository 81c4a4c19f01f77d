import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct AttemptMemoryTests {
  /// Trace keeps a heap cut by position, which in 200 of 200 runs did not keep the best; ours must, each time.
  @Test func theBestAndTheNewestAreKept() {
    for seed in 0..<200 as Range<UInt64> {
      var random = RandomStream(seed: seed, name: "memory")
      let direction: Objective.Direction = seed % 2 == 0 ? .maximize : .minimize
      let problem = Problem(space: Triage.space, objective: Objective(direction: direction), seed: seed)
      let optimizer = OptoPrime(OptoPrime.Settings(memoryBest: 5, memoryNewest: 3))
      var memory = optimizer.start(problem)
      var scores: [Int: Double] = [:]
      for trial in 0..<50 {
        let proposal = Proposal(Assignment(["demonstrations": .int(trial)]), origin: "test")
        optimizer.tell(.began(trial: trial, proposal), state: &memory)
        let mean = random.uniform()
        let screened = trial % 5 == 4
        if !screened { scores[trial] = mean }
        optimizer.tell(
          .completed(trial: trial, Estimate(mean: mean, deviation: 0, count: 4), screened: screened, outcomes: [:]),
          state: &memory)
      }
      let ranked = scores.sorted { direction == .maximize ? $0.value > $1.value : $0.value < $1.value }
      let kept = Set(memory.seen(in: AskContext(problem: problem, round: 0)).ended.map(\.trial))
      #expect(kept.isSuperset(of: ranked.prefix(5).map(\.key)), "seed \(seed)")
      #expect(kept.isSuperset(of: [47, 48, 49]) && kept.count <= 8 && memory.running.isEmpty, "seed \(seed)")
    }
  }

  /// Of `counts` examples, the score of each a coin's with the trial's chance: a table and the memory that was told of it.
  private static func measured(_ counts: [Int], _ scores: (_ trial: Int, _ example: Int) -> Double)
    -> (memory: AttemptMemory, context: AskContext)
  {
    let problem = Problem(space: Triage.space, objective: Objective(), seed: 1)
    var memory = AttemptMemory(best: 3, newest: 0, direction: .maximize)
    let examples = counts.max() ?? 0
    var rows: [ScoreTable.Row] = []
    for (trial, count) in counts.enumerated() {
      let row = ScoreTable.Row(
        trial: trial, assignment: Triage.space.initial,
        scores: (0..<examples).map { $0 < count ? scores(trial, $0) : nil })
      memory.tell(.began(trial: trial, Proposal(row.assignment, origin: "test")))
      if let estimate = row.estimate {
        memory.tell(.completed(trial: trial, estimate, screened: false, outcomes: [:]))
      }
      rows.append(row)
    }
    return (memory, AskContext(problem: problem, round: 0, table: ScoreTable(examples: examples, rows: rows)))
  }

  /// Four right answers of four are not shown as better than fifty of sixty.
  @Test func aLuckyMeanOfAFewIsNotTheBest() throws {
    let rates = [30, 33, 50, 36, 40, 28]
    var random = RandomStream(seed: 2, name: "lucky")
    let orders = rates.map { _ in Array(0..<60).shuffled(using: &random) }
    let (memory, context) = Self.measured([60, 60, 60, 60, 60, 60, 4]) { trial, example in
      trial == 6 ? 1 : orders[trial][example] < rates[trial] ? 1 : 0
    }
    let shown = memory.seen(in: context).shown
    #expect(shown.last?.trial == 2 && shown.last?.mean == 50.0 / 60)
    // Without the table only the mean is known.
    #expect(memory.seen(in: AskContext(problem: context.problem, round: 0)).shown.last?.trial == 6)
    // A mean that is not the table's, as of several goals in one number, stays as it is.
    var told = memory
    told.tell(.completed(trial: 6, Estimate(mean: 7, deviation: 0, count: 4), screened: false, outcomes: [:]))
    #expect(told.seen(in: context).shown.last?.mean == 7)
  }

  /// Where all have met the same examples nothing changes, to the last bit.
  @Test func equalExamplesLeaveTheMeans() {
    var random = RandomStream(seed: 3, name: "equal")
    let draws = (0..<8).map { _ in (0..<20).map { _ in random.uniform() } }
    let (memory, context) = Self.measured(Array(repeating: 20, count: 8)) { draws[$0][$1] }
    #expect(memory.seen(in: context) == memory.seen(in: AskContext(problem: context.problem, round: 0)))
  }

  @Test func aTrialMeasuredAgainHasItsNewestMean() {
    let optimizer = OptoPrime()
    var memory = optimizer.start(Triage.problem)
    for trial in 0..<2 {
      optimizer.tell(.began(trial: trial, Proposal(Triage.space.initial, origin: "initial")), state: &memory)
    }
    for (trial, mean) in [(0, 0.9), (1, 0.5), (0, 0.4)] {
      optimizer.tell(
        .completed(trial: trial, Estimate(mean: mean, deviation: 0, count: 4), screened: false, outcomes: [:]),
        state: &memory)
    }
    #expect(memory.ended.map(\.mean) == [0.4, 0.5])
    optimizer.tell(.failed(trial: 1, reason: "crashed"), state: &memory)
    #expect(memory.ended.map(\.mean) == [0.4, nil] && memory.ended[1].failure == "crashed")
  }

  @Test func failedTrialsAreRememberedAsFailed() {
    let optimizer = OptoPrime()
    var memory = optimizer.start(Triage.problem)
    optimizer.tell(.began(trial: 3, Proposal(Triage.space.initial, origin: "initial")), state: &memory)
    #expect(memory.running.count == 1)
    optimizer.tell(.failed(trial: 3, reason: "crashed"), state: &memory)
    #expect(memory.ended.first?.failure == "crashed" && memory.ended.first?.mean == nil)
  }
}
