import HoneModel
import HoneNumerics
import HoneTrace

/// The cross-entropy method: a product distribution is fitted to the best trials of each generation, and the next one drawn
/// from it.
///
/// Rubinstein and Kroese, "The Cross-Entropy Method" (2004), sections 4.2 and 5.1; as CEHPO uses it for hyper-parameters.
/// Numbers have normal distributions cut off at the ends of their range, choices one probability each. A fit is mixed with
/// the distribution before (equation 4.4), and deviations and probabilities have floors, so that nothing is ruled out. The
/// first generation is scrambled Sobol points. Trials of other optimizers count in the generation they settle in; failed
/// ones are never of the elite. Text and free code keep the incumbent's value.
public struct CrossEntropySearch: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// Trials in a generation; at least 2.
    public var population = 20
    /// Part of a generation that the distribution is fitted to.
    public var elite = 0.2
    /// Weight of the new fit against the distribution before; from 0 to 1.
    public var smoothing = 0.7

    public init() {}
  }

  public struct State: Codable, Sendable, Equatable {
    var generations: Generations
    var distribution: ProductDistribution
    /// How many generations it was fitted to.
    var fitted = 0
  }

  public let settings: Settings
  public var name: String { "cross-entropy" }
  public var needsRollouts: Bool { false }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func start(_ problem: Problem) -> State {
    State(
      generations: Generations(problem, owner: name),
      distribution: ProductDistribution(problem.space.encodable.map { Coordinate($0.domain) }))
  }

  public func tell(_ event: Event, state: inout State) {
    state.generations.tell(event)
    guard let generation = state.generations.take(max(2, settings.population)) else { return }
    let size = max(1, Int((settings.elite * Double(generation.count)).rounded()))
    let elite = generation.filter { $0.loss != nil }.prefix(size).map(\.point)
    guard !elite.isEmpty else { return }
    state.distribution.fit(elite, smoothing: settings.smoothing)
    state.fitted += 1
  }

  /// O(parameters) a proposal.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let note = "drawn from the distribution of the best trials"
    let coordinates = state.generations.history.coordinates
    return state.generations.history.ask(count, context, note: note) { _, _, random in
      guard state.fitted > 0 else { return nil }
      return (0..<48).map { _ in state.distribution.sample(coordinates, &random) }
    }
  }
}

/// Independent distributions, one for each coordinate of the unit cube.
struct ProductDistribution: Codable, Sendable, Equatable {
  /// Of numbers; 0.5 and the deviation of a uniform distribution at first.
  private(set) var means: [Double]
  private(set) var deviations: [Double]
  /// Of choices; empty for numbers.
  private(set) var probabilities: [[Double]]
  /// Least deviations.
  private let floors: [Double]

  /// Least deviation of a continuum; a grid's is half a cell.
  static let leastDeviation = 0.01
  /// What the choices that are not seen keep together at least.
  static let leastProbability = 0.1

  init(_ coordinates: [Coordinate]) {
    means = coordinates.map { _ in 0.5 }
    deviations = coordinates.map { _ in (1 / 12.0).squareRoot() }
    probabilities = coordinates.map { coordinate in
      let count = coordinate.choiceCount
      return Array(repeating: 1 / Double(max(1, count)), count: count)
    }
    floors = coordinates.map { coordinate in
      guard case .grid(let places) = coordinate else { return Self.leastDeviation }
      return max(Self.leastDeviation, 0.5 / Double(max(1, places.count)))
    }
  }

  /// - Parameter points: of the elite; a coordinate that none of them has stays as it was.
  mutating func fit(_ points: [[Double?]], smoothing: Double) {
    for index in means.indices {
      let values = points.compactMap { $0[index] }
      guard !values.isEmpty else { continue }
      guard probabilities[index].isEmpty else {
        fitChoices(index, values, smoothing)
        continue
      }
      let count = Double(values.count)
      let mean = values.reduce(0, +) / count
      let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
      means[index] += smoothing * (mean - means[index])
      deviations[index] = max(deviations[index] + smoothing * (deviation - deviations[index]), floors[index])
    }
  }

  private mutating func fitChoices(_ index: Int, _ values: [Double], _ smoothing: Double) {
    let count = probabilities[index].count
    var shares = Array(repeating: 0.0, count: count)
    for value in values { shares[Coordinate.choices(count).cell(value)] += 1 / Double(values.count) }
    for choice in 0..<count {
      probabilities[index][choice] += smoothing * (shares[choice] - probabilities[index][choice])
    }
    probabilities[index] = Self.raised(probabilities[index], least: Self.leastProbability / Double(count))
  }

  /// Probabilities none of which is below `least`, at most 1 / their number: what is above it is scaled down.
  static func raised(_ probabilities: [Double], least: Double) -> [Double] {
    let least = min(least, 1 / Double(max(1, probabilities.count)))
    let missing = probabilities.reduce(0) { $0 + max(0, least - $1) }
    let above = probabilities.reduce(0) { $0 + max(0, $1 - least) }
    return probabilities.map { least + max(0, $0 - least) * (above > 0 ? 1 - missing / above : 0) }
  }

  func sample(_ coordinates: [Coordinate], _ random: inout RandomStream) -> [Double] {
    means.indices.map { index in
      guard !probabilities[index].isEmpty else {
        return coordinates[index].snapped(random.truncatedNormal(means[index], deviations[index]))
      }
      let choice = random.choice(probabilities[index])
      return (Double(choice) + 0.5) / Double(probabilities[index].count)
    }
  }
}

extension RandomStream {
  /// A normal number that falls into the unit interval; for a mean inside it.
  mutating func truncatedNormal(_ mean: Double, _ deviation: Double) -> Double {
    for _ in 0..<64 {
      let x = mean + deviation * normal()
      if x >= 0, x <= 1 { return x }
    }
    return uniform()
  }

  /// The index of one of these probabilities, which sum to 1.
  mutating func choice(_ probabilities: [Double]) -> Int {
    var u = uniform()
    for (index, probability) in probabilities.enumerated() {
      if u < probability { return index }
      u -= probability
    }
    return max(0, probabilities.count - 1)
  }
}
