import Foundation
import HoneModel
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct LLAMBOTests {
  static let space = Space([
    ParameterSpec(
      name: "rate", domain: .float(FloatDomain(1e-5...0.1, scale: .log)), initial: 0.01, description: "Learning rate."),
    ParameterSpec(name: "depth", domain: .int(IntDomain(1...12)), initial: 3),
    ParameterSpec(name: "kernel", domain: .categorical(["linear", "rbf"]), initial: "linear"),
  ])
  static let problem = Problem(
    space: space, objective: Objective(metric: "accuracy", purpose: "Tell ripe fruit."), seed: 3)

  static func configurations(_ list: [(Double, Int, String)]) -> String {
    let values = list.map { rate, depth, kernel -> Value in
      ["rate": .double(rate), "depth": .int(depth), "kernel": .string(kernel)]
    }
    return Value.object(["configurations": .array(values)]).canonicalJSON
  }

  /// The highest at rate 1e-3, depth 8, rbf.
  static func accuracy(_ assignment: Assignment) -> Double {
    let rate = assignment["rate"]?.number ?? 1
    let depth = Double(assignment["depth"]?.int ?? 0)
    let off = abs(log10(rate) + 3) / 4 + abs(depth - 8) / 12
    return 0.9 - 0.3 * off - (assignment["kernel"] == "rbf" ? 0 : 0.1)
  }

  /// A study of so many trials, and what became of each request.
  static func run(
    _ settings: LLAMBO.Settings = LLAMBO.Settings(), trials: Int, model: any ChatModel,
    value: (Assignment) -> Double = accuracy
  ) async throws -> (proposals: [Proposal], attempts: [Attempt], events: [Event], state: String) {
    var events: [Event] = []
    var driver = OptimizerDriver(LLAMBO(settings), problem: problem)
    var (known, proposals, attempts): (Set<String>, [Proposal], [Attempt]) = ([], [], [])
    for trial in 0..<trials {
      let answer = try await driver.ask(
        1, context: AskContext(problem: problem, round: trial, known: known, model: model))
      attempts += answer.attempts
      let proposal = try #require(answer.proposals.first)
      #expect(known.insert(proposal.assignment.key).inserted)
      #expect(try space.accept(proposal.assignment.values) == proposal.assignment)
      proposals.append(proposal)
      let estimate = Estimate(mean: value(proposal.assignment), deviation: 0, count: 1)
      let new =
        answer.attempts.map(Event.attempted) + [
          .began(trial: trial, proposal), .completed(trial: trial, estimate, screened: false, outcomes: [:]),
        ]
      for event in new { driver.tell(event) }
      events += new
    }
    return (proposals, attempts, events, driver.state)
  }

  /// Ten configurations not far from the best, others for each index.
  static func ten(_ index: Int) -> String {
    configurations(
      (0..<10).map { place -> (Double, Int, String) in
        (0.0005 * Double(place + 1 + index), 5 + (place + index) % 6, "rbf")
      })
  }

  /// A model that answers every kind of question: configurations around one point, predictions by a rule.
  static func helpful(predict: @escaping @Sendable (Value) -> Double) -> ScriptedModel {
    ScriptedModel { (request, index) throws(ModelError) in
      let text = request.messages.map(\.content).joined(separator: "\n")
      guard text.contains("\"predictions\"") else {
        return ScriptedModel.reply(ten(index), index: index)
      }
      let numbers: Value = ["predictions": .array(asked(request).map { .double(predict($0)) })]
      return ScriptedModel.reply(numbers.canonicalJSON, index: index)
    }
  }

  /// The configurations that a request asks about.
  static func asked(_ request: ChatRequest) -> [Value] {
    request.messages[1].content.split(separator: "\n").compactMap { line -> Value? in
      guard let colon = line.firstIndex(of: ":"), Int(line[..<colon]) != nil else { return nil }
      return try? Value.parse(json: String(line[line.index(colon, offsetBy: 2)...]))
    }
  }

  static func truth(_ values: Value) -> Double { accuracy(Assignment(values.object ?? [:])) }

  /// A model that tells the first results apart, and then gives these configurations.
  static func starting(_ text: String, finish: FinishReason = .stop) -> ScriptedModel {
    ScriptedModel { (request, index) throws(ModelError) in
      guard request.messages[1].content.contains("\"predictions\"") else {
        return ScriptedModel.reply(text, finish: finish, index: index)
      }
      let numbers = asked(request).map { Value.double(truth($0)) }
      return ScriptedModel.reply(Value.object(["predictions": .array(numbers)]).canonicalJSON, index: index)
    }
  }

  @Test func oneRequestWarmStartsSeveralTrials() async throws {
    let model = Self.starting(
      Self.configurations([
        (0.0012, 7, "rbf"), (0.003, 9, "rbf"), (0.0007, 6, "rbf"), (0.02, 4, "rbf"), (0.0001, 8, "rbf"),
      ]))
    let (proposals, attempts, _, _) = try await Self.run(trials: 4, model: model)
    // It is believed after it has told two results apart that it was not shown.
    #expect(proposals.map(\.origin) == ["gp", "gp", "llambo", "llambo"])
    #expect(proposals[2].assignment == Assignment(["rate": 0.0012, "depth": 7, "kernel": "rbf"]))
    #expect(attempts.map(\.outcome) == [.applied, .applied] && attempts[1].callKeys == ["scripted-1"])
    #expect(attempts[0].suggestion["probes"]?.array?.count == 2)
    let (first, second) = (model.requests[0].messages[1].content, model.requests[1].messages[1].content)
    #expect(first.contains("#Results\n(none)"))
    #expect(second.contains("Tell ripe fruit.") && second.contains("accuracy; higher is better"))
    #expect(second.contains("- rate (Learning rate.): a number from 0.00001 to 0.1, log scale"), "\(second)")
  }

  @Test func aModelThatTellsTheFirstResultsWronglyDoesNotStart() async throws {
    let model = Self.helpful { 1 - Self.truth($0) }
    let (proposals, attempts, _, _) = try await Self.run(trials: 4, model: model)
    #expect(proposals.allSatisfy { $0.origin == "gp" } && attempts.count == 1)
  }

  @Test func contextsSayMoreAndMore() async throws {
    func prompt(_ context: LLAMBO.Context) async throws -> String {
      let model = Self.starting(Self.configurations([(0.001, 7, "rbf")]))
      _ = try await Self.run(LLAMBO.Settings(context: context, card: "120 fruits, 4 kinds."), trials: 3, model: model)
      return model.requests[1].messages[1].content
    }
    let (none, partial, full) = (try await prompt(.none), try await prompt(.partial), try await prompt(.full))
    #expect(!none.contains("fruit") && !none.contains("accuracy"))
    #expect(partial.contains("ripe fruit") && !partial.contains("120"))
    #expect(full.contains("ripe fruit") && full.contains("120 fruits"))
  }

  @Test func searchTakesAtMostThreeRequestsATrial() async throws {
    let model = Self.helpful(predict: Self.truth)
    let (proposals, attempts, _, _) = try await Self.run(trials: 14, model: model)
    #expect(Double(model.requests.count) / 14 <= 3)
    #expect(proposals.count { $0.origin == "llambo" } >= 4)
    // Later on: one request for candidates, two for predictions, with the results in two orders.
    let predictions = model.requests.filter { $0.messages[1].content.contains("\"predictions\"") }
    #expect(predictions.count >= 4 && Set(predictions.map { $0.messages[1].content }).count == predictions.count)
    #expect(attempts.allSatisfy { $0.outcome == .applied })
    let best = proposals.map { Self.accuracy($0.assignment) }.max() ?? 0
    #expect(best > 0.85, "\(best)")
  }

  @Test func aModelThatPredictsUpsideDownIsAskedSeldom() async throws {
    let honest = try await Self.run(trials: 20, model: Self.helpful(predict: Self.truth))
    let liar = Self.helpful { 1 - Self.truth($0) }
    let lied = try await Self.run(trials: 20, model: liar)
    let asked = { (attempts: [Attempt]) in attempts.count }
    #expect(asked(lied.attempts) < asked(honest.attempts))
    // What it says about configurations counts for nothing: the process finds the way.
    #expect((lied.proposals.map { Self.accuracy($0.assignment) }.max() ?? 0) > 0.8)
  }

  @Test func rejectedConfigurationsLeaveTheOthers() async throws {
    let text = """
      Sure! {"configurations": [{"rate": 5, "depth": 7, "kernel": "rbf"}, {"rate": 0.004, "depth": 2.5, "kernel": "rbf"},
      {"rate": 0.002, "depth": "8", "kernel": "rbf"}, {"rate": 0.002, "depth": 8, "kernel": "rbf"}]}
      """
    let (proposals, attempts, _, _) = try await Self.run(trials: 3, model: Self.starting(text))
    #expect(proposals[2].assignment == Assignment(["rate": 0.002, "depth": 8, "kernel": "rbf"]))
    #expect(attempts[1].rejections.map(\.kind) == [.outOfRange, .notLossless, .duplicate])
  }

  @Test func aReplyThatIsCutOffGivesItsWholeConfigurations() async throws {
    let whole = Self.configurations([(0.0012, 7, "rbf"), (0.003, 9, "rbf")])
    let model = Self.starting(String(whole.dropLast(12)), finish: .length)
    let (proposals, attempts, _, _) = try await Self.run(trials: 3, model: model)
    #expect(attempts.map(\.outcome) == [.applied, .applied] && proposals[2].origin == "llambo")
  }

  @Test(arguments: ["", "no", "{\"configurations\": []}", "{\"configurations\": 4}", "[[[[", "{\"a\": {", "\u{0}"])
  func aModelThatSaysNothingIsGP(_ text: String) async throws {
    let model = ScriptedModel([text])
    let (proposals, attempts, _, _) = try await Self.run(trials: 8, model: model)
    #expect(proposals.allSatisfy { $0.origin == "gp" } && !attempts.isEmpty)
    #expect(attempts.allSatisfy { $0.outcome != .applied && !$0.rejections.isEmpty })
    // A rejected reply is sent back once.
    #expect(model.requests.count <= 8 * 2 && model.requests[1].messages.count == 4)
    #expect(model.requests[1].messages[3].content.hasPrefix("This answer cannot be used:"))
  }

  @Test func failuresOfTheEndpointAreAttempts() async throws {
    let model = ScriptedModel { (_, _) throws(ModelError) in throw ModelError(.timeout, "too slow") }
    let (proposals, attempts, _, _) = try await Self.run(trials: 4, model: model)
    #expect(proposals.count == 4 && !attempts.isEmpty && attempts.allSatisfy { $0.outcome == .modelFailed })
    await #expect(throws: ModelError.self) {
      let broke = ScriptedModel { (_, _) throws(ModelError) in throw ModelError(.budget, "nothing left") }
      _ = try await Self.run(trials: 3, model: broke)
    }
    await #expect(throws: ModelError.self) {
      _ = try await LLAMBO().ask(
        1, state: LLAMBO().start(Self.problem), context: AskContext(problem: Self.problem, round: 0))
    }
  }

  @Test func theSameHistoryGivesTheSameRequests() async throws {
    let (first, second) = (Self.helpful(predict: Self.truth), Self.helpful(predict: Self.truth))
    let a = try await Self.run(trials: 12, model: first)
    let b = try await Self.run(trials: 12, model: second)
    #expect(a.proposals == b.proposals && first.requests == second.requests)
    #expect(OptimizerDriver(LLAMBO(), problem: Self.problem, events: a.events).state == a.state)
  }

  /// Answers 0, 1, 0, 1, ... with the probabilities of both.
  private static func classes(_ count: Int, index: Int) -> ChatReply {
    let classes = Value.array((0..<count).map { .int($0 % 2) })
    var reply = ScriptedModel.reply(Value.object(["classes": classes]).canonicalJSON, index: index)
    for place in 0..<count {
      let (said, other) = ("\(place % 2)", "\((place + 1) % 2)")
      let top: [TokenLogProbability.Choice] = [
        .init(token: said, logProbability: -0.1), .init(token: other, logProbability: -2.3),
      ]
      reply.logProbabilities.append(TokenLogProbability(token: said, logProbability: -0.1, top: top))
    }
    return reply
  }

  @Test func classesBecomeProbabilities() async throws {
    let model = ScriptedModel { (request, index) throws(ModelError) in
      guard request.messages[1].content.contains("\"classes\"") else {
        return ScriptedModel.reply(Self.ten(index), index: index)
      }
      return Self.classes(Self.asked(request).count, index: index)
    }
    let (_, attempts, _, _) = try await Self.run(LLAMBO.Settings(surrogate: .generative), trials: 8, model: model)
    let classes = attempts.compactMap { $0.suggestion["classes"]?.array }.last ?? []
    let odd = 1 / (1 + exp(-2.3 + 0.1))
    #expect(classes.count > 6)
    for (place, value) in classes.enumerated() {
      let expected: Double = place % 2 == 1 ? odd : 1 - odd
      #expect(abs((value.number ?? -1) - expected) < 1e-12)
    }
    #expect(model.requests.contains { $0.logProbabilities == 5 })
  }

  /// Scores, and whether more is better. The first four are those under which the published rule never ends.
  static let scales: [([Double], Bool)] = [
    ([1.0, 0.995], true), ([85, 60], true), ([-5, 3], false), ([1e-6, 2e-4], false), ([0, 0, 0], true), ([], true),
    ([Double.nan, Double.infinity, 3], false), ([1e308, -1e308], true), ([1e-300, 2e-300], false),
  ]

  @Test(arguments: scales)
  func theTargetEndsOnEveryScale(_ scores: [Double], _ isMaximized: Bool) {
    for alpha in [-1, -0.2, 0, 0.1, 1] {
      let target = TargetScore.target(scores, isMaximized ? .maximize : .minimize, alpha: alpha)
      let finite = scores.filter(\.isFinite)
      guard let target, let best = isMaximized ? finite.max() : finite.min() else {
        #expect(Set(finite).count < 2)
        continue
      }
      #expect(target.isFinite)
      #expect(alpha <= 0 || (isMaximized ? target >= best : target <= best))
    }
  }

  @Test func skillIsTheShareOfPairsInOrder() {
    var skill = LLAMBOSkill()
    #expect(skill.weight == 0.5)
    let right: Value = [
      ["predicted": 1, "measured": 2], ["predicted": 2, "measured": 3], ["predicted": 3, "measured": 4],
    ]
    skill.learn(right)
    #expect(skill.pairs == 3 && skill.right == 3 && skill.weight > 0.5)
    let wrong: Value = [
      ["predicted": 5, "measured": 2], ["predicted": 1, "measured": 3], ["predicted": 1, "measured": 4],
    ]
    for _ in 0..<6 { skill.learn(wrong) }
    // Equal predictions of different results are half right.
    #expect(skill.pairs == 21 && skill.right == 3 + 6 * 0.5 && skill.weight == 0)
    skill.learn(nil)
    skill.learn(["nothing"])
    #expect(skill.pairs == 21)
  }
}
