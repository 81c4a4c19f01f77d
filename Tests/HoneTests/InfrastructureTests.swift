import HoneTesting
import Testing

@testable import Hone
@testable import HoneModel

/// Six assignments; some rollouts fail as `fails` says: of x and of how many times x was begun before.
private struct Outage: Runner {
  let space = Space([ParameterSpec(name: "x", domain: .int(IntDomain(0...5)), initial: 0)])
  let fingerprint = "outage"
  let begun = Lock<[Int: Int]>([:])
  var fails: @Sendable (_ x: Int, _ example: Int, _ earlier: Int) -> RolloutRecord.Failure.Kind?

  func run(_ example: Example, repeat: Int) async -> Outcome {
    let x = TraceContext.current?.assignment["x"]?.int ?? 0
    let n = example.fields["n"]?.int ?? 0
    let earlier = begun.withLock { begun in
      if n == 0 { begun[x, default: 0] += 1 }
      return begun[x, default: 1] - 1
    }
    if let kind = fails(x, n, earlier) { return Outcome(failure: .init(kind, "the endpoint is down")) }
    return Outcome(output: .int(x), score: Double(x))
  }
}

/// What a failure of the endpoint or the machine does to a study.
@Suite struct InfrastructureTests {
  private static let data = DataSplits(
    train: [], validation: (0..<6).map { Example(id: "v\($0)", fields: ["n": .int($0)]) }, test: [])

  private func tune(_ runner: Outage, _ store: any Store, trials: Int = 30, parallel: Int = 1) async throws -> Report {
    try await Study(store: store, name: "outage").run(
      runner, problem: Problem(space: runner.space, objective: Objective(), seed: 3), data: Self.data,
      optimizer: TPE(), optimizerSettings: ["use": "tpe"],
      settings: StudySettings(screening: false, parallel: parallel, budget: Budget(trials: trials)))
  }

  private func failures(_ store: any Store) async throws -> [Event] {
    try await store.events(of: "outage").filter { if case .failed = $0 { true } else { false } }
  }

  /// One outage: the assignment is proposed again, and the best one is found after all.
  @Test func whatWasLostIsTriedAgain() async throws {
    let store = MemoryStore()
    let runner = Outage { x, _, earlier in x == 5 && earlier == 0 ? .infrastructure : nil }
    let report = try await tune(runner, store)
    #expect(report.best.mean == 5 && report.stop == .exhausted && report.trials == 7 && report.failed == 1)
    let failures = try await failures(store)
    #expect(failures.count == 1 && failures.allSatisfy(\.isInfrastructureFailure))
    // Cut behind the outage and gone on with, it is the same study.
    let cut = MemoryStore()
    let again = Outage { x, _, earlier in x == 5 && earlier == 0 ? .infrastructure : nil }
    let lost = try #require(failures.first?.trial)
    _ = try await tune(again, cut, trials: lost + 1)
    _ = try await tune(again, cut)
    let (events, expected) = (try await cut.events(of: "outage"), try await store.events(of: "outage"))
    #expect(events == expected)
  }

  /// Settings at which the endpoint always fails are left alone in the end.
  @Test func notForEver() async throws {
    let store = MemoryStore()
    let report = try await tune(Outage { x, _, _ in x == 5 ? .infrastructure : nil }, store)
    #expect(report.stop == .exhausted && report.best.mean == 4)
    #expect(report.failed == StudyDriver.infrastructureTrials && report.trials == 5 + report.failed)
  }

  /// Five times in a row it is no setting's fault.
  @Test func anOutageEndsTheStudy() async throws {
    let store = MemoryStore()
    let error = await #expect(throws: StudyError.self) {
      try await tune(Outage { x, _, _ in x == 0 ? nil : .infrastructure }, store)
    }
    #expect("\(try #require(error))".contains("5 trials in a row failed in the same way: the endpoint is down"))
    #expect(try await store.trials(of: "outage").count == 6)
  }

  /// A workflow that fails, also beside an outage, is the assignment's fault: a bad point, never tried again.
  @Test(arguments: [1, 3]) func theAssignmentsFaultIsABadPoint(_ parallel: Int) async throws {
    let store = MemoryStore()
    let runner = Outage { x, n, _ in x != 5 ? nil : n == 0 ? .workflow : .infrastructure }
    let report = try await tune(runner, store, parallel: parallel)
    #expect(report.trials == 6 && report.failed == 1)
    let failures = try await failures(store)
    #expect(failures.count == 1 && !failures.contains(where: \.isInfrastructureFailure))
  }
}
