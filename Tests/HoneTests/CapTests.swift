import HoneModel
import HoneOptimize
import HoneStore
import HoneTesting
import HoneTrace
import Testing

@testable import Hone

/// Scores a number, and sees the ledger.
private struct Line: Runner {
  let space = Space([
    ParameterSpec(name: "x", domain: .float(FloatDomain(0...1, step: 0.01)), initial: 0)
  ])
  let fingerprint = "line"
  var error: @Sendable (Double) -> ModelError? = { _ in nil }
  var see: @Sendable (Ledger?) -> Void = { _ in }

  func run(_ example: Example, repeat: Int) async -> Outcome {
    see(CallContext.current?.ledger)
    let x = TraceContext.current?.assignment["x"]?.number ?? 0
    if let error = error(x) { return Outcome(failure: .init(.workflow, error.message), error: error) }
    return Outcome(output: .double(x), score: x)
  }
}

/// Random search that wants to see a few training rollouts of the best trial each round, as text optimizers do.
private struct Watching: Optimizer {
  let name = "watching"
  let needsRollouts = true
  private let random = RandomSearch()

  func start(_ problem: Problem) -> RandomSearch.State { random.start(problem) }
  func tell(_ event: Event, state: inout RandomSearch.State) { random.tell(event, state: &state) }
  func ask(_ count: Int, state: RandomSearch.State, context: AskContext) async throws(ModelError) -> Answer {
    try await random.ask(count, state: state, context: context)
  }
}

@Suite struct CapTests {
  private func rows(_ name: String, _ count: Int) -> [Example] {
    (0..<count).map { Example(id: "\(name)\($0)", fields: ["n": .string("\(name)\($0)")]) }
  }

  private func tune(_ store: any Store, _ budget: Budget, _ runner: Line = Line()) async throws -> Report {
    let data = DataSplits(train: rows("t", 20), validation: rows("v", 10), test: [])
    return try await Study(store: store, name: "line").run(
      runner, problem: Problem(space: runner.space, objective: Objective(), seed: 1), data: data,
      optimizer: Watching(), optimizerSettings: ["use": "watching"],
      settings: StudySettings(minibatch: 4, parallel: 2, budget: budget))
  }

  private func rollouts(_ store: any Store) async throws -> Int {
    try await store.rollouts(of: "line", trial: nil, split: nil, traces: false).count
  }

  @Test(arguments: [10, 25, 60, 61, 97]) func rolloutsNeverPassTheirCap(_ cap: Int) async throws {
    let whole = MemoryStore()
    let report = try await tune(whole, Budget(trials: 50, rollouts: cap))
    #expect(report.stop == .rollouts)
    #expect(try await rollouts(whole) <= cap)
    // A trial and its minibatch need at most 14.
    #expect(try await rollouts(whole) > cap - 14)
    let resumed = MemoryStore()
    for trials in [1, 2, 4, 50] { _ = try await tune(resumed, Budget(trials: trials, rollouts: cap)) }
    #expect(try await rollouts(resumed) == rollouts(whole))
    #expect(try await resumed.events(of: "line") == whole.events(of: "line"))
  }

  @Test(arguments: [
    (ModelError.Cap.requests, Report.Stop.requests), (.tokens, .tokens), (.money, .money), (.time, .time),
  ]) func theReportNamesTheCap(_ cap: ModelError.Cap, _ stop: Report.Stop) async throws {
    var runner = Line()
    runner.error = { $0 > 0 ? ModelError(.budget, "no words about what", cap: cap) : nil }
    #expect(try await tune(MemoryStore(), Budget(trials: 5), runner).stop == stop)
  }

  @Test func aLedgerNamesItsCap() {
    func cap(_ budget: Budget, seconds: Double = 0) -> ModelError.Cap? {
      do throws(ModelError) {
        _ = try Ledger(budget: budget, seconds: seconds).reserve(promptTokens: 5, completionTokens: 5, money: 5)
        return nil
      } catch {
        return error.cap
      }
    }
    #expect(cap(Budget(requests: 0)) == .requests)
    #expect(cap(Budget(tokens: 9)) == .tokens)
    #expect(cap(Budget(money: 4)) == .money)
    #expect(cap(Budget(seconds: 60), seconds: 60) == .time)
    #expect(cap(Budget(requests: 1, tokens: 10, money: 5, seconds: 600)) == nil)
  }

  /// The requests of a second session have only the time that the first one left.
  @Test func theTimeCapCountsEarlierSessions() async throws {
    let store = MemoryStore()
    _ = try await tune(store, Budget(trials: 2, seconds: 10_000))
    try await store.acquire("line", owner: .current)
    try await store.release("line", owner: .current, seconds: 4_000)
    let seen = Lock<[Double]>([])
    var runner = Line()
    runner.see = { ledger in seen.withLock { $0.append(ledger?.secondsLeft ?? 0) } }
    _ = try await tune(store, Budget(trials: 4, seconds: 10_000), runner)
    let left = seen.withLock { $0 }
    #expect(!left.isEmpty)
    #expect(left.allSatisfy { $0 <= 6_000 })
    #expect(try await tune(store, Budget(trials: 9, seconds: 4_000)).stop == .time)
  }

  /// A workflow that asks no model meets no ledger: no rollout of it is begun after the time is up.
  @Test func noRolloutIsBegunAfterTheTimeIsUp() async throws {
    let clock = SimulatedClock()
    let begun = Lock<[Double]>([])
    var runner = Line()
    runner.see = { _ in
      begun.withLock { $0.append(clock.seconds) }
      clock.advance(by: 3)
    }
    let report = try await Study(store: MemoryStore(), name: "line").run(
      runner, problem: Problem(space: runner.space, objective: Objective(), seed: 1),
      data: DataSplits(train: [], validation: rows("v", 10), test: []), optimizer: RandomSearch(),
      settings: StudySettings(parallel: 1, budget: Budget(trials: 50, seconds: 100)), clock: clock)
    #expect(report.stop == .time)
    #expect(begun.withLock { $0.allSatisfy { $0 < 100 } && ($0.last ?? 0) > 90 })
  }
}
