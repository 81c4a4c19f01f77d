import HoneModel
import HoneNumerics
import HoneOptimize
import HoneStore
import HoneTrace
import Testing

@testable import Hone

/// Two rungs: four trials on six examples, then the better two on all; then one that was begun is dropped.
private struct TwoRungs: Scheduler {
  let name = "two rungs"

  func next(_ context: ScheduleContext) -> Allocation {
    let rows = context.table.rows
    if rows.count < 4 { return .propose(4 - rows.count) }
    if let row = rows.first(where: { $0.isOpen && $0.count < 6 }) {
      return .run([Allocation.Work(trial: row.trial, examples: Array(0..<6))])
    }
    if rows.count < 5 { return .propose(1) }
    let ranked = rows.filter { !$0.hasFailed && $0.trial < 4 }.sorted { a, b in
      let (x, y) = (mean(a), mean(b))
      return x == y ? a.trial < b.trial : x > y
    }
    if let row = ranked.prefix(2).first(where: \.isOpen) {
      return .run([Allocation.Work(trial: row.trial, examples: Array(0..<context.table.examples))])
    }
    if rows[4].isOpen { return .close([4]) }
    return .stop("the better two are measured")
  }

  /// Over the first rung.
  private func mean(_ row: ScoreTable.Row) -> Double { Estimate(row.scores.prefix(6).compactMap(\.self))?.mean ?? 0 }
}

/// Asks again and again for what is there.
private struct Circular: Scheduler {
  let name = "circular"
  func next(_ context: ScheduleContext) -> Allocation { .run([Allocation.Work(trial: 0, examples: [0])]) }
}

private struct Slope: Runner {
  let space = Space([ParameterSpec(name: "x", domain: .float(FloatDomain(0...1)), initial: 0)])
  let fingerprint = "slope"
  var isBroken: @Sendable (Double, Int) -> Bool = { _, _ in false }
  /// Asked at each rollout whether the process dies there.
  var dies: @Sendable () -> Bool = { false }

  func run(_ example: Example, repeat: Int) async -> Outcome {
    if dies() { return Outcome(failure: .init(.infrastructure, "cut"), error: ModelError(.cancelled, "cut")) }
    let x = TraceContext.current?.assignment["x"]?.number ?? 0
    let n = example.fields["n"]?.int ?? 0
    if n % 3 == 0 { await Task.yield() }
    if isBroken(x, n) { return Outcome(failure: .init(.workflow, "broken")) }
    return Outcome(output: .double(x), score: x + Double(n % 7) * 0.1, outcomes: ["cost": x * Double(n)])
  }
}

/// A study under a scheduler that measures trials bit by bit.
@Suite struct SchedulerTests {
  private static let data = DataSplits(
    train: [], validation: (0..<20).map { Example(id: "v\($0)", fields: ["n": .int($0)]) }, test: [])

  private func tune(
    _ store: any Store, _ scheduler: any Scheduler = TwoRungs(), runner: Slope = Slope(), parallel: Int = 3,
    budget: Budget = Budget(), optimizer: any Optimizer = TPE()
  ) async throws -> Report {
    var report = try await Study(store: store, name: "slope").run(
      runner, problem: Problem(space: runner.space, objective: Objective(), seed: 2), data: Self.data,
      optimizer: optimizer, optimizerSettings: ["use": .string(optimizer.name)],
      settings: StudySettings(parallel: parallel, budget: budget),
      scheduler: scheduler)
    report.seconds = 0
    return report
  }

  @Test func paysForWhatTheSchedulerWants() async throws {
    let store = MemoryStore()
    let report = try await tune(store)
    #expect(report.stop == .scheduler && report.stopReason == "the better two are measured")
    let trials = try await store.trials(of: "slope")
    #expect(trials.count == 5)
    let paid = try await store.rollouts(of: "slope", trial: nil, split: nil, traces: false).count
    #expect(paid == 58)  // 4 of 6, 2 of 14 more, 1 of 6
    let counts = trials.compactMap(\.estimate?.count)
    #expect(counts.sorted() == [6, 6, 6, 20, 20])
    #expect(trials.map(\.screened) == [false, false, false, false, true])
    // The winner is one of those with the most examples, and the outcomes are means over all of a trial's examples.
    let best = trials[report.bestTrial]
    #expect(best.estimate?.count == 20)
    let x = try #require(best.proposal.assignment["x"]?.number)
    let cost = try #require(best.outcomes["cost"])
    #expect(abs(cost - 9.5 * x) < 1e-12)
    // The optimizer was told of the first rung before it was asked for the fifth trial, and of the second one after.
    let events = try await store.events(of: "slope")
    let completed = events.compactMap { event -> Int? in
      if case .completed(_, let estimate, _, _) = event { estimate.count } else { nil }
    }
    #expect(completed == [6, 6, 6, 6, 20, 20, 6])
  }

