import HoneTesting
import Testing

@testable import Hone
@testable import HoneModel

/// The longer its instruction, the better.
private struct Wordy: Runner {
  let space: Space
  let fingerprint = "wordy"

  init(_ domain: Domain, _ initial: Value) {
    space = Space([ParameterSpec(name: "instruction", domain: domain, initial: initial)])
  }

  func run(_ example: Example, repeat: Int) async -> Outcome {
    let text = TraceContext.current?.assignment["instruction"]?.string ?? ""
    return Outcome(output: .string(text), score: Double(text.count), feedback: "say more")
  }
}

@Suite struct EmptyRoundsTests {
  private static let good = #"{"reasoning": "more", "suggestion": {"instruction": "Say very much"}}"#
  private static let text = Wordy(.text(TextDomain(maxLength: 100)), "Say")

  private func tune(
    _ model: ScriptedModel, _ runner: Wordy = text, store: any Store = MemoryStore(), trials: Int = 3
  ) async throws -> Report {
    try await Study(store: store, name: "wordy").run(
      runner, problem: Problem(space: runner.space, objective: Objective(), seed: 5), data: StudyTests.data,
      optimizer: try OptimizerCatalog.make(name: "joint", space: runner.space), optimizerSettings: ["use": "joint"],
      settings: StudySettings(minibatch: 2, budget: Budget(trials: trials)), proposer: model)
  }

  private func attempts(_ store: any Store) async throws -> [Attempt] {
    try await store.events(of: "wordy").compactMap { if case .attempted(let attempt) = $0 { attempt } else { nil } }
  }

  @Test func proseRoundAfterRoundEndsTheStudyWithItsReason() async throws {
    let store = MemoryStore()
    let model = ScriptedModel(["I would rather talk about the weather."])
    let report = try await tune(model, store: store)
    #expect(report.stop == .proposer && report.trials == 1)
    let reason = try #require(report.stopReason)
    #expect(reason.hasPrefix("the proposer gave no usable reply 3 times in a row: "))
    // A reply and its repair a round; each is kept with what was wrong with it.
    let attempts = try await attempts(store)
    #expect(attempts.count == 6 && model.requests.count == 6)
    #expect(attempts.allSatisfy { $0.rejections.count == 1 && reason.hasSuffix($0.rejections[0].description) })
    // Each round draws its own minibatch of two.
    #expect(try await store.rollouts(of: "wordy", trial: 0, split: .train, traces: false).count > 2)
  }

  @Test func oneUnusableReplyIsNotTheEnd() async throws {
    let store = MemoryStore()
    let report = try await tune(ScriptedModel(["no", "no", Self.good]), store: store, trials: 2)
    #expect(report.stop == .trials && report.stopReason == nil)
    #expect(report.assignment["instruction"] == "Say very much")
    #expect(try await attempts(store).map(\.outcome) == [.malformed, .malformed, .applied])
  }

  /// A study that was closed goes on with as many rounds again, and knows the rounds that it had.
  @Test func theNextSessionTriesAgain() async throws {
    let store = MemoryStore()
    #expect(try await tune(ScriptedModel(["no"]), store: store).stop == .proposer)
    #expect(
      try await tune(ScriptedModel(["no", "no", "no", "no", Self.good]), store: store, trials: 2).stop == .trials)
    #expect(try await store.document(EmptyRounds.document, study: "wordy")?.array?.count == 5)
    #expect(try await attempts(store).count == 11)
  }

  @Test func aFiniteSpaceThatIsTriedIsExhausted() async throws {
    let report = try await tune(
      ScriptedModel(["no"]), Wordy(.categorical(["a", "bb", "ccc"]), "a"), trials: 10)
    #expect(report.stop == .exhausted && report.stopReason == nil)
    #expect(report.trials == 3 && report.assignment["instruction"] == "ccc")
  }

  /// Attempts that were lost with the process do not make a round.
  @Test func roundsAreCountedByTheEventsThatAreThere() {
    let trial = Event.began(trial: 0, Proposal(Assignment([:]), origin: "initial"))
    let failed = Event.failed(trial: 0, reason: "")
    let attempt = Event.attempted(Attempt(origin: "optoprime", outcome: .malformed))
    let rounds = EmptyRounds([3, 5, 7], events: [trial, failed, attempt, attempt, attempt])
    #expect(rounds.count == 2 && rounds.inARow == 2)
    let later = EmptyRounds([2, 5], events: [trial, attempt, attempt, trial, attempt])
    #expect(later.count == 2 && later.inARow == 1)
  }
}
