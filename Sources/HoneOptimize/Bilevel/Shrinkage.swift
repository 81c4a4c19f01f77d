/// A bilevel problem whose outer objective is a mean over validation rows, so that some of them can be held back.
public protocol ValidatedProblem: BilevelProblem {
  var validationCount: Int { get }
  /// The same problem with the outer objective on these rows alone.
  func validating(on rows: [Int]) -> Self
  /// The outer loss of each of these rows.
  func validationLosses(_ w: [Double], rows: [Int]) -> [Double]
}

/// Chooses how far the lambdas may differ from each other, so that many of them do not fit the validation rows and nothing
/// else.
///
/// Each of two halves of the validation rows is fitted with falling strengths rho, each from where the last ended, and
/// judged on the other half. The strongest rho wins whose loss is within one standard error of the best one's (Breiman et
/// al. 1984, the one-standard-error rule), the error being that of the paired difference. All rows are then fitted along
/// the same path down to that rho. Test rows have no part in it.
public struct Shrinkage: Sendable {
  /// Falling; infinity: all lambdas are one number.
  public var strengths: [Double]
  public var search: BilevelSearch

  public init(strengths: [Double] = [.infinity, 0.1, 0.01, 0.001, 0], search: BilevelSearch = BilevelSearch()) {
    self.strengths = strengths
    self.search = search
  }

  public struct Report: Hashable, Sendable {
    public var search: BilevelSearch.Report
    /// Mean loss on the rows held back, by strength.
    public var heldBack: [Double]
    /// Mean loss on the rows fitted, by strength: how much less it is shows the overfit.
    public var fitted: [Double]
    /// The place of the strength chosen among them.
    public var chosen: Int
    public var count: OracleCount
  }

  /// - Parameter start: where the paths begin; their mean, since all lambdas are one there.
  /// - Throws: as `BilevelSearch.run`, and `invalid` for fewer than four validation rows or no strengths.
  public func run(_ problem: some ValidatedProblem, from start: [Double]? = nil) throws(BilevelError) -> Report {
    guard problem.validationCount >= 4, !strengths.isEmpty else {
      throw BilevelError(
        .invalid, "a shrinkage is chosen on at least 4 validation rows, there are \(problem.validationCount)")
    }
    try BilevelChecks.sizes(problem, start)
    var count = OracleCount()
    var heldBack = Array(repeating: [Double](), count: strengths.count)
    var fitted = Array(repeating: 0.0, count: strengths.count)
    for part in 0..<2 {
      let own = (0..<problem.validationCount).filter { $0 % 2 == part }
      let other = (0..<problem.validationCount).filter { $0 % 2 != part }
      let path = try path(problem.validating(on: own), strengths, start, &count)
      for (place, report) in path.enumerated() {
        heldBack[place] += problem.validationLosses(report.inner, rows: other)
        fitted[place] += report.value / 2
      }
    }
    let means = heldBack.map { $0.reduce(0, +) / Double($0.count) }
    let chosen = Self.choice(heldBack, means)
    let path = try path(problem, Array(strengths[...chosen]), start, &count)
    guard let first = path.first, var last = path.last else { throw BilevelError(.invalid, "there are no strengths") }
    last.startValue = first.startValue
    return Report(search: last, heldBack: means, fitted: fitted, chosen: chosen, count: count)
  }

  private func path(
    _ problem: some BilevelProblem, _ strengths: [Double], _ start: [Double]?, _ count: inout OracleCount
  ) throws(BilevelError) -> [BilevelSearch.Report] {
    var reports: [BilevelSearch.Report] = []
    for rho in strengths {
      var report: BilevelSearch.Report
      if rho.isFinite {
        report = try search.run(problem, from: reports.last?.lambda ?? start, shrinkage: rho)
      } else {
        let tied = TiedProblem(problem: problem)
        report = try search.run(tied, from: start.map { [$0.reduce(0, +) / Double(max(1, $0.count))] })
        report.lambda = tied.spread(report.lambda)
        report.shrinkage = rho
      }
      count.add(report.count)
      reports.append(report)
    }
    return reports
  }

  /// The first, strongest, whose mean is within one standard error of the least.
  static func choice(_ losses: [[Double]], _ means: [Double]) -> Int {
    guard let least = means.min(), let best = means.firstIndex(of: least) else { return 0 }
    for place in 0..<best {
      let differences = losses[place].indices.map { losses[place][$0] - losses[best][$0] }
      let count = Double(differences.count)
      let mean = differences.reduce(0, +) / count
      let squares = differences.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) }
      if mean <= (squares / max(1, count - 1) / count).squareRoot() { return place }
    }
    return best
  }
}

extension OracleCount {
  mutating func add(_ other: OracleCount) {
    inner += other.inner
    outer += other.outer
    hessianProducts += other.hessianProducts
    mixedProducts += other.mixedProducts
    factorizations += other.factorizations
    solves += other.solves
  }
}
