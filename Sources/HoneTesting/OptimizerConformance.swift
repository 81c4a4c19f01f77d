import Foundation
import HoneModel
import HoneNumerics
import HoneOptimize
import HoneTrace

/// What every optimizer must keep, checked by driving it through small studies. Use it in a test of your own optimizer:
///
/// ```swift
/// #expect(await OptimizerConformance(model: model).violations { MyOptimizer() } == [])
/// ```
///
/// Checked: proposals are valid, new and different; the same events give the same state and the same state the same
/// proposals, also after a round trip through JSON; a finite space that is used up ends the study; pending, failed,
/// foreign and unknown trials are accepted; a failure of the endpoint or the machine leaves nothing behind.
public struct OptimizerConformance: Sendable {
  public var seed: UInt64
  /// Asks of a study in an endless space.
  public var rounds: Int
  /// For proposers; called with a request, gives the reply's text. Must depend on the request alone.
  public var model: (@Sendable (ChatRequest) -> String)?
  /// What every request to the model ends with in place of a reply: a server that is down, a network that hangs.
  public var silence: ModelError?
  /// Outcomes that the objective names beside the score; every trial has them, but one in six lacks one.
  public var outcomes: [String: Objective.Direction]

  public init(
    seed: UInt64 = 1, rounds: Int = 8, outcomes: [String: Objective.Direction] = [:],
    model: (@Sendable (ChatRequest) -> String)? = nil
  ) {
    self.seed = seed
    self.rounds = rounds
    self.outcomes = outcomes
    self.model = model
  }

  /// The spaces the optimizer is driven through, by name.
  public static var spaces: [(name: String, space: Space)] {
    let text = ParameterSpec(
      name: "instruction", domain: .text(TextDomain(placeholders: ["input"], maxLength: 400)), initial: "Do {input}")
    let temperature = ParameterSpec(name: "temperature", domain: .float(FloatDomain(0...1)), initial: 0.5)
    let mode = ParameterSpec(name: "mode", domain: .categorical(["a", "b", "c"]), initial: "a")
    let depth = ParameterSpec(
      name: "depth", domain: .int(IntDomain(1...64, scale: .log)), initial: 4,
      condition: Condition(["mode": ["b", "c"]]))
    let flag = ParameterSpec(name: "flag", domain: .bool, initial: false, condition: Condition(["depth": [1, 2, 4]]))
    let rate = ParameterSpec(name: "rate", domain: .float(FloatDomain(1e-5...1, scale: .log)), initial: 0.01)
    let size = ParameterSpec(name: "size", domain: .ordinal([2, 4, 8]), initial: 4)
    let only = ParameterSpec(name: "only", domain: .int(IntDomain(3...3)), initial: 3)
    return [
      ("continuous", Space([temperature, rate])),
      ("mixed conditional", Space([mode, depth, flag, temperature, size])),
      ("finite with forbidden", Space([mode, size, text], forbidden: [["mode": "b", "size": 8]])),
      ("finite numbers", Space([mode, size])),
      ("one point", Space([only])),
      ("text alone", Space([text])),
      ("text and numbers", Space([text, temperature, size])),
      ("empty", Space([])),
    ]
  }

  /// All that is broken, one sentence each; empty when the optimizer conforms.
  public func violations(_ make: @Sendable () -> any Optimizer) async -> [String] {
    var found: [String] = []
    for (name, space) in Self.spaces {
      for direction in [Objective.Direction.maximize, .minimize] {
        let problem = Problem(space: space, objective: Objective(direction: direction, outcomes: outcomes), seed: seed)
        found += await check(make(), again: make(), problem).map { "\(name), \(direction.rawValue): \($0)" }
      }
    }
    return found
  }

  private func check(_ optimizer: some Optimizer, again: some Optimizer, _ problem: Problem) async -> [String] {
    var first = OptimizerRehearsal(self, optimizer, problem)
    await first.run()
    var second = OptimizerRehearsal(self, again, problem)
    await second.run()
    if first.events != second.events { first.violations.append("two runs from one seed differ") }
    first.checkInfrastructureFailures()
    await first.checkForeignTrials()
    return first.violations
  }
}

