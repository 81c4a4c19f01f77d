import Foundation
import Testing

@testable import HoneNumerics

@Suite struct RegressionForestTests {
  private func sample(_ seed: UInt64, _ count: Int) -> (points: [[Double?]], values: [Double]) {
    var random = RandomStream(seed: seed, name: "forest")
    let points: [[Double?]] = (0..<count).map { _ in
      let kind = (Double(random.next() % 3) + 0.5) / 3
      return [random.uniform(), kind, kind < 0.3 ? nil : random.uniform()]
    }
    let values = points.map { point in
      let kind: Double = point[1] ?? 0
      return sin(5 * (point[0] ?? 0)) + kind + (point[2] ?? 0) + 0.1 * random.normal()
    }
    return (points, values)
  }

  /// Mean and variance of the mixture of the trees' leaves, from the rows that each tree's bootstrap put into them.
  @Test func posteriorAgreesWithItsRows() {
    let (points, values) = sample(1, 60)
    let table = FeatureTable(points, choices: [0, 3, 0])
    var settings = RegressionForest.Settings()
    settings.leastToSplit = 8
    let stream = RandomStream(seed: 9, name: "grow")
    let forest = RegressionForest(table, values: values, settings: settings, random: stream)
    for query in sample(2, 30).points {
      var all: [[Double]] = []
      for (index, tree) in forest.trees.enumerated() {
        // The same bootstrap, drawn again.
        var random = stream.child("tree \(index)")
        let rows = points.indices.map { _ in Int(random.next() % 60) }
        let leaf = tree.leaf(of: table.features(of: query))
        all.append(rows.filter { tree.leaf(of: $0, in: table) == leaf }.map { values[$0] })
      }
      #expect(all.allSatisfy { !$0.isEmpty })
      // Every tree counts the same, every row of its leaf too.
      let mean = all.reduce(0) { $0 + $1.reduce(0, +) / Double($1.count) } / 10
      let variance =
        all.reduce(0) { sum, leaf in
          sum + leaf.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(leaf.count)
        } / 10
      let found = forest.posterior(query)
      #expect(abs(found.mean - mean) < 1e-9 && abs(found.deviation - variance.squareRoot()) < 1e-7)
    }
  }

  /// R^2 from the trees whose bootstrap, drawn again, left each row out; on shuffled values it is about 0 or below.
  @Test func outOfBagAgreesWithItsRows() throws {
    let (points, values) = sample(5, 80)
    let table = FeatureTable(points, choices: [0, 3, 0])
    let stream = RandomStream(seed: 3, name: "grow")
    let forest = RegressionForest(table, values: values, random: stream)
    let samples = forest.trees.indices.map { index -> Set<Int> in
      var random = stream.child("tree \(index)")
      return Set(points.indices.map { _ in Int(random.next() % 80) })
    }
    let rows = points.indices.filter { row in samples.contains { !$0.contains(row) } }
    let mean = rows.reduce(0) { $0 + values[$1] } / Double(rows.count)
    var (squares, total) = (0.0, 0.0)
    for row in rows {
      let out = samples.indices.filter { !samples[$0].contains(row) }.map { tree in
        forest.trees[tree].nodes[forest.trees[tree].leaf(of: table.features(of: points[row]))].mean
      }
      let error = out.reduce(0, +) / Double(out.count) - values[row]
      squares += error * error
      total += (values[row] - mean) * (values[row] - mean)
    }
    let found = try #require(forest.outOfBagR2(values))
    #expect(abs(found - (1 - squares / total)) < 1e-9 && found > 0.5)
    let shuffled = values.indices.map { values[$0 * 37 % 80] }
    let chance = RegressionForest(table, values: shuffled, random: stream)
    #expect(try #require(chance.outOfBagR2(shuffled)) < 0.2)
    let ones = values.map { _ in 1.0 }
    #expect(RegressionForest(table, values: ones, random: stream).outOfBagR2(ones) == nil)
  }

  /// On fresh points the forest errs far less than the mean of all values, and is less sure far from its points.
  @Test func predictsFreshPoints() {
    let (points, values) = sample(3, 300)
    let forest = RegressionForest(
      FeatureTable(points, choices: [0, 3, 0]), values: values, random: RandomStream(seed: 1, name: "fit"))
    let fresh = sample(4, 200)
    let mean = values.reduce(0, +) / 300
    var (squares, total) = (0.0, 0.0)
    for (point, value) in zip(fresh.points, fresh.values) {
      let error = forest.posterior(point).mean - value
      squares += error * error
      total += (value - mean) * (value - mean)
    }
    #expect(squares < 0.15 * total, "\(squares / total)")
  }

  @Test func hundredsOfFeaturesAreBounded() {
    var random = RandomStream(seed: 5, name: "wide")
    let points: [[Double?]] = (0..<40).map { _ in (0..<300).map { _ in random.uniform() } }
    let values = points.map { $0[7] ?? 0 }
    let forest = RegressionForest(
      FeatureTable(points, choices: Array(repeating: 0, count: 300)), values: values,
      random: RandomStream(seed: 1, name: "fit"))
    for tree in forest.trees {
      #expect(Set(tree.nodes.map(\.feature).filter { $0 >= 0 }).count <= 32)
      #expect(tree.nodes.count > 1)
    }
  }
}
