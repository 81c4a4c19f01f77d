import HoneModel
import HoneTrace
import Testing

@testable import HoneOptimize

/// What a study keeps of an optimizer or a scheduler that is given as a value.
@Suite struct ConfiguredTests {
  private struct Own: Optimizer {
    enum Mood: Hashable, Sendable {
      case calm
      case wild(Double)
      case both(Int, String)
    }
    struct State: Codable, Sendable, Equatable {}
    var mood = Mood.calm
    var limit: Int?
    var weights: [String: Float] = [:]
    var names: Set<String> = []
    var inner: any Optimizer = TPE()
    let memo = Lock(0)
    let name = "own"
    let needsRollouts = false
    func start(_ problem: Problem) -> State { State() }
    func tell(_ event: Event, state: inout State) {}
    func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer { Answer() }
  }

  @Test func membersDownToNumbersAndTexts() {
    let plain: Value = ["mood": "calm", "weights": [:], "names": [], "name": "own", "needsRollouts": false]
    func document(_ change: (inout Own) -> Void) -> Value {
      var own = Own()
      change(&own)
      return own.settingsDocument
    }
    #expect(document { _ in }.object?.filter { $0.key != "inner" } == plain.object)
    #expect(document { _ in }["inner"]?["use"] == "tpe")
    #expect(document { $0.mood = .wild(0.5) }["mood"] == ["wild": 0.5])
    #expect(document { $0.mood = .both(2, "x") }["mood"] == ["both": [".0": 2, ".1": "x"]])
    #expect(document { $0.limit = 3 }["limit"] == 3)
    #expect(document { $0.weights = ["b": 0.5, "a": 2] }["weights"] == ["a": "2.0", "b": "0.5"])
    #expect(document { $0.names = ["z", "a", "m"] }["names"] == ["a", "m", "z"])
    #expect(document { $0.inner = RandomSearch() }["inner"] == ["use": "random"])
    #expect(document { $0.memo.withLock { $0 = 7 } } == document { _ in })
  }

  /// Equal settings, equal documents; nothing that happens later shows in them.
  @Test func catalogsMakeEqualDocuments() throws {
    for name in OptimizerCatalog.names {
      let document = try OptimizerCatalog.make(name: name).settingsDocument
      #expect(try OptimizerCatalog.make(name: name).settingsDocument == document)
      // Templates that come with the program are not kept: they may get better.
      #expect(document.canonicalJSON.utf8.count < 2_000, "\(document.canonicalJSON)")
    }
    let problem = Problem(
      space: Space([ParameterSpec(name: "k", domain: .ordinal([1, 2, 3]), initial: 1)]), objective: Objective(), seed: 1
    )
    for name in SchedulerCatalog.names {
      let scheduler = try SchedulerCatalog.make(name: name)
      let document = scheduler.settingsDocument
      #expect(try SchedulerCatalog.make(name: name).settingsDocument == document)
      _ = scheduler.next(ScheduleContext(problem: problem, table: ScoreTable(examples: 8)))
      #expect(scheduler.settingsDocument == document)
      #expect(scheduler.plansWithRollouts == (name != "full"))
    }
  }

  /// Every setting that a task file may name shows.
  @Test(
    arguments: [
      ("aegis", ["epsilon": 0.3]), ("annealing", ["cooling": 0.7]), ("annealing", ["schedule": "fast"]),
      ("cma-es", ["population": 12]), ("cross-entropy", ["elite": 0.3]), ("gp", ["acquisition": "logei"]),
      ("gp", ["priors": ["x": ["near": 0.2]]]), ("gp-constrained", ["constraints": ["tokens": ["at_most": 5]]]),
      ("gp-cost", ["power": 0.5]), ("joint", ["share": 0.25]), ("joint", ["temperature": [0.1, 0.2]]),
      ("llambo", ["card": "Short texts."]), ("optoprime", ["fallback": false]), ("random-forest", ["trees": 20]),
    ] as [(String, Value)])
  func anotherSettingIsAnotherDocument(_ name: String, _ settings: Value) throws {
    let other: Value = name == "gp-constrained" ? ["constraints": ["tokens": ["at_most": 6]]] : .null
    let plain = try OptimizerCatalog.make(name: name, settings: other)
    #expect(try OptimizerCatalog.make(name: name, settings: settings).settingsDocument != plain.settingsDocument)
  }

  @Test func templatesThatWereReplacedAreKept() throws {
    var prompts = PromptLibrary()
    #expect(prompts.settingsDocument == .null)
    try prompts.replace("optoprime-repair", with: "Again, please: {reasons}")
    #expect(prompts.settingsDocument == ["optoprime-repair": "Again, please: {reasons}"])
    var settings = OptoPrime.Settings()
    settings.prompts = prompts
    #expect(OptoPrime(settings).settingsDocument != OptoPrime().settingsDocument)
  }

  @Test func aNameOfTheOtherCatalogIsSaid() {
    let error = #expect(throws: OptimizerError.self) { try OptimizerCatalog.make(name: "ucb1") }
    #expect(error?.hint == "ucb1 is a scheduler: SchedulerCatalog makes it")
    let other = #expect(throws: OptimizerError.self) { try SchedulerCatalog.make(name: "gp") }
    #expect(other?.hint == "gp is an optimizer: OptimizerCatalog makes it")
  }

  /// Who is listed as asking a model proposes nothing without one, and all others do.
  @Test(arguments: OptimizerCatalog.names) func theListOfThoseThatAskAModelIsRight(_ name: String) async throws {
    let space = Space([
      ParameterSpec(name: "x", domain: .float(FloatDomain(0...1)), initial: 0.5),
      ParameterSpec(name: "text", domain: .text(TextDomain(maxLength: 80)), initial: "Do it."),
    ])
    let problem = Problem(space: space, objective: Objective(), seed: 3)
    let settings: Value = name == "gp-constrained" ? ["constraints": ["tokens": ["at_most": 6]]] : .null
    let optimizer = try OptimizerCatalog.make(name: name, settings: settings, space: space)
    let driver = OptimizerDriver(optimizer, problem: problem)
    let context = AskContext(problem: problem, round: 1, known: [space.initial.key])
    let proposals = try? await driver.ask(2, context: context).proposals
    #expect((proposals == nil) == OptimizerCatalog.askingModel.contains(name), "\(String(describing: proposals))")
  }
}
