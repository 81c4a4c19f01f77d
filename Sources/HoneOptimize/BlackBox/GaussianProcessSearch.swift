import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// Bayesian optimization with a Gaussian process and the logarithm of the expected improvement.
///
/// ARD Matern-5/2 over the unit cube, choices by whether they differ, inactive parameters by a missing marker; log EI of
/// Ament et al., "Unexpected Improvements to Expected Improvement" (NeurIPS 2023). It begins with scrambled Sobol points.
/// The bad half of the scores is compressed before the fit. A trial seen on fewer examples has more noise; pending trials
/// count with the value that the model expects of them (kriging believer, Ginsbourger et al. 2010), failed ones with the
/// worst value. Beyond 200 trials the model is made of the best 100 and 100 others, so an ask has a largest cost. Text and
/// free code keep the incumbent's value.
public struct GaussianProcessSearch: Optimizer {
  public struct State: Codable, Sendable, Equatable {
    var history: TrialHistory
    /// Fitted when the trials with a score had grown by a tenth; nil before the first fit.
    var parameters: GaussianProcess.Parameters?
    var fitted = 0
  }

  public var name: String { "gp" }
  public var needsRollouts: Bool { false }

  public init() {}

  public func start(_ problem: Problem) -> State { State(history: TrialHistory(problem, owner: name)) }

  /// Refits the kernel's parameters when there are a tenth more scores than at the last fit.
  public func tell(_ event: Event, state: inout State) {
    state.history.tell(event)
    guard case .completed = event else { return }
    let observed = state.history.observed
    guard observed >= 3, observed >= state.fitted + max(1, state.fitted / 10) else { return }
    state.fitted = observed
    let coordinates = state.history.coordinates
    let model = GaussianProcessModel(state.history.trials, coordinates, limit: GaussianProcessModel.fitLimit)
    guard let data = model.data else { return }
    var starts = [GaussianProcess.Parameters(dimensions: coordinates.count)]
    if let last = state.parameters { starts.append(last) }
    state.parameters = GaussianProcess.fit(data, from: starts, iterations: model.iterations) ?? state.parameters
  }

  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let coordinates = state.history.coordinates
    let note = "largest expected improvement under a Gaussian process"
    return state.history.ask(count, context, note: note) { trials, search, random in
      guard let parameters = state.parameters, state.history.observed >= 2 else { return nil }
      let model = GaussianProcessModel(trials, coordinates, limit: GaussianProcessModel.limit)
      return AcquisitionSearch(model, parameters, search)?.ranked(&random)
    }
  }
}

/// The observations as a Gaussian process takes them.
struct GaussianProcessModel {
  /// Most trials a model is made of, and most that its parameters are fitted to.
  static let limit = 200
  static let fitLimit = 100

  let coordinates: [Coordinate]
  /// Chosen trials that have a value.
  private(set) var points: [[Double?]] = []
  private(set) var values: [Double] = []
  private(set) var noiseShares: [Double] = []
  let pending: [[Double?]]
  let isNoisy: Bool

  init(_ trials: [TrialHistory.Trial], _ coordinates: [Coordinate], limit: Int) {
    self.coordinates = coordinates
    let scored = trials.filter { $0.loss != nil || $0.hasFailed }
    pending = trials.filter { $0.loss == nil && !$0.hasFailed }.suffix(limit / 4).map(\.point)
    let worst = scored.compactMap(\.loss).max() ?? 0
    let losses = scored.map { $0.loss ?? worst }
    let chosen = Self.subset(losses, limit: limit)
    let most = scored.map(\.count).max() ?? 1
    isNoisy = scored.contains { $0.deviation > 0 }
    points = chosen.map { scored[$0].point }
    noiseShares = chosen.map { Double(most) / Double(scored[$0].count) }
    values = Self.standardized(Self.compressed(chosen.map { losses[$0] }))
  }

  var data: GaussianProcess.Data? {
    guard points.count >= 2 else { return nil }
    return GaussianProcess.Data(points, isChoice: isChoice, values: values, noiseShares: noiseShares)
  }

  var isChoice: [Bool] {
    coordinates.map { coordinate in
      if case .choices = coordinate { true } else { false }
    }
  }

  /// Fewer steps where each costs much: a bound on what a fit takes in hundreds of dimensions.
  var iterations: Int { min(40, max(6, 20_000_000 / max(1, points.count * points.count * max(10, coordinates.count)))) }

  /// The best half of the limit and an even spread of the others, in their order.
  static func subset(_ losses: [Double], limit: Int) -> [Int] {
    guard losses.count > limit else { return Array(losses.indices) }
    let order = losses.indices.sorted { losses[$0] == losses[$1] ? $0 < $1 : losses[$0] < losses[$1] }
    let best = order.prefix(limit / 2)
    let others = order.dropFirst(limit / 2).sorted()
    let spread = (0..<(limit / 2)).map { others[$0 * others.count / (limit / 2)] }
    return (best + spread).sorted()
  }

  /// Above the median m, m + c log(1 + (y - m) / c) with c = m - min y: how bad a bad trial is matters little. Scaled to at
  /// most 1 first, so that no score is too large.
  static func compressed(_ losses: [Double]) -> [Double] {
    let largest = losses.map(abs).max() ?? 0
    guard largest > 0 else { return losses }
    // Scores so small that they cannot be told from 0 beside a double's least are scaled up as well.
    let scaled = losses.map { $0 / largest }
    let sorted = scaled.sorted()
    let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    let c = median - sorted[0]
    guard c > 0 else { return scaled }
    return scaled.map { $0 > median ? median + c * log1p(($0 - median) / c) : $0 }
  }

  /// Mean 0 and deviation 1; all 0 where there is no deviation.
  static func standardized(_ values: [Double]) -> [Double] {
    guard !values.isEmpty else { return [] }
    let mean = values.reduce(0, +) / Double(values.count)
    let spread = values.map { abs($0 - mean) }.max() ?? 0
    guard spread > 1e-14 * (values.map(abs).max() ?? 0) else { return values.map { _ in 0 } }
    let centred = values.map { ($0 - mean) / spread }
    let deviation = (centred.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    return centred.map { $0 / deviation }
  }

  /// The process with what it expects of pending trials told to it; and the value to improve on.
  func process(_ parameters: GaussianProcess.Parameters) -> (process: GaussianProcess, best: Double)? {
    guard let data, var process = GaussianProcess(data, parameters: parameters) else { return nil }
    let means = isNoisy ? points.map(process.mean) : values
    let best = means.min() ?? 0
    if !pending.isEmpty {
      let believed = GaussianProcess.Data(
        points + pending, isChoice: isChoice, values: values + pending.map(process.mean),
        noiseShares: noiseShares + pending.map { _ in 1 })
      process = GaussianProcess(believed, parameters: parameters) ?? process
    }
    return (process, best)
  }
}
