import Foundation
import Testing

@testable import HoneNumerics

@Suite struct RegressionTreeTests {
  private static func sumOfSquares(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(max(1, values.count))
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  }

  /// The root's split lowers the sum of squares as much as the best of all thresholds and of all subsets of the choices.
  @Test func theRootIsTheBestSplitOfAll() throws {
    for seed in 0..<60 as Range<UInt64> {
      var random = RandomStream(seed: seed, name: "splits")
      let points: [[Double?]] = (0..<14).map { _ in
        [
          random.uniform() < 0.2 ? nil : (random.uniform() * 6).rounded() / 6,
          random.uniform() < 0.2 ? nil : (Double(random.next() % 4) + 0.5) / 4,
        ]
      }
      let values = points.map { _ in random.normal() }
      let table = FeatureTable(points, choices: [0, 4])
      let settings = RegressionTree.Settings(depth: 1)
      let tree = RegressionTree(
        table, values: values, weights: values.map { _ in 1 }, settings: settings, random: &random)
      // Every way to part the rows by one feature.
      var least = Double.infinity
      let rows = points.map(table.features(of:))
      for threshold in Set(rows.map { $0[0] }).sorted().dropLast() {
        let left = rows.indices.filter { rows[$0][0] <= threshold }
        let right = rows.indices.filter { rows[$0][0] > threshold }
        least = min(
          least, Self.sumOfSquares(left.map { values[$0] }) + Self.sumOfSquares(right.map { values[$0] }))
      }
      for subset in 1..<31 {
        let left = rows.indices.filter { subset >> Int(rows[$0][1]) & 1 == 1 }
        let right = rows.indices.filter { subset >> Int(rows[$0][1]) & 1 == 0 }
        guard !left.isEmpty, !right.isEmpty else { continue }
        least = min(
          least, Self.sumOfSquares(left.map { values[$0] }) + Self.sumOfSquares(right.map { values[$0] }))
      }
      let leaves = rows.map { tree.leaf(of: $0) }
      let found = Set(leaves).sorted().reduce(0.0) { sum, leaf in
        sum + Self.sumOfSquares(rows.indices.filter { leaves[$0] == leaf }.map { values[$0] })
      }
      #expect(abs(found - least) < 1e-9, "seed \(seed): \(found) \(least)")
      #expect(rows.indices.allSatisfy { tree.leaf(of: $0, in: table) == leaves[$0] })
    }
  }

  /// Unpruned, a tree has every distinct row in a leaf of its own.
  @Test func anUnprunedTreeKnowsEveryRow() {
    var random = RandomStream(seed: 2, name: "unpruned")
    let points: [[Double?]] = (0..<80).map { _ in [random.uniform(), random.uniform()] }
    let values = points.map { _ in random.normal() }
    let tree = RegressionTree(
      FeatureTable(points, choices: [0, 0]), values: values, weights: values.map { _ in 1 },
      settings: RegressionTree.Settings(), random: &random)
    for (point, value) in zip(points, values) {
      #expect(tree.nodes[tree.leaf(of: point.map { $0 ?? -1 })].mean == value)
    }
  }

  @Test func nothingToSplitIsOneLeaf() {
    var random = RandomStream(seed: 3, name: "leaf")
    for points in [[], [[0.5]], [[0.5], [0.5]], [[nil], [nil]]] as [[[Double?]]] {
      let values = points.indices.map(Double.init)
      let tree = RegressionTree(
        FeatureTable(points, choices: [0]), values: values, weights: values.map { _ in 1 },
        settings: RegressionTree.Settings(), random: &random)
      #expect(tree.nodes.count == 1)
    }
    let constant = RegressionTree(
      FeatureTable([[0.1], [0.9]], choices: [0]), values: [1, 1], weights: [1, 1],
      settings: RegressionTree.Settings(), random: &random)
    #expect(constant.nodes.count == 1 && constant.nodes[0].mean == 1)
  }
}
