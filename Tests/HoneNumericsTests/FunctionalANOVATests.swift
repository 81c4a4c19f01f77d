import Foundation
import Testing

@testable import HoneNumerics

@Suite struct FunctionalANOVATests {
  /// On a space of grids and choices, some of them missing, main effects equal those of every point looked at one by one.
  @Test func effectsAgreeWithEnumeration() throws {
    let places = (0..<5).map { (Double($0) + 0.5) / 5 }
    let axes = [
      FunctionalANOVA.Axis(.grid(places)), FunctionalANOVA.Axis(.choices(3)),
      FunctionalANOVA.Axis(.grid(places), missing: 0.4), FunctionalANOVA.Axis(.choices(2), missing: 0.25),
    ]
    // By axis: values with their probabilities.
    let third = (0..<3).map { (Optional((Double($0) + 0.5) / 3), 1 / 3.0) }
    let values: [[(value: Double?, weight: Double)]] = [
      places.map { ($0, 0.2) }, third, [(nil, 0.4)] + places.map { ($0, 0.12) },
      [(0.25, 0.375), (0.75, 0.375), (nil, 0.25)],
    ]
    for seed in 0..<8 as Range<UInt64> {
      var random = RandomStream(seed: seed, name: "anova")
      let points: [[Double?]] = (0..<40).map { _ in values.map { $0[Int(random.next() % UInt64($0.count))].value } }
      let scores = points.map { point in
        3 * (point[0] ?? 0) + (point[1] ?? 0) * (point[2] ?? 2) + (point[3] ?? -1) + 0.2 * random.normal()
      }
      let forest = RegressionForest(
        FeatureTable(points, choices: [0, 3, 0, 2]), values: scores, random: random.child("fit"))
      let found = try #require(FunctionalANOVA.mainEffects(forest, axes))
      var expected = [0.0, 0, 0, 0]
      for tree in forest.trees {
        let shares = enumerated(tree, forest.table, values)
        for axis in 0..<4 { expected[axis] += shares[axis] / 10 }
      }
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-9 }, "seed \(seed): \(found) \(expected)")
    }
  }

  private func enumerated(
    _ tree: RegressionTree, _ table: FeatureTable, _ values: [[(value: Double?, weight: Double)]]
  ) -> [Double] {
    var all: [(indices: [Int], weight: Double, prediction: Double)] = []
    func visit(_ indices: [Int], _ weight: Double) {
      guard indices.count < values.count else {
        let point = zip(values, indices).map { $0[$1].value }
        all.append((indices, weight, tree.nodes[tree.leaf(of: table.features(of: point))].mean))
        return
      }
      for (index, next) in values[indices.count].enumerated() { visit(indices + [index], weight * next.weight) }
    }
    visit([], 1)
    let mean = all.reduce(0) { $0 + $1.weight * $1.prediction }
    let variance = all.reduce(0) { $0 + $1.weight * ($1.prediction - mean) * ($1.prediction - mean) }
    return values.indices.map { axis in
      var marginal = values[axis].map { _ in 0.0 }
      for (indices, weight, prediction) in all {
        marginal[indices[axis]] += weight * prediction / values[axis][indices[axis]].weight
      }
      return zip(values[axis], marginal).reduce(0) { $0 + $1.0.weight * ($1.1 - mean) * ($1.1 - mean) } / variance
    }
  }

  /// A tree of two leaves split at 0.3: all of the variance, 0.21, is the first feature's.
  @Test func oneSplitIsOneEffect() throws {
    var random = RandomStream(seed: 1, name: "one")
    let points: [[Double?]] = (0..<200).map { _ in [random.uniform(), random.uniform()] }
    var settings = RegressionForest.Settings()
    settings.isBootstrapped = false
    settings.share = 1
    let forest = RegressionForest(
      FeatureTable(points, choices: [0, 0]), values: points.map { ($0[0] ?? 0) < 0.3 ? 0 : 1 }, settings: settings,
      random: random)
    let axes = [FunctionalANOVA.Axis(.continuous), FunctionalANOVA.Axis(.continuous)]
    let effects = try #require(FunctionalANOVA.mainEffects(forest, axes))
    #expect(abs(effects[0] - 1) < 1e-9 && effects[1] < 1e-9)
    let constant = RegressionForest(
      FeatureTable(points, choices: [0, 0]), values: points.map { _ in 2 }, settings: settings, random: random)
    #expect(FunctionalANOVA.mainEffects(constant, axes) == nil)
  }
}
