import Foundation
import Testing

@testable import HoneNumerics

@Suite struct BoostedQuantilesTests {
  /// y = 2 x + noise that grows with x: quantiles are known in closed form.
  private func sample(_ seed: UInt64, _ count: Int) -> (points: [[Double?]], values: [Double]) {
    var random = RandomStream(seed: seed, name: "quantiles")
    var values: [Double] = []
    let points: [[Double?]] = (0..<count).map { _ in
      let x = random.uniform()
      values.append(2 * x + (0.1 + 0.5 * x) * random.normal())
      return [x, random.uniform()]
    }
    return (points, values)
  }

  private func pinball(_ level: Double, _ value: Double, _ prediction: Double) -> Double {
    value > prediction ? level * (value - prediction) : (1 - level) * (prediction - value)
  }

  /// On fresh points the pinball loss lies between that of the true quantiles and that of constant ones, near the former.
  @Test func pinballLossIsNearTheTruth() {
    let (points, values) = sample(1, 400)
    let fresh = sample(2, 1_000)
    var settings = BoostedQuantiles.Settings()
    settings.leastToSplit = 20
    let levels = [0.1, 0.5, 0.9]
    let model = BoostedQuantiles(
      FeatureTable(points, choices: [0, 0]), values: values, levels: levels, settings: settings,
      random: RandomStream(seed: 1, name: "fit"))
    for (index, level) in levels.enumerated() {
      let constant = BoostedQuantiles.quantile(values, level)
      var (ours, truth, flat) = (0.0, 0.0, 0.0)
      for (point, value) in zip(fresh.points, fresh.values) {
        let x = point[0] ?? 0
        ours += pinball(level, value, model.quantile(index, at: point))
        truth += pinball(level, value, 2 * x + (0.1 + 0.5 * x) * Normal.quantile(level))
        flat += pinball(level, value, constant)
      }
      #expect(ours > truth && ours < truth + 0.35 * (flat - truth), "\(level): \(ours) \(truth) \(flat)")
    }
  }

  /// Half of the rows held out: the interval from 0.1 to 0.9 covers four fifths of fresh points, which overfitted trees
  /// alone do not.
  @Test func heldOutRowsMakeIntervalsCover() {
    let (points, values) = sample(3, 300)
    let fresh = sample(4, 1_000)
    let table = FeatureTable(points, choices: [0, 0])
    func coverage(_ heldOut: Set<Int>) -> Double {
      let model = BoostedQuantiles(
        table, values: values, levels: [0.1, 0.9], heldOut: heldOut, random: RandomStream(seed: 1, name: "fit"))
      let inside = zip(fresh.points, fresh.values).count { point, value in
        model.quantile(0, at: point) <= value && value <= model.quantile(1, at: point)
      }
      return Double(inside) / 1_000
    }
    let conformal = coverage(Set(stride(from: 0, to: 300, by: 2)))
    let plain = coverage([])
    #expect(abs(conformal - 0.8) < 0.06, "\(conformal)")
    #expect(plain < 0.74, "\(plain)")
  }

  /// numpy.quantile([3, 1, 2, 10], [0, 0.5, 0.9, 1]).
  @Test func quantilesAreNumPys() {
    let found = [0, 0.5, 0.9, 1].map { BoostedQuantiles.quantile([3, 1, 2, 10], $0) }
    #expect(zip(found, [1, 2.5, 7.9, 10]).allSatisfy { abs($0 - $1) < 1e-12 }, "\(found)")
    #expect(BoostedQuantiles.quantile([], 0.5) == 0 && BoostedQuantiles.quantile([4], 0.9) == 4)
  }
}
