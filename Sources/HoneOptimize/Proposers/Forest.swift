import HoneModel
import HoneNumerics
import HoneTrace

/// Scattered Forest Search over texts: a model first names several distinct directions in which a node could be improved and
/// then goes in one of them; the search runs in several trees, and what a direction did is known in all of them.
///
/// Light et al., "Scattered Forest Search: Smarter Code Space Exploration with LLMs" (arXiv 2411.05010). Scattering: one
/// request for directions at each node that is expanded. Foresting: the start and further seeds are roots of trees;
/// `ForestTree` says where to expand. Scouting: a table of directions and the change of score each one brought, for all
/// requests. A node is a trial, whoever proposed it, and its parent the trial it was made from.
public struct Forest: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// How the model is asked; `memoryBest` is the length of the table of directions.
    public var text: ProposerSettings
    /// Trees, the start's among them.
    public var trees: Int
    /// Directions that one request asks for.
    public var directions: Int
    /// c of UCT, in parts of the distance from the worst score to the best.
    public var exploration: Double

    public init(
      text: ProposerSettings = ProposerSettings(
        temperatures: [1.0], maxTokens: 1_200, tokenCap: 6_000, memoryBest: 12, memoryNewest: 0),
      trees: Int = 3, directions: Int = 3, exploration: Double = 1
    ) {
      self.text = text
      self.trees = max(1, trees)
      self.directions = max(1, directions)
      self.exploration = max(0, exploration)
    }
  }

  /// Trials and directions: a function of the events told.
  public struct State: Codable, Sendable, Equatable {
    struct Trial: Codable, Sendable, Equatable {
      var number: Int
      var parent: Int?
      /// Place of the direction it was made in among its parent's; nil: in none.
      var direction: Int?
      /// Finite; nil while it runs and when it failed.
      var estimate: Estimate?
      var hasFailed = false
    }
    /// What was asked for at one node.
    struct Scattering: Codable, Sendable, Equatable {
      var parent: Int
      var directions: [String] = []
      /// Replies in vain, by direction.
      var failures: [Int] = []
      /// Requests for directions in vain.
      var vain = 0
    }
    var trials: [Trial] = []
    var scatterings: [Scattering] = []
    /// Replies in vain for a seed.
    var seedFailures = 0
    let isMaximized: Bool
  }

  /// Replies in vain after which a direction, or a further seed, is given up.
  static let patience = 3

  public let settings: Settings
  public var name: String { "forest" }
  public var needsRollouts: Bool { true }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  /// One request for directions, one for a proposal.
  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> {
    let each = settings.text.requests(space)
    guard each.upperBound > 0 else { return each }
    return 2...(1 + max(0, settings.text.repairs) + each.upperBound)
  }

  public func start(_ problem: Problem) -> State { State(isMaximized: problem.objective.direction == .maximize) }

  public func tell(_ event: Event, state: inout State) {
    switch event {
    case .began(let number, let proposal):
      guard !state.trials.contains(where: { $0.number == number }) else { return }
      var trial = State.Trial(number: number, parent: proposal.parent)
      if proposal.origin == name, case .expand(let parent, let direction) = Purpose(proposal.note),
        parent == proposal.parent
      {
        trial.direction = direction
      }
      state.trials.append(trial)
    case .completed(let number, let estimate, _, _):
      guard let place = state.trials.lastIndex(where: { $0.number == number }) else { return }
      let isFinite = estimate.mean.isFinite
      let deviation = estimate.deviation.isFinite ? estimate.deviation : 0
      state.trials[place].hasFailed = !isFinite
      state.trials[place].estimate =
        isFinite ? Estimate(mean: estimate.mean, deviation: deviation, count: max(1, estimate.count)) : nil
    case .failed(let number, _, _) where event.isInfrastructureFailure:
      state.trials.removeAll { $0.number == number && $0.estimate == nil && !$0.hasFailed }
    case .failed(let number, _, _):
      guard let place = state.trials.lastIndex(where: { $0.number == number }) else { return }
      state.trials[place].hasFailed = true
      state.trials[place].estimate = nil
    case .attempted(let attempt): if attempt.origin == name { state.learn(attempt) }
    }
  }

  /// The node to expand; nil while seeds are missing: these are shown the incumbent's rollouts.
  public func parent(_ state: State, _ context: AskContext) -> Int? {
    missingSeeds(state) > 0 ? nil : tree(state, context).select(isUsedUp: state.isUsedUp)
  }

  private func tree(_ state: State, _ context: AskContext) -> ForestTree {
    let means = ShrunkenMeans(context.table)
    let trials = state.trials.map { trial in
      var trial = trial
      if let mean = trial.estimate?.mean { trial.estimate?.mean = means.mean(of: trial.number, told: mean) }
      return trial
    }
    return ForestTree(trials, isMaximized: state.isMaximized, c: settings.exploration)
  }

  /// None before the start has a score: it says what the task is like.
  private func missingSeeds(_ state: State) -> Int {
    guard state.seedFailures < Self.patience, state.trials.contains(where: { $0.estimate != nil }) else { return 0 }
    let begun = Set(state.trials.map(\.number))
    return settings.trees - state.trials.count { trial in trial.parent.map { !begun.contains($0) } ?? true }
  }

  /// - Throws: as `ProposalRound.propose`.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let parent = context.parent ?? context.incumbent.map(AskContext.Parent.init)
    let base = parent?.assignment ?? context.problem.space.initial
    guard !settings.text.changeable(context.problem.space, base: base).isEmpty else { return Answer() }
    var growth = ForestGrowth(settings: settings, origin: name, state: state, context: context, parent: parent)
    do {
      let seeds = min(count, missingSeeds(state))
      var isWilling = true
      for turn in 0..<max(0, count) where isWilling {
        isWilling = try await turn < seeds ? growth.seed() : growth.expand()
      }
    } catch {
      // What is made is not lost; the error shows at the next ask.
      guard !growth.answer.proposals.isEmpty else { throw error }
    }
    return growth.answer
  }
}

