import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// CMA-ES for spaces of numbers and choices.
///
/// `CovarianceAdaptation` over the numbers (Hansen 2016; margins on grids: Hamano et al. 2022), and beside it one
/// probability for each choice, moved along the same ranking (as CatCMA, Hamano et al. 2024, with a constant rate). The
/// first generation is scrambled Sobol points. Trials of other optimizers, late and failed ones count in the generation
/// they settle in, so that a batch or asynchronous workers need not wait. When its steps have become too small to matter
/// it begins anew elsewhere with twice the population (Auger and Hansen 2005). Text and free code keep the incumbent's value.
/// It needs some hundred trials: with fewer take `gp` or `tpe`.
public struct CMAES: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// Trials in a generation, at least 4; 4 + 3 ln(numbers) when nil.
    public var population: Int?
    /// Deviation of the first distribution, in parts of each range; above 0.
    public var step = 0.3

    public init() {}
  }

  public struct State: Codable, Sendable, Equatable {
    var generations: Generations
    let seed: UInt64
    var numbers: CovarianceAdaptation
    var choices: [[Double]]
    var restarts = 0
    /// Where trials it drew lie before they are put on the grid; what waits longest is forgotten first.
    var drawn: [Drawn] = []
  }

  struct Drawn: Codable, Sendable, Equatable {
    var number: Int
    var point: [Double]
  }

  public let settings: Settings
  public var name: String { "cma-es" }
  public var needsRollouts: Bool { false }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func start(_ problem: Problem) -> State {
    let layout = Layout(problem.space)
    let population = settings.population ?? CovarianceAdaptation.population(dimensions: layout.numbers.count)
    return State(
      generations: Generations(problem, owner: name), seed: problem.seed,
      numbers: CovarianceAdaptation(
        mean: layout.numbers.map { _ in 0.5 }, sigma: settings.step, population: population),
      choices: layout.uniform)
  }

  public func tell(_ event: Event, state: inout State) {
    let index = state.generations.history.own
    state.generations.tell(event)
    if event.isInfrastructureFailure {
      state.drawn.removeAll { drawn in
        drawn.number == event.trial && !state.generations.history.trials.contains { $0.number == drawn.number }
      }
    }
    let space = state.generations.history.space
    if case .began(let number, let proposal) = event, proposal.origin == name {
      remember(number, proposal.assignment, index, space, &state)
    }
    guard let generation = state.generations.take(state.numbers.population) else { return }
    update(generation, Layout(space), &state)
  }

  /// The draw that became this assignment, found again from its index; none when the distribution has changed meanwhile.
  private func remember(
    _ number: Int, _ assignment: Assignment, _ index: Int, _ space: Space, _ state: inout State
  ) {
    guard state.numbers.generation > 0 || state.restarts > 0 else { return }
    let key = assignment.key
    let layout = Layout(space)
    var random = Self.random(state, index)
    for _ in 0..<layout.draws {
      let point = layout.sample(state.numbers, state.choices, &random)
      guard (try? space.decode(point, base: assignment))?.key == key else { continue }
      state.drawn.append(Drawn(number: number, point: point))
      if state.drawn.count > 8 * state.numbers.population { state.drawn.removeFirst() }
      return
    }
  }

  private func update(_ generation: [Generations.Member], _ layout: Layout, _ state: inout State) {
    var points: [[Double?]] = []
    var isOwn: [Bool] = []
    for member in generation {
      let drawn = state.drawn.lastIndex { $0.number == member.number }.map { state.drawn.remove(at: $0).point }
      isOwn.append(drawn != nil)
      points.append(drawn.map { $0.map(Optional.some) } ?? member.point)
    }
    // Failed trials teach nothing about choices, and a generation of them nothing at all.
    let scored = generation.filter { $0.loss != nil }.map(\.point)
    guard !scored.isEmpty else { return }
    layout.fit(&state.choices, scored)
    state.numbers.update(
      points.map { point in layout.numbers.map { point[$0] } }, isOwn: isOwn, grids: layout.grids)
    let widths = state.numbers.mean.indices.filter { layout.grids[$0].isEmpty }.map(state.numbers.deviation)
    let isSettled = (widths.max() ?? state.numbers.sigma) < 1e-11
    guard isSettled || state.numbers.isDegenerate else { return }
    state.restarts += 1
    var random = RandomStream(seed: state.seed, name: "cma-es/restart/\(state.restarts)")
    state.numbers = CovarianceAdaptation(
      mean: layout.numbers.map { _ in random.uniform() }, sigma: settings.step,
      population: min(2 * state.numbers.population, 1_000))
    state.choices = layout.uniform
    state.drawn = []
  }

  /// What the proposal of this index is drawn with.
  private static func random(_ state: State, _ index: Int) -> RandomStream {
    RandomStream(seed: state.seed, name: "cma-es/\(index)")
  }

  /// O(parameters^2) a proposal up to 32 parameters, linear beyond.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let layout = Layout(context.problem.space)
    let history = state.generations.history
    return history.ask(count, context, note: "drawn from the adapted normal distribution") { trials, _, _ in
      guard state.numbers.generation > 0 || state.restarts > 0 else { return nil }
      var random = Self.random(state, history.own + trials.count - history.trials.count)
      return (0..<layout.draws).map { _ in layout.sample(state.numbers, state.choices, &random) }
    }
  }

  /// Which coordinates are numbers and which are choices.
  struct Layout {
    let coordinates: [Coordinate]
    /// Their places among the coordinates.
    var numbers: [Int] = []
    var grids: [[Double]] = []

    init(_ space: Space) {
      coordinates = space.encodable.map { Coordinate($0.domain) }
      for (index, coordinate) in coordinates.enumerated() {
        switch coordinate {
        case .choices: continue
        case .continuous: grids.append([])
        case .grid(let places): grids.append(places)
        }
        numbers.append(index)
      }
    }

    /// Draws for one proposal before others are tried at random: where nothing is continuous many are known.
    var draws: Int { grids.contains([]) ? 8 : 32 }

    var uniform: [[Double]] {
      coordinates.map { coordinate in
        let count = coordinate.choiceCount
        return Array(repeating: 1 / Double(max(1, count)), count: count)
      }
    }

    /// Drawn again while it lies outside the cube, at last moved to its border.
    func sample(_ normal: CovarianceAdaptation, _ choices: [[Double]], _ random: inout RandomStream) -> [Double] {
      var x = normal.sample(&random)
      var tries = 1
      while tries < 8, !x.indices.allSatisfy({ !grids[$0].isEmpty || (0...1).contains(x[$0]) }) {
        x = normal.sample(&random)
        tries += 1
      }
      var point = coordinates.indices.map { index in
        choices[index].isEmpty ? 0.5 : (Double(random.choice(choices[index])) + 0.5) / Double(choices[index].count)
      }
      for (place, index) in numbers.enumerated() {
        point[index] = grids[place].isEmpty ? min(max(x[place], 0), 1) : x[place]
      }
      return point
    }

    /// Each choice's probability moves towards its share among the better half. It keeps the margin of CatCMA: all others
    /// together at least 1 - 0.73^(1 / number of choices' parameters).
    func fit(_ choices: inout [[Double]], _ points: [[Double?]]) {
      let better = points.prefix(max(1, points.count / 2))
      let margin = 1 - pow(0.73, 1 / Double(max(1, coordinates.count - numbers.count)))
      for index in choices.indices where choices[index].count > 1 {
        let values = better.compactMap { $0[index] }
        guard !values.isEmpty else { continue }
        let count = choices[index].count
        // One step is a part of the way that falls with what there is to tell apart.
        let rate = min(0.5, Double(values.count) / Double(2 * values.count + 2 * count))
        var shares = Array(repeating: 0.0, count: count)
        for value in values { shares[coordinates[index].cell(value)] += 1 / Double(values.count) }
        for choice in 0..<count { choices[index][choice] += rate * (shares[choice] - choices[index][choice]) }
        choices[index] = ProductDistribution.raised(choices[index], least: margin / Double(count - 1) / 2)
      }
    }
  }
}