  @Test(arguments: [1, 4]) func theSameAtAnyParallelism(_ parallel: Int) async throws {
    let (a, b) = (MemoryStore(), MemoryStore())
    let (first, second) = (try await tune(a), try await tune(b, parallel: parallel))
    #expect(first == second)
    let (told, toldAgain) = (try await a.events(of: "slope"), try await b.events(of: "slope"))
    #expect(told == toldAgain)
  }

  /// Cut anywhere and gone on with, it is the study that was never cut.
  @Test(arguments: [6, 7, 13, 24, 30, 37, 44, 57]) func goesOnWhereItStopped(_ cap: Int) async throws {
    let (whole, cut) = (MemoryStore(), MemoryStore())
    let undisturbed = try await tune(whole)
    let first = try? await tune(cut, budget: Budget(rollouts: cap))
    #expect(first == nil || first?.stop == .rollouts)
    let isLeft = try await cut.trials(of: "slope").contains { $0.state == .running }
    #expect(!isLeft)
    let resumed = try await tune(cut)
    #expect(resumed == undisturbed)
    let (trials, expected) = (try await cut.trials(of: "slope"), try await whole.trials(of: "slope"))
    #expect(trials == expected)
    let (a, b) = (try await whole.events(of: "slope"), try await cut.events(of: "slope"))
    #expect(a.filter(\.isBeginning) == b.filter(\.isBeginning))
    let paid = try await cut.rollouts(of: "slope", trial: nil, split: nil, traces: false).count
    #expect(paid == 58)
  }

  /// A trial that fails on a later rung is failed, and nothing of its first rung is best.
  @Test func aTrialMayFailLater() async throws {
    let store = MemoryStore()
    let broken = Slope(isBroken: { x, n in x > 0.6 && n >= 6 })
    let report = try await tune(store, runner: broken)
    let trials = try await store.trials(of: "slope")
    let failed = trials.filter { $0.state == .failed }.compactMap { $0.proposal.assignment["x"]?.number }
    #expect(!failed.isEmpty && failed.allSatisfy { $0 > 0.6 })
    #expect(trials[report.bestTrial].state == .complete && trials[report.bestTrial].estimate?.count == 20)
  }

  /// Several new trials at a time, killed at any rollout: the same trials, promotions, events and scores.
  @Test(arguments: ["asha", "pasha", "successive-halving", "race", "sequential-test"])
  func killedAtAnyRolloutItIsTheSameStudy(_ name: String) async throws {
    let scheduler = try SchedulerCatalog.make(
      name: name, settings: name.hasSuffix("sha") || name == "sequential-test" ? ["min_examples": 2] : ["trials": 6],
      defaults: SchedulerCatalog.Defaults(batch: 3))
    let budget = Budget(rollouts: 60)
    func stored(_ store: any Store) async throws -> String {
      var rollouts = try await store.rollouts(of: "slope", trial: nil, split: nil, traces: false)
      for index in rollouts.indices { rollouts[index].seconds = 0 }
      rollouts.sort { ($0.trial, $0.example) < ($1.trial, $1.example) }
      let events = try Value(encoding: try await store.events(of: "slope")).canonicalJSON
      let trials = try Value(encoding: try await store.trials(of: "slope").map(\.proposal)).canonicalJSON
      return events + trials + (try Value(encoding: rollouts).canonicalJSON)
    }
    let whole = MemoryStore()
    let report = try await tune(whole, scheduler, budget: budget, optimizer: SobolSearch())
    let expected = try await stored(whole)
    let trials = try await whole.trials(of: "slope")
    #expect(trials.count > 1 && Set(trials.compactMap(\.estimate?.count)).count > 1)
    let rollouts = trials.compactMap(\.estimate?.count).reduce(0, +)
    for death in 1...rollouts {
      let store = MemoryStore()
      let ran = Lock(0)
      var mortal = Slope()
      mortal.dies = {
        ran.withLock { ran in
          ran += 1
          return ran == death
        }
      }
      await #expect(throws: StudyError.self) {
        try await tune(store, scheduler, runner: mortal, budget: budget, optimizer: SobolSearch())
      }
      #expect(try await tune(store, scheduler, budget: budget, optimizer: SobolSearch()) == report)
      let resumed = try await stored(store)
      #expect(resumed == expected, "killed at rollout \(death)")
    }
  }

  @Test func aSchedulerInCirclesIsAnError() async throws {
    let error = await #expect(throws: StudyError.self) { try await tune(MemoryStore(), Circular()) }
    #expect("\(try #require(error))".contains("circular goes in circles"))
  }

  @Test func anotherSchedulerIsAnotherStudy() async throws {
    let store = MemoryStore()
    _ = try await tune(store)
    await #expect(throws: StudyError.self) {
      try await tune(store, FullEvaluation(), budget: Budget(trials: 6))
    }
  }
}

extension Event {
  fileprivate var isBeginning: Bool { if case .began = self { true } else { false } }
}
