/// Bounds Phi from below over the whole box of lambda, by branch and bound, so that a problem whose best lambda cannot beat
/// something known needs no search.
///
/// In a box [a, b] let v be any w, such as w* of its middle. w* = w*(lambda) is a minimum: h(w*, lambda) <= h(v, lambda). h
/// rises in lambda, so h(w*, a) <= h(v, b). That is kept for all coordinates but a few, K, along which h(w*, .) - h(v, .) is
/// affine in each s_i(lambda_i), and so not above zero at one of the corners kappa of their part of the box at least:
///
///     Phi >= min over kappa of max over nu >= 0 of min over w of g(w) + nu (h(w, alpha) - h(v, beta))           (1)
///
/// where alpha and beta are kappa along K, and a and b elsewhere. Where K is all of lambda the bound's gap falls with the
/// width of the box, else with its root. The whole box is taken without any K: its corners tell little more, and each costs
/// as much. With c_j of `MonotoneProblem.convexity` the inner minimum is no lower than
///
///     value - sum_j (slope_j)^2 / (2 nu c_j)                                                                    (2)
///
/// at any w, so that no solve needs to be exact for a bound to hold.
public struct LowerBound: Sendable {
  public enum Stop: String, Codable, Sendable {
    /// No lambda of the box comes down to the threshold.
    case above
    /// A lambda was met whose value is not above the threshold.
    case below
    /// Without a threshold: the bound is as near to the best value met as was asked.
    case tight
    /// The oracle calls are used up, or nothing is left that could be split.
    case spent
  }

  public struct Report: Hashable, Sendable {
    /// Phi is nowhere in the box below this.
    public var bound: Double
    /// The best lambda met, a middle of a box, and Phi there as far as it was solved.
    public var lambda: [Double]
    public var value: Double
    /// Boxes looked at.
    public var pieces: Int
    public var count: OracleCount
    public var stop: Stop
  }

  /// Oracle calls.
  public var budget: Int
  /// How near to the best value met the bound is to come, relative to it.
  public var tolerance: Double
  /// Most coordinates in K: twice as many bounds of corners for each.
  public var corners: Int

  public init(budget: Int = 10_000, tolerance: Double = 0.02, corners: Int = 2) {
    self.budget = budget
    self.tolerance = tolerance
    self.corners = corners
  }

  /// - Parameter threshold: the question is whether Phi is above it everywhere; nil: how low it is.
  /// - Throws: `invalid` when the problem is not of the form that can be bounded, or its box is not finite.
  public func run(_ problem: some MonotoneProblem, threshold: Double? = nil) throws(BilevelError) -> Report {
    try BilevelChecks.sizes(problem, nil)
    guard problem.geometry != .simplex,
      problem.domain.allSatisfy({ $0.lowerBound.isFinite && $0.upperBound.isFinite })
    else { throw BilevelError(.invalid, "only a finite box of lambda can be bounded over") }
    guard let least = problem.convexity(problem.domain.map(\.lowerBound)), least.count == problem.innerDimension,
      least.allSatisfy({ $0 > 0 && $0.isFinite })
    else {
      throw BilevelError(
        .invalid, "the inner problem is not strongly convex in every weight, or its lambdas are no strengths",
        hint: "give each weight a small ridge")
    }
    var search = Branching(problem, self, threshold)
    return search.run()
  }
}

/// The boxes of one run.
private struct Branching<Problem: MonotoneProblem> {
  private struct Piece {
    var box: [ClosedRange<Double>]
    var bound: Double
    /// Where its inner solve starts, and then its end.
    var w: [Double]
    /// The coordinate that loosens the bound most; nil: nothing to split.
    var widest: Int?
  }

  private let problem: Problem
  private let settings: LowerBound
  private let threshold: Double?
  private var count = OracleCount()
  private var linear = LinearSolver(.auto)
  /// |dh/dw| at the very start.
  private var scale: Double?
  private var best: (lambda: [Double], value: Double)
  /// Calls of a box, at most.
  private var dearest = 0

  init(_ problem: Problem, _ settings: LowerBound, _ threshold: Double?) {
    self.problem = problem
    self.settings = settings
    self.threshold = threshold
    best = (OuterDomain(problem).origin, .infinity)
  }

  /// A bound above this settles a box.
  private var enough: Double { threshold ?? best.value - 0.5 * settings.tolerance * abs(best.value) }

