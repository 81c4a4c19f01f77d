import Foundation
import HoneNumerics
import Testing

@Suite struct CovarianceAdaptationTests {
  /// A product of two Householder reflections.
  static func rotated(_ x: [Double]) -> [Double] {
    var z = x
    for v in [[5.0, -1, 4, -2, 3], [1.0, 2, 3, 4, 5]] {
      let share = 2 * zip(v, z).reduce(0) { $0 + $1.0 * $1.1 } / v.reduce(0) { $0 + $1 * $1 }
      for j in z.indices { z[j] -= share * v[j] }
    }
    return z
  }

  /// Rotated ellipsoid with condition number 10^6, its bottom off centre.
  static func ellipsoid(_ x: [Double]) -> Double {
    let z = rotated(x.enumerated().map { $1 - 0.3 - 0.05 * Double($0) })
    return z.enumerated().reduce(0) { $0 + pow(10, 6 * Double($1.offset) / 4) * $1.element * $1.element }
  }

  /// Evaluations until the ellipsoid is below 1e-8.
  private func evaluations(seed: UInt64) -> Int {
    var random = RandomStream(seed: seed, name: "ellipsoid")
    var evolution = CovarianceAdaptation(mean: Array(repeating: 0.5, count: 5), sigma: 0.3, population: 8)
    var count = 0
    while count < 5_000 {
      var points = (0..<8).map { _ in evolution.sample(&random).map { min(max($0, 0), 1) } }
      let values = points.map(Self.ellipsoid)
      if let hit = values.firstIndex(where: { $0 < 1e-8 }) { return count + hit + 1 }
      count += 8
      let order = values.indices.sorted { values[$0] < values[$1] }
      points = order.map { points[$0] }
      evolution.update(
        points.map { $0.map(Optional.some) }, isOwn: Array(repeating: true, count: 8),
        grids: Array(repeating: [], count: 5))
    }
    return count
  }

  /// The package cmaes 0.13.1, same function, start and population, seeds 0-39: median 1332 evaluations,
  /// 1121 to 1598.
  @Test func solvesTheRotatedEllipsoidAsThePeerDoes() {
    let counts = (0..<9).map { evaluations(seed: $0) }.sorted()
    #expect(counts[8] < 1_900, "\(counts)")
    #expect(abs(counts[4] - 1_332) < 200, "\(counts)")
  }

  /// Where every point is as good as another one, all directions stay alike: the expectation of C does not change.
  @Test func nothingIsLearnedFromRandomRanks() {
    var random = RandomStream(seed: 3, name: "ranks")
    var logs = 0.0
    for _ in 0..<40 {
      var evolution = CovarianceAdaptation(mean: [0.5, 0.5, 0.5], sigma: 1e-3, population: 7)
      for _ in 0..<20 {
        let points = (0..<7).map { _ in evolution.sample(&random).map(Optional.some) }
        evolution.update(points, isOwn: Array(repeating: true, count: 7), grids: [[], [], []])
      }
      logs += log(evolution.sigma / 1e-3) / 40
    }
    #expect(abs(logs) < 0.4, "\(logs)")
  }

  /// Both neighbours of a grid's cell keep alpha / 2 however small the steps become.
  @Test func gridsKeepAMargin() {
    var random = RandomStream(seed: 4, name: "margin")
    let grid = (0..<10).map { (Double($0) + 0.5) / 10 }
    var evolution = CovarianceAdaptation(mean: [0.44, 0.5], sigma: 0.3, population: 8)
    for _ in 0..<150 {
      let points = (0..<8).map { _ in evolution.sample(&random) }
      // Best where the first coordinate's cell is the fifth, and near 0.2 in the second.
      let order = points.indices.sorted {
        let (a, b) = (points[$0], points[$1])
        return abs(floor(a[0] * 10) - 4) + abs(a[1] - 0.2) < abs(floor(b[0] * 10) - 4) + abs(b[1] - 0.2)
      }
      evolution.update(
        order.map { points[$0].map(Optional.some) }, isOwn: Array(repeating: true, count: 8), grids: [grid, []])
    }
    #expect(evolution.sigma < 1e-3, "\(evolution.sigma)")
    let deviation = evolution.deviation(0)
    let below = Normal.cumulative((0.4 - evolution.mean[0]) / deviation)
    let above = Normal.cumulative((evolution.mean[0] - 0.5) / deviation)
    let least = 1 / (2.0 * 16)
    #expect(below > least * 0.999 && above > least * 0.999 && below < 0.3 && above < 0.3, "\(below) \(above)")
    // At the end of the grid the next cell keeps alpha.
    var edge = CovarianceAdaptation(mean: [0.05, 0.5], sigma: 1e-6, population: 8)
    let points = (0..<8).map { _ in edge.sample(&random).map(Optional.some) }
    edge.update(points, isOwn: Array(repeating: true, count: 8), grids: [grid, []])
    let next = Normal.cumulative((edge.mean[0] - 0.1) / edge.deviation(0))
    #expect(abs(next - 1 / 16.0) < 1e-6, "\(next)")
  }

  /// A foreign point far away moves the mean by no more than a draw could.
  @Test func foreignPointsAreShortened() {
    var random = RandomStream(seed: 5, name: "foreign")
    var evolution = CovarianceAdaptation(mean: [0.5, 0.5], sigma: 0.01, population: 6)
    var points = (0..<6).map { _ in evolution.sample(&random).map(Optional.some) }
    points[0] = [0, 1]
    evolution.update(
      points, isOwn: (0..<6).map { $0 > 0 }, grids: [[], []])
    #expect(evolution.mean.allSatisfy { abs($0 - 0.5) < 0.03 }, "\(evolution.mean)")
  }

  @Test func manyDimensionsAreDiagonalAndStaySolvable() {
    var random = RandomStream(seed: 6, name: "many")
    let size = CovarianceAdaptation.fullDimensions + 8
    let population = CovarianceAdaptation.population(dimensions: size)
    var evolution = CovarianceAdaptation(mean: Array(repeating: 0.5, count: size), sigma: 0.3, population: population)
    let grids = Array(repeating: [Double](), count: size)
    func loss(_ x: [Double]) -> Double {
      x.enumerated().reduce(0) { $0 + pow(10, 3 * Double($1.offset) / 39) * ($1.element - 0.3) * ($1.element - 0.3) }
    }
    for _ in 0..<250 {
      let points = (0..<population).map { _ in evolution.sample(&random) }
      let values = points.map(loss)
      let order = values.indices.sorted { values[$0] < values[$1] }
      evolution.update(
        order.map { points[$0].map(Optional.some) }, isOwn: Array(repeating: true, count: population), grids: grids)
    }
    #expect(loss(evolution.mean) < 1e-3, "\(loss(evolution.mean))")
  }
}