extension Forest {
  /// What a request was for: stands before the reasoning of attempts and in the notes of proposals, so that stored events
  /// say it.
  enum Purpose: Equatable {
    case seed
    case scatter(parent: Int)
    /// Directions count from 1 where people read them, and from 0 here.
    case expand(parent: Int, direction: Int?)

    var text: String {
      switch self {
      case .seed: "seed"
      case .scatter(let parent): "directions of trial \(parent)"
      case .expand(let parent, nil): "change of trial \(parent)"
      case .expand(let parent, let direction?): "direction \(direction + 1) of trial \(parent)"
      }
    }

    init?(_ text: String) {
      let words = text.prefix(80).split { !$0.isLetter && !$0.isNumber }
      switch words.first {
      case "seed": self = .seed
      case "directions", "change":
        guard words.count >= 4, words[2] == "trial", let parent = Int(words[3]) else { return nil }
        self = words[0] == "change" ? .expand(parent: parent, direction: nil) : .scatter(parent: parent)
      case "direction":
        guard words.count >= 5, words[3] == "trial", let direction = Int(words[1]), direction > 0,
          let parent = Int(words[4])
        else { return nil }
        self = .expand(parent: parent, direction: direction - 1)
      default: return nil
      }
    }
  }
}

extension Forest.State {
  mutating func learn(_ attempt: Attempt) {
    let isInVain = ![.applied, .modelFailed].contains(attempt.outcome)
    switch Forest.Purpose(attempt.reasoning) {
    case .seed: if isInVain { seedFailures += 1 }
    case .scatter(let parent):
      let told = attempt.outcome == .applied ? attempt.suggestion["directions"]?.array : nil
      guard told != nil || isInVain else { return }
      let directions = (told ?? []).compactMap(\.string)
      if !scatterings.contains(where: { $0.parent == parent }) { scatterings.append(Scattering(parent: parent)) }
      guard let place = scatterings.firstIndex(where: { $0.parent == parent }) else { return }
      if told == nil { scatterings[place].vain += 1 }
      scatterings[place].directions += directions
      scatterings[place].failures += directions.map { _ in 0 }
    case .expand(let parent, let direction?):
      guard isInVain, let place = scatterings.firstIndex(where: { $0.parent == parent }),
        scatterings[place].failures.indices.contains(direction)
      else { return }
      // After these no other reply is to be had.
      let isOver = [.fallback, .terminated].contains(attempt.outcome)
      scatterings[place].failures[direction] += isOver ? Forest.patience : 1
    case .expand(_, nil), nil: break
    }
  }

  func directions(of parent: Int) -> [String] { scatterings.first { $0.parent == parent }?.directions ?? [] }

  /// Places of directions that nobody went in yet.
  func unexplored(of parent: Int) -> [Int] {
    guard let scattering = scatterings.first(where: { $0.parent == parent }) else { return [] }
    let gone = Set(trials.compactMap { $0.parent == parent ? $0.direction : nil })
    return scattering.directions.indices.filter { place in
      !gone.contains(place) && scattering.failures[place] < Forest.patience
    }
  }

  /// Directions were asked for, and all of them were gone in or given up; or they were asked for in vain too often.
  func isUsedUp(_ parent: Int) -> Bool {
    guard let scattering = scatterings.first(where: { $0.parent == parent }) else { return false }
    return unexplored(of: parent).isEmpty && (!scattering.directions.isEmpty || scattering.vain >= Forest.patience)
  }

  func isScatteredInVain(_ parent: Int) -> Bool {
    scatterings.contains { $0.parent == parent && $0.vain >= Forest.patience }
  }
}
