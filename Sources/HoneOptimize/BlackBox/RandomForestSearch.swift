import HoneModel
import HoneNumerics
import HoneTrace

/// Bayesian optimization with a random forest and the logarithm of the expected improvement.
///
/// Hutter, Hoos and Leyton-Brown, "Sequential Model-Based Optimization for General Algorithm Configuration" (LION 2011);
/// the trees are those of `RegressionForest`. It begins with scrambled Sobol points; a fifth of the proposals after them is
/// uniform at random, as SMAC interleaves them so that a wrong model cannot hide a region. Inactive parameters are a value
/// of their own. Pending trials count with the value that the forest expects of them, failed ones with the worst value.
/// Beyond 500 trials the forest is made of the best 250 and 250 others, so an ask has a largest cost. Text and free code
/// keep the incumbent's value.
public struct RandomForestSearch: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// From 2 on.
    public var trees = 10
    /// Part of the proposals that are uniform at random; from 0 to 1.
    public var randomShare = 0.2

    public init() {}
  }

  public typealias State = TrialHistory

  public let settings: Settings
  public var name: String { "random-forest" }
  public var needsRollouts: Bool { false }

  static let limit = 500

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func start(_ problem: Problem) -> State { TrialHistory(problem, owner: name) }

  public func tell(_ event: Event, state: inout State) { state.tell(event) }

  /// O(trees depth parameters trials) a proposal, the trials at most 500.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let search = CandidateSearch(context.problem.space)
    let note = "largest expected improvement under a random forest"
    return state.ask(count, context, note: note) { trials, _, random in
      guard state.observed >= 2 else { return nil }
      // Uniform points follow where the list ends.
      if random.uniform() < settings.randomShare { return [] }
      return ranked(trials, search, &random)
    }
  }

  private func ranked(_ trials: [TrialHistory.Trial], _ search: CandidateSearch, _ random: inout RandomStream)
    -> [[Double]]
  {
    var observations = Observations(trials, limit: Self.limit)
    let incumbents = observations.best(4)
    let best = observations.values.min() ?? 0
    var forest = forest(observations, search, random.child("forest"))
    let pending = Observations.pending(trials, limit: Self.limit / 4)
    if !pending.isEmpty {
      observations.believe(pending) { forest.posterior($0).mean }
      forest = self.forest(observations, search, random.child("believed"))
    }
    let found = search.ranked(around: incumbents, CandidateSearch.Effort(), &random) { point in
      let (mean, deviation) = forest.posterior(point)
      return Normal.logExpectedImprovement(mean: mean, deviation: deviation, best: best)
    }
    return found.map(\.point)
  }

  private func forest(_ observations: Observations, _ search: CandidateSearch, _ random: RandomStream)
    -> RegressionForest
  {
    let table = FeatureTable(observations.points, choices: search.coordinates.map(\.choiceCount))
    var forest = RegressionForest.Settings()
    forest.trees = settings.trees
    return RegressionForest(table, values: observations.values, settings: forest, random: random)
  }
}
