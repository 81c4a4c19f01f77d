import HoneNumerics
import HoneTrace

/// New points near an assignment in the unit cube: each coordinate moves with probability max(1/2, 2/d) by a Gaussian of
/// standard deviation 0.2, reflected at the ends; the deviation grows with every point drawn in vain.
struct NeighbourSearch {
  let search: NumericSearch
  let centre: [Double?]

  init(space: Space, base: Assignment, known: Set<String>) {
    search = NumericSearch(space: space, base: base, parent: nil, known: known)
    centre = space.encode(base)
  }

  func assignments(_ count: Int, random: inout RandomStream) -> [Assignment] {
    var points = random.child("points")
    let probability = max(0.5, 2 / Double(max(1, centre.count)))
    var deviation = 0.2
    return search.assignments(count, random: &random) {
      deviation = min(2, deviation * 1.02)
      return centre.map { coordinate in
        // An inactive coordinate has no centre to be near.
        guard let coordinate else { return points.uniform() }
        guard points.uniform() < probability else { return coordinate }
        return Self.reflected(coordinate + deviation * points.normal())
      }
    }
  }

  static func reflected(_ x: Double) -> Double {
    let folded = abs(x).truncatingRemainder(dividingBy: 2)
    return folded > 1 ? 2 - folded : folded
  }
}

extension Space {
  /// The space with every parameter but those named held at its value in `base`.
  func pinned(at base: Assignment, except movable: Set<String>) -> Space {
    var space = self
    for index in space.parameters.indices where !movable.contains(space.parameters[index].name) {
      let parameter = space.parameters[index]
      guard parameter.domain.isEncodable else { continue }
      space.parameters[index].domain = .categorical([base[parameter.name] ?? parameter.initial])
    }
    return space
  }
}
