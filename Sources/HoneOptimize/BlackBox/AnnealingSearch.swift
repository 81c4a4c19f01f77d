import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// Simulated annealing: a walk from trial to neighbouring trial that takes a worse one with a probability that cools down.
///
/// Kirkpatrick, Gelatt and Vecchi, "Optimization by Simulated Annealing" (Science 220, 1983). A local mover: it begins with
/// scrambled Sobol points and walks from the best of them; the first temperature is the deviation of their scores (White
/// 1984). Steps become shorter as it cools. Every trial that settles is one step of the walk, also those of other
/// optimizers; pending ones are not waited for. Text and free code keep the incumbent's value.
public struct AnnealingSearch: Optimizer {
  /// How the temperature T falls with the steps k.
  public enum Schedule: String, CaseIterable, Sendable {
    /// T0 c^k.
    case geometric
    /// T0 / (1 + k): Szu and Hartley, "Fast simulated annealing" (1987).
    case fast
    /// T0 / ln(e + k): Geman and Geman (1984).
    case logarithmic

    func temperature(_ step: Int, cooling: Double) -> Double {
      switch self {
      case .geometric: pow(cooling, Double(step))
      case .fast: 1 / (1 + Double(step))
      case .logarithmic: 1 / log(M_E + Double(step))
      }
    }
  }

  /// Which neighbours are drawn.
  public enum Neighbour: String, CaseIterable, Sendable {
    /// Half of the parameters or more move together.
    case several
    /// One parameter moves.
    case single
  }

  /// Which neighbours are taken; better ones always are.
  public enum Acceptance: String, CaseIterable, Sendable {
    /// With probability exp(-(difference) / T): Metropolis et al. (1953).
    case metropolis
    /// When the difference is below T: Dueck and Scheuer, "Threshold accepting" (1990).
    case threshold
    /// No worse one.
    case greedy
  }

  public struct Settings: Hashable, Sendable {
    public var schedule = Schedule.geometric
    /// c of the geometric schedule; above 0 and below 1.
    public var cooling = 0.95
    public var neighbour = Neighbour.several
    public var acceptance = Acceptance.metropolis
    /// Deviation of a step at the first temperature, in parts of a parameter's range.
    public var step = 0.2

    public init() {}
  }

  public struct State: Codable, Sendable, Equatable {
    var generations: Generations
    let seed: UInt64
    var walk: Walk?
  }

  struct Walk: Codable, Sendable, Equatable {
    var point: [Double?]
    var loss: Double
    /// Steps so far.
    var step = 0
    /// T0.
    let scale: Double
  }

  public let settings: Settings
  public var name: String { "annealing" }
  public var needsRollouts: Bool { false }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func start(_ problem: Problem) -> State {
    State(generations: Generations(problem, owner: name), seed: problem.seed)
  }

  public func tell(_ event: Event, state: inout State) {
    state.generations.tell(event)
    guard var walk = state.walk else {
      let size = min(max(state.generations.history.coordinates.count + 2, 4), 10)
      guard let start = state.generations.take(size), let best = start.first, let loss = best.loss else { return }
      state.walk = Walk(point: best.point, loss: loss, scale: Self.deviation(start.compactMap(\.loss)))
      return
    }
    while let next = state.generations.take(1)?.first {
      var random = RandomStream(seed: state.seed, name: "annealing/accept/\(walk.step)")
      let temperature = walk.scale * settings.schedule.temperature(walk.step, cooling: settings.cooling)
      if let loss = next.loss, accepts(loss - walk.loss, temperature, random.uniform()) {
        walk.point = next.point
        walk.loss = loss
      }
      walk.step += 1
    }
    state.walk = walk
  }

  private func accepts(_ difference: Double, _ temperature: Double, _ u: Double) -> Bool {
    if difference <= 0 { return true }
    switch settings.acceptance {
    case .metropolis: return temperature > 0 && u < exp(-difference / temperature)
    case .threshold: return difference < temperature
    case .greedy: return false
    }
  }

  /// Scaled by the largest value, so that no square is too large.
  private static func deviation(_ losses: [Double]) -> Double {
    let largest = losses.map(abs).max() ?? 0
    guard largest > 0, losses.count > 1 else { return 0 }
    let scaled = losses.map { $0 / largest }
    let mean = scaled.reduce(0, +) / Double(scaled.count)
    let squares = scaled.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return min((squares / Double(scaled.count - 1)).squareRoot() * largest, .greatestFiniteMagnitude)
  }

  /// O(parameters) a proposal.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let coordinates = state.generations.history.coordinates
    return state.generations.history.ask(count, context, note: "neighbour of a trial in an annealed walk") {
      _, _, random in
      guard let walk = state.walk else { return nil }
      let temperature = settings.schedule.temperature(walk.step, cooling: settings.cooling)
      let width = settings.step * (0.1 + 0.9 * temperature)
      return (0..<48).map { _ in neighbour(of: walk.point, coordinates, width, &random) }
    }
  }

  private func neighbour(
    of point: [Double?], _ coordinates: [Coordinate], _ width: Double, _ random: inout RandomStream
  ) -> [Double] {
    let chosen = settings.neighbour == .single ? Int(random.next() % UInt64(max(1, point.count))) : nil
    let probability = max(0.5, 2 / Double(max(1, point.count)))
    return point.indices.map { index in
      // An inactive coordinate has no place to walk from.
      guard let u = point[index] else { return random.uniform() }
      let moves = chosen.map { $0 == index } ?? (random.uniform() < probability)
      guard moves else { return u }
      switch coordinates[index] {
      case .choices: return random.uniform()
      case .continuous: return NeighbourSearch.reflected(u + width * random.normal())
      case .grid(let places):
        // At least a cell, or the grid would hold it where it is.
        return NeighbourSearch.reflected(u + max(width, 1 / Double(max(1, places.count))) * random.normal())
      }
    }
  }
}
