import HoneNumerics

/// How linear systems with the inner Hessian are solved.
public enum LinearMethod: String, Codable, Sendable, CaseIterable {
  /// By size and by what the problem offers: Cholesky for few weights, else conjugate gradients with an older factor as
  /// preconditioner, else without; never a series whose error is not known.
  case auto
  case cholesky
  /// Conjugate gradients, preconditioned by the last Cholesky factor, which is renewed when it no longer helps.
  case laggedCholesky = "lagged-cholesky"
  /// The same, but how long a factor is kept is learned from one factor to the next (`KnobBandit`): for long streams.
  case learnedCholesky = "learned-cholesky"
  case cg
}

/// Solves systems with the Hessians of one problem at neighbouring points, and remembers a factor between them.
package struct LinearSolver {
  /// Up to here a factorization costs less than the products it saves.
  static let dense = 200
  /// Iterations that a fresh factor leaves.
  static let fresh = 3

  private let method: LinearMethod
  private var factor: Cholesky?
  /// Added to the diagonal of the last factor to make it positive definite; 0: none was needed.
  private(set) var damping = 0.0
  /// Products spent since the last factorization beyond what a fresh factor would have needed. A factorization costs about
  /// n / 2 products: it is bought once as many were rented (the ski rental rule: never more than twice the best).
  private var rented = 0
  /// How many are rented before one is bought, in n.
  private var patience = 0.5
  private var bandit: KnobBandit?
  /// Since the last factorization.
  private var streak = (solves: 0, products: 0)

  package init(_ method: LinearMethod) {
    self.method = method
    if method == .learnedCholesky { bandit = KnobBandit(grid: [0.125, 0.25, 0.5, 1, 2]) }
  }

  /// - Parameter tolerance: of the residual, relative to |b|.
  /// - Returns: the solution, and its residual relative to |b|.
  package mutating func solve(
    _ b: [Double], _ curvature: any BilevelCurvature, tolerance: Double, from start: [Double]? = nil,
    _ count: inout OracleCount
  ) throws(BilevelError) -> ConjugateGradient.Solution {
    let kind = resolved(curvature, b.count)
    if kind == .cholesky || kind != .cg && Double(rented) > patience * Double(b.count) {
      guard renew(curvature, b.count, &count) else { return try iterate(b, curvature, tolerance, start, &count) }
    }
    guard let factor, kind != .cg else {
      let solution = try iterate(b, curvature, tolerance, start, &count)
      rented += solution.iterations
      extend(solution)
      return solution
    }
    if kind == .cholesky, damping == 0 {
      // One step of refinement, so that the residual is known and small.
      var x = factor.solve(b)
      var product = b
      curvature.hessianProduct(x, into: &product)
      count.add(hessianProducts: 1, of: curvature)
      var r = b
      Vectors.add(-1, product, to: &r)
      let size = Vectors.norm(b)
      let residual = size > 0 ? Vectors.norm(r) / size : 0
      guard residual.isFinite else { throw BilevelError(.notFinite, "the factored system has no finite solution") }
      if residual > tolerance {
        Vectors.add(1, factor.solve(r), to: &x)
      }
      return ConjugateGradient.Solution(
        x: x, residual: min(residual, max(tolerance, residual * residual)), iterations: 1, isConverged: true)
    }
    let solution = try iterate(b, curvature, tolerance, start, &count, factor)
    rented += max(0, solution.iterations - Self.fresh)
    extend(solution)
    return solution
  }

  private func resolved(_ curvature: any BilevelCurvature, _ size: Int) -> LinearMethod {
    guard method == .auto else { return method }
    guard curvature.gradientsAProduct == 0 else { return .cg }
    return size <= Self.dense ? .cholesky : .laggedCholesky
  }

  /// Factors H + damping I, with the least damping of a rising series that works; false when there is no Hessian.
  private mutating func renew(_ curvature: any BilevelCurvature, _ size: Int, _ count: inout OracleCount) -> Bool {
    guard let hessian = curvature.hessian(), hessian.count == size * size, Vectors.isFinite(hessian) else {
      return false
    }
    count.factorizations += 1
    let largest = (0..<size).reduce(0.0) { max($0, abs(hessian[$1 * size + $1])) }
    var shift = 0.0
    for attempt in 0..<12 {
      var matrix = hessian
      for i in 0..<size where shift > 0 { matrix[i * size + i] += shift }
      if let found = Cholesky(matrix, size: size) {
        (factor, damping, rented) = (found, shift, 0)
        endStreak(size)
        return true
      }
      shift = max(largest, 1e-300) * Self.power(10, attempt - 12)
    }
    return false
  }

  private mutating func extend(_ solution: ConjugateGradient.Solution) {
    streak.solves += 1
    streak.products += solution.iterations
  }

  /// What a solve took in the mean while the last factor was kept, in products, that factor among them.
  private mutating func endStreak(_ size: Int) {
    defer { streak = (0, 0) }
    guard var bandit else { return }
    if streak.solves > 0 { bandit.tell(cost: (Double(streak.products) + 0.5 * Double(size)) / Double(streak.solves)) }
    patience = bandit.next()
    self.bandit = bandit
  }

  private static func power(_ base: Double, _ exponent: Int) -> Double {
    exponent < 0 ? 1 / power(base, -exponent) : (0..<exponent).reduce(1.0) { power, _ in power * base }
  }

  private func iterate(
    _ b: [Double], _ curvature: any BilevelCurvature, _ tolerance: Double, _ start: [Double]?,
    _ count: inout OracleCount,
    _ factor: Cholesky? = nil
  ) throws(BilevelError) -> ConjugateGradient.Solution {
    let solver = ConjugateGradient(tolerance: tolerance, iterations: max(100, 4 * b.count))
    var precondition: (([Double]) -> [Double])?
    if let factor { precondition = { factor.solve($0) } }
    var products = 0
    defer { count.add(hessianProducts: products, of: curvature) }
    return try solver.solve(b, from: start, precondition: precondition) { v, product in
      products += 1
      curvature.hessianProduct(v, into: &product)
    }
  }
}
