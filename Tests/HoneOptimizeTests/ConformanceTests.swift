import HoneModel
import HoneNumerics
import HoneOptimize
import HoneTesting
import HoneTrace
import Testing

@Suite struct ConformanceTests {
  /// A proposer that is right, wrong, repetitive or garbled, as a hash of the request decides.
  @Sendable static func fickle(_ request: ChatRequest) -> String {
    let prompt = request.messages.map(\.content).joined(separator: "\n")
    var random = RandomStream(seed: 7, name: prompt)
    let text =
      ["Do {input}", "Label {input}", "Answer {input} now", "no placeholder"].randomElement(using: &random) ?? ""
    let tail = random.next() % 50
    switch random.next() % 6 {
    case 0: return "I would rather not."
    case 1: return "{\"suggestion\": {\"nothing\": 1}}"
    case 2: return "{\"reasoning\": \"number\", \"suggestion\": {\"temperature\": \(random.uniform())}}"
    default: return "```json\n{\"reasoning\": \"r\", \"suggestion\": {\"instruction\": \"\(text) \(tail)\"}}\n```"
    }
  }

  /// LLAMBO's model: random configurations and predictions, or nonsense, as a hash of the request decides.
  @Sendable static func fickleAboutNumbers(_ request: ChatRequest) -> String {
    var random = RandomStream(seed: 8, name: request.messages.map(\.content).joined(separator: "\n"))
    guard random.uniform() < 0.8, case .jsonSchema(_, let schema) = request.format else { return "I would rather not." }
    let asked = request.messages[1].content.split(separator: "\n").count { line in
      line.firstIndex(of: ":").map { Int(line[..<$0]) != nil } ?? false
    }
    guard let properties = schema["properties"]?["configurations"]?["items"]?["properties"]?.object else {
      return Value.object(["predictions": .array((0..<asked).map { _ in .double(random.normal()) })]).canonicalJSON
    }
    let list = (0..<4).map { _ -> Value in
      var values: [String: Value] = [:]
      for (name, property) in properties.sorted(by: { $0.key < $1.key }) {
        let low = property["minimum"]?.number ?? 0
        let number = low + random.uniform() * ((property["maximum"]?.number ?? 1) - low)
        switch property["type"]?.string {
        case "integer": values[name] = .int(Int(number))
        case "boolean": values[name] = .bool(random.uniform() < 0.5)
        case "number": values[name] = .double(number)
        default: values[name] = property["enum"]?.array?.randomElement(using: &random) ?? "nothing"
        }
      }
      return .object(values)
    }
    return Value.object(["configurations": .array(list)]).canonicalJSON
  }

  @Test func opro() async {
    #expect(await OptimizerConformance(model: Self.fickle).violations { OPRO() } == [])
  }

  @Test(arguments: EvoPrompt.Algorithm.allCases)
  func evoPrompt(_ algorithm: EvoPrompt.Algorithm) async {
    let found = await OptimizerConformance(model: Self.fickle).violations {
      EvoPrompt(EvoPrompt.Settings(algorithm: algorithm))
    }
    #expect(found == [])
  }

  @Test func alphaOPT() async {
    #expect(await OptimizerConformance(model: Self.fickle).violations { AlphaOPT() } == [])
  }

  @Test func forest() async {
    #expect(await OptimizerConformance(model: Self.fickle).violations { Forest() } == [])
  }