/// One small study.
struct OptimizerRehearsal<O: Optimizer> {
  let suite: OptimizerConformance
  let optimizer: O
  let problem: Problem
  var state: O.State
  var events: [Event] = []
  var known: Set<String> = []
  var incumbent: AskContext.Incumbent?
  var violations: [String] = []
  let model: ScriptedModel?
  /// How well an assignment does; the trial's number counts too.
  var score: @Sendable (String, Int) -> Double

  init(_ suite: OptimizerConformance, _ optimizer: O, _ problem: Problem) {
    self.suite = suite
    self.optimizer = optimizer
    self.problem = problem
    state = optimizer.start(problem)
    model =
      suite.silence.map { error in ScriptedModel { (_, _) throws(ModelError) in throw error } }
      ?? suite.model.map { ScriptedModel($0) }
    // A hash of the assignment: any landscape must do.
    let seed = suite.seed
    score = { key, _ in
      var random = RandomStream(seed: seed, name: key)
      return random.uniform()
    }
  }

  mutating func run() async {
    begin(Proposal(problem.space.initial, origin: "initial"), trial: 0)
    complete(0)
    let size = problem.space.cardinality
    let limit = size.map { min($0 + 3, 60) } ?? suite.rounds
    var isUsedUp = false
    for round in 1...limit {
      let count = 1 + round % 3
      guard let answer = await ask(count, round, state) else { return }
      check(answer, count)
      await checkResume(count, round, answer)
      isUsedUp = answer.proposals.isEmpty
      if isUsedUp { break }
      for proposal in answer.proposals { begin(proposal, trial: known.count) }
      settle(known.count - answer.proposals.count..<known.count, round)
    }
    if let size, size < 60, !isUsedUp { violations.append("a used up space of \(size) points does not end") }
  }

  /// Some trials complete, one in five fails, one in seven stays pending.
  mutating func settle(_ trials: Range<Int>, _ round: Int) {
    for trial in trials {
      if trial % 7 == 6 { continue }
      if trial % 5 == 4 {
        tell(.failed(trial: trial, reason: "made to fail", kind: trial % 10 == 9 ? .infrastructure : nil))
      } else {
        complete(trial)
      }
    }
  }

  mutating func begin(_ proposal: Proposal, trial: Int) {
    known.insert(proposal.assignment.key)
    tell(.began(trial: trial, proposal))
  }

  mutating func complete(_ trial: Int) {
    guard let assignment = assignment(of: trial) else { return }
    let estimate = Estimate(mean: score(assignment.key, trial), deviation: 0.1, count: 4)
    var random = RandomStream(seed: suite.seed, name: "outcomes of \(assignment.key)")
    var outcomes: [String: Double] = [:]
    for name in suite.outcomes.keys.sorted().dropFirst(trial % 6 == 5 ? 1 : 0) { outcomes[name] = random.uniform() }
    tell(.completed(trial: trial, estimate, screened: trial % 4 == 3, outcomes: outcomes))
    let isBetter = incumbent.map { problem.objective.isBetter(estimate.mean, than: $0.estimate.mean) } ?? true
    if isBetter, trial % 4 != 3 {
      incumbent = AskContext.Incumbent(trial: trial, assignment: assignment, estimate: estimate)
    }
  }

  private func assignment(of trial: Int) -> Assignment? {
    for case .began(trial, let proposal) in events { return proposal.assignment }
    return nil
  }

  mutating func tell(_ event: Event) {
    events.append(event)
    optimizer.tell(event, state: &state)
  }

  func context(_ round: Int) -> AskContext {
    let rollouts = (0..<3).map { index in
      RolloutRecord(
        trial: incumbent?.trial ?? 0, split: .train, example: "example \(index)", repeat: 0, cacheKey: "\(index)",
        score: Double(index % 2), feedback: "Expected label \(index).", output: .string("output \(index)"))
    }
    return AskContext(
      problem: problem, round: round, known: known, incumbent: incumbent, rollouts: rollouts, model: model)
  }

  mutating func ask(_ count: Int, _ round: Int, _ state: O.State) async -> Answer? {
    do {
      return try await optimizer.ask(count, state: state, context: context(round))
    } catch {
      violations.append("ask threw: \(error)")
      return nil
    }
  }

