import Foundation
import Hone
import HoneModel
import HoneNumerics
import HoneOptimize
import HoneStore
import HoneTrace

/// Studies with random caps, worlds, prices, faults, parallelism and proposers, whose spending the endpoints count themselves.
public struct CapRehearsal: Sendable {
  /// What came of one study.
  public struct Outcome: Sendable {
    /// Of the endpoints' books, in the order workflow, proposer.
    public var books: [SimulatedEndpoint.Books] = []
    /// What was used beyond each cap, by the endpoints' books or by the study's own: all 0 when caps hold.
    public var overshoot: [ModelError.Cap: Double] = [:]
    /// Requests in the books that the study does not know of, or the other way round.
    public var unbooked = 0
    /// Why each session ended: a stop, or an error's kind.
    public var ends: [String] = []
    /// What the study was like, for messages.
    public var plan = ""
  }

  public let seed: UInt64
  /// Every workflow request is sent a second time behind the ledger's back: a study whose caps do not hold, to show that the
  /// endpoints' books would tell.
  public let leaks: Bool

  public init(seed: UInt64, leaks: Bool = false) {
    self.seed = seed
    self.leaks = leaks
  }

  /// One study, in one or two sessions.
  public func run(_ number: Int) async throws -> Outcome {
    var random = RandomStream(seed: seed, name: "caps/\(number)")
    let plan = Plan(number, &random)
    let clock = SimulatedClock()
    let workflow = plan.endpoint(clock, isProposer: false, &random)
    let proposer = plan.endpoint(clock, isProposer: true, &random)
    let client = workflow.client(alias: "workflow", maxConcurrent: plan.concurrent)
    let runner = SimulatedRunner(
      plan.world, model: leaks ? LeakingModel(base: client) : client, hasNumbers: plan.hasNumbers)
    let store = MemoryStore()
    var outcome = Outcome()
    outcome.plan = "run \(number): \(plan.optimizer) in \(plan.world.name), parallel \(plan.parallel), \(plan.budget)"
    for trials in plan.sessions {
      var settings = plan.settings
      settings.budget.trials = trials
      do {
        let report = try await Study(store: store, name: "caps").run(
          runner, problem: Problem(space: runner.space, objective: Objective(), seed: seed &+ UInt64(number)),
          data: SimulatedRunner.data(train: 6, validation: 8, test: 6),
          optimizer: try OptimizerCatalog.make(name: plan.optimizer, space: runner.space), settings: settings,
          proposer: proposer.client(alias: "proposer", maxConcurrent: plan.concurrent), clock: clock, logger: nil)
        outcome.ends.append(report.stop.rawValue)
      } catch StudyError.model(let cause) {
        outcome.ends.append(cause.kind == .budget ? cause.cap?.rawValue ?? "budget" : cause.kind.rawValue)
      } catch StudyError.budget(let stop, _) {
        outcome.ends.append(stop.rawValue)
      } catch let error as StudyError {
        outcome.ends.append("\(error)")
      }
    }
    let spend = try await store.spend(of: "caps")
    outcome.books = [workflow.books, proposer.books]
    outcome.unbooked = abs(outcome.books.reduce(0) { $0 + $1.requests } - spend.requests)
    outcome.overshoot = plan.overshoot(outcome.books, spend, seconds: clock.seconds)
    return outcome
  }

  /// Sends each request three times, twice where no ledger sees it: what is kept for the sealed test may be half a cap.
  private struct LeakingModel: ChatModel {
    let base: any ChatModel

    func chat(_ request: ChatRequest) async throws(ModelError) -> ChatReply {
      for _ in 0..<2 { _ = await CallContext.$current.withValue(nil) { try? await base.chat(request) } }
      return try await base.chat(request)
    }
  }

  private struct Plan {
    let world: SimulatedWorld
    let skill: SimulatedModel.Skill
    let optimizer: String
    let hasNumbers: Bool
    let parallel: Int
    let concurrent: Int
    let budget: Budget
    let settings: StudySettings
    /// Trials after which each session ends.
    let sessions: [Int]
    private let hasFaults: Bool

    init(_ number: Int, _ random: inout RandomStream) {
      world = SimulatedWorld.all.randomElement(using: &random) ?? .few
      skill = SimulatedModel.Skill.allCases.randomElement(using: &random) ?? .good
      let names = OptimizerCatalog.askingModel.union(["auto", "joint", "portfolio"]).sorted()
      optimizer = names[number % names.count]
      hasNumbers = optimizer == "llambo" || random.uniform() < 0.4
      // Time stands still between two looks at a clock only where one request is on its way.
      let isAlone = random.uniform() < 0.5
      parallel = isAlone ? 1 : 2 + Int(random.next() % 7)
      concurrent = 1 + Int(random.next() % 6)
      hasFaults = random.uniform() < 0.7
      var budget = Budget()
      if random.uniform() < 0.4 { budget.requests = Int(Self.between(3, 300, &random)) }
      if random.uniform() < 0.4 { budget.tokens = Int(Self.between(1_000, 60_000, &random)) }
      if random.uniform() < 0.4 { budget.money = Self.between(0.002, 0.3, &random) }
      if isAlone, random.uniform() < 0.6 { budget.seconds = Self.between(3, 600, &random) }
      if budget == Budget() { budget.requests = Int(Self.between(3, 300, &random)) }
      self.budget = budget
      let trials = 3 + Int(random.next() % 5)
      sessions = random.uniform() < 0.3 ? [2, trials] : [trials]
      settings = StudySettings(
        minibatch: 1 + Int(random.next() % 4), screening: random.uniform() < 0.5, parallel: parallel,
        repeats: random.uniform() < 0.2 ? 2 : 1, batch: 1 + Int(random.next() % 3), budget: budget)
    }

    /// Even in the logarithm.
    private static func between(_ low: Double, _ high: Double, _ random: inout RandomStream) -> Double {
      low * pow(high / low, random.uniform())
    }

    func endpoint(_ clock: SimulatedClock, isProposer: Bool, _ random: inout RandomStream) -> SimulatedEndpoint {
      func probability() -> Double { hasFaults ? 0.1 * random.uniform() : 0 }
      let faults = SimulatedEndpoint.Faults(
        limited: probability(), retryAfter: 20 * random.uniform(), overloaded: probability(), reset: probability(),
        timeout: probability() / 3, truncated: probability())
      let price = Price(input: 20 * random.uniform(), output: 60 * random.uniform())
      return SimulatedEndpoint(
        SimulatedModel(world, skill: skill, seed: random.next()), price: price, faults: faults,
        seconds: isProposer ? 1...10 : 0.2...2, clock: clock, seed: random.next())
    }

    /// By the higher of the two books.
    func overshoot(_ books: [SimulatedEndpoint.Books], _ spend: Spend, seconds: Double) -> [ModelError.Cap: Double] {
      var over: [ModelError.Cap: Double] = [:]
      func note(_ cap: ModelError.Cap, _ most: Double?, _ used: [Double]) {
        guard let most, let used = used.max() else { return }
        // Sums of money and of time are rounded.
        over[cap] = used - most > 1e-9 * most ? used - most : 0
      }
      note(
        .requests, budget.requests.map(Double.init),
        [Double(books.reduce(0) { $0 + $1.requests }), Double(spend.requests)])
      note(
        .tokens, budget.tokens.map(Double.init), [Double(books.reduce(0) { $0 + $1.tokens }), Double(spend.tokens)])
      note(.money, budget.money, [books.reduce(0) { $0 + $1.money }, spend.money])
      note(.time, budget.seconds, [seconds])
      return over
    }
  }
}
