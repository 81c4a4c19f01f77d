import HoneModel
import HoneNumerics
import HoneTrace

/// Several goals with an optimizer of one: each proposal is made for another weighting of score and outcomes.
///
/// Knowles, "ParEGO: A Hybrid Algorithm With On-Line Landscape Approximation for Expensive Multiobjective Optimization
/// Problems", IEEE Transactions on Evolutionary Computation 10 (2006): costs scaled to [0, 1], a weight vector lambda from
/// an even lattice on the simplex (equation 1), the augmented Tchebycheff function of both (equation 2) as the one loss
/// that is learnt. The model behind may be any optimizer that learns from scores: it is started anew for each weight and
/// told all events again with that loss.
///
/// Two departures. Costs are scaled by what has been observed, for nobody knows their limits. The lattice is shuffled and
/// used whole before a weight comes again, so that a few dozen trials reach every part of the front. A trial that lacks an
/// outcome is told as failed. Without outcomes in the objective it is the optimizer behind.
public struct ParEGO<Base: Optimizer>: Optimizer {
  /// Every event but attempts, as told.
  public struct State: Codable, Sendable, Equatable {
    var events: [Event] = []
    /// Trials begun; the first one is the start.
    var begun = 0
  }

  public let base: Base
  public var name: String { base.name }
  public var needsRollouts: Bool { base.needsRollouts }
  public var neededOutcomes: [String] { base.neededOutcomes }
  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> { base.requestsPerAsk(space) }

  public init(_ base: Base) { self.base = base }

  public func start(_ problem: Problem) -> State { State() }

  public func reason(for problem: Problem, progress: SearchProgress) -> String? {
    base.reason(for: problem, progress: progress)
  }

  public func tell(_ event: Event, state: inout State) {
    if event.isInfrastructureFailure {
      // As if it had not been begun, unless it was measured before: its weights take another turn.
      let told = state.events.filter { $0.trial == event.trial }
      guard told.count == 1, case .began? = told.first else { return }
      state.events.removeAll { $0.trial == event.trial }
      state.begun -= 1
      return
    }
    switch event {
    case .attempted: return
    case .began: state.begun += 1
    case .completed, .failed: break
    }
    state.events.append(event)
  }

  /// As the optimizer behind, plus telling it all events once for each weight of this ask.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let problem = context.problem
    let goals = ParetoGoals(problem.objective)
    guard goals.count > 1 else {
      return try await base.ask(count, state: rebuilt(state.events, problem), context: context)
    }
    var scalar = problem
    scalar.objective = Objective(direction: .minimize, purpose: problem.objective.purpose)
    let costs = ScaledCosts(state.events, goals)
    var answer = Answer()
    var begun: [Event] = []
    for (weights, size) in turns(count, after: state.begun, goals: goals.count, seed: problem.seed) {
      let told = costs.events(weights)
      var inner = context
      inner.problem = scalar
      inner.known.formUnion(answer.proposals.map(\.assignment.key))
      inner.incumbent = costs.best(weights)
      let more = try await base.ask(size, state: rebuilt(told + begun, scalar), context: inner)
      answer.attempts += more.attempts
      for var proposal in more.proposals {
        // Pending for the weights that follow.
        begun.append(.began(trial: -1 - answer.proposals.count, proposal))
        proposal.note = "for \(goals.description(weights)): \(proposal.note)"
        answer.proposals.append(proposal)
      }
    }
    return answer
  }

  private func rebuilt(_ events: [Event], _ problem: Problem) -> Base.State {
    var state = base.start(problem)
    for event in events { base.tell(event, state: &state) }
    return state
  }

  /// The weights of the next proposals, and how many are for each.
  private func turns(_ count: Int, after begun: Int, goals: Int, seed: UInt64) -> [(weights: [Int], size: Int)] {
    let lattice = WeightLattice(goals: goals)
    var turns: [(weights: [Int], size: Int)] = []
    for index in begun..<(begun + max(0, count)) {
      let weights = lattice.vector(index, seed: seed)
      if let known = turns.firstIndex(where: { $0.weights == weights }) {
        turns[known].size += 1
      } else {
        turns.append((weights, 1))
      }
    }
    return turns
  }
}

