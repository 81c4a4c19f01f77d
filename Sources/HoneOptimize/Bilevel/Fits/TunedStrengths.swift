/// How many strengths of regularization a model has.
public enum PenaltyKind: String, Codable, Sendable, CaseIterable {
  case one, group, feature
}

/// Strengths of regularization tuned by hypergradients, and what is known of them: what a front door reports.
public struct TunedStrengths: Hashable, Sendable {
  /// Logarithms of the strengths.
  public var lambda: [Double]
  /// Weights fitted to the training rows with them.
  public var inner: [Double]
  /// rho of the guard, 0 without one; infinity: all strengths are one.
  public var shrinkage: Double
  /// Phi, the mean loss on the rows that chose the strengths: where the search began, and where it ended.
  public var startLoss: Double
  public var outerLoss: Double
  /// Of each half of these rows under strengths that the other half chose, with the guard's rho: how much more it is than
  /// `outerLoss` is what the choice fits too well. Nil without a guard.
  public var selectionLoss: Double?
  /// How far `outerLoss` is from that of weights fitted from the problem's own start instead of the last ones.
  public var coldDifference: Double
  /// Of the hypergradient at the end, relative, and of `outerLoss`.
  public var errorEstimate: Double
  public var valueError: Double
  public var count: OracleCount
  /// What gave hypergradients, solved the inner problem and moved lambda, in words; of `auto` what it chose.
  public var method: String
  public var stop: BilevelSearch.Stop

  /// Tunes within a number of oracle calls, which is never passed.
  ///
  /// - Parameters:
  ///   - start: where the search begins, such as the strengths of a similar problem; nil: as `BilevelSearch` does.
  ///   - isGuarded: several strengths are kept together as far as held-back validation rows want it (`Shrinkage`).
  /// - Throws: as `BilevelSearch.run`; `budget` when the calls are used up before the first answer.
  public static func tune(
    _ problem: some ValidatedProblem, from start: [Double]? = nil, isGuarded: Bool = true,
    search: BilevelSearch = BilevelSearch(), calls: Int = Self.calls
  ) throws(BilevelError) -> TunedStrengths {
    try tune(problem, from: start, isGuarded: isGuarded, search: search, OracleMeter(cap: calls))
  }

  /// Oracle calls of one tuning where nothing else is said.
  public static let calls = 100_000

  static func tune(
    _ problem: some ValidatedProblem, from start: [Double]?, isGuarded: Bool, search: BilevelSearch = BilevelSearch(),
    _ meter: OracleMeter
  ) throws(BilevelError) -> TunedStrengths {
    let metered = MeteredProblem(problem, meter)
    let found: BilevelSearch.Report
    var selection: Double?
    do {
      if isGuarded, problem.outerDimension > 1, problem.validationCount >= 4 {
        let report = try Shrinkage(search: search).run(metered, from: start)
        found = report.search
        selection = report.heldBack[report.chosen]
      } else {
        found = try search.run(metered, from: start)
      }
    } catch {
      throw meter.isSpent ? spent(meter) : error
    }
    let cold = try? BilevelSearch(isWarm: false).hypergradient(of: metered, at: found.lambda)
    return TunedStrengths(
      lambda: found.lambda, inner: found.inner, shrinkage: found.shrinkage, startLoss: found.startValue,
      outerLoss: found.value, selectionLoss: selection,
      coldDifference: cold.map { abs($0.value - found.value) } ?? .infinity, errorEstimate: found.errorEstimate,
      valueError: found.valueError, count: meter.count,
      method: words(search, problem.innerDimension),
      stop: meter.isSpent ? .budget : found.stop)
  }

  /// - Parameter size: n, by which `auto` chooses.
  private static func words(_ search: BilevelSearch, _ size: Int) -> String {
    let way = size <= LinearSolver.dense ? "Cholesky" : "conjugate gradients with an older factor"
    let estimator =
      search.estimator == .implicit(.auto) ? "implicit hypergradients by \(way)" : "\(search.estimator)"
    return "\(estimator), \(search.inner) inside, \(search.step) outside"
  }

  /// Weights fitted with strengths that are known, such as to more rows than the strengths were tuned with.
  static func fitted(_ problem: some ValidatedProblem, at lambda: [Double], _ meter: OracleMeter) throws(BilevelError)
    -> [Double]
  {
    do {
      return try BilevelSearch(tolerance: 1e-6).hypergradient(of: MeteredProblem(problem, meter), at: lambda).inner
    } catch {
      throw meter.isSpent ? spent(meter) : error
    }
  }

  static func spent(_ meter: OracleMeter) -> BilevelError {
    BilevelError(
      .budget, "the \(meter.cap) oracle calls of the fit are used up before it has an answer",
      hint: "give it more (calls:), or take fewer strengths")
  }
}
