import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTesting
import HoneTrace
import Testing

/// A cap on tokens or money leaves the sealed test its part, whatever a rollout costs and however often the study is cut.
@Suite struct ReserveTests {
  private func run(_ store: any Store, _ budget: Budget, cut: Int? = nil) async throws -> Report? {
    let (workflow, proposer) = (
      SimulatedEndpoint(SimulatedModel(.few, seed: 3), price: Price(input: 1, output: 4)),
      SimulatedEndpoint(SimulatedModel(.few, seed: 4), price: Price(input: 1, output: 4))
    )
    let runner = SimulatedRunner(.few, model: workflow.client(alias: "workflow"), hasNumbers: false)
    let news = Lock(0)
    do {
      return try await Task {
        try await Study(store: store, name: "world").run(
          runner, problem: Problem(space: runner.space, objective: Objective(), seed: 5),
          data: SimulatedRunner.data(train: 6, validation: 8, test: 10), optimizer: GEPA(),
          settings: StudySettings(minibatch: 3, parallel: 1, budget: budget),
          proposer: proposer.client(alias: "proposer")
        ) { progress in
          guard case .rollouts = progress else { return }
          let count = news.withLock { news in
            news += 1
            return news
          }
          if count == cut { withUnsafeCurrentTask { $0?.cancel() } }
        }
      }.value
    } catch StudyError.interrupted {
      return nil
    }
  }

  private static let caps = [0.5, 0.6, 0.7, 0.8, 0.9]

  /// What a study of some trials takes in all.
  private func whole() async throws -> Spend {
    let store = MemoryStore()
    let report = try #require(try await run(store, Budget(trials: 9)))
    #expect(report.test != nil)
    return try await store.spend(of: "world")
  }

  @Test func theTestHasRoom() async throws {
    let whole = try await whole()
    var tested = 0
    for part in Self.caps {
      let budgets = [
        Budget(trials: 40, tokens: Int(part * Double(whole.tokens))), Budget(trials: 40, money: part * whole.money),
      ]
      for budget in budgets {
        let store = MemoryStore()
        let report = try #require(try await run(store, budget))
        let spent = try await store.spend(of: "world")
        #expect(report.stop == (budget.tokens == nil ? .money : .tokens))
        #expect(spent.tokens <= budget.tokens ?? .max && spent.money <= budget.money ?? .infinity)
        if report.bestTrial != 0 { #expect(report.test != nil, "\(part): \(report.untested)") }
        if report.test != nil { tested += 1 }
      }
    }
    #expect(tested >= 6)
  }

  @Test func aStudyThatIsCutKeepsTheSame() async throws {
    let budget = Budget(trials: 40, tokens: try await whole().tokens * 7 / 10)
    let uncut = MemoryStore()
    _ = try await run(uncut, budget)
    let cut = MemoryStore()
    var (sessions, report) = (0, Report?.none)
    while report == nil, sessions < 60 {
      sessions += 1
      report = try await run(cut, budget, cut: 5)
    }
    #expect(report != nil && sessions > 3)
    #expect(try await cut.events(of: "world") == uncut.events(of: "world"))
    #expect(try await cut.spend(of: "world") == uncut.spend(of: "world"))
  }
}
