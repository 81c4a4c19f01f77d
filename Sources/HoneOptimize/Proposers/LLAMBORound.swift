import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// One ask of LLAMBO under way.
struct LLAMBORound {
  /// Members of an attempt's suggestion that the optimizer learns from.
  static let startKey = "start"
  static let probesKey = "probes"

  let optimizer: LLAMBO
  let context: AskContext
  let state: LLAMBO.State
  let prompt: LLAMBOPrompt
  let judge: ProposalJudge
  var talk: ProposerTalk
  var taken: Set<String>
  var proposals: [Proposal] = []
  /// Of the stored attempts, of what they led to, and of this ask.
  private var skill: LLAMBOSkill
  private var warm: [Assignment]
  private var random: RandomStream

  init(optimizer: LLAMBO, state: LLAMBO.State, context: AskContext, model: any ChatModel, count: Int) {
    self.optimizer = optimizer
    var state = state
    state.memory = state.memory.seen(in: context)
    self.state = state
    self.context = context
    let space = context.problem.space
    let base = context.incumbent?.assignment ?? space.initial
    judge = ProposalJudge(space: space, changeable: Set(space.encodable.map(\.name)), base: base)
    prompt = LLAMBOPrompt(settings: optimizer.settings, problem: context.problem, memory: state.memory)
    talk = ProposerTalk(
      origin: optimizer.name, model: model, limit: optimizer.settings.requests * count)
    taken = context.known
    random = context.random(optimizer.name)
    skill = state.skill
    skill.learn(own: Set(state.own), among: state.process.history.trials)
    let judge = judge
    warm = state.warm.compactMap { Self.verdict($0, judge, taken: []).assignment }
  }

  var answer: Answer { Answer(proposals, attempts: talk.attempts) }

  mutating func add(_ proposal: Proposal) {
    taken.insert(proposal.assignment.key)
    proposals.append(proposal)
  }

  /// Adds the model's proposal; false when it has no turn or gave nothing usable.
  mutating func proposeOne() async throws(ModelError) -> Bool {
    let begun = state.process.history.trials.count + proposals.count
    let isStarting = begun < StartDesign.size || state.process.parameters == nil
    if isStarting { return try await isStartTurn() ? startOne() : false }
    return isTurn(begun) ? try await searchOne() : false
  }

  // MARK: Turns

  /// The first two results come without the model, which must then tell them apart before it may propose; later it and the
  /// Sobol points take turns by how its trials compare with the others'.
  private mutating func isStartTurn() async throws(ModelError) -> Bool {
    let history = state.process.history
    let asked = state.own.count + proposals.count { $0.origin == optimizer.name }
    let others = history.trials.count + proposals.count - asked
    guard history.observed >= 2, asked <= 2 * others else { return false }
    if skill.pairs == 0 { _ = try await predictions([], hidden: Array(entries.prefix(5)), shown: []) }
    return skill.pairs > 0 && skill.right >= 0.5 * skill.pairs
  }

  /// A model that predicts no better than chance is asked every fourth time only, to see whether it has learned.
  private func isTurn(_ begun: Int) -> Bool { skill.weight >= 0.1 || begun.isMultiple(of: 4) }

  // MARK: Start

  private mutating func startOne() async throws(ModelError) -> Bool {
    if !warm.contains(where: { !taken.contains($0.key) }) {
      let settings = optimizer.settings
      let (judge, taken) = (judge, taken)
      let found = try await ask(prompt.start(count: settings.start)) {
        Self.read($0, judge, taken: taken, as: Self.startKey)
      }
      warm = found ?? []
    }
    guard let first = warm.first(where: { !taken.contains($0.key) }) else { return false }
    propose(first, note: "the model's guess before results")
    return true
  }

  // MARK: Search

  private struct Candidate {
    var assignment: Assignment
    var point: [Double?]
    var isModels: Bool
  }

