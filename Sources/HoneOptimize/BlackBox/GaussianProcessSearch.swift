import HoneModel
import HoneNumerics
import HoneTrace

/// Bayesian optimization with a Gaussian process.
///
/// ARD Matern-5/2 over the unit cube, choices by whether they differ, inactive parameters by a missing marker; the point of
/// the best lower confidence bound or log EI (`Acquisition`), beliefs added to log EI (`Beliefs`). It begins with scrambled
/// Sobol points. The bad half of the scores is compressed before the fit, or they are transformed otherwise (`OutputWarp`);
/// numbers may be warped, each by two parameters fitted with the kernel's (`Kumaraswamy`). A trial seen on fewer examples has more noise;
/// pending trials count with the value that the model expects of them (kriging believer, Ginsbourger et al. 2010), failed
/// ones with the worst value. Beyond 200 trials the model is made of the best 100 and 100 others, so an ask has a largest
/// cost. Text and free code keep the incumbent's value.
public struct GaussianProcessSearch: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// nil: the bound, or log EI where there are beliefs.
    public var acquisition: Acquisition?
    public var beliefs: Beliefs
    /// Whether numbers are warped.
    public var isWarped = false
    public var outputs = OutputWarp.compressed

    public init(acquisition: Acquisition? = nil, beliefs: Beliefs = Beliefs()) {
      self.acquisition = acquisition
      self.beliefs = beliefs
    }
  }

  public struct State: Codable, Sendable, Equatable {
    var history: TrialHistory
    var kernel = KernelFit()
    var parameters: GaussianProcess.Parameters? { kernel.parameters }
  }

  public let settings: Settings
  public var name: String { "gp" }
  public var needsRollouts: Bool { false }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func start(_ problem: Problem) -> State { State(history: TrialHistory(problem, owner: name)) }

  public func tell(_ event: Event, state: inout State) {
    state.history.tell(event)
    guard case .completed = event else { return }
    state.kernel.update(state.history, outputs: settings.outputs, isWarped: settings.isWarped)
  }

  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let coordinates = state.history.coordinates
    let density = BeliefDensity(settings.beliefs, context.problem.space)
    // A belief is added to a logarithm.
    let acquisition = settings.beliefs.isEmpty ? settings.acquisition ?? .bound : .improvement
    let note =
      acquisition == .bound
      ? "best lower confidence bound of a Gaussian process" : "largest expected improvement under a Gaussian process"
    return state.history.ask(count, context, note: note, begin: density.drawn) { trials, search, random in
      guard let parameters = state.kernel.parameters else { return nil }
      let model = GaussianProcessModel(
        trials, coordinates, limit: GaussianProcessModel.limit, outputs: settings.outputs)
      guard let (process, best) = model.process(parameters) else { return nil }
      let told = model.points.count
      return AcquisitionSearch(model, parameters, search.space) { point in
        acquisition.value(process.posterior(point), best: best, trials: told) + density.bonus(point, trials: told)
      }.ranked(&random)
    }
  }
}

/// A kernel's parameters for one modelled quantity, fitted anew when the trials that have it had grown by a tenth, or by half
/// once there are more than a model is made of.
struct KernelFit: Codable, Sendable, Equatable {
  private(set) var parameters: GaussianProcess.Parameters?
  private var fitted = 0

  mutating func update(_ history: TrialHistory, outputs: OutputWarp = .compressed, isWarped: Bool = false) {
    update(history.observed, history.coordinates, outputs: outputs, isWarped: isWarped) { history.trials }
  }

  /// - Parameters:
  ///   - observed: scores there are.
  ///   - trials: what it is fitted to; asked for only when it is.
  mutating func update(
    _ observed: Int, _ coordinates: @autoclosure () -> [Coordinate], outputs: OutputWarp, isWarped: Bool = false,
    trials: () -> [TrialHistory.Trial]
  ) {
    let share = fitted > GaussianProcessModel.limit ? 2 : 10
    guard observed >= 3, observed >= fitted + max(1, fitted / share) else { return }
    fitted = observed
    let coordinates = coordinates()
    let model = GaussianProcessModel(
      trials(), coordinates, limit: GaussianProcessModel.fitLimit, outputs: outputs)
    guard let data = model.data else { return }
    var starts = [GaussianProcess.Parameters(dimensions: coordinates.count, isWarped: isWarped)]
    if let last = parameters { starts.append(last) }
    parameters = GaussianProcess.fit(data, from: starts, iterations: model.iterations) ?? parameters
  }
}
