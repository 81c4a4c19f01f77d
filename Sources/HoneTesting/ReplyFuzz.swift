import HoneModel
import HoneNumerics
import HoneOptimize
import HoneTrace

/// Feeds mutated replies to proposers in random spaces, and lets an oracle of its own judge everything that they propose.
///
/// Proposers are asked directly, without the check that `OptimizerDriver` makes after them.
public struct ReplyFuzz: Sendable {
  /// What became of the replies.
  public struct Tally: Sendable, Equatable {
    public var replies = 0
    /// Replies from which at least one value set was taken.
    public var applied = 0
    /// Replies with a typed rejection.
    public var rejected = 0
    public var proposals = 0
    /// Proposals that show demonstrations, which `mipro` alone makes.
    public var shots = 0
    public var outOfDomain = 0
    public var duplicates = 0
    /// Asks that threw, and refusals without a reason or with one that is too long.
    public var faults = 0
    /// What went wrong, a sentence each; the first hundred.
    public var findings: [String] = []

    public init() {}

    fileprivate mutating func find(_ finding: String) {
      if findings.count < 100 { findings.append(finding) }
    }

    public static func + (a: Tally, b: Tally) -> Tally {
      var sum = a
      sum.replies += b.replies
      sum.applied += b.applied
      sum.rejected += b.rejected
      sum.proposals += b.proposals
      sum.shots += b.shots
      sum.outOfDomain += b.outOfDomain
      sum.duplicates += b.duplicates
      sum.faults += b.faults
      sum.findings = Array((a.findings + b.findings).prefix(100))
      return sum
    }
  }

  public let seed: UInt64
  /// Asks of one study.
  public let rounds: Int

  public init(seed: UInt64, rounds: Int = 10) {
    self.seed = seed
    self.rounds = max(1, rounds)
  }

  /// Studies with the optimizers in turn, each in a space of its own, until so many replies were given to each of them.
  public func run(
    _ replies: Int, _ optimizers: [@Sendable () throws -> any Optimizer]
  ) async throws -> [String: Tally] {
    var tallies: [String: Tally] = [:]
    for (place, make) in optimizers.enumerated() {
      var tally = Tally()
      var study = 0
      while tally.replies < replies, study <= replies {
        let optimizer = try make()
        tally = tally + (await run(optimizer, number: study * optimizers.count + place, most: replies - tally.replies))
        tallies[optimizer.name] = tally
        study += 1
      }
    }
    return tallies
  }

  /// A space of the generator's with a template, some numbers that are clipped, some free code and some demonstrations.
  public func space(_ number: Int) -> Space {
    var random = RandomStream(seed: seed, name: "fuzz space/\(number)")
    var space = SpaceGenerator(seed: seed, parameters: 5).space(number)
    for index in space.parameters.indices where random.uniform() < 0.2 {
      switch space.parameters[index].domain {
      case .float(var domain):
        domain.clip = true
        space.parameters[index].domain = .float(domain)
      case .int(var domain):
        domain.clip = true
        space.parameters[index].domain = .int(domain)
      default: break
      }
    }
    let names = random.uniform() < 0.5 ? ["question"] : ["question", "context"]
    let optional: [String]? = random.uniform() < 0.2 ? nil : random.uniform() < 0.5 ? [] : ["hint"]
    space.parameters.append(
      ParameterSpec(
        name: "template",
        domain: .text(TextDomain(placeholders: names, optionalPlaceholders: optional, maxLength: 300)),
        initial: .string("Read \(names.map { "{\($0)}" }.joined(separator: " and "))")))
    if random.uniform() < 0.3 {
      space.parameters.append(
        ParameterSpec(
          name: "program", domain: .code(CodeDomain(language: "python", maxLength: 200)), initial: "return 0"))
    }
    if random.uniform() < 0.5 {
      space.parameters.append(
        ParameterSpec(name: "shots", domain: .demonstrations(maxLength: 200 + Int(random.next() % 400)), initial: ""))
    }
    return space
  }

  // MARK: - One study

