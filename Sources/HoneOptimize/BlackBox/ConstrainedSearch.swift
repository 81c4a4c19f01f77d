import HoneModel
import HoneNumerics
import HoneTrace

/// Bayesian optimization under bounds on further outcomes that are only known once measured.
///
/// Gardner et al., "Bayesian Optimization with Inequality Constraints" (ICML 2014): the expected improvement on the best
/// feasible trial times the probability that every outcome is within its bound, each outcome a Gaussian process of its own;
/// while no trial is feasible, that probability alone (Gelbart et al., UAI 2014). Combinations that are known to be
/// forbidden belong into the space, not here.
public struct ConstrainedSearch: Optimizer {
  /// An outcome's bound; on both sides where both are given.
  public struct Bound: Hashable, Sendable {
    public var least: Double?
    public var most: Double?

    public init(least: Double? = nil, most: Double? = nil) {
      self.least = least
      self.most = most
    }

    func allows(_ value: Double) -> Bool { value >= least ?? -.infinity && value <= most ?? .infinity }
  }

  public struct Settings: Hashable, Sendable {
    /// By outcome, as `Event.completed` names it.
    public var constraints: [String: Bound]
    public var beliefs: Beliefs

    public init(constraints: [String: Bound] = [:], beliefs: Beliefs = Beliefs()) {
      self.constraints = constraints
      self.beliefs = beliefs
    }
  }

  public struct State: Codable, Sendable, Equatable {
    var history: TrialHistory
    var kernel = KernelFit()
    /// By outcome.
    var outcomes: [String: KernelFit] = [:]
  }

  public let settings: Settings
  public var name: String { "gp-constrained" }
  public var needsRollouts: Bool { false }
  public var neededOutcomes: [String] { settings.constraints.keys.sorted() }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func start(_ problem: Problem) -> State { State(history: TrialHistory(problem, owner: name)) }

  public func tell(_ event: Event, state: inout State) {
    state.history.tell(event)
    guard case .completed = event else { return }
    let history = state.history
    state.kernel.update(history)
    for outcome in settings.constraints.keys.sorted() {
      state.outcomes[outcome, default: KernelFit()].update(history.observed, history.coordinates, outputs: .none) {
        history.trials.map { $0.seen(as: outcome) { $0 } }
      }
    }
  }

  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let coordinates = state.history.coordinates
    let density = BeliefDensity(settings.beliefs, context.problem.space)
    let note = "largest expected improvement times the probability that every bound is kept"
    return state.history.ask(count, context, note: note, begin: density.drawn) { trials, search, random in
      guard let parameters = state.kernel.parameters else { return nil }
      let model = GaussianProcessModel(trials, coordinates, limit: GaussianProcessModel.limit)
      guard let (process, _) = model.process(parameters) else { return nil }
      let bounds = bounds(trials, coordinates, state)
      let feasible = Set(trials.filter(isFeasible).map(\.number))
      let best = model.numbers.indices.filter { feasible.contains(model.numbers[$0]) }
        .map { model.isNoisy ? process.mean(model.points[$0]) : model.values[$0] }.min()
      let told = model.points.count
      return AcquisitionSearch(model, parameters, search.space) { point in
        var value = density.bonus(point, trials: told)
        for bound in bounds { value += bound.logProbability(point) }
        guard let best else { return value }
        return value + Acquisition.improvement.value(process.posterior(point), best: best, trials: told)
      }.ranked(&random)
    }
  }

  private func isFeasible(_ trial: TrialHistory.Trial) -> Bool {
    trial.loss != nil && settings.constraints.allSatisfy { trial.outcomes[$0.key].map($0.value.allows) ?? false }
  }

  /// One outcome's process with its bound as the process sees it.
  private struct Modelled {
    var process: GaussianProcess
    var least: Double?
    var most: Double?

    func logProbability(_ point: [Double?]) -> Double {
      let posterior = process.posterior(point)
      var value = 0.0
      if let most { value += Normal.logCumulative((most - posterior.mean) / posterior.deviation) }
      if let least { value += Normal.logCumulative((posterior.mean - least) / posterior.deviation) }
      return value
    }
  }

  private func bounds(_ trials: [TrialHistory.Trial], _ coordinates: [Coordinate], _ state: State) -> [Modelled] {
    settings.constraints.sorted { $0.key < $1.key }.compactMap { outcome, bound in
      guard let parameters = state.outcomes[outcome]?.parameters else { return nil }
      let seen = trials.map { $0.seen(as: outcome) { $0 } }
      let model = GaussianProcessModel(
        seen, coordinates, limit: GaussianProcessModel.limit, outputs: .none)
      guard let (process, _) = model.process(parameters) else { return nil }
      return Modelled(
        process: process, least: bound.least.map(model.standardized), most: bound.most.map(model.standardized))
    }
  }
}
