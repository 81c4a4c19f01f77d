import Foundation
import HoneModel
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

/// Histories and spaces of sizes that a study may come to.
@Suite struct LongHistoryTests {
  private static let optimizers: [any Optimizer] = [TPE(), GaussianProcessSearch(), Auto()]

  private func ask(
    _ optimizer: any Optimizer, _ space: Space, history: Int, score: (Int) -> Double,
    point: (Int, inout RandomStream) -> [Double]
  ) async throws -> [Proposal] {
    let problem = Problem(space: space, objective: Objective(direction: .minimize), seed: 5)
    var random = RandomStream(seed: 5, name: "history")
    var known: Set<String> = []
    var events: [Event] = []
    for trial in 0..<history {
      let assignment = try space.decode(point(trial, &random), base: space.initial)
      known.insert(assignment.key)
      events.append(.began(trial: trial, Proposal(assignment, origin: "random")))
      let estimate = Estimate(mean: score(trial), deviation: 0, count: 1)
      events.append(.completed(trial: trial, estimate, screened: false, outcomes: [:]))
    }
    let driver = OptimizerDriver(optimizer, problem: problem, events: events)
    let answer = try await driver.ask(2, context: AskContext(problem: problem, round: history, known: known))
    #expect(answer.attempts.isEmpty)
    return answer.proposals
  }

  @Test(arguments: [0, 1, 2])
  func twoHundredParameters(_ index: Int) async throws {
    let space = Space(
      (0..<200).map { ParameterSpec(name: "x\($0)", domain: .float(FloatDomain(0...1)), initial: 0.5) })
    let found = try await ask(
      Self.optimizers[index], space, history: 12, score: { Double($0 % 5) },
      point: { _, random in (0..<200).map { _ in random.uniform() } })
    #expect(found.count == 2)
  }

  /// A trial told of 10,000 times; scores on adversarial scales among them.
  @Test(arguments: [0, 2])
  func tenThousandTrials(_ index: Int) async throws {
    let space = Synthetic.mixed(seed: 1).problem.space
    let found = try await ask(
      Self.optimizers[index], space, history: 10_000,
      score: { $0 % 1_000 == 0 ? 1e300 : Double($0 % 97) - 40 },
      point: { _, random in (0..<5).map { _ in random.uniform() } })
    #expect(found.count == 2)
  }

  /// The same points over and over, each time with another value, as replicates in a study of another kind are.
  @Test(arguments: [0, 1, 2])
  func duplicatePointsWithDifferentValues(_ index: Int) async throws {
    let space = Synthetic.bowl(3, seed: 1).problem.space
    let found = try await ask(
      Self.optimizers[index], space, history: 60, score: { Double($0 * 37 % 11) },
      point: { trial, _ in (0..<3).map { (Double((trial + $0) % 4) + 0.5) / 4 } })
    #expect(found.count == 2)
  }

  /// One point in each of two dimensions beside one that is free.
  @Test(arguments: [0, 1, 2])
  func onePointDomains(_ index: Int) async throws {
    let space = Space([
      ParameterSpec(name: "fixed", domain: .float(FloatDomain(2...2)), initial: 2),
      ParameterSpec(name: "only", domain: .categorical(["a"]), initial: "a"),
      ParameterSpec(name: "free", domain: .float(FloatDomain(0...1)), initial: 0.5),
    ])
    let found = try await ask(
      Self.optimizers[index], space, history: 10, score: { Double($0) },
      point: { _, random in [0.5, 0.5, random.uniform()] })
    #expect(found.count == 2)
    #expect(found.allSatisfy { $0.assignment["fixed"]?.number == 2 && $0.assignment["only"] == "a" })
  }

  /// Old trials are seen where they lie in the space of now: a widened range moves them, an added choice leaves them, a
  /// value that there is no more is missing, as is a parameter that there was not yet.
  @Test func oldTrialsStayUsableInAChangedSpace() throws {
    let old = Assignment(["x": 1, "kind": "b", "gone": true])
    let space = Space([
      ParameterSpec(name: "x", domain: .float(FloatDomain(0...4)), initial: 2),
      ParameterSpec(name: "kind", domain: .categorical(["a", "b", "c", "d"]), initial: "a"),
      ParameterSpec(name: "new", domain: .bool, initial: false),
    ])
    var history = TrialHistory(Problem(space: space, objective: Objective(), seed: 1), owner: "tpe")
    history.tell(.began(trial: 0, Proposal(old, origin: "random")))
    history.tell(.began(trial: 1, Proposal(Assignment(["x": 9, "kind": "z", "new": true]), origin: "random")))
    #expect(history.trials[0].point == [0.25, 0.375, nil])
    #expect(history.trials[1].point == [nil, nil, 0.75])
  }

  /// What an old study learned in a narrower space is of use in the wider one.
  @Test(arguments: [0, 1, 2])
  func aWiderSpaceLearnsFromOldTrials(_ index: Int) async throws {
    func space(_ high: Double, _ kinds: [Value]) -> Space {
      Space([
        ParameterSpec(name: "x", domain: .float(FloatDomain(0...high)), initial: 0),
        ParameterSpec(name: "kind", domain: .categorical(kinds), initial: kinds[0]),
      ])
    }
    let (narrow, wide) = (space(1, ["a", "b"]), space(2, ["a", "b", "c"]))
    let problem = Problem(space: wide, objective: Objective(direction: .minimize), seed: 5)
    var events: [Event] = []
    var known: Set<String> = []
    for trial in 0..<30 {
      let assignment = try narrow.decode([Double(trial) / 30, trial % 2 == 0 ? 0.2 : 0.8], base: narrow.initial)
      known.insert(assignment.key)
      events.append(.began(trial: trial, Proposal(assignment, origin: "random")))
      let x = assignment["x"]?.number ?? 0
      let loss = (x - 0.4) * (x - 0.4) + (assignment["kind"] == "b" ? 0 : 1)
      let estimate = Estimate(mean: loss, deviation: 0, count: 1)
      events.append(.completed(trial: trial, estimate, screened: false, outcomes: [:]))
    }
    let driver = OptimizerDriver(Self.optimizers[index], problem: problem, events: events)
    var proposals: [Proposal] = []
    for round in 0..<12 {
      let answer = try await driver.ask(1, context: AskContext(problem: problem, round: round, known: known))
      proposals += answer.proposals
    }
    // Never "a", which was bad: what is new is looked at, or what was good.
    #expect(proposals.count == 12 && proposals.count { $0.assignment["kind"] == "a" } <= 3)
  }
}
