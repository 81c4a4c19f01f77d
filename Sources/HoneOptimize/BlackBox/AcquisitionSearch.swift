import Foundation
import HoneNumerics
import HoneTrace

/// Looks for the points where an acquisition over a Gaussian process is largest, around the best trials and everywhere.
struct AcquisitionSearch {
  private let model: GaussianProcessModel
  private let candidates: CandidateSearch
  private let acquisition: ([Double?]) -> Double

  /// - Parameter acquisition: of a point as a model sees it; more is better.
  init(
    _ model: GaussianProcessModel, _ parameters: GaussianProcess.Parameters, _ space: Space,
    acquisition: @escaping ([Double?]) -> Double
  ) {
    self.model = model
    self.acquisition = acquisition
    candidates = CandidateSearch(space, parameters)
  }

  /// Points in the order of their acquisition, up to 48 of them. At most about 800 posteriors are looked at, fewer the more
  /// trials there are.
  func ranked(_ random: inout RandomStream) -> [[Double]] {
    // A posterior costs n^2: what a larger history takes more is saved on points.
    let share = min(1, 50 / Double(max(50, model.points.count)))
    let effort = CandidateSearch.Effort(
      random: max(96, Int(384 * share)), near: max(12, Int(32 * share)), rounds: 5, local: max(6, Int(14 * share)))
    return candidates.ranked(around: model.best(4), effort, &random) { point in
      let value = acquisition(point)
      return value.isFinite ? value : -1e300
    }.map(\.point)
  }
}

extension CandidateSearch {
  /// Steps as long as the process's length scales, between 0.02 and 1.
  init(_ space: Space, _ parameters: GaussianProcess.Parameters) {
    self.init(space, lengths: parameters.logInverseSquares.map { min(max(exp(-0.5 * $0), 0.02), 1) })
  }
}

extension GaussianProcessModel {
  /// The points of so many trials with the lowest values, the middle standing for what is inactive.
  func best(_ count: Int) -> [[Double]] {
    let order = values.indices.sorted { values[$0] == values[$1] ? $0 < $1 : values[$0] < values[$1] }
    return order.prefix(count).map { points[$0].map { $0 ?? 0.5 } }
  }
}
