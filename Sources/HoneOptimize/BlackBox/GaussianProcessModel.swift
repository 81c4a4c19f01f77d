import Foundation
import HoneNumerics

/// The observations as a Gaussian process takes them.
struct GaussianProcessModel {
  /// Most trials a model is made of, and most that its parameters are fitted to.
  static let limit = 200
  static let fitLimit = 100

  let coordinates: [Coordinate]
  /// Chosen trials that have a value.
  private(set) var points: [[Double?]] = []
  /// Their trials' numbers.
  private(set) var numbers: [Int] = []
  private(set) var values: [Double] = []
  private(set) var noiseShares: [Double] = []
  let pending: [[Double?]]
  let isNoisy: Bool
  private let standard: Standardization

  init(
    _ trials: [TrialHistory.Trial], _ coordinates: [Coordinate], limit: Int, outputs: OutputWarp = .compressed
  ) {
    self.coordinates = coordinates
    let scored = trials.filter { $0.loss != nil || $0.hasFailed }
    pending = trials.filter { $0.loss == nil && !$0.hasFailed }.suffix(limit / 4).map(\.point)
    let worst = scored.compactMap(\.loss).max() ?? 0
    let losses = scored.map { $0.loss ?? worst }
    let chosen = Self.subset(losses, limit: limit)
    let most = scored.map(\.count).max() ?? 1
    isNoisy = scored.contains { $0.deviation > 0 }
    numbers = chosen.map { scored[$0].number }
    points = chosen.map { scored[$0].point }
    noiseShares = chosen.map { Double(most) / Double(scored[$0].count) }
    let kept = chosen.map { losses[$0] }
    let shaped = outputs.shaped(kept)
    standard = Standardization(shaped)
    values = shaped.map(standard.callAsFunction)
  }

  static func standardized(_ values: [Double]) -> [Double] { values.map(Standardization(values).callAsFunction) }

  /// A value as the process sees it; only of `OutputWarp.none`.
  func standardized(_ value: Double) -> Double { standard(value) }

  /// What 1 of the process's values is of the modelled quantity.
  var unit: Double { standard.unit }

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

/// What is done to scores before a process is fitted to them.
public enum OutputWarp: String, Hashable, Sendable, CaseIterable {
  /// The bad half is drawn in by a logarithm.
  case compressed
  /// A power transformation of maximum likelihood, as HEBO has it (Cowen-Rivers et al., JAIR 2022).
  case yeoJohnson = "yeo-johnson"
  /// Nothing; for what has a scale of its own.
  case none

  func shaped(_ losses: [Double]) -> [Double] {
    switch self {
    case .compressed: return GaussianProcessModel.compressed(losses)
    case .yeoJohnson:
      let unit = GaussianProcessModel.standardized(losses)
      return unit.map(YeoJohnson(fitting: unit).callAsFunction)
    case .none: return losses
    }
  }
}

/// Makes values have mean 0 and deviation 1; all 0 where they are all equal.
struct Standardization {
  private let scale: Double
  private let mean: Double
  private let spread: Double
  private let deviation: Double

  init(_ values: [Double]) {
    // Scaled to at most 1 first, so that no sum overflows.
    let scale = max(values.map(abs).max() ?? 0, .leastNonzeroMagnitude)
    let scaled = values.map { $0 / scale }
    let mean = scaled.reduce(0, +) / Double(max(1, values.count))
    let spread = scaled.map { abs($0 - mean) }.max() ?? 0
    let squares = spread > 1e-14 ? scaled.reduce(0.0) { $0 + ($1 - mean) / spread * (($1 - mean) / spread) } : 0
    self.scale = scale
    self.mean = mean
    self.spread = spread > 1e-14 ? spread : 0
    deviation = spread > 1e-14 ? (squares / Double(values.count)).squareRoot() : 1
  }

  var unit: Double { scale * spread * deviation }

  /// Where all values were equal, any other one is 3 deviations off.
  func callAsFunction(_ value: Double) -> Double {
    let gap = value / scale - mean
    guard spread > 0 else { return abs(gap) <= 1e-14 ? 0 : gap > 0 ? 3 : -3 }
    return gap / spread / deviation
  }
}
