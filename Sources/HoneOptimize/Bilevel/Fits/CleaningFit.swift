/// Logistic regression on rows some of whose labels are wrong, each with a weight that is chosen by the loss on rows whose
/// labels were checked; beside it, always, what the checked rows alone and all rows unweighted come to.
///
/// With many checked rows those alone are as good: then the baselines say so.
public struct CleaningFit: Sendable {
  /// Of the model fitted to the weighted rows and the checked ones.
  public var weights: [Double]
  /// Of each row that was not checked, between 0 and 1: below a half its label is taken to be wrong.
  public var rowWeights: [Double]
  public var tuned: TunedStrengths
  /// Mean loss on the rows that were not checked, unweighted.
  public var trainLoss: Double
  /// Weights fitted to the checked rows alone, and to all rows unweighted, each with a strength of its own tuned on checked
  /// rows.
  public var checkedOnly: [Double]
  public var allRows: [Double]

  /// Outer steps: many weights on few checked rows are stopped early.
  public static let steps = 12

  /// - Parameters:
  ///   - rows: labels may be wrong.
  ///   - checked: labels are right; 4 rows or more.
  ///   - ridge: L2 strength of the features, 0 or more.
  ///   - constant: the place of a constant feature, which is hardly regularized.
  ///   - calls: oracle calls of all fits together, never passed.
  /// - Throws: as `Fit.classifier`.
  public init(
    _ rows: LogisticRows, checked: LogisticRows, ridge: Double, constant: Int? = nil, calls: Int = TunedStrengths.calls
  ) throws(BilevelError) {
    guard checked.count >= 4 else {
      throw BilevelError(.invalid, "weights are chosen on at least 4 checked rows, there are \(checked.count)")
    }
    let meter = OracleMeter(cap: calls)
    let ridge = (0..<rows.width).map { $0 == constant ? Self.free : ridge }
    let problem = try LogisticProblem(train: rows, validation: checked, outer: .rowWeights, ridge: ridge)
    tuned = try TunedStrengths.tune(
      problem, from: nil, isGuarded: false, search: BilevelSearch(tolerance: 1e-3, steps: Self.steps), meter)
    rowWeights = tuned.lambda.map(LogisticProblem.logistic)
    trainLoss = rows.meanLoss(tuned.inner)
    let both = try LogisticProblem(
      train: rows.joined(checked), validation: checked, outer: .rowWeights, ridge: ridge)
    weights = try TunedStrengths.fitted(
      both, at: tuned.lambda + Array(repeating: Self.whole, count: checked.count), meter)
    let groups: [Int?] = (0..<rows.width).map { $0 == constant ? nil : 0 }
    // Halves alike in their labels.
    let order = checked.labels.indices.sorted { (checked.labels[$0], $0) < (checked.labels[$1], $1) }
    let halves = (0..<2).map { part in checked.picking(order.indices.filter { $0 % 2 == part }.map { order[$0] }) }
    let alone = try Fit.classifier(halves[0], outer: halves[1], groups: groups, from: nil, meter)
    let pooled = try Fit.classifier(rows, outer: checked, groups: groups, from: nil, meter)
    // A baseline that was cut short would be none.
    guard alone.tuned.stop != .budget, pooled.tuned.stop != .budget else { throw TunedStrengths.spent(meter) }
    (checkedOnly, allRows) = (alone.weights, pooled.weights)
    tuned.count = meter.count
  }

  /// A lambda whose weight is all but 1.
  private static let whole = 6.0
  /// The ridge of a constant feature.
  private static let free = 1e-3
}
