import HoneNumerics
import HoneTrace

/// Looks for the points of the unit cube that a model scores highest: random points, perturbations of the best trials, then
/// rounds of smaller perturbations of the best points found. A model sees each point as its assignment lies: snapped, and
/// nil where a parameter is inactive.
struct CandidateSearch {
  let coordinates: [Coordinate]
  /// How far a step goes in each coordinate, from 0 to 1.
  let lengths: [Double]
  private let parents: [(child: Int, parent: Int, cells: Set<Int>)]

  struct Candidate {
    var point: [Double]
    var score: Double
  }

  /// How many points are looked at.
  struct Effort {
    var random = 256
    /// Perturbations of each of the best trials.
    var near = 24
    var rounds = 4
    /// Perturbations of each of the best points of a round.
    var local = 12
  }

  /// - Parameter lengths: as the model has them; 1 for each when nil.
  init(_ space: Space, lengths: [Double]? = nil) {
    let encodable = space.encodable
    coordinates = encodable.map { Coordinate($0.domain) }
    self.lengths = lengths ?? coordinates.map { _ in 1 }
    var parents: [(child: Int, parent: Int, cells: Set<Int>)] = []
    for (child, parameter) in encodable.enumerated() {
      for (parent, candidate) in encodable.enumerated() {
        guard let allowed = parameter.condition?.allowed[candidate.name] else { continue }
        let coordinate = coordinates[parent]
        // On a continuum nearly no point meets a value: the child counts as active.
        guard coordinate != .continuous else { continue }
        parents.append((child, parent, Set(allowed.compactMap(candidate.domain.encode).map(coordinate.cell))))
      }
    }
    self.parents = parents
  }

  /// What a model sees of a point. Parents stand before their children.
  func seen(_ point: [Double]) -> [Double?] {
    var seen: [Double?] = coordinates.indices.map { coordinates[$0].snapped(point[$0]) }
    for (child, parent, cells) in parents {
      if let value = seen[parent], cells.contains(coordinates[parent].cell(value)) { continue }
      seen[child] = nil
    }
    return seen
  }

  func uniform(_ random: inout RandomStream) -> [Double] { coordinates.map { _ in random.uniform() } }

  /// Up to 48 candidates, the highest score first; equal ones in the order they were found.
  ///
  /// - Parameters:
  ///   - incumbents: points to search around.
  ///   - score: of what a model sees of a point; not NaN.
  func ranked(
    around incumbents: [[Double]], _ effort: Effort, _ random: inout RandomStream, score: ([Double?]) -> Double
  ) -> [Candidate] {
    var found: [Candidate] = []
    func add(_ point: [Double]) { found.append(Candidate(point: point, score: score(seen(point)))) }
    for _ in 0..<effort.random { add(uniform(&random)) }
    for point in incumbents {
      for _ in 0..<effort.near { add(perturbed(point, by: 0.3, &random)) }
    }
    var width = 0.15
    for _ in 0..<effort.rounds {
      Self.sort(&found)
      for base in found.prefix(4).map(\.point) {
        for _ in 0..<effort.local { add(perturbed(base, by: width, &random)) }
      }
      width /= 2
    }
    Self.sort(&found)
    return Array(found.prefix(48))
  }

  /// Some coordinates moved by a Gaussian of this width times the coordinate's length; a choice stays or is any one.
  func perturbed(_ base: [Double], by width: Double, _ random: inout RandomStream) -> [Double] {
    let probability = max(0.5, 2 / Double(max(1, base.count)))
    return base.indices.map { index in
      guard random.uniform() < probability else { return base[index] }
      if case .choices = coordinates[index] { return random.uniform() < 0.5 ? base[index] : random.uniform() }
      return min(max(base[index] + width * lengths[index] * random.normal(), 0), 1)
    }
  }

  private static func sort(_ candidates: inout [Candidate]) {
    let order = candidates.indices.sorted { a, b in
      candidates[a].score == candidates[b].score ? a < b : candidates[a].score > candidates[b].score
    }
    candidates = order.prefix(64).map { candidates[$0] }
  }
}
