import HoneNumerics
import HoneTesting
import Testing

@testable import Hone
@testable import HoneModel

/// A workflow without a model: the score of an example is known in closed form.
private struct Parabola: Runner {
  let space = Space([
    ParameterSpec(name: "x", domain: .float(FloatDomain(-1...1, step: 0.05)), initial: -1),
    ParameterSpec(name: "kind", domain: .categorical(["a", "b"]), initial: "a"),
  ])
  let fingerprint = "parabola"
  /// Score of x, kind and the example's number.
  var score: @Sendable (Double, String, Int) -> Double = { x, kind, example in
    1 - (x - 0.3) * (x - 0.3) - (kind == "a" ? 0.2 : 0) + Double(example % 5) * 0.01
  }

  func run(_ example: Example, repeat: Int) async -> Outcome {
    let values = TraceContext.current?.assignment
    // Rollouts end in another order than they begin.
    if example.fields["n"]?.int.map({ $0 % 3 == 0 }) ?? false { await Task.yield() }
    let score = score(values?["x"]?.number ?? 0, values?["kind"]?.string ?? "", example.fields["n"]?.int ?? 0)
    return Outcome(output: .double(score), score: score)
  }
}

@Suite struct StudyTests {
  static let data = DataSplits(
    train: (0..<8).map { Example(id: "t\($0)", fields: ["n": .int($0)]) },
    validation: (0..<30).map { Example(id: "v\($0)", fields: ["n": .int($0)]) },
    test: (0..<30).map { Example(id: "s\($0)", fields: ["n": .int($0 + 100)]) })

  private func tune(
    _ runner: Parabola = Parabola(), store: any Store = MemoryStore(), parallel: Int = 4,
    budget: Budget = Budget(trials: 12), progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) async throws -> Report {
    var report = try await Study(store: store, name: "parabola").run(
      runner, problem: Problem(space: runner.space, objective: Objective(), seed: 5), data: Self.data,
      optimizer: RandomSearch(), optimizerSettings: ["use": "random"],
      settings: StudySettings(minibatch: 8, parallel: parallel, budget: budget), progress: progress)
    report.seconds = 0
    return report
  }

  @Test func findsABetterAssignmentAndShowsIt() async throws {
    let report = try await tune()
    #expect(report.trials == 12)
    #expect(report.isImproved)
    let test = try #require(report.test)
    #expect(test.gainInterval.lower > 0)
    // The report's test is what the formula gives for the winner.
    let x = try #require(report.assignment["x"]?.number)
    let kind = try #require(report.assignment["kind"]?.string)
    let truth = (0..<30).map { Parabola().score(x, kind, $0 + 100) }.reduce(0, +) / 30
    #expect(abs(test.best - truth) < 1e-12)
  }

  /// What is told while it runs: rows in two splits at the start, budget and failures once each, then the test.
  @Test func warnsAndAnnouncesTheTest() async throws {
    let news = Lock<(warnings: [String], testing: [Int])>(([], []))
    _ = try await tune { event in
      news.withLock {
        if case .warning(let text) = event { $0.warnings.append(text) }
        if case .testing(let done, let total) = event { $0.testing.append(total == 60 ? done : -1) }
      }
    }
    let (warnings, testing) = news.withLock { $0 }
    #expect(warnings.count == 1 && warnings[0].hasPrefix("8 of 30 validation rows are also a training row"))
    #expect(testing == Array(0...60))
  }

  @Test func warnsOnceOfBudgetAndFailures() {
    var warnings = StudyWarnings()
    var spent = Spend()
    func told() -> [String] {
      warnings.budget(Budget(requests: 100, tokens: 100), spent: spent, seconds: 9, hasTest: true)
    }
    spent.requests = 89
    #expect(told().isEmpty)
    spent.requests = 90
    #expect(told() == ["90 % of the budget of requests is used; the sealed test has to be paid from what is left"])
    #expect(told().isEmpty)
    spent.promptTokens = 200
    #expect(told().map { $0.prefix(31) } == ["100 % of the budget of tokens i"])
    func trials(_ states: [TrialState]) -> [TrialRecord] {
      states.enumerated().map {
        TrialRecord(number: $0, state: $1, proposal: Proposal(Assignment([:]), origin: "test"), reason: "r\($0)")
      }
    }
    #expect(warnings.failures(trials([.failed, .failed])) == nil)
    #expect(warnings.failures(trials([.failed, .failed, .failed, .complete, .complete, .complete, .complete])) == nil)
    let text = warnings.failures(trials([.complete, .failed, .complete, .failed, .failed]))
    #expect(text == "3 of 5 trials failed, the last one because: r4")
    #expect(warnings.failures(trials([.failed, .failed, .failed])) == nil)
  }

  @Test func overlapsAreFoundBeyondCaseAndSpacing() {
    func row(_ id: String, _ text: String) -> Example {
      Example(id: id, fields: ["id": .string(id), "text": .string(text)])
    }
    let data = DataSplits(
      train: [row("a", "Where is my card?")], validation: [row("b", "Another"), row("c", "where is  my card")],
      test: [row("d", "ANOTHER!"), row("e", "New"), row("f", "Where is my car?")])
    let warnings = StudyWarnings.overlaps(data)
    #expect(warnings.count == 2)
    #expect(warnings.first?.hasPrefix("1 of 2 validation rows is also") == true)
    #expect(warnings.last?.hasPrefix("1 of 3 test rows is also") == true)
  }

