import HoneModel
import HoneNumerics
import HoneTrace

/// Reflective prompt evolution: a model reads what one candidate answered and what was said about it, and writes one of its
/// texts anew; now and then two candidates that are good at different examples are merged.
///
/// Agrawal et al., "GEPA: Reflective Prompt Evolution Can Outperform Reinforcement Learning" (arXiv 2507.19457): Algorithm 1
/// (the loop), Algorithm 2 (parents by their share of the Pareto front over validation examples, `InstanceFront`), and the
/// system-aware merge of its appendix. Other than there: what a child is worth is measured by the study's scheduler, on as many
/// shared examples as its comparison needs, and not accepted because it was better on three.
public struct GEPA: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// How the model is asked; its `parameters` are narrowed to text and free code.
    public var text: ProposerSettings
    /// Merges of a study, at most; 0: none.
    public var merges: Int
    /// All texts in one request, instead of one text after the other.
    public var changesAll: Bool

    public init(
      text: ProposerSettings = ProposerSettings(temperatures: [1.0], maxTokens: 1_500, tokenCap: 6_000),
      merges: Int = 5, changesAll: Bool = false
    ) {
      self.text = text
      self.merges = max(0, merges)
      self.changesAll = changesAll
    }
  }

  /// What became of which trial: a function of the events told.
  public struct State: Codable, Sendable, Equatable {
    struct Candidate: Codable, Sendable, Equatable {
      var trial: Int
      var parent: Int?
      var isMutation: Bool
      var isMerge: Bool
      /// Turned so that more is better; nil while it runs and when it failed.
      var score: Double?
    }
    var candidates: [Candidate] = []
    let isMaximized: Bool

    func candidate(_ trial: Int) -> Candidate? { candidates.last { $0.trial == trial } }

    /// With the scores that stand for those of a part of the examples.
    fileprivate func seen(in context: AskContext) -> State {
      var state = self
      let means = ShrunkenMeans(context.table)
      let sign = isMaximized ? 1.0 : -1.0
      for place in candidates.indices {
        state.candidates[place].score = candidates[place].score.map {
          sign * means.mean(of: candidates[place].trial, told: sign * $0)
        }
      }
      return state
    }
  }

  static let mergeNote = "merge"

  public let settings: Settings
  public var name: String { "gepa" }
  public var needsRollouts: Bool { true }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> { settings.text.wordsOnly(space).requests(space) }

  public func start(_ problem: Problem) -> State { State(isMaximized: problem.objective.direction == .maximize) }

  public func tell(_ event: Event, state: inout State) {
    switch event {
    case .began(let trial, let proposal):
      let isMerge = proposal.origin == name && proposal.note.hasPrefix(Self.mergeNote)
      state.candidates.append(
        State.Candidate(
          trial: trial, parent: proposal.parent, isMutation: proposal.origin == name && !isMerge, isMerge: isMerge))
    case .completed(let trial, let estimate, _, _):
      guard let place = state.candidates.lastIndex(where: { $0.trial == trial }) else { return }
      state.candidates[place].score = state.isMaximized ? estimate.mean : -estimate.mean
    case .failed(let trial, _, _) where event.isInfrastructureFailure:
      state.candidates.removeAll { $0.trial == trial && $0.score == nil }
    case .failed, .attempted: break
    }
  }

  /// A trial of the front over the examples, the likelier the more of them it is best at.
  public func parent(_ state: State, _ context: AskContext) -> Int? {
    guard let table = context.table else { return nil }
    let front = InstanceFront(table, context.problem.objective.direction).survivors
    var random = context.random("\(name)/parent")
    var left = random.uniform() * Double(front.reduce(0) { $0 + $1.wins })
    for member in front {
      left -= Double(member.wins)
      if left < 0 { return member.trial }
    }
    return front.last?.trial
  }

  /// - Throws: as `ProposalRound.propose`.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    var text = settings.text.wordsOnly(context.problem.space)
    let parent = context.parent ?? context.incumbent.map(AskContext.Parent.init)
    let base = parent?.assignment ?? context.problem.space.initial
    let texts = text.changeable(context.problem.space, base: base).map(\.name)
    guard !texts.isEmpty, count > 0 else { return Answer() }
    var answer = Answer()
    let merge = Merge(state.seen(in: context), context, settings.merges, texts, name)
    if let merge { answer.proposals.append(merge.proposal) }
    let mutations = state.candidates.count { $0.isMutation && $0.parent == parent?.trial }
    var context = context
    for turn in 0..<(count - answer.proposals.count) {
      if !settings.changesAll { text.parameters = [texts[(mutations + turn) % texts.count]] }
      context.known.formUnion(answer.proposals.map(\.assignment.key))
      var round = try ProposalRound(name, text, context, parent: parent)
      let more = try await round.propose(1) { round, request in messages(round, turn * 100 + request) }
      answer.attempts += more.attempts
      answer.proposals += more.proposals
    }
    return answer
  }

  private func messages(_ round: ProposalRound, _ request: Int) -> [ChatMessage] {
    let context = round.context
    var sections = PromptSections.filled([
      "objective": PromptSections.objective(context), "score": PromptSections.score(context),
      "constraints": PromptSections.constraints(round.parameters),
      "values": PromptSections.values(round.parameters, of: round.base),
      "examples": PromptSections.examples(context.rollouts, tokenCap: settings.text.tokenCap),
      "names": round.names, "format": round.format,
    ])
    sections["boundary"] = PromptSections.boundary(context, name, request, apartFrom: sections)
    let prompts = settings.text.prompts
    return [
      ChatMessage(.system, prompts.render("gepa-system", sections)),
      ChatMessage(.user, prompts.render("gepa-user", sections)),
    ]
  }
}