  mutating func check(_ answer: Answer, _ count: Int) {
    if answer.proposals.count > count { violations.append("more proposals than asked for") }
    var seen: Set<String> = []
    for proposal in answer.proposals {
      let key = proposal.assignment.key
      if (try? problem.space.accept(proposal.assignment.values)) != proposal.assignment {
        violations.append("not an accepted assignment: \(key)")
      }
      if known.contains(key) { violations.append("a known assignment is proposed: \(key)") }
      if !seen.insert(key).inserted { violations.append("one assignment is proposed twice: \(key)") }
      if proposal.origin.isEmpty { violations.append("a proposal has no origin") }
    }
  }

  /// A state rebuilt from the stored events equals the one that lived, byte for byte, and asks the same.
  mutating func checkResume(_ count: Int, _ round: Int, _ answer: Answer) async {
    do {
      let stored = try JSONDecoder().decode([Event].self, from: JSONEncoder().encode(events))
      var rebuilt = optimizer.start(problem)
      for event in stored { optimizer.tell(event, state: &rebuilt) }
      let lived = try bytes(state)
      guard try bytes(rebuilt) == lived, rebuilt == state else {
        violations.append("round \(round): the state rebuilt from stored events differs")
        return
      }
      let restored = try JSONDecoder().decode(O.State.self, from: JSONEncoder().encode(state))
      // By their bytes: a whole number comes back as one, however it was typed.
      if try bytes(restored) != lived { violations.append("the state does not survive JSON") }
      let again = await ask(count, round, rebuilt)
      if again?.proposals != answer.proposals { violations.append("round \(round): a resumed study asks otherwise") }
    } catch {
      violations.append("the state or an event cannot be stored: \(error)")
    }
  }

  private func bytes(_ state: O.State) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(state), as: UTF8.self)
  }

  /// A trial that failed by infrastructure leaves the state of an optimizer that was never told of it; one of its own may
  /// count as a turn, but its assignment leaves nothing. An earlier score stays.
  mutating func checkInfrastructureFailures() {
    func state(after more: [Event]) -> String? {
      var state = self.state
      for event in more { optimizer.tell(event, state: &state) }
      return try? bytes(state)
    }
    func lost(_ assignment: Assignment, _ origin: String) -> [Event] {
      [
        .began(trial: 88_888, Proposal(assignment, origin: origin)),
        .failed(trial: 88_888, reason: "the endpoint is down", kind: .infrastructure),
      ]
    }
    let before = state(after: [])
    var begun: [(assignment: Assignment, origin: String)] = []
    for case .began(_, let proposal) in events { begun.append((proposal.assignment, proposal.origin)) }
    guard let first = begun.first, let last = begun.last else { return }
    if state(after: lost(last.assignment, "somebody else")) != before {
      violations.append("a trial that failed by infrastructure is remembered")
    }
    for origin in Set(begun.map(\.origin)).sorted()
    where state(after: lost(first.assignment, origin)) != state(after: lost(last.assignment, origin)) {
      violations.append("the assignment of a trial that failed by infrastructure is remembered")
    }
    if state(after: [.failed(trial: 0, reason: "down", kind: .infrastructure)]) != before {
      violations.append("an infrastructure failure takes an earlier score away")
    }
  }

  /// Events of trials it never heard of, told twice, told late, from other optimizers.
  mutating func checkForeignTrials() async {
    let foreign = Proposal(problem.space.initial, origin: "somebody else", parent: 99_999)
    tell(.completed(trial: 77_777, Estimate(mean: 0.5, deviation: 0, count: 1), screened: false, outcomes: [:]))
    tell(.failed(trial: 77_778, reason: "unknown"))
    tell(.began(trial: 77_779, foreign))
    tell(.began(trial: 77_779, foreign))
    tell(.failed(trial: 77_779, reason: "late"))
    tell(.completed(trial: 77_779, Estimate(mean: 0.5, deviation: 0, count: 1), screened: true, outcomes: ["x": 1]))
    tell(.attempted(Attempt(origin: "somebody else", outcome: .malformed)))
    if let answer = await ask(2, 1_000, state) { check(answer, 2) }
  }
}