  mutating func run() -> LowerBound.Report {
    var pieces = [Piece(box: problem.domain, bound: problem.outerFloor, w: problem.innerStart)]
    look(&pieces[0], isWhole: true)
    var seen = 1
    while true {
      let front = pieces.indices.reduce(0) { pieces[$1].bound < pieces[$0].bound ? $1 : $0 }
      let bound = pieces[front].bound
      if let stop = stop(bound) ?? (pieces[front].widest == nil ? .spent : nil) {
        return LowerBound.Report(
          bound: bound, lambda: best.lambda, value: best.value, pieces: seen, count: count, stop: stop)
      }
      var (lower, upper) = halves(pieces[front])
      look(&lower)
      look(&upper)
      seen += 2
      pieces[front] = lower
      pieces.append(upper)
    }
  }

  private func stop(_ bound: Double) -> LowerBound.Stop? {
    if let threshold {
      if bound > threshold { return .above }
      if best.value <= threshold { return .below }
    } else if best.value - bound <= settings.tolerance * abs(best.value) {
      return .tight
    }
    // What could not be ended is not begun.
    return count.total + 2 * dearest > settings.budget ? .spent : nil
  }

  private func middle(_ range: ClosedRange<Double>) -> Double {
    problem.geometry == .logarithmic
      ? (range.lowerBound * range.upperBound).squareRoot() : 0.5 * (range.lowerBound + range.upperBound)
  }

  private func halves(_ piece: Piece) -> (Piece, Piece) {
    var (lower, upper) = (piece, piece)
    guard let i = piece.widest else { return (lower, upper) }
    let at = middle(piece.box[i])
    lower.box[i] = piece.box[i].lowerBound...at
    upper.box[i] = at...piece.box[i].upperBound
    return (lower, upper)
  }

  /// Raises the box's bound above its parent's where it can. One that has no answer keeps its parent's.
  private mutating func look(_ piece: inout Piece, isWhole: Bool = false) {
    let before = count.total
    defer { dearest = max(dearest, count.total - before) }
    let center = piece.box.map(middle)
    let widths = piece.box.indices.map { i in
      let range = problem.domain[i]
      let isThin = piece.box[i].upperBound - piece.box[i].lowerBound <= 1e-9 * (range.upperBound - range.lowerBound)
      return isThin ? 0 : piece.box[i].upperBound - piece.box[i].lowerBound
    }
    // Until more is known: the widest.
    piece.widest = widths.indices.filter { widths[$0] > 0 }.max { widths[$0] < widths[$1] }
    guard let v = try? solved(center, from: piece.w) else { return }
    piece.w = v
    var (slope, partial) = (v, center)
    let value = problem.outer(v, center, gradientW: &slope, gradientLambda: &partial)
    count.outer += 1
    guard value.isFinite, Vectors.isFinite(slope) else { return }
    if value < best.value { best = (center, value) }
    if let threshold, value <= threshold { return }
    problem.innerOuterGradient(v, center, into: &partial)
    count.inner += 1
    let looseness = widths.indices.map { abs(partial[$0]) * widths[$0] }
    let order = widths.indices.filter { looseness[$0] > 0 }.sorted {
      looseness[$0] == looseness[$1] ? $0 < $1 : looseness[$0] > looseness[$1]
    }
    if let first = order.first { piece.widest = first }
    let kept = Array(order.prefix(isWhole ? 0 : settings.corners))
    var least = Double.infinity
    for corner in 0..<(1 << kept.count) {
      var (alpha, beta) = (piece.box.map(\.lowerBound), piece.box.map(\.upperBound))
      for (bit, i) in kept.enumerated() {
        if corner >> bit & 1 == 1 { alpha[i] = beta[i] } else { beta[i] = alpha[i] }
      }
      let found = (try? bound(alpha, beta, v, value, slope)) ?? -.infinity
      least = min(least, found)
      // The others cannot raise it any more.
      if least <= piece.bound || threshold.map({ least <= $0 }) ?? false || count.total >= settings.budget {
        if corner + 1 < 1 << kept.count { return }
      }
    }
    piece.bound = max(piece.bound, least)
  }

