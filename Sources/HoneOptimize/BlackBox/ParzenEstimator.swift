import Foundation
import HoneNumerics

/// A mixture of product kernels, one component an observation and one for the prior: the density that TPE estimates of good
/// and of bad trials (Bergstra et al. 2011; widths, weights and prior as Optuna 5 and Watanabe 2023 have them).
struct ParzenEstimator {
  private let coordinates: [Coordinate]
  /// Centres and widths of the components, by coordinate; the last component is the prior.
  private var centres: [[Double]] = []
  private var widths: [[Double]] = []
  /// Half the inverse squares of the widths.
  private var scales: [[Double]] = []
  private var logWeights: [Double]
  private let cumulativeWeights: [Double]

  var components: Int { logWeights.count }

  /// - Parameters:
  ///   - columns: by coordinate, the observations in the order they were made.
  ///   - count: of observations.
  init(columns: [[Double]], count: Int, coordinates: [Coordinate]) {
    self.coordinates = coordinates
    let weights = Self.weights(count)
    let total = weights.reduce(0, +)
    logWeights = weights.map { log($0 / total) }
    var sum = 0.0
    cumulativeWeights = weights.map { weight in
      sum += weight / total
      return sum
    }
    for index in coordinates.indices {
      let values = columns[index]
      centres.append(values + [0.5])
      guard case .choices = coordinates[index] else {
        widths.append(Self.widths(values) + [1])
        continue
      }
      widths.append([])
    }
    scales = widths.map { $0.map { 0.5 / ($0 * $0) } }
    normalize()
  }

  /// 1 for each of the newest 25 observations, less the older the others are, and 1 for the prior.
  static func weights(_ count: Int) -> [Double] {
    guard count >= 25 else { return Array(repeating: 1, count: count + 1) }
    let ramp = count - 25
    let first = 1 / Double(count)
    let old = (0..<ramp).map { ramp == 1 ? first : first + (1 - first) * Double($0) / Double(ramp - 1) }
    return old + Array(repeating: 1, count: 26)
  }

  /// The larger gap to a neighbour, at the ends the inner gap, not below 1 / min(100, n + 2).
  static func widths(_ values: [Double]) -> [Double] {
    let count = values.count
    let least = 1 / min(100, Double(count) + 2)
    var widths = Array(repeating: 1.0, count: count)
    let order = order(values)
    for rank in 0..<count {
      let index = order[rank]
      let value = values[index]
      let below = value - (rank > 0 ? values[order[rank - 1]] : 0)
      let above = (rank + 1 < count ? values[order[rank + 1]] : 1) - value
      var gap = max(below, above)
      if count >= 2 {
        if rank == 0 { gap = above } else if rank == count - 1 { gap = below }
      }
      widths[index] = min(max(gap, least), 1)
    }
    return widths
  }

  /// The places of values in [0, 1] from the lowest on, to 6e-8, then by age: a radix sort in three passes.
  static func order(_ values: [Double]) -> [Int] {
    let keys = values.map { UInt32(min(max($0, 0), 1) * 0xff_ffff) }
    var order = Array(values.indices)
    var next = order
    for shift: UInt32 in [0, 8, 16] {
      var starts = Array(repeating: 0, count: 257)
      for key in keys { starts[Int((key &>> shift) & 0xff) + 1] += 1 }
      for digit in 0..<256 { starts[digit + 1] += starts[digit] }
      for index in order {
        let digit = Int((keys[index] &>> shift) & 0xff)
        next[starts[digit]] = index
        starts[digit] += 1
      }
      swap(&order, &next)
    }
    return order
  }

  /// Takes what does not depend on the point into the weights: kernels are cut off at the ends of the interval, and what
  /// is left of each must integrate to 1.
  private mutating func normalize() {
    // One logarithm for several factors.
    var factors = Array(repeating: 1.0, count: components)
    for index in coordinates.indices where !widths[index].isEmpty {
      let (centres, widths) = (centres[index], widths[index])
      var isDensity = false
      if case .continuous = coordinates[index] { isDensity = true }
      for component in 0..<components {
        let (centre, width) = (centres[component], widths[component])
        var mass = isDensity ? width / 0.398_942_280_401_432_7 : 1
        if centre < 6 * width || 1 - centre < 6 * width { mass *= Self.mass(0, 1, centre, width) }
        factors[component] *= mass
        if factors[component] < 1e-200 {
          logWeights[component] -= log(factors[component])
          factors[component] = 1
        }
      }
    }
    for component in 0..<components where factors[component] != 1 { logWeights[component] -= log(factors[component]) }
  }

