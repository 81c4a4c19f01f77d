import HoneModel
import HoneNumerics
import HoneOptimize
import HoneTesting
import HoneTrace
import Testing

/// Twenty thousand mutated replies at each change; a million are a figure of the benchmarks.
@Suite struct ReplyFuzzTests {
  @Test func nothingOutOfDomainOrKnownComesOfMutatedReplies() async throws {
    // Those that fit a model for each proposal get fewer.
    let slow = ["auto", "joint", "llambo", "portfolio"]
    let fast = OptimizerCatalog.askingModel.subtracting(slow).sorted()
    func makes(_ names: [String]) -> [@Sendable () throws -> any Optimizer] {
      names.map { name in { try OptimizerCatalog.make(name: name) } }
    }
    let fuzz = ReplyFuzz(seed: 7)
    let many = try await fuzz.run(19_200 / fast.count, makes(fast))
    let few = try await fuzz.run(200, makes(slow))
    let tallies = many.merging(few) { $0 + $1 }
    #expect(tallies.keys.sorted() == (fast + slow).sorted())
    for (name, tally) in tallies.sorted(by: { $0.key < $1.key }) {
      #expect(tally.outOfDomain == 0 && tally.duplicates == 0 && tally.faults == 0, "\(name): \(tally.findings)")
      // The check means something where a good part of the replies is used and another is refused.
      #expect(tally.applied * 20 > tally.replies && tally.rejected * 20 > tally.replies, "\(name): \(tally)")
    }
    #expect(tallies.values.reduce(0) { $0 + $1.replies } >= 19_000)
    // One proposer makes demonstrations, often; what it makes of traces stays within the domain.
    #expect(tallies["mipro"].map { $0.shots * 10 > $0.proposals } == true, "\(String(describing: tallies["mipro"]))")
  }

  /// It can fail: a proposer that takes replies as they come is caught at everything.
  @Test func aCredulousProposerIsCaught() async throws {
    struct Credulous: Optimizer {
      struct State: Codable, Sendable, Equatable {}
      var name: String { "credulous" }
      var needsRollouts: Bool { false }
      func start(_ problem: Problem) -> State { State() }
      func tell(_ event: Event, state: inout State) {}
      func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
        guard let reply = try await context.model?.chat(ChatRequest([ChatMessage(.user, "?")])),
          let values = (try? LooseJSON.objects(in: reply.text))?.first?["suggestion"]?.object
        else { return Answer() }
        let assignment = Assignment(context.problem.space.initial.values.merging(values) { $1 })
        return Answer([Proposal(assignment, origin: name)])
      }
    }
    let tallies = try await ReplyFuzz(seed: 7).run(500, [{ Credulous() }])
    let tally = try #require(tallies["credulous"])
    #expect(tally.outOfDomain > 50 && tally.duplicates > 5, "\(tally)")
  }

  @Test func theSameSeedGivesTheSameReplies() {
    let space = ReplyFuzz(seed: 3).space(4)
    func replies(_ seed: UInt64) -> [String] {
      var mutator = ReplyMutator(space, seed: seed)
      return (0..<20).map { _ in
        mutator.reply(to: ChatRequest([ChatMessage(.user, "1: {}")]), known: [space.initial]).text
      }
    }
    #expect(replies(1) == replies(1) && replies(1) != replies(2))
  }
}

@Suite struct AssignmentOracleTests {
  private let space = Space(
    [
      ParameterSpec(name: "mode", domain: .categorical(["a", "b"]), initial: "a"),
      ParameterSpec(name: "share", domain: .float(FloatDomain(0...1, step: 0.1)), initial: 0.5),
      ParameterSpec(
        name: "depth", domain: .int(IntDomain(-3...9, step: 3)), initial: 0, condition: Condition(["mode": ["b"]])),
      ParameterSpec(
        name: "text", domain: .text(TextDomain(placeholders: ["q"], optionalPlaceholders: ["h"], maxLength: 20)),
        initial: "{q}"),
      ParameterSpec(name: "flag", domain: .bool, initial: false),
      ParameterSpec(
        name: "code", domain: .code(CodeDomain(language: "python", alternatives: ["f": "1", "g": "2"])), initial: "f"),
    ], forbidden: [["mode": "b", "share": 0.2]])

  private func fault(_ changes: [String: Value?]) -> String? {
    var values = space.initial.values
    for (name, value) in changes { values[name] = value }
    return AssignmentOracle(space).fault(Assignment(values))
  }

  @Test func validOnesPass() {
    #expect(fault([:]) == nil)
    #expect(fault(["share": 0.3, "text": "{q} {h} é", "flag": true, "code": "g"]) == nil)
    #expect(fault(["mode": "b", "depth": -3]) == nil && fault(["mode": "b", "depth": 9]) == nil)
  }

  @Test func eachFaultIsFound() {
    let wrong: [[String: Value?]] = [
      ["share": 1.1], ["share": .double(.nan)], ["share": 0.25], ["share": 1], ["share": "0.5"], ["mode": "c"],
      ["mode": .some(nil)], ["depth": 0], ["mode": "b"], ["mode": "b", "depth": 1], ["mode": "b", "depth": 12],
      ["mode": "b", "depth": 0.0], ["mode": "b", "depth": 0, "share": 0.2], ["text": ""], ["text": "no place"],
      ["text": "{q} {secret}"], ["text": "{q}\u{7}"], ["text": .string("{q}" + String(repeating: "x", count: 18))],
      ["flag": 1], ["code": "h"], ["admin": 1],
    ]
    for changes in wrong { #expect(fault(changes) != nil, "\(changes)") }
  }

  @Test func demonstrationsAreLinesOfTheirForm() {
    let oracle = AssignmentOracle(
      Space([ParameterSpec(name: "shots", domain: .demonstrations(maxLength: 200), initial: "")]))
    let line = #"{"inputs": {"q": "{brace} \u0007"}, "output": ""}"#
    for text in ["", "\n", line, "\(line)\n\n\(line)"] {
      #expect(oracle.fault(Assignment(["shots": .string(text)])) == nil, "\(text)")
    }
    for text in [
      "x", "{}", "[]", #"{"inputs": {}}"#, #"{"inputs": [], "output": ""}"#, #"{"inputs": {}, "output": 1}"#,
      "\(line)\(line)", "\(line)\nx", #"{"inputs": {}, "output": "", "more": 1}"#, "{\"inputs\": {}",
      Array(repeating: line, count: 9).joined(separator: "\n"),
    ] {
      #expect(oracle.fault(Assignment(["shots": .string(text)])) != nil, "\(text)")
    }
  }

  @Test func equalNumbersAreTheSame() {
    func isSame(_ a: Value, _ b: Value) -> Bool { AssignmentOracle.isSame(Assignment(["x": a]), Assignment(["x": b])) }
    #expect(isSame(1, 1.0) && isSame([1, ["a": 2.0]], [1.0, ["a": 2]]) && isSame("é", "e\u{301}"))
    #expect(!isSame(1, 1.5) && !isSame("1", 1) && !isSame([1], [1, 2]) && !isSame(true, 1))
  }
}
