import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace
import Testing

@testable import Hone

/// x buys score and costs tokens, in steps of 0.05.
private struct Costly: Runner {
  let space = Space([ParameterSpec(name: "x", domain: .float(FloatDomain(0...1, step: 0.05)), initial: 0.5)])
  let fingerprint = "costly"

  func run(_ example: Example, repeat: Int) async -> Outcome {
    let x = TraceContext.current?.assignment["x"]?.number ?? 0
    let n = Double(example.fields["n"]?.int ?? 0)
    let isRight = x + (n * 0.618).truncatingRemainder(dividingBy: 1) > 1
    return Outcome(score: isRight ? 1 : 0, outcomes: ["tokens": 100 * x])
  }
}

@Suite struct StudyWinnerTests {
  private func tune(_ store: any Store, _ constraints: [OutcomeConstraint] = [], _ scheduler: (any Scheduler)? = nil)
    async throws -> Report
  {
    let runner = Costly()
    var settings = StudySettings(budget: Budget(trials: 14))
    settings.constraints = constraints
    return try await Study(store: store, name: "costly").run(
      runner, problem: Problem(space: runner.space, objective: Objective(), seed: 3), data: StudyTests.data,
      optimizer: TPE(), optimizerSettings: ["use": "tpe"], settings: settings, scheduler: scheduler)
  }

  /// What is read from the store is what the loop decided, constraints kept.
  @Test(arguments: [nil, 70.0]) func theStoreRecommendsWhatTheReportDoes(_ bound: Double?) async throws {
    let store = MemoryStore()
    let report = try await tune(store, bound.map { [OutcomeConstraint(outcome: "tokens", atMost: $0)] } ?? [])
    let study = Study(store: store, name: "costly")
    let (best, winner) = (try await study.best(), try await study.winner())
    #expect(best?.number == report.bestTrial && winner == report.winner && winner?.trial == report.bestTrial)
    if let bound { #expect((report.assignment["x"]?.number ?? 1) * 100 <= bound) }
    let found = try #require(winner)
    #expect(0 <= found.lower && found.lower <= found.mean && found.mean <= found.upper && found.upper <= 1)
    // The best of many is expected to score less again than it did.
    #expect(found.mean < report.best.mean && found.candidates > 1)
    // The store's own view knows no constraints.
    let highest = try await store.studies().first?.bestTrial
    #expect((bound == nil) == (highest == report.bestTrial))
  }

  /// Where a scheduler drops trials on the way the two agree as well.
  @Test func partlyMeasuredTrialsAreWeighed() async throws {
    let store = MemoryStore()
    let report = try await tune(store, [], SuccessiveHalving())
    let study = Study(store: store, name: "costly")
    #expect(try await study.best()?.number == report.bestTrial)
    #expect(try await study.winner()?.trial == report.bestTrial)
    #expect(Set(try await store.trials(of: "costly").compactMap(\.estimate?.count)).count > 1)
  }

  @Test func nothingMeasuredRecommendsNothing() async throws {
    let study = Study(store: MemoryStore(), name: "none")
    #expect(try await study.best() == nil)
    #expect(try await study.winner() == nil)
  }
}