extension GEPA {
  /// System-aware merge: two candidates of the front that are no ancestors of each other give a child that has, of each text,
  /// the value of the one that changed it since their common ancestor; where both did, that of the better one. No request.
  struct Merge {
    let proposal: Proposal

    /// Pairs drawn before it is given up.
    static let draws = 10

    /// Nil when none is due or to be had: one for each mutation that was better than its parent, up to the most.
    init?(_ state: State, _ context: AskContext, _ most: Int, _ texts: [String], _ origin: String) {
      let begun = state.candidates.count { $0.isMerge }
      let better = state.candidates.count { child in
        guard child.isMutation, let score = child.score, let parent = child.parent.flatMap(state.candidate)?.score
        else { return false }
        return score > parent
      }
      guard begun < min(most, better), let table = context.table else { return nil }
      let front = InstanceFront(table, context.problem.objective.direction).survivors.map(\.trial)
      guard front.count > 1 else { return nil }
      let assignments = Dictionary(
        table.rows.map { ($0.trial, $0.assignment) }, uniquingKeysWith: { first, _ in first })
      var random = context.random("\(origin)/merge")
      for _ in 0..<Self.draws {
        let pair = Array(front.shuffled(using: &random).prefix(2)).sorted()
        guard let child = Self.child(pair[0], pair[1], state, assignments, texts),
          let assignment = try? context.problem.space.accept(child.values), !context.known.contains(assignment.key)
        else { continue }
        proposal = Proposal(
          assignment, origin: origin, parent: pair[0],
          note: "\(GEPA.mergeNote) of trials \(pair[0]) and \(pair[1]), which are good at different examples")
        return
      }
      return nil
    }

    private static func child(
      _ a: Int, _ b: Int, _ state: State, _ assignments: [Int: Assignment], _ texts: [String]
    ) -> Assignment? {
      let (ofA, ofB) = (ancestors(of: a, state), ancestors(of: b, state))
      guard !ofA.contains(b), !ofB.contains(a), let shared = ofA.first(where: ofB.contains),
        let first = assignments[a], let second = assignments[b], let old = assignments[shared],
        let scoreA = state.candidate(a)?.score, let scoreB = state.candidate(b)?.score,
        let scoreOld = state.candidate(shared)?.score, scoreA >= scoreOld, scoreB >= scoreOld
      else { return nil }
      var values = (scoreA >= scoreB ? first : second).values
      var isMixed = false
      for name in texts {
        let (isChangedA, isChangedB) = (first[name] != old[name], second[name] != old[name])
        guard isChangedA != isChangedB else { continue }
        isMixed = true
        values[name] = isChangedA ? first[name] : second[name]
      }
      return isMixed ? Assignment(values) : nil
    }

    /// The nearest first.
    private static func ancestors(of trial: Int, _ state: State) -> [Int] {
      var found: [Int] = []
      var next = state.candidate(trial)?.parent
      while let trial = next, !found.contains(trial) {
        found.append(trial)
        next = state.candidate(trial)?.parent
      }
      return found
    }
  }
}

/// The trials that are best at some example, without those that are best only where another one is too (GEPA, Algorithm 2).
struct InstanceFront {
  /// In the order of trials; wins: examples that it is best at.
  let survivors: [(trial: Int, wins: Int)]

  init(_ table: ScoreTable, _ direction: Objective.Direction) {
    let rows = table.rows.filter { !$0.hasFailed && $0.isFeasible && $0.estimate != nil }
    let sign = direction == .maximize ? 1.0 : -1.0
    var fronts: [[Int]] = []
    for example in 0..<table.examples {
      let scores = rows.map { $0.scores[example].map { sign * $0 } }
      guard let best = scores.compactMap(\.self).max() else { continue }
      fronts.append(rows.indices.filter { scores[$0] == best })
    }
    var alive = Set(fronts.flatMap(\.self))
    let shrunken = ShrunkenMeans(table)
    let means = rows.map { row in sign * (row.estimate.map { shrunken.mean(of: row.trial, told: $0.mean) } ?? 0) }
    // The weakest first; of equals the newer one.
    for index in alive.sorted(by: { means[$0] == means[$1] ? $0 > $1 : means[$0] < means[$1] }) {
      let own = fronts.filter { $0.contains(index) }
      if own.allSatisfy({ front in front.contains { $0 != index && alive.contains($0) } }) { alive.remove(index) }
    }
    survivors = alive.sorted().map { index in (rows[index].trial, fronts.count { $0.contains(index) }) }
  }
}
