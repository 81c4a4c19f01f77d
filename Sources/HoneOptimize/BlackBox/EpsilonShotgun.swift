import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// Batches around one target: the lowest mean of a Gaussian process or, with probability epsilon, a point that no other
/// beats in mean and deviation; the rest of the batch is scattered around it, wider where the function is flat or unknown.
///
/// De Ath, Everson, Fieldsend and Rahat, "epsilon-shotgun: epsilon-greedy Batch Bayesian Optimisation" (GECCO 2020), the
/// variant with the Pareto set. The process is that of `GaussianProcessSearch`; pending trials of earlier asks count with
/// the value that it expects of them. It is made for asks of several proposals. Text and free code keep the incumbent's
/// value.
public struct EpsilonShotgun: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// How often the target is not the lowest mean; from 0 to 1.
    public var epsilon = 0.1

    public init() {}
  }

  public typealias State = GaussianProcessSearch.State

  public let settings: Settings
  public var name: String { "epsilon-shotgun" }
  public var needsRollouts: Bool { false }
  private let process = GaussianProcessSearch()

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func start(_ problem: Problem) -> State { State(history: TrialHistory(problem, owner: name)) }

  public func tell(_ event: Event, state: inout State) { process.tell(event, state: &state) }

  /// O(trials^2) for each of some hundred candidates an ask, the trials at most 200.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let begun = state.history.trials.count
    var blast: (front: ProcessFront, target: [Double], radius: Double)?
    return state.history.ask(count, context, note: "target, or scattered around it") { trials, _, random in
      if let blast, trials.count > begun {
        return (0..<48).map { _ in Self.scattered(blast.target, blast.radius, blast.front.search, &random) }
      }
      guard let front = ProcessFront(trials, state, context.problem.space) else { return nil }
      let isElsewhere = random.uniform() < settings.epsilon
      let targets = isElsewhere ? front.nonDominated(&random) : front.lowestMeans(&random)
      guard let target = targets.first else { return nil }
      blast = (front, target, Self.radius(target, front, &random))
      return targets
    }
  }

  /// Equation 8: (|mu(x') - f*| + gamma sigma(x')) / L with gamma = 1; L is the steepest gradient of the mean within a length
  /// scale of the target. At most half of the cube's diagonal.
  static func radius(_ target: [Double], _ front: ProcessFront, _ random: inout RandomStream) -> Double {
    var steepest = 0.0
    for index in 0..<64 {
      let point =
        index == 0
        ? target
        : target.indices.map { j in
          min(max(target[j] + front.search.lengths[j] * (2 * random.uniform() - 1), 0), 1)
        }
      let gradient = front.process.meanGradient(front.search.seen(point))
      steepest = max(steepest, gradient.reduce(0) { $0 + $1 * $1 }.squareRoot())
    }
    let posterior = front.process.posterior(front.search.seen(target))
    // Where the model is flat, as the authors' programs have it.
    let slope = steepest < 1e-7 ? 10 : steepest
    return min((abs(posterior.mean - front.best) + posterior.deviation) / slope, Double(target.count).squareRoot() / 2)
  }

  /// Normal around the target inside the cube; a choice is any one with the radius as probability.
  private static func scattered(
    _ target: [Double], _ radius: Double, _ search: CandidateSearch, _ random: inout RandomStream
  ) -> [Double] {
    target.indices.map { index in
      if case .choices = search.coordinates[index] {
        return random.uniform() < radius ? random.uniform() : target[index]
      }
      return random.truncatedNormal(target[index], radius)
    }
  }
}
