import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// Bayesian optimization that weighs what is hoped for against what the trial costs.
///
/// Expected improvement per unit of cost (Snoek et al., "Practical Bayesian Optimization of Machine Learning Algorithms",
/// NeurIPS 2012), with a Gaussian process for the logarithm of the cost, as CARBS has it (Fetterman et al., 2023). While no
/// cost is known it is search by log EI.
public struct CostAwareSearch: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// The outcome that is a trial's cost, in any unit; trials where it is not above 0 say nothing about cost.
    public var outcome: String
    /// Improvement is divided by the cost to this power: 0 ignores the cost, 1 is per unit.
    public var power: Double
    public var beliefs: Beliefs

    public init(outcome: String = "tokens", power: Double = 1, beliefs: Beliefs = Beliefs()) {
      self.outcome = outcome
      self.power = power
      self.beliefs = beliefs
    }
  }

  public struct State: Codable, Sendable, Equatable {
    var history: TrialHistory
    var kernel = KernelFit()
    var cost = KernelFit()
  }

  public let settings: Settings
  public var name: String { "gp-cost" }
  public var needsRollouts: Bool { false }
  public var neededOutcomes: [String] { [settings.outcome] }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func start(_ problem: Problem) -> State { State(history: TrialHistory(problem, owner: name)) }

  public func tell(_ event: Event, state: inout State) {
    state.history.tell(event)
    guard case .completed = event else { return }
    let history = state.history
    state.kernel.update(history)
    state.cost.update(history.observed, history.coordinates, outputs: .none) { history.trials.map(costed) }
  }

  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let coordinates = state.history.coordinates
    let density = BeliefDensity(settings.beliefs, context.problem.space)
    let note = "largest expected improvement per unit of \(settings.outcome)"
    return state.history.ask(count, context, note: note, begin: density.drawn) { trials, search, random in
      guard let parameters = state.kernel.parameters else { return nil }
      let model = GaussianProcessModel(trials, coordinates, limit: GaussianProcessModel.limit)
      guard let (process, best) = model.process(parameters) else { return nil }
      let logCost = logCost(trials, coordinates, state)
      let told = model.points.count
      return AcquisitionSearch(model, parameters, search.space) { point in
        Acquisition.improvement.value(process.posterior(point), best: best, trials: told)
          + density.bonus(point, trials: told) - settings.power * logCost(point)
      }.ranked(&random)
    }
  }

  /// The trial with the logarithm of its cost as its loss.
  private func costed(_ trial: TrialHistory.Trial) -> TrialHistory.Trial {
    trial.seen(as: settings.outcome) { $0 > 0 ? log($0) : nil }
  }

  /// The expected logarithm of the cost, up to a constant.
  private func logCost(
    _ trials: [TrialHistory.Trial], _ coordinates: [Coordinate], _ state: State
  ) -> ([Double?]) -> Double {
    let model = GaussianProcessModel(
      trials.map(costed), coordinates, limit: GaussianProcessModel.limit, outputs: .none)
    guard let parameters = state.cost.parameters, let (process, _) = model.process(parameters) else {
      return { _ in 0 }
    }
    let unit = model.unit
    return { process.mean($0) * unit }
  }
}
