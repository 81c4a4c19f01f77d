import HoneTesting
import HoneTrace
import Logging
import Testing

@testable import Hone
@testable import HoneModel

private struct Line: Workflow {
  @Parameter(0...1, step: 0.125) var x = 0.5
  func run(_ name: Traced<String>) async throws -> Traced<String> { step("x", name, $x) { name, x in "\(x)" } }
}

/// Keeps what is logged.
private struct Kept: LogHandler {
  let lines: Lock<[String]>
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata?["study"] ?? "")") }
  }
}

/// A study says why its optimizer searches as it does.
@Suite struct OptimizerReasonTests {
  private func tune(
    _ optimizer: (any Optimizer)?, _ scheduler: (any Scheduler)? = nil, trials: Int, _ store: any Store = MemoryStore()
  ) async throws
    -> (report: Report, log: [String], news: [String], use: String?)
  {
    let (lines, news) = (Lock<[String]>([]), Lock<[String]>([]))
    let hear: @Sendable (Hone.Progress) -> Void = { event in
      if case .optimizer(let name, let reason) = event { news.withLock { $0.append("\(name): \(reason)") } }
    }
    let logger = Logger(label: "test") { _ in Kept(lines: lines) }
    let best = try await Study(store: store, name: "line").tune(
      Line(), on: (0..<8).map { Labeled(input: "\($0)", expected: $0) }, within: [.trials(trials)], seed: 1,
      optimizer: optimizer, scheduler: scheduler, logger: logger, progress: hear
    ) { output, _ in Score(Double(output) ?? 0) }
    let use = try await store.definition(of: "line")?.optimizer["use"]?.string
    return (best.report, lines.withLock { $0 }, news.withLock { $0 }, use)
  }

  @Test func whoDoesNotChooseGetsAutoAndItsReason() async throws {
    let told = try await tune(nil, trials: 3)
    let reason = try #require(told.report.optimizerReason)
    #expect(
      reason.contains("a Gaussian process: at most 20 parameters") && reason.contains("budget of 3 trials")
        && told.use == "auto")
    #expect(told.news == ["auto: \(reason)"] && told.log == ["info auto: \(reason) line"])
  }

  @Test func othersHaveNothingToSay() async throws {
    let told = try await tune(SobolSearch(), trials: 3)
    #expect(told.report.optimizerReason == nil && told.log.isEmpty && told.news.isEmpty)
  }

  /// A bandit asks no optimizer, so nothing that one might have done is told.
  @Test func norHasOneThatIsNotAsked() async throws {
    let told = try await tune(nil, BanditScheduler(UCB1()), trials: 3)
    #expect(told.report.optimizerReason == nil && told.log.isEmpty && told.news.isEmpty)
  }

  /// Said again when another rule takes over, here after 200 trials; a resumed study says what holds then.
  @Test func aChangeIsSaid() async throws {
    struct Fickle: Optimizer {
      struct State: Codable, Sendable, Equatable {}
      let name = "fickle"
      let needsRollouts = false
      func start(_ problem: Problem) -> State { State() }
      func tell(_ event: Event, state: inout State) {}
      func reason(for problem: Problem, progress: SearchProgress) -> String? { progress.trials < 5 ? "few" : "many" }
      func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
        try await RandomSearch().ask(count, state: RandomSearch().start(context.problem), context: context)
      }
    }
    let store = MemoryStore()
    let news = Lock<[String]>([])
    func run(_ trials: Int) async throws -> Report {
      let runner = try WorkflowRunner(
        Line(), identity: .version("1"), examples: ["a": Labeled(input: "a", expected: 0)]
      ) { output, _ in Score(Double(output) ?? 0) }
      return try await Study(store: store, name: "line").run(
        runner, problem: Problem(space: runner.space, objective: Objective(), seed: 1),
        data: DataSplits(train: [], validation: [Example(id: "a", fields: [:])], test: []), optimizer: Fickle(),
        optimizerSettings: ["use": "fickle"], settings: StudySettings(budget: Budget(trials: trials)), logger: nil,
        progress: { event in if case .optimizer(_, let reason) = event { news.withLock { $0.append(reason) } } })
    }
    #expect(try await run(8).optimizerReason == "many")
    #expect(news.withLock { $0 } == ["few", "many"])
    #expect(try await run(9).optimizerReason == "many")
    #expect(news.withLock { $0 } == ["few", "many", "many"])
  }
}
