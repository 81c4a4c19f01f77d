import Foundation
import HoneNumerics
import HoneTrace

/// A fitted Gaussian process with what epsilon-greedy methods ask of it: where the mean is lowest, what is best in mean and
/// deviation together, and where one draw of the function is lowest.
struct ProcessFront {
  let search: CandidateSearch
  let process: GaussianProcess
  /// The lowest value, or mean where there is noise.
  let best: Double
  private let model: GaussianProcessModel

  /// Nil while there is no fit.
  init?(_ trials: [TrialHistory.Trial], _ state: GaussianProcessSearch.State, _ space: Space) {
    guard let parameters = state.parameters, state.history.observed >= 2 else { return nil }
    search = CandidateSearch(space, parameters)
    model = GaussianProcessModel(trials, search.coordinates, limit: GaussianProcessModel.limit)
    guard let (process, best) = model.process(parameters) else { return nil }
    self.process = process
    self.best = best
  }

  /// Points in the order of their mean, the lowest first; those next to a trial, where nothing would be learned, last.
  func lowestMeans(_ random: inout RandomStream) -> [[Double]] {
    let taken = model.points + model.pending
    let found = search.ranked(around: model.best(4), CandidateSearch.Effort(), &random) { -process.mean($0) }
    let isNear = found.map { candidate in
      let point = search.seen(candidate.point)
      return taken.contains { Self.isNear(point, $0) }
    }
    return found.indices.filter { !isNear[$0] }.map { found[$0].point }
      + found.indices.filter { isNear[$0] }.map { found[$0].point }
  }

  private static func isNear(_ a: [Double?], _ b: [Double?]) -> Bool {
    zip(a, b).allSatisfy { a, b in
      guard let a, let b else { return a == b }
      return abs(a - b) < 1e-3
    }
  }

  /// A random member of the set of candidates that no other one beats in both mean and deviation, and the others behind it.
  func nonDominated(_ random: inout RandomStream) -> [[Double]] {
    let points = candidates(160, &random)
    let posteriors = points.map { process.posterior(search.seen($0)) }
    let order = points.indices.sorted { a, b in
      posteriors[a].mean == posteriors[b].mean ? a < b : posteriors[a].mean < posteriors[b].mean
    }
    var front: [Int] = []
    var widest = -1.0
    for index in order where posteriors[index].deviation > widest {
      widest = posteriors[index].deviation
      front.append(index)
    }
    return front.shuffled(using: &random).map { points[$0] }
  }

  /// Points in the order of one draw of the function, the lowest first; empty when none can be drawn.
  func thompson(_ random: inout RandomStream) -> [[Double]] {
    let points = candidates(96, &random)
    guard let values = process.draw(at: points.map(search.seen), &random) else { return [] }
    let order = values.indices.sorted { values[$0] == values[$1] ? $0 < $1 : values[$0] < values[$1] }
    return order.map { points[$0] }
  }

  /// Two thirds uniform, one third around the best trials.
  private func candidates(_ count: Int, _ random: inout RandomStream) -> [[Double]] {
    let near = model.best(4)
    return (0..<count).map { index in
      guard index % 3 == 2, !near.isEmpty else { return search.uniform(&random) }
      return search.perturbed(near[index / 3 % near.count], by: index % 2 == 0 ? 0.3 : 0.05, &random)
    }
  }
}
