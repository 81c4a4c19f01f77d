import Foundation
import HoneNumerics
import HoneTrace

/// Looks for the point where an acquisition is largest: random points, perturbations of the best trials, then rounds of
/// smaller perturbations of the best points found. Every point is the one that its assignment lies at, inactive parameters
/// missing.
struct AcquisitionSearch {
  private let model: GaussianProcessModel
  private let acquisition: ([Double?]) -> Double
  /// Length scales, between 0.02 and 1: how far a step goes.
  private let lengths: [Double]
  private let parents: [(child: Int, parent: Int, cells: Set<Int>)]

  /// - Parameter acquisition: of a point as a model sees it; more is better.
  init(
    _ model: GaussianProcessModel, _ parameters: GaussianProcess.Parameters, _ space: Space,
    acquisition: @escaping ([Double?]) -> Double
  ) {
    self.model = model
    self.acquisition = acquisition
    lengths = parameters.logInverseSquares.map { min(max(exp(-0.5 * $0), 0.02), 1) }
    parents = Self.parents(in: space)
  }

  /// Which coordinates are active where: a child's parent must hold one of some cells.
  private static func parents(in space: Space) -> [(child: Int, parent: Int, cells: Set<Int>)] {
    let encodable = space.encodable
    var parents: [(child: Int, parent: Int, cells: Set<Int>)] = []
    for (child, parameter) in encodable.enumerated() {
      for (parent, candidate) in encodable.enumerated() {
        guard let allowed = parameter.condition?.allowed[candidate.name] else { continue }
        let coordinate = Coordinate(candidate.domain)
        guard coordinate != .continuous else { continue }
        parents.append((child, parent, Set(allowed.compactMap(candidate.domain.encode).map(coordinate.cell))))
      }
    }
    return parents
  }

  /// What the model sees of a point: snapped, and nil where inactive. Parents stand before their children.
  private func seen(_ point: [Double]) -> [Double?] {
    var seen: [Double?] = zip(model.coordinates, point).map { $0.snapped($1) }
    for (child, parent, cells) in parents {
      guard let value = seen[parent], cells.contains(model.coordinates[parent].cell(value)) else {
        seen[child] = nil
        continue
      }
    }
    return seen
  }

  private struct Candidate {
    var point: [Double]
    var value: Double
  }

  private func candidate(_ point: [Double]) -> Candidate {
    let value = acquisition(seen(point))
    return Candidate(point: point, value: value.isFinite ? value : -1e300)
  }

  /// Points in the order of their acquisition, up to 48 of them. At most about 700 posteriors are looked at, fewer the more
  /// trials there are.
  func ranked(_ random: inout RandomStream) -> [[Double]] {
    let dimensions = model.coordinates.count
    // A posterior costs n^2: what a larger history takes more is saved on points.
    let effort = min(1, 50 / Double(max(50, model.points.count)))
    var found: [Candidate] = []
    for _ in 0..<max(96, Int(384 * effort)) {
      found.append(candidate((0..<dimensions).map { _ in random.uniform() }))
    }
    for trial in bestTrials(4) {
      for _ in 0..<max(12, Int(32 * effort)) { found.append(candidate(perturbed(trial, 0.3, &random))) }
    }
    var width = 0.15
    for _ in 0..<5 {
      sort(&found)
      for base in found.prefix(4).map(\.point) {
        for _ in 0..<max(6, Int(14 * effort)) { found.append(candidate(perturbed(base, width, &random))) }
      }
      width /= 2
    }
    sort(&found)
    return found.prefix(48).map(\.point)
  }

  /// Stable, so that equal values keep the order in which they were found.
  private func sort(_ candidates: inout [Candidate]) {
    let order = candidates.indices.sorted { a, b in
      candidates[a].value == candidates[b].value ? a < b : candidates[a].value > candidates[b].value
    }
    candidates = order.prefix(64).map { candidates[$0] }
  }

  private func bestTrials(_ count: Int) -> [[Double]] {
    let order = model.values.indices.sorted {
      model.values[$0] == model.values[$1] ? $0 < $1 : model.values[$0] < model.values[$1]
    }
    return order.prefix(count).map { model.points[$0].map { $0 ?? 0.5 } }
  }

  private func perturbed(_ base: [Double], _ width: Double, _ random: inout RandomStream) -> [Double] {
    let probability = max(0.5, 2 / Double(max(1, base.count)))
    return base.indices.map { index in
      guard random.uniform() < probability else { return base[index] }
      if case .choices = model.coordinates[index] {
        // A choice has no neighbours: it stays, or is any one.
        return random.uniform() < 0.5 ? base[index] : random.uniform()
      }
      return min(max(base[index] + width * lengths[index] * random.normal(), 0), 1)
    }
  }
}