  /// w*, about.
  private mutating func solved(_ lambda: [Double], from start: [Double]) throws(BilevelError) -> [Double] {
    let size: Double
    if let scale {
      size = scale
    } else {
      size = try InnerSolver.Point(problem, lambda, problem.innerStart, &count).gradientNorm
    }
    scale = size
    return try InnerSolver().solve(
      problem, lambda, from: start, tolerance: (threshold == nil ? 1e-5 : 1e-3) * size, &linear, &count
    ).w
  }

  /// Equation (1) for one corner: nu is found by the model that h - H falls as q / nu^2 - p, within a bracket. Of every nu
  /// tried the bound holds; the greatest counts.
  private mutating func bound(
    _ alpha: [Double], _ beta: [Double], _ v: [Double], _ value: Double, _ slope: [Double]
  ) throws(BilevelError) -> Double {
    guard let convexity = problem.convexity(alpha) else { return -.infinity }
    let here = try InnerSolver.Point(problem, alpha, v, &count)
    var level = here.value
    if alpha != beta {
      var unused = v
      level = problem.inner(v, beta, gradient: &unused)
      count.inner += 1
    }
    guard level.isFinite else { return -.infinity }
    var dual = Dual(problem: problem, alpha: alpha, level: level, convexity: convexity)
    // With both functions taken as bent as h: g falls along x = A^-1 dg/dw, and h along y = A^-1 dh/dw.
    let curvature = problem.curvature(v, alpha)
    let x = try dual.linear.solve(slope, curvature, tolerance: 1e-2, &count).x
    let y = try dual.linear.solve(here.gradient, curvature, tolerance: 1e-2, &count).x
    let room = max(0.5 * Vectors.dot(here.gradient, y) + level - here.value, 0)
    let (p, q) = (room, 0.5 * Vectors.dot(slope, x))
    guard p.isFinite, q.isFinite else { return -.infinity }
    let most = 1e8 * max(abs(value), 1e-12) / max(abs(level), 1e-12)
    var nu = min(max((q / max(p, 1e-300)).squareRoot(), 1e-12 * most), most)
    var w = v
    Vectors.add(-1, y, to: &w)
    Vectors.add(-1 / nu, x, to: &w)
    var (low, high): (Dual<Problem>.Point?, Dual<Problem>.Point?)
    var greatest = -Double.infinity
    // A question far from its answer needs no more than a rough one.
    let fine = max(0.1 * settings.tolerance * abs(value), 0.1 * (threshold.map { value - $0 } ?? 0), 1e-13)
    for _ in 0..<8 {
      let point = try dual.point(nu, from: w, fine: fine, &count)
      w = point.w
      greatest = max(greatest, point.bound)
      // A w that is allowed shows what the bound cannot exceed.
      let isHopeless = point.excess <= 0 && point.g <= max(enough, greatest + fine)
      if greatest > enough || isHopeless || count.total >= settings.budget { break }
      if point.excess > 0 { low = point } else { high = point }
      // D is concave in nu: no higher than where the tangents at both sides meet.
      if let low, let high, Dual.meeting(low, high) <= greatest + fine { break }
      guard let next = Self.next(low, high, p, most: most), next != nu else { break }
      nu = next
    }
    return greatest
  }

  /// The nu at which the model has h = H; between both sides, not too near to either.
  private static func next(_ low: Dual<Problem>.Point?, _ high: Dual<Problem>.Point?, _ p: Double, most: Double)
    -> Double?
  {
    switch (low, high) {
    case (let low?, let high?):
      let (a, b) = (1 / (low.nu * low.nu), 1 / (high.nu * high.nu))
      let part = low.excess / (low.excess - high.excess)
      let inverse = a + min(max(part, 0.05), 0.95) * (b - a)
      return inverse > 0 ? 1 / inverse.squareRoot() : nil
    case (let low?, nil):
      let ratio = p > 0 ? (1 + low.excess / p).squareRoot() : 4
      let nu = min(low.nu * min(max(ratio, 1.2), 16), most)
      return nu > low.nu ? nu : nil
    case (nil, let high?):
      let ratio = p > 0 ? max(0, 1 + high.excess / p).squareRoot() : 0.25
      let nu = high.nu * min(max(ratio, 1.0 / 16), 1 / 1.2)
      return nu > 1e-12 * most ? nu : nil
    case (nil, nil): return nil
    }
  }
}