  /// Every kind of error says what to do, also where the code that throws it has nothing to add.
  @Test func everyErrorHasAHint() {
    let hints =
      ModelError.Kind.allCases.map { ModelError($0, "m").hint }
      + StoreError.Kind.allCases.map { StoreError($0, "m").hint }
      + CassetteError.Kind.allCases.map(\.hint)
      + [
        StudyError.store(StoreError(.io, "m")), .model(ModelError(.server, "m")), .changed(study: "s", parts: ["goal"]),
        .failing("m"), .noData, .interrupted, .refused("m", hint: "another name"),
      ].map(\.hint)
    #expect(hints.count > 30)
    for hint in hints { #expect(hint.count > 8, "\(hint)") }
  }

  @Test func parallelismChangesNothing() async throws {
    let one = MemoryStore()
    let eight = MemoryStore()
    #expect(try await tune(store: one, parallel: 1) == tune(store: eight, parallel: 8))
    #expect(try await one.events(of: "parabola") == eight.events(of: "parabola"))
  }

  @Test func aStudyThatStopsAndGoesOnEndsLikeOneThatDidNot() async throws {
    let whole = try await tune()
    let store = MemoryStore()
    _ = try await tune(store: store, budget: Budget(trials: 5))
    var resumed = try await tune(store: store)
    resumed.spend = whole.spend
    #expect(resumed == whole)
  }

  @Test func aCancelledStudyGoesOn() async throws {
    let whole = try await tune()
    let store = MemoryStore()
    let (news, continuation) = AsyncStream.makeStream(of: Int.self)
    let first = Task {
      try await tune(store: store) { if case .ended(let trial, _, _, _) = $0 { continuation.yield(trial.number) } }
    }
    for await trial in news where trial == 3 { break }
    first.cancel()
    _ = await first.result
    #expect(try await tune(store: store) == whole)
    #expect(try await store.trials(of: "parabola").allSatisfy { $0.state == .complete })
  }

  /// A cap that leaves nothing to report is an error with words.
  @Test func aCapBeforeTheStartIsABudgetError() async throws {
    await #expect { try await tune(budget: Budget(trials: 50, rollouts: 10)) } throws: { error in
      guard let error = error as? StudyError, case .budget(.rollouts, let message) = error else { return false }
      return message.contains("0 of 30 rollouts") && !error.hint.isEmpty
    }
  }

  @Test func nothingThatFailedIsEverBest() async throws {
    var runner = Parabola()
    runner.score = { x, _, _ in x > 0.5 ? .infinity : x > 0 ? .nan : 1 + x }
    let store = MemoryStore()
    let report = try await tune(runner, store: store)
    #expect(try #require(report.assignment["x"]?.number) <= 0)
    let failed = try await store.trials(of: "parabola").filter { $0.state == .failed }
    #expect(failed.count == report.failed && report.failed > 0)
    #expect(failed.allSatisfy { $0.reason.contains("score is") && $0.estimate == nil })
  }

  /// Settings that fail, one after another, are information about the space; a workflow that gives no score is broken.
  @Test func badSettingsEndNoStudy() async throws {
    var runner = Parabola()
    runner.score = { x, _, _ in x > -0.99 ? .nan : 1 + x }
    let store = MemoryStore()
    let report = try await tune(runner, store: store, budget: Budget(trials: 24))
    #expect(report.trials == 24 && report.stop == .trials && report.failed > 15)
    let reasons = try await store.trials(of: "parabola").map(\.reason)
    #expect(zip(reasons, reasons.dropFirst()).contains { !$0.isEmpty && $0 == $1 })
    // In the long run it is the workflow after all, also over a session's end.
    let error = await #expect(throws: StudyError.self) {
      try await tune(runner, store: store, budget: Budget(trials: 80))
    }
    let text = "\(try #require(error))"
    #expect(
      text.contains("30 trials in a row failed in the same way: ") && text.contains("out of the space"), "\(text)")
    #expect(try await store.trials(of: "parabola").count < 80)
  }

  @Test func aWorkflowWithoutAnyScoreEndsAtOnce() async throws {
    var runner = Parabola()
    runner.score = { _, _, _ in .nan }
    let store = MemoryStore()
    let error = await #expect(throws: StudyError.self) { try await tune(runner, store: store) }
    #expect("\(try #require(error))".contains("5 trials in a row failed in the same way, and none has a score"))
    #expect(try await store.trials(of: "parabola").count == 5)
  }

  @Test(arguments: [31, 64, 100, 157]) func theCapOnRolloutsHolds(_ cap: Int) async throws {
    let store = MemoryStore()
    _ = try await tune(store: store, budget: Budget(trials: 50, rollouts: cap))
    #expect(try await store.rollouts(of: "parabola", trial: nil, split: nil, traces: false).count <= cap)
  }

  @Test func aWorldWhereNothingHelpsIsNotImproved() async throws {
    // The score depends on the example alone.
    var improved = 0
    for seed in 0..<40 {
      var runner = Parabola()
      runner.score = { x, kind, example in
        var stream = RandomStream(seed: UInt64(seed), name: "\(x)/\(kind)/\(example)")
        return stream.uniform() < 0.6 ? 1 : 0
      }
      if try await tune(runner).isImproved { improved += 1 }
    }
    // At 2.5 % (one side of 5 %), more than 5 of 40 has a probability below 1 in 1,000.
    #expect(improved <= 5)
  }

  @Test func anotherSpaceUnderTheSameNameIsRefused() async throws {
    let store = MemoryStore()
    _ = try await tune(store: store, budget: Budget(trials: 2))
    let other = Problem(space: Parabola().space, objective: Objective(), seed: 6)
    await #expect(throws: StudyError.self) {
      try await Study(store: store, name: "parabola").run(
        Parabola(), problem: other, data: Self.data, optimizer: RandomSearch(), optimizerSettings: ["use": "random"],
        settings: StudySettings(minibatch: 8))
    }
  }
}
