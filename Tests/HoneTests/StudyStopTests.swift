import HoneNumerics
import HoneTesting
import Testing

@testable import Hone
@testable import HoneModel

/// A score with noise around `height * x`; with `dies` the process dies at that rollout.
private struct Hill: Runner {
  let space = Space([ParameterSpec(name: "x", domain: .float(FloatDomain(0...1)), initial: 0)])
  let fingerprint = "hill"
  var height = 0.0
  var noise = 0.0
  var dies: Int?
  let ran = Lock(0)

  func run(_ example: Example, repeat: Int) async -> Outcome {
    let count = ran.withLock { count in
      count += 1
      return count
    }
    if count == dies { return Outcome(failure: .init(.infrastructure, "cut"), error: ModelError(.cancelled, "cut")) }
    let x = TraceContext.current?.assignment["x"]?.number ?? 0
    var random = RandomStream(seed: 4, name: "\(x)/\(example.id)")
    return Outcome(output: .double(x), score: height * x + noise * (random.uniform() - 0.5), outcomes: ["tokens": 1])
  }
}

/// The stop rule in a study.
@Suite struct StudyStopTests {
  private static let data = DataSplits(
    train: [], validation: (0..<24).map { Example(id: "v\($0)", fields: ["n": .int($0)]) }, test: [])

  private func tune(
    _ runner: Hill, cost: Double?, _ store: any Store = MemoryStore(), scheduler: String = "full", trials: Int? = 20,
    rollouts: Int? = nil, outcomes: [String: Objective.Direction] = [:]
  ) async throws -> Report {
    let settings = StudySettings(
      screening: false, parallel: 3, batch: 2, budget: Budget(trials: trials, rollouts: rollouts),
      costPerExample: cost)
    var report = try await Study(store: store, name: "hill").run(
      runner, problem: Problem(space: runner.space, objective: Objective(outcomes: outcomes), seed: 2), data: Self.data,
      optimizer: RandomSearch(), settings: settings,
      scheduler: try SchedulerCatalog.make(name: scheduler, defaults: .init(batch: settings.batch)))
    (report.seconds, report.spend) = (0, Spend())
    return report
  }

  @Test func aFlatScoreEndsEarlyAndSaysWhy() async throws {
    let store = MemoryStore()
    let report = try await tune(Hill(), cost: 0.001, store)
    #expect(report.stop == .gain && (8..<12).contains(report.trials))
    let reason = try #require(report.stopReason)
    #expect(reason.hasPrefix("24 more examples of a new trial are expected to gain"))
    #expect(reason.hasSuffix("and cost 0.024, and nothing else gains more than it costs"))
    #expect(try await store.trials(of: "hill").allSatisfy { $0.state == .complete })
  }

  @Test func offByDefault() async throws {
    let report = try await tune(Hill(), cost: StudySettings().costPerExample)
    #expect(report.stop == .trials && report.trials == 20)
    // A gain in the score alone says nothing about a front.
    let front = try await tune(Hill(), cost: 0.001, outcomes: ["tokens": .minimize])
    #expect(front.stop == .trials && front.trials == 20)
  }

  @Test func aClearGainGoesOn() async throws {
    #expect(try await tune(Hill(height: 1, noise: 0.2), cost: 0.0001).stop == .trials)
    // The same gain at a price at which it does not pay.
    let dear = try await tune(Hill(height: 1, noise: 0.2), cost: 0.1)
    #expect(dear.stop == .gain && dear.trials < 20)
  }

  /// Schedulers, and how dear an example is, so that the rule ends the study somewhere in the middle.
  static let schedulers = [("full", 0.003), ("asha", 0.002), ("race", 0.002), ("successive-halving", 0.002)]

  /// Also where trials are measured bit by bit, and wherever the process died before.
  @Test(arguments: schedulers) func resumedItEndsWithTheSameWords(_ scheduler: String, _ cost: Double) async throws {
    let (runner, store) = (Hill(height: 0.2, noise: 1), MemoryStore())
    let whole = try await tune(runner, cost: cost, store, scheduler: scheduler, trials: nil, rollouts: 400)
    #expect(whole.stop == .gain, "\(whole.stop)")
    let ran = runner.ran.withLock { $0 }
    #expect(ran < 400)
    // Called again, it runs nothing and says the same.
    #expect(try await tune(runner, cost: cost, store, scheduler: scheduler, trials: nil, rollouts: 400) == whole)
    #expect(runner.ran.withLock { $0 } == ran)
    for death in stride(from: 30, through: ran, by: 19) {
      let cut = MemoryStore()
      var mortal = Hill(height: 0.2, noise: 1)
      mortal.dies = death
      await #expect(throws: StudyError.self) {
        try await tune(mortal, cost: cost, cut, scheduler: scheduler, trials: nil, rollouts: 400)
      }
      let resumed = try await tune(
        Hill(height: 0.2, noise: 1), cost: cost, cut, scheduler: scheduler, trials: nil, rollouts: 400)
      #expect(resumed == whole, "cut at \(death)")
    }
    // At a lower price it goes on.
    let cheaper = try await tune(runner, cost: nil, store, scheduler: scheduler, trials: nil, rollouts: 400)
    #expect(cheaper.stop != .gain && runner.ran.withLock { $0 } > ran)
  }
}