extension Optimizer {
  /// This optimizer for a problem with several goals: driven by ParEGO when it learns from scores alone. One that asks a
  /// language model keeps to the score, which is what the words it reads are about.
  public func exploring(_ objective: Objective) -> any Optimizer {
    objective.outcomes.isEmpty || needsRollouts ? self : ParEGO(self)
  }
}

/// Vectors of whole numbers with one sum s, which divided by s lie evenly on the simplex: equation 1.
struct WeightLattice {
  let vectors: [[Int]]

  init(goals: Int) {
    // Knowles takes 10 for two goals and 4 for three; beyond that as many as keep the lattice near 20 vectors.
    let sum = goals <= 2 ? 10 : goals == 3 ? 4 : goals == 4 ? 3 : 2
    var found: [[Int]] = []
    func extend(_ head: [Int], _ left: Int) {
      guard head.count < goals - 1 else {
        found.append(head + [left])
        return
      }
      for next in 0...left { extend(head + [next], left - next) }
    }
    extend([], sum)
    vectors = found
  }

  /// The vector of a turn: every cycle is the whole lattice in an order of its own.
  func vector(_ turn: Int, seed: UInt64) -> [Int] {
    var stream = RandomStream(seed: seed, name: "parego/\(turn / vectors.count)")
    return vectors.shuffled(using: &stream)[turn % vectors.count]
  }
}

/// The trials of a study with each cost scaled to [0, 1] over what was observed.
private struct ScaledCosts {
  /// rho of equation 2.
  static let augmentation = 0.05

  private let events: [Event]
  private var assignments: [Int: Assignment] = [:]
  /// By trial.
  private var costs: [Int: [Double]] = [:]
  /// Of the score, for the noise of its mean.
  private var range = 1.0

  init(_ events: [Event], _ goals: ParetoGoals) {
    self.events = events
    var raw: [(trial: Int, costs: [Double])] = []
    for event in events {
      switch event {
      case .began(let trial, let proposal): assignments[trial] = proposal.assignment
      case .completed(let trial, let estimate, _, let outcomes):
        if let values = goals.costs(score: estimate.mean, outcomes: outcomes) { raw.append((trial, values)) }
      case .failed, .attempted: break
      }
    }
    // Halves, so that no range is infinite.
    let bounds = (0..<goals.count).map { goal in
      let values = raw.map { $0.costs[goal] / 2 }
      return (lower: values.min() ?? 0, range: (values.max() ?? 0) - (values.min() ?? 0))
    }
    for (trial, values) in raw {
      costs[trial] = zip(values, bounds).map { value, bound in
        bound.range > 0 ? min(max((value / 2 - bound.lower) / bound.range, 0), 1) : 0
      }
    }
    if let first = bounds.first, first.range > 0 { range = first.range * 2 }
  }

  /// The augmented Tchebycheff function, equation 2.
  private func loss(_ costs: [Double], _ weights: [Double]) -> Double {
    let terms = zip(weights, costs).map { $0 * $1 }
    return (terms.max() ?? 0) + Self.augmentation * terms.reduce(0, +)
  }

  private func scaled(_ weights: [Int]) -> [Double] {
    let sum = Double(max(1, weights.reduce(0, +)))
    return weights.map { Double($0) / sum }
  }

  /// The events with this one loss as the score.
  func events(_ weights: [Int]) -> [Event] {
    let weights = scaled(weights)
    return events.map { event in
      guard case .completed(let trial, let estimate, let screened, let outcomes) = event else { return event }
      guard let costs = costs[trial] else { return .failed(trial: trial, reason: "an outcome of the goal is missing") }
      // What is known of the noise: the part that the score has in the loss.
      let deviation = min(max(0, estimate.deviation / range), 1) * (weights[0] * (1 + Self.augmentation))
      let scalar = Estimate(
        mean: loss(costs, weights), deviation: deviation.isFinite ? deviation : 0, count: estimate.count)
      return .completed(trial: trial, scalar, screened: screened, outcomes: outcomes)
    }
  }

  /// The trial with the least loss; of equals the first.
  func best(_ weights: [Int]) -> AskContext.Incumbent? {
    let weights = scaled(weights)
    let losses = costs.mapValues { loss($0, weights) }
    let least = losses.min { $0.value == $1.value ? $0.key < $1.key : $0.value < $1.value }
    guard let least, let assignment = assignments[least.key] else { return nil }
    return .init(
      trial: least.key, assignment: assignment, estimate: Estimate(mean: least.value, deviation: 0, count: 1))
  }
}
