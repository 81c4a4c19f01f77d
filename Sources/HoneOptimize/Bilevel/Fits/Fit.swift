/// A model whose strengths of regularization were tuned on rows of their own, and which was then fitted to all rows.
///
/// Numbers among the features should be of about 1. A constant feature, where one is wanted, is the caller's to add, with no
/// group.
public struct Fit: Sendable {
  /// As the rows' own scores take them: `LogisticRows.scores`, `ChoiceRows.scores`.
  public var weights: [Double]
  public var tuned: TunedStrengths
  /// Mean loss on the rows the weights were fitted to while the strengths were tuned.
  public var trainLoss: Double

  /// Multinomial logistic regression.
  ///
  /// - Parameters:
  ///   - rows: weights are fitted to them.
  ///   - outer: the strengths are chosen by the loss on them.
  ///   - groups: of each feature; nil: not regularized but by a ridge of 1e-3.
  ///   - start: logarithms of strengths to begin with, one a group.
  ///   - calls: oracle calls, never passed.
  /// - Throws: `invalid` for rows that do not fit each other, `budget`, and what numbers that do not fit lead to.
  public static func classifier(
    _ rows: LogisticRows, outer: LogisticRows, groups: [Int?], from start: [Double]? = nil,
    calls: Int = TunedStrengths.calls
  ) throws(BilevelError) -> Fit {
    let meter = OracleMeter(cap: calls)
    return try classifier(rows, outer: outer, groups: groups, from: start, meter)
  }

  static func classifier(
    _ rows: LogisticRows, outer: LogisticRows, groups: [Int?], from start: [Double]?, _ meter: OracleMeter
  ) throws(BilevelError) -> Fit {
    let problem = try LogisticProblem(train: rows, validation: outer, outer: .penalties(groups))
    var tuned = try TunedStrengths.tune(problem, from: start, isGuarded: true, meter)
    let all = try LogisticProblem(train: rows.joined(outer), validation: outer, outer: .penalties(groups))
    return try Fit(rows.meanLoss(tuned.inner), &tuned, all, meter)
  }

  /// Fitted to all rows; when the calls are used up, to the training rows alone, and the end says so.
  private init(_ trainLoss: Double, _ tuned: inout TunedStrengths, _ all: some ValidatedProblem, _ meter: OracleMeter)
    throws(BilevelError)
  {
    weights = tuned.inner
    do {
      weights = try TunedStrengths.fitted(all, at: tuned.lambda, meter)
    } catch {
      guard error.kind == .budget else { throw error }
      tuned.stop = .budget
    }
    tuned.count = meter.count
    (self.tuned, self.trainLoss) = (tuned, trainLoss)
  }

  /// The conditional logit: ranks alternatives by their features, or calibrates the scores of a model.
  ///
  /// - Parameters:
  ///   - prior: where the regularization draws the weights; nil: zero.
  ///   - others: as in `classifier`.
  public static func choice(
    _ rows: ChoiceRows, outer: ChoiceRows, groups: [Int?], prior: [Double]? = nil, from start: [Double]? = nil,
    calls: Int = TunedStrengths.calls
  ) throws(BilevelError) -> Fit {
    let meter = OracleMeter(cap: calls)
    let problem = try ChoiceProblem(train: rows, validation: outer, groups: groups, prior: prior)
    var tuned = try TunedStrengths.tune(problem, from: start, isGuarded: true, meter)
    let all = try ChoiceProblem(train: rows.joined(outer), validation: outer, groups: groups, prior: prior)
    return try Fit(rows.meanLoss(tuned.inner), &tuned, all, meter)
  }
}

extension LogisticRows {
  /// These rows, then others of the same features and classes.
  func joined(_ others: LogisticRows) throws(BilevelError) -> LogisticRows {
    try LogisticRows(
      features: features + others.features, labels: labels + others.labels, width: width, classes: classes)
  }
}

extension ChoiceRows {
  /// These rows, then others of the same features.
  func joined(_ others: ChoiceRows) throws(BilevelError) -> ChoiceRows {
    func sizes(_ rows: ChoiceRows) -> [Int] { zip(rows.starts.dropFirst(), rows.starts).map { $0 - $1 } }
    return try ChoiceRows(
      features: features + others.features, sizes: sizes(self) + sizes(others), targets: targets + others.targets,
      weights: weights + others.weights, offsets: offsets + others.offsets, width: width)
  }
}
