/// Points of the unit cube as regression trees read them: numbers and choices by column, each number's rows in order.
///
/// A missing number is -1, below every present one; a missing choice is one more category. So what is inactive under a
/// condition can be split from what is not.
package struct FeatureTable: Sendable {
  package let rows: Int
  /// How many choices each feature has; 0 for numbers.
  package let choices: [Int]
  /// Feature after feature.
  let values: [Double]
  /// The rows of each feature, sorted by value, ties by row; feature after feature.
  let orders: [Int32]

  /// O(features rows log rows).
  ///
  /// - Parameters:
  ///   - points: one row of coordinates each; nil where inactive.
  ///   - choices: how many choices each coordinate has; 0 for a number.
  package init(_ points: [[Double?]], choices: [Int]) {
    self.choices = choices
    rows = points.count
    var values: [Double] = []
    var orders: [Int32] = []
    values.reserveCapacity(choices.count * points.count)
    orders.reserveCapacity(choices.count * points.count)
    for (feature, count) in choices.enumerated() {
      let column = points.map { Self.value($0[feature], choices: count) }
      values += column
      orders += column.indices.sorted { (column[$0], $0) < (column[$1], $1) }.map { Int32($0) }
    }
    self.values = values
    self.orders = orders
  }

  /// What trees see of a point.
  package func features(of point: [Double?]) -> [Double] {
    var features = Array(repeating: 0.0, count: choices.count)
    for feature in 0..<choices.count { features[feature] = Self.value(point[feature], choices: choices[feature]) }
    return features
  }

  private static func value(_ u: Double?, choices: Int) -> Double {
    guard choices > 0 else { return u ?? -1 }
    return u.map { Double(min(max(Int($0 * Double(choices)), 0), choices - 1)) } ?? Double(choices)
  }
}
