import HoneNumerics
import HoneTrace

/// What a model-based search remembers: every trial that was begun, where it lies in the unit cube, and how it went.
///
/// A function of the events told, in their order. A trial whose estimate is told again (more examples, say) has the newest
/// one; everything a model is made of is derived anew from here at each ask.
public struct TrialHistory: Codable, Sendable, Equatable {
  struct Trial: Codable, Sendable, Equatable {
    var number: Int
    /// Coordinates of the encodable parameters; nil marks one that is inactive or was outside this space.
    var point: [Double?]
    /// Mean score, turned so that less is better; nil while pending and when failed.
    var loss: Double?
    /// Standard deviation of the scores and their number.
    var deviation = 0.0
    var count = 1
    var hasFailed = false
    /// Mean further outcomes by name; finite.
    var outcomes: [String: Double] = [:]

    /// The trial with an outcome as its loss; pending where it has none.
    ///
    /// - Parameter transform: nil for what cannot be modelled.
    func seen(as outcome: String, _ transform: (Double) -> Double?) -> Trial {
      var trial = self
      trial.loss = outcomes[outcome].flatMap(transform)
      trial.deviation = 0
      trial.hasFailed = false
      return trial
    }
  }

  let space: Space
  private let isMaximized: Bool
  private(set) var trials: [Trial] = []
  /// Proposals begun that the optimizer itself made: where in its start sequence it is.
  private(set) var own = 0
  /// Whether every trial began with a higher number than those before, as a study counts them.
  private var isAscending = true
  /// How many trials have a finite score.
  private(set) var observed = 0
  private let owner: String

  init(_ problem: Problem, owner: String) {
    space = problem.space
    isMaximized = problem.objective.direction == .maximize
    self.owner = owner
  }

  mutating func tell(_ event: Event) {
    let place = event.trial.flatMap(index)
    if event.isInfrastructureFailure {
      // As if it had not been begun, unless it was measured before.
      if let place, trials[place].loss == nil, !trials[place].hasFailed { trials.remove(at: place) }
      return
    }
    if let place, trials[place].loss != nil { observed -= 1 }
    learn(event, at: place)
    if let place = place ?? trials.indices.last, trials[place].number == event.trial, trials[place].loss != nil {
      observed += 1
    }
  }

  private mutating func learn(_ event: Event, at place: Int?) {
    switch event {
    case .began(let number, let proposal):
      if proposal.origin == owner { own += 1 }
      let trial = Trial(number: number, point: space.encode(proposal.assignment))
      if let place {
        trials[place] = trial
      } else {
        if let last = trials.last, last.number > number { isAscending = false }
        trials.append(trial)
      }
    case .completed(_, let estimate, _, let outcomes):
      guard let index = place else { return }
      guard estimate.mean.isFinite else {
        trials[index].hasFailed = true
        return
      }
      trials[index].loss = isMaximized ? -estimate.mean : estimate.mean
      trials[index].deviation = estimate.deviation.isFinite ? estimate.deviation : 0
      trials[index].count = max(1, estimate.count)
      trials[index].hasFailed = false
      trials[index].outcomes = outcomes.filter { $0.value.isFinite }
    case .failed:
      guard let index = place else { return }
      trials[index].loss = nil
      trials[index].hasFailed = true
    case .attempted: break
    }
  }

  /// Whether a trial was begun, and was not lost to the infrastructure.
  func holds(_ number: Int) -> Bool { index(of: number) != nil }

  /// O(log trials), or O(trials) where they began out of order.
  private func index(of number: Int) -> Int? {
    guard isAscending else { return trials.lastIndex { $0.number == number } }
    return trials.withUnsafeBufferPointer { trials in
      var (low, high) = (0, trials.count)
      while low < high {
        let middle = (low + high) / 2
        if trials[middle].number < number { low = middle + 1 } else { high = middle }
      }
      return low < trials.count && trials[low].number == number ? low : nil
    }
  }

  /// How a model sees the encodable parameters.
  var coordinates: [Coordinate] { space.encodable.map { Coordinate($0.domain) } }
}

extension TrialHistory {
  /// Proposals of a model-based search: scrambled Sobol points first, then what the model ranks highest. Each proposal is
  /// pending for the next one.
  ///
  /// - Parameters:
  ///   - note: why a ranked point is proposed.
  ///   - begin: moves a point of the start design.
  ///   - rank: points of the unit cube, the most promising one first; nil while there is no model.
  func ask(
    _ count: Int, _ context: AskContext, note: String, begin: ([Double]) -> [Double] = { $0 },
    rank: ([Trial], NumericSearch, inout RandomStream) -> [[Double]]?
  ) -> Answer {
    var search = NumericSearch(context)
    var random = context.random(owner)
    var rest = random.child("rest")
    let sobol = Sobol(dimensions: search.dimensions, seed: context.problem.seed)
    var (trials, own) = (trials, own)
    var answer = Answer()
    while answer.proposals.count < count {
      var ranked = trials.count < StartDesign.size ? nil : rank(trials, search, &random)?[...]
      let isRanked = ranked != nil
      let found = search.assignments(1, random: &rest) {
        guard isRanked else {
          own += 1
          return begin(sobol.point(own - 1))
        }
        return ranked?.popFirst() ?? (0..<search.dimensions).map { _ in random.uniform() }
      }
      guard let assignment = found.first else { break }
      answer.proposals.append(
        Proposal(assignment, origin: owner, parent: search.parent, note: isRanked ? note : "scrambled Sobol point"))
      search.known.insert(assignment.key)
      trials.append(Trial(number: -answer.proposals.count, point: search.space.encode(assignment)))
    }
    return answer
  }
}

/// How a model sees one coordinate of the unit cube.
enum Coordinate: Equatable {
  case continuous
  /// Values in order, at these places, each with the cell from the middle to its left to the middle to its right.
  case grid([Double])
  /// Choices without an order, each with a cell of equal width.
  case choices(Int)

  /// Longest grid whose cells are told apart; a longer one is as good as a continuum.
  static let longestGrid = 64

  init(_ domain: Domain) {
    switch domain {
    case .bool: self = .choices(2)
    case .categorical(let choices): self = .choices(choices.count)
    case .code(let code): self = .choices(max(1, code.alternatives.count))
    default:
      let places = domain.values(limit: Self.longestGrid)?.compactMap(domain.encode)
      self = places.map(Coordinate.grid) ?? .continuous
    }
  }

  /// The choice or grid cell a coordinate falls in; 0 on a continuum.
  func cell(_ u: Double) -> Int {
    switch self {
    case .continuous: return 0
    case .choices(let count): return min(max(Int(u * Double(count)), 0), count - 1)
    case .grid(let places):
      var cell = 0
      while cell + 1 < places.count, u > (places[cell] + places[cell + 1]) / 2 { cell += 1 }
      return cell
    }
  }

  /// Where the value that a coordinate decodes to lies itself: what a model must see.
  func snapped(_ u: Double) -> Double {
    switch self {
    case .continuous: u
    case .choices(let count): (Double(cell(u)) + 0.5) / Double(count)
    case .grid(let places): places.isEmpty ? u : places[cell(u)]
    }
  }
}

/// The points a model-based search begins with.
enum StartDesign {
  /// Trials before a model is asked, in any dimension: the start design is best as small as a model can be made of it
  /// (Bossek et al., "Initial Design Strategies and their Effects on Sequential Model-Based Optimization", GECCO 2020).
  static let size = 4
}
