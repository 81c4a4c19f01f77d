import HoneNumerics
import Testing

@Suite struct EffectSelectionTests {
  private func select(_ features: [[Double?]], choices: [Int], _ values: [Double]) -> EffectSelection {
    EffectSelection(
      zip(features, choices).map { EffectSelection.columns($0, choices: $1) }, values: values,
      random: RandomStream(seed: 1, name: "selection"))
  }

  /// Four rows all above four others: Wilcoxon's two-sided p-value is 2 / 70.
  @Test func pValueOfTwoGroupsIsWilcoxons() throws {
    let group: [Double?] = [0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75]
    let found = select([group], choices: [2], [1, 2, 3, 4, 10, 11, 12, 1e9])
    let effect = try #require(found.effects.first)
    // 999 permutations: a standard error of 0.0053.
    #expect(effect.feature == 0 && abs(effect.pValue - 2 / 70.0) < 0.017, "\(found.effects)")
  }

  /// x0 hides x1 at first; together with x0 it is seen.
  @Test func whatIsHiddenByALargerEffectIsFoundAfterIt() {
    var random = RandomStream(seed: 4, name: "rows")
    let rows = (0..<40).map { _ in (0..<4).map { _ in random.uniform() } }
    let features = (0..<4).map { feature in rows.map { Optional($0[feature]) } }
    let values = rows.map { 5 * $0[2] + 0.7 * $0[1] }
    let found = select(features, choices: [0, 0, 0, 0], values)
    #expect(found.effects.prefix(2).map(\.feature) == [2, 1], "\(found.effects)")
    #expect(found.explained(values) > 0.99)
    let alone = select([features[1]], choices: [0], values)
    #expect(alone.effects.isEmpty, "\(alone.effects)")
  }

  /// That a child is missing is the effect of its parent.
  @Test func missingValuesAreTheParentsEffect() {
    var random = RandomStream(seed: 5, name: "rows")
    let parent = (0..<40).map { Optional($0 % 2 == 0 ? 0.25 : 0.75) }
    let child = parent.map { $0 == 0.25 ? nil : Optional(random.uniform()) }
    let found = select([child, parent], choices: [0, 2], parent.map { ($0 ?? 0) + 0.01 * random.normal() })
    #expect(found.effects.map(\.feature) == [1], "\(found.effects)")
  }

  /// Every value of its own, one value only, no rows, one row, equal scores: nothing to test.
  @Test func nothingToTestIsNoEffect() {
    let ten = (0..<10).map { (Double($0) + 0.5) / 10 }
    let steps = ten.map { 10 * $0 }
    #expect(select([ten], choices: [10], steps).effects.isEmpty)
    #expect(select([ten.map { _ in 0.5 }], choices: [0], steps).effects.isEmpty)
    #expect(select([ten], choices: [0], ten.map { _ in 3 }).effects.isEmpty)
    #expect(select([[]], choices: [0], []).effects.isEmpty)
    #expect(select([[0.5]], choices: [0], [1]).effects.isEmpty)
    #expect(select([], choices: [], steps).explained(steps) == 0)
  }
}