/// D(nu) = min over w of g(w) + nu (h(w, alpha) - H).
private struct Dual<Problem: MonotoneProblem> {
  struct Point {
    var nu: Double
    var w: [Double]
    /// Equation (2), less what rounding may add.
    var bound: Double
    /// D, not yet as a bound.
    var value: Double
    var g: Double
    /// h - H, the slope of D.
    var excess: Double
  }

  let problem: Problem
  let alpha: [Double]
  /// H
  let level: Double
  let convexity: [Double]
  var linear = LinearSolver(.auto)

  mutating func point(_ nu: Double, from start: [Double], fine: Double, _ count: inout OracleCount)
    throws(BilevelError) -> Point
  {
    let inner = Lagrangian(problem: problem, nu: nu, level: level)
    var own = OracleCount()
    // As exact as equation (2) needs it.
    let least = convexity.min() ?? 0
    let solved = try InnerSolver().solve(
      inner, alpha, from: start, tolerance: (2 * nu * least * 0.5 * fine).squareRoot(), &linear, &own)
    var (slope, partial) = (solved.w, alpha)
    let g = problem.outer(solved.w, alpha, gradientW: &slope, gradientLambda: &partial)
    own.outer += 1
    // Each value is one of both functions, each product and Hessian likewise.
    count.inner += own.inner
    count.outer += own.outer + own.inner
    count.hessianProducts += 2 * own.hessianProducts
    count.factorizations += 2 * own.factorizations
    count.solves += own.solves
    let excess = (solved.value - g) / nu
    let gap = solved.gradient.indices.reduce(0.0) {
      $0 + solved.gradient[$1] * solved.gradient[$1] / (2 * nu * convexity[$1])
    }
    let rounding = 1e-13 * (abs(g) + nu * (2 * abs(level) + abs(excess)))
    let bound = solved.value - gap - rounding
    return Point(
      nu: nu, w: solved.w, bound: bound.isNaN ? -.infinity : bound, value: solved.value, g: g, excess: excess)
  }

  /// Where the tangent of the one meets that of the other.
  static func meeting(_ low: Point, _ high: Point) -> Double {
    let nu = (high.value - high.excess * high.nu - low.value + low.excess * low.nu) / (low.excess - high.excess)
    let value = low.value + low.excess * (nu - low.nu)
    return value.isFinite ? value : .infinity
  }
}

/// g + nu (h - H) as an inner problem.
private struct Lagrangian<Problem: MonotoneProblem>: BilevelProblem {
  let problem: Problem
  let nu: Double
  let level: Double

  var innerDimension: Int { problem.innerDimension }
  var outerDimension: Int { problem.outerDimension }
  var domain: [ClosedRange<Double>] { problem.domain }
  var innerStart: [Double] { problem.innerStart }

  func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    let h = problem.inner(w, lambda, gradient: &gradient)
    var ofG = gradient
    var ofLambda = lambda
    let g = problem.outer(w, lambda, gradientW: &ofG, gradientLambda: &ofLambda)
    for i in gradient.indices { gradient[i] = ofG[i] + nu * gradient[i] }
    return g + nu * (h - level)
  }

  func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    problem.innerOuterGradient(w, lambda, into: &result)
  }

  func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double {
    problem.outer(w, lambda, gradientW: &gradientW, gradientLambda: &gradientLambda)
  }

  func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature {
    let low = problem.curvature(w, lambda)
    guard low.gradientsAProduct == 0, let high = problem.outerCurvature(w), high.gradientsAProduct == 0 else {
      return DifferenceCurvature(self, w, lambda)
    }
    return Curvature(low: low, high: high, nu: nu)
  }

  private struct Curvature: BilevelCurvature {
    let low: any BilevelCurvature
    let high: any BilevelCurvature
    let nu: Double

    func hessianProduct(_ v: [Double], into result: inout [Double]) {
      low.hessianProduct(v, into: &result)
      var other = result
      high.hessianProduct(v, into: &other)
      for i in result.indices { result[i] = nu * result[i] + other[i] }
    }

    func mixedProduct(_ v: [Double], into result: inout [Double]) { low.mixedProduct(v, into: &result) }

    func hessian() -> [Double]? {
      guard var matrix = low.hessian(), let other = high.hessian() else { return nil }
      for i in matrix.indices { matrix[i] = nu * matrix[i] + other[i] }
      return matrix
    }
  }
}