  private func run(_ optimizer: some Optimizer, number: Int, most: Int) async -> Tally {
    let space = space(number)
    let problem = Problem(
      space: space, objective: Objective(direction: number % 2 == 0 ? .maximize : .minimize),
      seed: seed &+ UInt64(number))
    let oracle = AssignmentOracle(space)
    let model = MutatedModel(ReplyMutator(space, seed: seed, name: "replies/\(number)"))
    var random = RandomStream(seed: seed, name: "fuzz study/\(number)")
    var tally = Tally()
    var state = optimizer.start(problem)
    var known: [Assignment] = []
    var best: AskContext.Incumbent?
    func begin(_ proposal: Proposal) {
      let trial = known.count
      known.append(proposal.assignment)
      model.known = known
      optimizer.tell(.began(trial: trial, proposal), state: &state)
      guard random.uniform() < 0.9 else { return }
      let estimate = Estimate(mean: (random.uniform() * 20).rounded() / 20, deviation: 0.2, count: 4)
      optimizer.tell(.completed(trial: trial, estimate, screened: false, outcomes: [:]), state: &state)
      guard best.map({ problem.objective.isBetter(estimate.mean, than: $0.estimate.mean) }) ?? true else { return }
      best = AskContext.Incumbent(trial: trial, assignment: proposal.assignment, estimate: estimate)
    }
    begin(Proposal(space.initial, origin: "initial"))
    for round in 0..<rounds where model.replies < most {
      var context = AskContext(
        problem: problem, round: round, known: Set(known.map(\.key)), incumbent: best,
        model: model)
      context.parent = optimizer.parent(state, context).map {
        AskContext.Parent(trial: $0, assignment: known.indices.contains($0) ? known[$0] : space.initial)
      }
      let shown = context.parent?.trial ?? best?.trial ?? 0
      let base = context.parent?.assignment ?? best?.assignment ?? space.initial
      context.rollouts = Self.rollouts(shown, base, round, &random)
      context.labels = ["example \(round)-0": "label 0"]
      let answer: Answer
      do {
        answer = try await optimizer.ask(1 + Int(random.next() % 4), state: state, context: context)
      } catch {
        tally.faults += 1
        tally.find("study \(number), \(optimizer.name): ask threw \(error)")
        break
      }
      for attempt in answer.attempts { note(attempt, &tally, &state, optimizer) }
      for proposal in answer.proposals {
        tally.proposals += 1
        if let fault = oracle.fault(proposal.assignment) {
          tally.outOfDomain += 1
          tally.find("study \(number), \(optimizer.name): \(fault): \(proposal.assignment.key.prefix(300))")
        }
        if known.contains(where: { AssignmentOracle.isSame($0, proposal.assignment) }) {
          tally.duplicates += 1
          tally.find("study \(number), \(optimizer.name): known: \(proposal.assignment.key.prefix(300))")
        }
        let shots = proposal.assignment["shots"]
        if shots != nil, shots != "" {
          tally.shots += 1
          if proposal.origin != "mipro" {
            tally.faults += 1
            tally.find("study \(number), \(optimizer.name): demonstrations of its own: \(shots ?? .null)")
          }
        }
        begin(proposal)
      }
    }
    tally.replies = model.replies
    return tally
  }

  private func note<O: Optimizer>(_ attempt: Attempt, _ tally: inout Tally, _ state: inout O.State, _ optimizer: O) {
    optimizer.tell(.attempted(attempt), state: &state)
    guard !attempt.callKeys.isEmpty else { return }
    if attempt.outcome == .applied { tally.applied += 1 }
    if !attempt.rejections.isEmpty { tally.rejected += 1 }
    if ![.applied, .terminated].contains(attempt.outcome), attempt.rejections.isEmpty {
      tally.faults += 1
      tally.find("\(optimizer.name): refused without a reason: \(attempt.outcome)")
    }
    for rejection in attempt.rejections where rejection.reason.isEmpty || rejection.description.count > 1_000 {
      tally.faults += 1
      tally.find("\(optimizer.name): a reason of \(rejection.description.count) characters")
    }
  }

  /// Two rollouts with traces: every parameter feeds a prompt, a model answers it, the answer is scored. Inputs and answers
  /// hold what must not break a line of JSON or a template.
  private static func rollouts(_ trial: Int, _ assignment: Assignment, _ round: Int, _ random: inout RandomStream)
    -> [RolloutRecord]
  {
    let nasty = ["", "line\nbreak", "{question}", "\u{2028}\u{7}", "\"quoted\"", String(repeating: "long ", count: 80)]
    return (0..<2).map { index in
      let tail = nasty.randomElement(using: &random) ?? ""
      let output = Value.string("output \(index) \(tail)")
      var nodes = assignment.values.sorted { $0.key < $1.key }.map { name, value in
        Trace.Node(kind: .parameter, name: name, value: value)
      }
      nodes.append(Trace.Node(kind: .input, name: "question", value: .string("question \(round) \(index) \(tail)")))
      nodes.append(Trace.Node(kind: .step, name: "render", inputs: Array(nodes.indices), value: "messages"))
      nodes.append(Trace.Node(kind: .step, name: "model", inputs: [nodes.count - 1], value: output))
      nodes.append(Trace.Node(kind: .step, name: "score", inputs: [nodes.count - 1], value: .double(Double(index))))
      let said = "Expected label \(index)."
      return RolloutRecord(
        trial: trial, split: .train, example: "example \(round)-\(index)", repeat: 0, cacheKey: "\(index)",
        score: Double(index), feedback: said, output: output,
        trace: Trace(
          nodes: nodes, feedback: [Feedback(node: nodes.count - 1, text: said, score: Double(index))]))
    }
  }
}

/// Gives mutated replies, one after another.
private final class MutatedModel: ChatModel {
  private let state: Lock<(mutator: ReplyMutator, known: [Assignment], replies: Int)>

  init(_ mutator: ReplyMutator) { state = Lock((mutator, [], 0)) }

  var replies: Int { state.withLock { $0.replies } }
  var known: [Assignment] {
    get { state.withLock { $0.known } }
    set { state.withLock { $0.known = newValue } }
  }

  func chat(_ request: ChatRequest) async throws(ModelError) -> ChatReply {
    state.withLock { state in
      state.replies += 1
      return state.mutator.reply(to: request, known: state.known)
    }
  }
}
