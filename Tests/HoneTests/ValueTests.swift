import HoneTesting
import HoneTrace
import Testing

@testable import Hone
@testable import HoneModel

private struct Shouting: Workflow {
  @Parameter(0...12) var loudness = 0

  func run(_ name: Traced<String>) async throws -> Traced<String> {
    step("shout", name, $loudness) { name, loudness in name + String(repeating: "!", count: loudness) }
  }
}

/// Optimizers and schedulers given as values: kept with their settings, gone on with by equal ones only.
@Suite struct ValueTests {
  private static let names = (0..<40).map { Labeled(input: "guest \($0)", expected: $0) }

  private func tune(
    _ store: any Store, rollouts: Int = 200, optimizer: (any Optimizer)? = nil, scheduler: (any Scheduler)? = nil
  ) async throws -> Tuned<Shouting> {
    try await Study(store: store, name: "shouting").tune(
      Shouting(), on: Self.names, within: [.rollouts(rollouts)], shares: SplitShares(train: 0, validation: 0.8),
      seed: 2, optimizer: optimizer, scheduler: scheduler
    ) { output, guest in Score(min(1, Double(output.count { $0 == "!" }) / 12) - (guest % 2 == 0 ? 0.01 : 0)) }
  }

  private func events(_ store: any Store) async throws -> [Event] { try await store.events(of: "shouting") }

  @Test func bothDecide() async throws {
    let store = MemoryStore()
    _ = try await tune(store, optimizer: CrossEntropySearch(), scheduler: ASHA(fewest: 4))
    let definition = try #require(try await store.definition(of: "shouting"))
    #expect(definition.optimizer["use"] == "cross-entropy")
    #expect(definition.optimizer["settings"]?["population"] == .int(CrossEntropySearch.Settings().population))
    #expect(
      definition.settings["scheduler"] == ["use": "asha", "settings": ["fewest": 4, "eta": 2, "batch": 1]])
    let trials = try await store.trials(of: "shouting")
    #expect(Set(trials.map(\.proposal.origin)) == ["initial", "cross-entropy"])
    #expect(Set(trials.compactMap(\.estimate?.count)).contains(4))
    let bandit = MemoryStore()
    _ = try await tune(bandit, scheduler: BanditScheduler(StructuredThompson()))
    #expect(try await bandit.trials(of: "shouting").contains { $0.proposal.origin == "structured-thompson" })
  }

  /// With equal values a study goes on and ends like one that was not cut short.
  @Test func equalValuesGoOn() async throws {
    let (whole, cut) = (MemoryStore(), MemoryStore())
    func tune(_ store: any Store, _ rollouts: Int) async throws -> Tuned<Shouting> {
      try await self.tune(
        store, rollouts: rollouts, optimizer: GaussianProcessSearch(.init(acquisition: .improvement)),
        scheduler: IDHyperband(fewest: 4))
    }
    let best = try await tune(whole, 240)
    _ = try await tune(cut, 70)
    #expect(try await tune(cut, 240).loudness == best.loudness)
    #expect(best.loudness > 6)
    #expect(try await events(cut).first == events(whole).first)
  }

  @Test func otherValuesAreRefused() async throws {
    let store = MemoryStore()
    func refusal(_ optimizer: any Optimizer, _ scheduler: (any Scheduler)?) async throws -> [String] {
      let error = await #expect(throws: StudyError.self) {
        try await tune(store, optimizer: optimizer, scheduler: scheduler)
      }
      guard case .changed(_, let parts) = try #require(error) else { return [] }
      return parts
    }
    _ = try await tune(
      store, optimizer: CostAwareSearch(.init(outcome: "a", power: 0)), scheduler: BanditScheduler(UCB1()))
    let before = try await events(store)
    let same = CostAwareSearch(.init(outcome: "a", power: 0))
    #expect(
      try await refusal(CostAwareSearch(.init(outcome: "a", power: 0.5)), BanditScheduler(UCB1())) == ["optimizer"])
    #expect(try await refusal(TPE(), BanditScheduler(UCB1())) == ["optimizer"])
    #expect(try await refusal(same, BanditScheduler(UCB1(alpha: 0.3))) == ["way of measuring"])
    #expect(try await refusal(same, BanditScheduler(UCB1(), batch: 5)) == ["way of measuring"])
    #expect(try await refusal(same, nil) == ["way of measuring"])
    _ = try await tune(store, optimizer: same, scheduler: BanditScheduler(UCB1()))
    #expect(try await events(store) == before)
  }
}
