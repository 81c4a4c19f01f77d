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
    var seen: [Double?] = []
    seen.reserveCapacity(point.count)
    for index in 0..<coordinates.count { seen.append(coordinates[index].snapped(point[index])) }
    for (child, parent, cells) in parents {
      if let value = seen[parent], cells.contains(coordinates[parent].cell(value)) { continue }
      seen[child] = nil
    }
    return seen
  }

  func uniform(_ random: inout RandomStream) -> [Double] {
    var point: [Double] = []
    point.reserveCapacity(coordinates.count)
    for _ in 0..<coordinates.count { point.append(random.uniform()) }
    return point
  }

  /// Up to 48 candidates, the highest score first; equal ones in the order they were found.
  ///
  /// - Parameters:
  ///   - incumbents: points to search around.
  ///   - score: of what a model sees of a point; not NaN.
  func ranked(
    around incumbents: [[Double]], _ effort: Effort, _ random: inout RandomStream, score: ([Double?]) -> Double
  ) -> [Candidate] {
    var found: [Candidate] = []
    /// Keeps the 64 best in order, an equal one behind those found before.
    func add(_ point: [Double]) {
      let score = score(seen(point))
      if found.count == 64, let last = found.last, score <= last.score { return }
      var (low, high) = (0, found.count)
      while low < high {
        let middle = (low + high) / 2
        if found[middle].score >= score { low = middle + 1 } else { high = middle }
      }
      found.insert(Candidate(point: point, score: score), at: low)
      if found.count > 64 { found.removeLast() }
    }
    for _ in 0..<effort.random { add(uniform(&random)) }
    for point in incumbents {
      for _ in 0..<effort.near { add(perturbed(point, by: 0.3, &random)) }
    }
    var width = 0.15
    for _ in 0..<effort.rounds {
      for base in found.prefix(4).map(\.point) {
        for _ in 0..<effort.local { add(perturbed(base, by: width, &random)) }
      }
      width /= 2
    }
    return Array(found.prefix(48))
  }

  /// Some coordinates moved by a Gaussian of this width times the coordinate's length; a choice stays or is any one.
  func perturbed(_ base: [Double], by width: Double, _ random: inout RandomStream) -> [Double] {
    let probability = max(0.5, 2 / Double(max(1, base.count)))
    var point = base
    for index in 0..<base.count where random.uniform() < probability {
      if case .choices = coordinates[index] {
        if random.uniform() >= 0.5 { point[index] = random.uniform() }
      } else {
        point[index] = min(max(base[index] + width * lengths[index] * random.normal(), 0), 1)
      }
    }
    return point
  }
}
