import HoneModel
import HoneNumerics
import HoneTrace

/// An experience library over texts: a model finds out why examples went wrong and writes down insights, each with the
/// condition under which it is true; proposals take some of them up, and a ledger says where they held and where not.
///
/// Kong et al., "AlphaOPT: Formulating Optimization Programs with Self-Improving LLM Experience Library" (arXiv 2510.18428):
/// learning (diagnosis of what failed, insights as taxonomy, condition, explanation and example, merging of near-duplicates),
/// retrieval by condition, and evolution of the conditions by the ledger. Other than there an insight is not verified by
/// solving its task again but by trials: one that took it up and scored better than its parent counts for it, another one
/// against it. An insight that is two trials behind is not taken up again.
public struct AlphaOPT: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// How the model is asked.
    public var text: ProposerSettings
    /// New insights of one request, at most.
    public var insights: Int
    /// Insights that one proposal takes up, at most.
    public var applied: Int
    /// What an earlier study learned.
    public var library: ExperienceLibrary

    public init(
      text: ProposerSettings = ProposerSettings(temperatures: [1.0], maxTokens: 1_500, tokenCap: 6_000),
      insights: Int = 3, applied: Int = 3, library: ExperienceLibrary = ExperienceLibrary()
    ) {
      self.text = text
      self.insights = max(1, insights)
      self.applied = max(1, applied)
      self.library = library
    }
  }

  /// The library and who took up what: a function of the events told.
  public struct State: Codable, Sendable, Equatable {
    struct Trial: Codable, Sendable, Equatable {
      var number: Int
      var parent: Int?
      /// Insights that it took up.
      var used: [Int]
      /// Turned so that more is better; finite; nil while it runs and when it failed.
      var score: Double?
      var hasFailed = false
    }
    var library: ExperienceLibrary
    var trials: [Trial] = []
    let isMaximized: Bool
  }

  /// Trials that an insight may be behind before it is refuted. One that gains in four of five trials is refuted with
  /// probability (1/4)^2, one that gains in at most half of them sooner or later for sure (the gambler's ruin).
  static let patience = 2

  public let settings: Settings
  public var name: String { "alphaopt" }
  public var needsRollouts: Bool { true }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  /// One request for insights, one for a proposal.
  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> {
    let each = settings.text.requests(space)
    guard each.upperBound > 0 else { return each }
    return 2...(1 + max(0, settings.text.repairs) + each.upperBound)
  }

  public func start(_ problem: Problem) -> State {
    State(library: settings.library, isMaximized: problem.objective.direction == .maximize)
  }

  public func tell(_ event: Event, state: inout State) {
    switch event {
    case .began(let number, let proposal):
      guard !state.trials.contains(where: { $0.number == number }) else { return }
      let used = proposal.origin == name ? Self.used(in: proposal.note) : []
      state.trials.append(State.Trial(number: number, parent: proposal.parent, used: used))
    case .completed(let number, let estimate, _, _):
      guard let place = state.trials.lastIndex(where: { $0.number == number }) else { return }
      state.trials[place].score = estimate.mean.isFinite ? (state.isMaximized ? estimate.mean : -estimate.mean) : nil
      state.trials[place].hasFailed = !estimate.mean.isFinite
    case .failed(let number, _, _) where event.isInfrastructureFailure:
      state.trials.removeAll { $0.number == number && $0.score == nil }
    case .failed(let number, _, _):
      guard let place = state.trials.lastIndex(where: { $0.number == number }) else { return }
      (state.trials[place].score, state.trials[place].hasFailed) = (nil, true)
    case .attempted(let attempt):
      if attempt.origin == name, attempt.outcome == .applied, attempt.reasoning.hasPrefix(Self.learning) {
        state.library.learn(attempt.suggestion)
      }
    }
  }

  /// - Throws: as `ProposalRound.propose`.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let parent = context.parent ?? context.incumbent.map(AskContext.Parent.init)
    let base = parent?.assignment ?? context.problem.space.initial
    guard !settings.text.changeable(context.problem.space, base: base).isEmpty else { return Answer() }
    var round = AlphaOPTRound(settings: settings, origin: name, state: state, context: context, parent: parent)
    do {
      try await round.learn()
      for _ in 0..<max(0, count) {
        guard try await round.apply() else { break }
      }
    } catch {
      // What is made is not lost; the error shows at the next ask.
      guard !round.answer.proposals.isEmpty else { throw error }
    }
    return round.answer
  }

  /// What a study has learned, with the counts of its trials: for people, and as the setting `library` of another study.
  ///
  /// - Parameters:
  ///   - events: as stored.
  ///   - table: the scores by example; without it trials are compared by their means.
  public func library(_ problem: Problem, _ events: [Event], table: ScoreTable? = nil) -> ExperienceLibrary {
    var state = start(problem)
    for event in events { tell(event, state: &state) }
    return state.library.counted(state.records(table))
  }
}

extension AlphaOPT {
  /// How the reasoning of an attempt that learned begins.
  static let learning = "learned from trial"
  static let usedMark = "insights "

  /// The note of a proposal that takes up insights: `insights 3, 7: reasoning`.
  static func note(_ used: [Int]) -> String {
    used.isEmpty ? "no insight" : usedMark + used.map(String.init).joined(separator: ", ")
  }

  static func used(in note: String) -> [Int] {
    guard note.hasPrefix(usedMark) else { return [] }
    let list = note.dropFirst(usedMark.count).prefix { $0 != ":" }.prefix(200)
    return list.split(separator: ",").compactMap { Int($0.filter { $0 != " " }) }
  }
}

extension AlphaOPT.State {
  /// Trials of this study that took up an insight and scored better than their parent, on the examples that both have, and
  /// those that did not.
  func records(_ table: ScoreTable?) -> [Int: (gained: Int, lost: Int)] {
    let sign = isMaximized ? 1.0 : -1.0
    let scores = Dictionary(
      trials.compactMap { trial in trial.score.map { (trial.number, $0) } }, uniquingKeysWith: { $1 })
    var records: [Int: (gained: Int, lost: Int)] = [:]
    for trial in trials where !trial.used.isEmpty && (trial.score != nil || trial.hasFailed) {
      guard let number = trial.parent, let parent = scores[number] else { continue }
      let pairs = trial.score.flatMap { table?.difference((trial.number, sign * $0), (number, sign * parent)) }
      let isBetter = pairs.map { sign * $0.mean > 0 } ?? trial.score.map { $0 > parent } ?? false
      for id in Set(trial.used) {
        if isBetter {
          records[id, default: (0, 0)].gained += 1
        } else {
          records[id, default: (0, 0)].lost += 1
        }
      }
    }
    return records
  }

  /// Insights that a trial and those it was made from took up. Ends on any lineage, also one that goes in circles.
  func inUse(by trial: Int?) -> Set<Int> {
    let lineage = Dictionary(trials.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
    var (used, seen): (Set<Int>, Set<Int>) = ([], [])
    var next = trial
    while let number = next, seen.insert(number).inserted, let trial = lineage[number] {
      used.formUnion(trial.used)
      next = trial.parent
    }
    return used
  }
}
