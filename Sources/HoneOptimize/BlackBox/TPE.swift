import HoneModel
import HoneNumerics
import HoneTrace

/// The tree-structured Parzen estimator: densities of the good and of the bad trials, and the candidate whose ratio is best.
///
/// Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (NeurIPS 2011), multivariate as Falkner et al. (ICML
/// 2018), with the constants of Optuna 5 that Watanabe, "Tree-Structured Parzen Estimator" (2023) explains. It begins with
/// scrambled Sobol points. Parameters under one condition are one group with a density of its own, made of the trials in
/// which they were active. Pending and failed trials count as bad ones. Text and free code keep the incumbent's value.
public struct TPE: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// Candidates drawn from the density of good trials for one proposal.
    public var candidates = 24

    public init() {}
  }

  public typealias State = TrialHistory

  public let settings: Settings
  public var name: String { "tpe" }
  public var needsRollouts: Bool { false }

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func start(_ problem: Problem) -> State { TrialHistory(problem, owner: name) }

  public func tell(_ event: Event, state: inout State) { state.tell(event) }

  /// O(trials x candidates x parameters) a proposal.
  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let groups = Group.all(in: context.problem.space)
    return state.ask(count, context, note: "best ratio of the densities of good and bad trials") {
      trials, search, random in
      state.observed == 0 ? nil : rankedCandidates(trials, groups, search.dimensions, &random)
    }
  }

  /// Candidates, the most promising one first; each group's own ranking is put beside the others'.
  func rankedCandidates(
    _ trials: [TrialHistory.Trial], _ groups: [Group], _ dimensions: Int, _ random: inout RandomStream
  ) -> [[Double]] {
    var points = Array(repeating: Array(repeating: 0.5, count: dimensions), count: settings.candidates)
    for group in groups {
      let (good, bad) = group.split(trials)
      let better = ParzenEstimator(columns: good.values, count: good.count, coordinates: group.coordinates)
      let worse = ParzenEstimator(columns: bad.values, count: bad.count, coordinates: group.coordinates)
      let candidates = (0..<settings.candidates).map { _ in better.sample(&random) }
      let ratios = zip(better.logDensities(candidates), worse.logDensities(candidates)).map { $0 - $1 }
      let order = ratios.indices.sorted { ratios[$0] == ratios[$1] ? $0 < $1 : ratios[$0] > ratios[$1] }
      for (rank, candidate) in order.enumerated() {
        for (value, member) in zip(candidates[candidate], group.members) { points[rank][member] = value }
      }
    }
    return points
  }

  /// Parameters that are active together.
  struct Group {
    /// Their places among the encodable parameters.
    var members: [Int]
    var coordinates: [Coordinate]

    static func all(in space: Space) -> [Group] {
      var conditions: [Condition?] = []
      var groups: [Group] = []
      for (index, parameter) in space.encodable.enumerated() {
        let coordinate = Coordinate(parameter.domain)
        if let known = conditions.firstIndex(of: parameter.condition) {
          groups[known].members.append(index)
          groups[known].coordinates.append(coordinate)
        } else {
          conditions.append(parameter.condition)
          groups.append(Group(members: [index], coordinates: [coordinate]))
        }
      }
      return groups
    }

    /// The best tenth of the trials that have all members, at most 25, and the others; each by member, in the order of the
    /// trials.
    func split(_ trials: [TrialHistory.Trial]) -> (good: Columns, bad: Columns) {
      let rows = trials.indices.filter { row in
        members.allSatisfy { $0 < trials[row].point.count && trials[row].point[$0] != nil }
      }
      let scored = rows.count { trials[$0].loss != nil }
      let isGood = Self.best(min((scored + 9) / 10, 25), of: rows, trials)
      var (good, bad) = (Columns(members.count), Columns(members.count))
      for (place, row) in rows.enumerated() {
        if isGood[place] { good.add(trials[row].point, members) } else { bad.add(trials[row].point, members) }
      }
      return (good, bad)
    }

    /// Which rows have so many of the lowest losses; of equal ones the older.
    private static func best(_ count: Int, of rows: [Int], _ trials: [TrialHistory.Trial]) -> [Bool] {
      var best: [(loss: Double, place: Int)] = []
      for (place, row) in rows.enumerated() {
        guard let loss = trials[row].loss else { continue }
        if best.count == count, let last = best.last, loss >= last.loss { continue }
        let behind = best.firstIndex { $0.loss > loss } ?? best.count
        best.insert((loss, place), at: behind)
        if best.count > count { best.removeLast() }
      }
      var isGood = Array(repeating: false, count: rows.count)
      for found in best { isGood[found.place] = true }
      return isGood
    }
  }

  /// Points by coordinate.
  struct Columns {
    private(set) var values: [[Double]]
    private(set) var count = 0

    init(_ coordinates: Int) { values = Array(repeating: [], count: coordinates) }

    mutating func add(_ point: [Double?], _ members: [Int]) {
      for (column, member) in members.enumerated() { values[column].append(point[member] ?? 0.5) }
      count += 1
    }
  }
}