  private mutating func searchOne() async throws(ModelError) -> Bool {
    guard let parameters = state.process.parameters else { return false }
    let space = context.problem.space
    let pending = proposals.enumerated().map { index, proposal in
      TrialHistory.Trial(number: -1 - index, point: space.encode(proposal.assignment))
    }
    let model = GaussianProcessModel(
      state.process.history.trials + pending, state.process.history.coordinates, limit: GaussianProcessModel.limit)
    guard let (process, best) = model.process(parameters) else { return false }
    let settings = optimizer.settings
    let losses = state.process.history.trials.compactMap(\.loss)
    let sign = context.problem.objective.direction == .maximize ? -1.0 : 1.0
    let target = TargetScore.target(
      losses.map { sign * $0 }, context.problem.objective.direction, alpha: settings.alpha)
    let (judge, taken) = (judge, taken)
    let request = prompt.candidates(count: settings.candidates, target: target, boundary: boundary())
    guard let suggested = try await ask(request, read: { Self.read($0, judge, taken: taken) })
    else { return false }
    var pool = suggested.map { Candidate(assignment: $0, point: space.encode($0), isModels: true) }
    func acquisition(_ point: [Double?]) -> Double {
      Acquisition.bound.value(process.posterior(point), best: best, trials: model.points.count)
    }
    // The process's own best points stand beside the model's: a bad model costs requests, not trials.
    let search = NumericSearch(
      space: space, base: judge.base, parent: nil, known: taken.union(pool.map(\.assignment.key)))
    var ranked = AcquisitionSearch(model, parameters, space, acquisition: acquisition).ranked(&random)[...]
    var rest = random.child("rest")
    let numeric = search.assignments(min(6, ranked.count), random: &rest) { ranked.popFirst() ?? search.middle }
    pool += numeric.map { Candidate(assignment: $0, point: space.encode($0), isModels: false) }
    let opinions = try await opinions(pool.map(\.assignment), losses: losses)
    // Formula 6 of pi-BO: acquisition + (beta / n) log pi, pi the model's probability that a point is better than the best.
    let weight = settings.confidence * skill.weight / Double(max(1, losses.count))
    let values = pool.indices.map { acquisition(pool[$0].point) + weight * log(max(opinions?[$0] ?? 1, 0.01)) }
    guard let first = values.indices.max(by: { values[$0] < values[$1] }) else { return false }
    let chosen = pool[first]
    if chosen.isModels {
      propose(
        chosen.assignment,
        note: target.map { "the model's candidate for a score of \(Value.double($0).canonicalJSON)" } ?? "the model's")
    } else {
      add(
        Proposal(
          chosen.assignment, origin: "gp", parent: context.incumbent?.trial,
          note: "the process's candidate, preferred to the model's"))
    }
    return true
  }

  /// For each configuration the model's probability that it is better than the best so far; nil when it has no opinion.
  private mutating func opinions(_ pool: [Assignment], losses: [Double]) async throws(ModelError) -> [Double]? {
    guard optimizer.settings.surrogate != .none, !pool.isEmpty else { return nil }
    // Known results that are asked for like candidates and not shown: every fourth one, from two to five, at random.
    let mixed = entries.shuffled(using: &random)
    let hidden = mixed.count < 4 ? 0 : min(5, max(2, mixed.count / 4))
    return try await predictions(
      pool, hidden: Array(mixed.prefix(hidden)), shown: Array(mixed.dropFirst(hidden)))?.better(than: losses)
  }

  /// Results the model may be shown or asked about.
  private var entries: [AttemptMemory.Entry] { state.memory.shown.filter { $0.mean != nil && !$0.screened } }

  /// What the model says of a pool; what it says of hidden results is counted for its skill.
  private mutating func predictions(
    _ pool: [Assignment], hidden: [AttemptMemory.Entry], shown: [AttemptMemory.Entry]
  ) async throws(ModelError) -> LLAMBOPrediction? {
    let settings = optimizer.settings
    let isClassified = settings.surrogate == .generative
    let names = context.problem.space.encodable
    let asked =
      pool.map { LLAMBOPrompt.configuration(.object($0.values), names) }
      + hidden.map { LLAMBOPrompt.configuration($0.values, names) }
    let measured = hidden.compactMap(\.mean)
    let direction = context.problem.objective.direction
    var answers: [[Double]] = []
    for _ in 0..<(isClassified || pool.isEmpty ? 1 : settings.permutations) where talk.left > 0 {
      let request = prompt.predict(
        asked, shown: shown.shuffled(using: &random), classifies: isClassified, boundary: boundary())
      let found = try await ask(request) {
        Self.numbers(
          $0, asked.count, measured: measured, classifies: isClassified, sign: direction == .maximize ? 1 : -1)
      }
      guard let found else { break }
      skill.learn(talk.attempts.last?.suggestion[Self.probesKey])
      answers.append(found)
    }
    guard !answers.isEmpty else { return nil }
    return LLAMBOPrediction(answers, of: pool.count, measured, direction, areProbabilities: isClassified)
  }

  // MARK: Requests

  private mutating func propose(_ assignment: Assignment, note: String) {
    add(Proposal(assignment, origin: optimizer.name, parent: context.incumbent?.trial, note: note))
  }

  private mutating func boundary() -> String { String(random.next() | 1 << 63, radix: 16) }

  private mutating func ask<Found>(
    _ message: LLAMBOPrompt.Message, read: (ChatReply) -> (attempt: Attempt, found: Found?)
  ) async throws(ModelError) -> Found? {
    let prompt = prompt
    let request = ChatRequest(
      message.messages, temperature: optimizer.settings.temperature, maxTokens: optimizer.settings.maxTokens,
      format: .jsonSchema(name: "configurations", schema: message.schema), logProbabilities: message.logProbabilities)
    return try await talk.ask(
      request, repairs: 1, repair: { prompt.repair($0, $1, format: message.format) }, read: read)
  }
}
