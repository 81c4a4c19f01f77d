import HoneModel
import HoneNumerics
import HoneTrace

/// Mostly the lowest mean of a Gaussian process, else half and half where one draw of the function is lowest, or a point that
/// no other beats in mean and deviation.
///
/// De Ath, Everson and Fieldsend, "Asynchronous epsilon-Greedy Bayesian Optimisation" (UAI 2021): for workers that do not
/// wait for each other. The process is that of `GaussianProcessSearch`, pending trials counting with the value that it
/// expects of them. A draw is made over 96 candidates, in place of the authors' path through random features. Text and free
/// code keep the incumbent's value.
public struct AEGiS: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// How often it explores, from 0 to 1; min(1, 2 / sqrt(parameters)) when nil.
    public var epsilon: Double?

    public init() {}
  }

  public typealias State = GaussianProcessSearch.State

  public let settings: Settings
  public var name: String { "aegis" }
  public var needsRollouts: Bool { false }
  private let process = GaussianProcessSearch()

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func start(_ problem: Problem) -> State { State(history: TrialHistory(problem, owner: name)) }

  public func tell(_ event: Event, state: inout State) { process.tell(event, state: &state) }

  /// O(trials^2) for each of some hundred candidates a proposal, the trials at most 200.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let dimensions = context.problem.space.encodable.count
    let epsilon = settings.epsilon ?? min(1, 2 / Double(max(1, dimensions)).squareRoot())
    return state.history.ask(count, context, note: "lowest mean, a draw or a trade-off") { trials, _, random in
      guard let front = ProcessFront(trials, state, context.problem.space) else { return nil }
      let u = random.uniform()
      if u >= epsilon { return front.lowestMeans(&random) }
      return u < epsilon / 2 ? front.thompson(&random) : front.nonDominated(&random)
    }
  }
}
