import HoneModel
import HoneNumerics
import HoneTrace

/// Search with conformal quantile regression: of many candidates, each with a quantile of its score drawn at random, the
/// lowest one.
///
/// Salinas, Golebiowski, Klein, Seeger and Archambeau, "Optimizing Hyperparameters with Conformal Quantile Regression" (ICML
/// 2023): no assumption on how noise is distributed. Gradient-boosted trees for 5 quantiles; from 32 scores on for 9, shifted
/// by what a tenth of the trials, held out, shows. It begins with scrambled Sobol points; candidates are random points and
/// perturbations of the best trials. A Thompson draw differs each time, so pending trials are left out. Failed ones count
/// with the worst value. Beyond 200 trials the trees are made of the best 100 and 100 others, so an ask has a largest cost.
/// Text and free code keep the incumbent's value.
public struct ConformalQuantileSearch: Optimizer {
  public typealias State = TrialHistory

  public var name: String { "cqr" }
  public var needsRollouts: Bool { false }

  static let limit = 200
  /// Scores from which on a tenth is held out.
  static let leastConformal = 32

  public init() {}

  public func start(_ problem: Problem) -> State { TrialHistory(problem, owner: name) }

  public func tell(_ event: Event, state: inout State) { state.tell(event) }

  /// O(quantiles trees parameters trials) an ask, the trials at most 200.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let search = CandidateSearch(context.problem.space)
    let observations = Observations(state.trials, limit: Self.limit)
    let incumbents = observations.best(4)
    var model: BoostedQuantiles?
    return state.ask(count, context, note: "lowest of quantiles drawn at random") { _, _, random in
      guard state.observed >= 2 else { return nil }
      let fitted = model ?? Self.model(observations, search, context.random("\(name)/fit"))
      model = fitted
      var levels = random.child("levels")
      let effort = CandidateSearch.Effort(random: 384, near: 32, rounds: 0, local: 0)
      let found = search.ranked(around: incumbents, effort, &random) { point in
        -fitted.quantile(Int(levels.next() % UInt64(fitted.levels.count)), at: point)
      }
      return found.map(\.point)
    }
  }

  static func model(_ observations: Observations, _ search: CandidateSearch, _ random: RandomStream)
    -> BoostedQuantiles
  {
    let count = observations.values.count
    let isConformal = count >= leastConformal
    let size = isConformal ? 9 : 5
    var split = random.child("split")
    let heldOut = isConformal ? Set((0..<count).shuffled(using: &split).prefix(count / 10)) : []
    return BoostedQuantiles(
      FeatureTable(observations.points, choices: search.coordinates.map(\.choiceCount)), values: observations.values,
      levels: (1...size).map { Double($0) / Double(size + 1) }, heldOut: heldOut, random: random)
  }
}