  private static func mass(_ low: Double, _ high: Double, _ centre: Double, _ width: Double) -> Double {
    // On the side where the tail is small, so that nothing cancels.
    let (a, b) = ((low - centre) / width, (high - centre) / width)
    let mass = a > 0 ? Normal.cumulative(-a) - Normal.cumulative(-b) : Normal.cumulative(b) - Normal.cumulative(a)
    return max(mass, 1e-300)
  }

  /// One point: a component first, then every coordinate from it, so that what belongs together stays together.
  func sample(_ random: inout RandomStream) -> [Double] {
    let u = random.uniform()
    let component = min(cumulativeWeights.firstIndex { u < $0 } ?? components - 1, components - 1)
    return coordinates.indices.map { index in
      let centre = centres[index][component]
      guard case .choices(let count) = coordinates[index] else {
        return coordinates[index].snapped(Self.truncatedNormal(centre, widths[index][component], &random))
      }
      let (seen, other) = choiceWeights(count)
      if component < components - 1, random.uniform() < seen - other { return coordinates[index].snapped(centre) }
      return (Double(Int(random.uniform() * Double(count))) + 0.5) / Double(count)
    }
  }

  /// A component's probability of the choice it has seen and of any other one.
  private func choiceWeights(_ count: Int) -> (seen: Double, other: Double) {
    let prior = 1 / Double(components)
    let total = 1 + Double(count) * prior
    return ((1 + prior) / total, prior / total)
  }

  private static func truncatedNormal(_ centre: Double, _ width: Double, _ random: inout RandomStream) -> Double {
    // At least a third of the kernel lies inside.
    for _ in 0..<64 {
      let x = centre + width * random.normal()
      if x >= 0, x <= 1 { return x }
    }
    return random.uniform()
  }

  /// The logarithm of the density at each point; of the probability where coordinates are discrete. O(points n d).
  func logDensities(_ points: [[Double]]) -> [Double] {
    var terms = Array(repeating: 0.0, count: components)
    return points.map { point in
      for component in 0..<components { terms[component] = logWeights[component] }
      for index in coordinates.indices { add(index, point[index], to: &terms) }
      let largest = terms.max() ?? 0
      var sum = 0.0
      for term in terms where term > largest - 40 { sum += exp(term - largest) }
      return largest + log(sum)
    }
  }

  private func add(_ index: Int, _ u: Double, to terms: inout [Double]) {
    let coordinate = coordinates[index]
    switch coordinate {
    case .choices(let count): addChoice(count, coordinate.cell(u), coordinate, centres[index], to: &terms)
    case .continuous:
      let (centres, scales) = (centres[index], scales[index])
      centres.withUnsafeBufferPointer { centres in
        scales.withUnsafeBufferPointer { scales in
          terms.withUnsafeMutableBufferPointer { terms in
            for component in terms.indices {
              let gap = u - centres[component]
              terms[component] -= gap * gap * scales[component]
            }
          }
        }
      }
    case .grid(let places):
      let cell = coordinate.cell(u)
      let low = cell == 0 ? 0 : (places[cell - 1] + places[cell]) / 2
      let high = cell + 1 == places.count ? 1 : (places[cell] + places[cell + 1]) / 2
      addCell(low, high, centres[index], widths[index], to: &terms)
    }
  }

  private func addChoice(
    _ count: Int, _ cell: Int, _ coordinate: Coordinate, _ centres: [Double], to terms: inout [Double]
  ) {
    let (seen, other) = choiceWeights(count)
    let (logSeen, logOther) = (log(seen), log(other))
    for component in 0..<(components - 1) {
      terms[component] += coordinate.cell(centres[component]) == cell ? logSeen : logOther
    }
    terms[components - 1] -= log(Double(count))
  }

  private func addCell(
    _ low: Double, _ high: Double, _ centres: [Double], _ widths: [Double], to terms: inout [Double]
  ) {
    let (middle, size) = ((low + high) / 2, high - low)
    for component in 0..<components {
      let (centre, width) = (centres[component], widths[component])
      let z = (middle - centre) / width
      // In a narrow cell, or far out, the density at the middle stands for the whole; both are off by little there.
      if size < 0.5 * width || abs(z) > 8 + size / width {
        terms[component] += log(size / width) - 0.918_938_533_204_672_7 - 0.5 * z * z
      } else {
        terms[component] += log(Self.mass(low, high, centre, width))
      }
    }
  }
}