  @Test func gepa() async {
    #expect(await OptimizerConformance(model: Self.fickle).violations { GEPA() } == [])
    #expect(
      await OptimizerConformance(model: Self.fickle).violations { GEPA(GEPA.Settings(changesAll: true)) } == [])
  }

  @Test func mipro() async {
    // Where it asks for notes it gets some, else what the fickle model says.
    let model: @Sendable (ChatRequest) -> String = { request in
      request.messages[1].content.contains("{\"notes\": ") ? #"{"notes": "Short lines."}"# : Self.fickle(request)
    }
    #expect(await OptimizerConformance(rounds: 12, model: model).violations { MIPRO() } == [])
    #expect(await OptimizerConformance(model: Self.fickle).violations { MIPRO() } == [])
    let silent: @Sendable (ChatRequest) -> String = { _ in "" }
    #expect(await OptimizerConformance(model: silent).violations { MIPRO() } == [])
  }

  @Test func textGrad() async {
    // Where it asks for feedback it gets some, else what the fickle model says.
    let model: @Sendable (ChatRequest) -> String = { request in
      let isBackward = request.messages[1].content.contains("{\"feedback\": {")
      return isBackward ? #"{"feedback": {"instruction": "Name the labels."}}"# : Self.fickle(request)
    }
    #expect(await OptimizerConformance(model: model).violations { TextGrad() } == [])
    #expect(await OptimizerConformance(model: Self.fickle).violations { TextGrad() } == [])
  }

  @Test func llambo() async {
    #expect(
      await OptimizerConformance(rounds: 8, model: Self.fickleAboutNumbers).violations { LLAMBO() } == [])
  }

  @Test func random() async {
    #expect(await OptimizerConformance().violations { RandomSearch() } == [])
  }

  @Test func sobol() async {
    #expect(await OptimizerConformance().violations { SobolSearch() } == [])
  }

  @Test func tpe() async {
    #expect(await OptimizerConformance(rounds: 24).violations { TPE() } == [])
  }

  @Test func gp() async {
    #expect(await OptimizerConformance(rounds: 12).violations { GaussianProcessSearch() } == [])
  }

  @Test func parego() async {
    #expect(await OptimizerConformance(rounds: 12).violations { ParEGO(TPE()) } == [])
    #expect(
      await OptimizerConformance(rounds: 12, outcomes: ["tokens": .minimize, "recall": .maximize])
        .violations { ParEGO(TPE()) } == [])
  }

  @Test func randomForest() async {
    #expect(await OptimizerConformance(rounds: 12).violations { RandomForestSearch() } == [])
  }

  @Test func cmaes() async {
    #expect(await OptimizerConformance(rounds: 24).violations { CMAES() } == [])
  }

  @Test func crossEntropy() async {
    #expect(await OptimizerConformance(rounds: 24).violations { CrossEntropySearch() } == [])
  }

  @Test func annealing() async {
    #expect(await OptimizerConformance(rounds: 24).violations { AnnealingSearch() } == [])
  }

  @Test func cqr() async {
    #expect(await OptimizerConformance().violations { ConformalQuantileSearch() } == [])
  }

  @Test func epsilonShotgun() async {
    #expect(await OptimizerConformance().violations { EpsilonShotgun() } == [])
  }

  @Test func aegis() async {
    #expect(await OptimizerConformance().violations { AEGiS() } == [])
  }

  @Test func gpVariants() async {
    let bounds = ["tokens": ConstrainedSearch.Bound(most: 3)]
    let beliefs = Beliefs(["temperature": .init(near: 0.2), "mode": .init(near: "b", spread: 0.3)])
    #expect(
      await OptimizerConformance(rounds: 3).violations {
        ConstrainedSearch(.init(constraints: bounds, beliefs: beliefs))
      } == [])
    #expect(await OptimizerConformance(rounds: 3).violations { CostAwareSearch() } == [])
    #expect(await OptimizerConformance(rounds: 3).violations { GaussianProcessSearch(.init(beliefs: beliefs)) } == [])
  }

  @Test func auto() async {
    #expect(await OptimizerConformance(rounds: 6, model: Self.fickle).violations { Auto() } == [])
  }

  @Test func portfolio() async {
    #expect(await OptimizerConformance(rounds: 6, model: Self.fickle).violations { Portfolio() } == [])
  }

  @Test func optoPrime() async {
    #expect(await OptimizerConformance(model: Self.fickle).violations { OptoPrime() } == [])
  }

  @Test func joint() async {
    #expect(await OptimizerConformance(model: Self.fickle).violations { Joint() } == [])
    #expect(
      await OptimizerConformance(model: Self.fickle).violations { Joint(Joint.Settings(textShare: 1)) } == [])
  }

  /// Workers that do not wait for each other: the recorded order of events gives the same proposals, byte for byte.
  @Test(arguments: OptimizerCatalog.names)
  func asynchronousTrialsReplayEqual(_ name: String) async throws {
    let suite = OptimizerConformance(seed: 3, rounds: 9, model: Self.fickle)
    let optimizer = try OptimizerCatalog.make(name: name)
    #expect(await suite.asynchronousViolations { optimizer } == [])
  }

  /// The replay can fail: an optimizer that counts asks, which no event records, is caught.
  @Test func anOptimizerWithHiddenStateIsCaught() async {
    final class Asks: @unchecked Sendable { var count = 0 }
    struct Hidden: Optimizer {
      typealias State = RandomSearch.State
      let asks = Asks()
      var name: String { "hidden" }
      var needsRollouts: Bool { false }
      func start(_ problem: Problem) -> State { RandomSearch().start(problem) }
      func tell(_ event: Event, state: inout State) { RandomSearch().tell(event, state: &state) }
      func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
        asks.count += 1
        var context = context
        context.round = asks.count
        return try await RandomSearch().ask(count, state: state, context: context)
      }
    }
    let shared = Hidden()
    let violations = await OptimizerConformance(rounds: 8).asynchronousViolations { shared }
    #expect(violations.contains { $0.contains("the replay proposes otherwise") })
  }

  /// The suite itself can fail: an optimizer that repeats itself is caught.
  @Test func aRepeatingOptimizerIsCaught() async {
    struct Stuck: Optimizer {
      struct State: Codable, Sendable, Equatable { var told = 0 }
      var name: String { "stuck" }
      var needsRollouts: Bool { false }
      func start(_ problem: Problem) -> State { State() }
      func tell(_ event: Event, state: inout State) { state.told += 1 }
      func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
        Answer([Proposal(context.problem.space.initial, origin: name)])
      }
    }
    let violations = await OptimizerConformance().violations { Stuck() }
    #expect(violations.contains { $0.contains("a known assignment is proposed") })
    #expect(violations.contains { $0.contains("does not end") })
  }
}
