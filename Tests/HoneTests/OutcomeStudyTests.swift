import HoneNumerics
import HoneTesting
import Testing

@testable import Hone

/// Accuracy has its price: x buys score and costs tokens; y costs and buys nothing.
private struct Priced: Runner {
  let space = Space([
    ParameterSpec(name: "x", domain: .float(FloatDomain(0...1, step: 0.02)), initial: 0.5),
    ParameterSpec(name: "y", domain: .float(FloatDomain(0...1, step: 0.02)), initial: 0.5),
  ])
  let fingerprint = "priced"
  let ran = Lock(0)

  func run(_ example: Example, repeat: Int) async -> Outcome {
    ran.withLock { $0 += 1 }
    let values = TraceContext.current?.assignment
    let (x, y) = (values?["x"]?.number ?? 0, values?["y"]?.number ?? 0)
    let n = Double(example.fields["n"]?.int ?? 0)
    if Int(n) % 3 == 0 { await Task.yield() }
    return Outcome(score: x * (2 - x) + n * 0.001, outcomes: ["tokens": 100 * x + 50 * y + n])
  }
}

@Suite struct OutcomeStudyTests {
  private func tune(
    _ runner: Priced = Priced(), outcomes: [String: Objective.Direction] = ["tokens": .minimize],
    store: any Store = MemoryStore(), parallel: Int = 4, trials: Int = 16
  ) async throws -> Report {
    var report = try await Study(store: store, name: "priced").run(
      runner, problem: Problem(space: runner.space, objective: Objective(outcomes: outcomes), seed: 3),
      data: StudyTests.data, optimizer: TPE(), optimizerSettings: ["use": "tpe"],
      settings: StudySettings(minibatch: 4, parallel: parallel, budget: Budget(trials: trials)))
    (report.seconds, report.spend) = (0, Spend())
    return report
  }

  @Test func parallelismAndResumeChangeNothing() async throws {
    let whole = try await tune()
    #expect(try await tune(parallel: 1) == whole)
    let store = MemoryStore()
    _ = try await tune(store: store, trials: 6)
    #expect(try await tune(store: store) == whole)
    let front = try #require(whole.front)
    #expect(front.points.count > 3 && front.trials == 16 && front.unmeasured == 0 && front.examples == 30)
    #expect(whole.bestTrial == front.points[0].trial)
  }

  /// Every weight chooses its own trial from one run; the runner is not called again.
  @Test func anotherWeightAsksForNoRollout() async throws {
    let (runner, store) = (Priced(), MemoryStore())
    let report = try await tune(runner, store: store)
    let ran = runner.ran.withLock { $0 }
    let study = Study(store: store, name: "priced")
    let trials = try await store.trials(of: "priced")
    var chosen: Set<Int> = []
    for weight in [0, 0.002, 0.004, 0.008, 0.02, 1.0] {
      let choice = try Tradeoff(weights: ["tokens": weight]).choose(
        from: try await study.outcomes(), objective: report.objective)
      let values = try trials.map { try #require($0.estimate).mean - weight * (try #require($0.outcomes["tokens"])) }
      #expect(abs(choice.value - (values.max() ?? 0)) < 1e-9, "\(weight)")
      #expect(report.front?.points.contains { $0.trial == choice.trial } == true)
      chosen.insert(choice.trial)
    }
    #expect(chosen.count >= 3)
    #expect(runner.ran.withLock { $0 } == ran && report.bestTrial == report.front?.points[0].trial)
  }

  /// Nothing of it is stored or reported where the score alone counts.
  @Test func oneGoalIsAsItWas() async throws {
    let store = MemoryStore()
    let report = try await tune(outcomes: [:], store: store)
    #expect(report.front == nil)
    #expect(try await store.document("report", study: "priced")?.object?["front"] == nil)
    let objective = try await store.definition(of: "priced")?.problem.objective
    #expect(try Value(encoding: try #require(objective)).object?.keys.sorted() == ["direction", "metric", "purpose"])
    #expect(try await store.trials(of: "priced").contains { $0.screened })
    let many = MemoryStore()
    _ = try await tune(store: many)
    #expect(try await many.trials(of: "priced").allSatisfy { !$0.screened })
  }

  /// A name that is written wrong would be searched for to the end of the budget.
  @Test func anOutcomeThatNeverComesIsSaid() async throws {
    func message(
      _ optimizer: any Optimizer = TPE(), outcomes: [String: Objective.Direction] = [:],
      constraints: [OutcomeConstraint] = [], scheduler: (any Scheduler)? = nil
    ) async throws -> String {
      let (runner, store) = (Priced(), MemoryStore())
      let error = await #expect(throws: StudyError.self) {
        try await Study(store: store, name: "priced").run(
          runner, problem: Problem(space: runner.space, objective: Objective(outcomes: outcomes), seed: 3),
          data: StudyTests.data, optimizer: optimizer,
          settings: StudySettings(screening: false, budget: Budget(trials: 12), constraints: constraints),
          scheduler: scheduler)
      }
      #expect(try await store.trials(of: "priced").count == StudyDriver.trialsForOutcomes)
      return "\(try #require(error))"
    }
    let cost = try await message(CostAwareSearch(.init(outcome: "tokns")))
    #expect(
      cost.hasPrefix(#"none of 3 trials has the outcome "tokns", which the optimizer gp-cost needs; they have tokens"#))
    #expect(cost.contains("did you mean tokens?"))
    let bound = ConstrainedSearch(.init(constraints: ["seconds": .init(most: 1)]))
    #expect(try await message(bound).contains("the optimizer gp-constrained needs"))
    #expect(try await message(ParEGO(bound)).contains("the optimizer gp-constrained needs"))
    #expect(try await message(outcomes: ["seconds": .minimize]).contains("which the goal names"))
    #expect(try await message(constraints: [.init(outcome: "seconds", atMost: 1)]).contains("a constraint bounds"))
    // One that comes, and one that nobody asks for.
    let report = try await tune(trials: 5)
    #expect(report.trials == 5)
  }
}
