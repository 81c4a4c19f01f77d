/// Limited-memory BFGS without bounds (Liu and Nocedal 1989; Nocedal and Wright 2006, algorithms 7.4 and 7.5), with
/// backtracking on h. A pair whose s'y is not positive is left out, so that the direction always descends.
struct QuasiNewtonSolver {
  var steps = 2_000
  var memory = 10

  func solve(
    _ problem: some BilevelProblem, _ lambda: [Double], from start: InnerSolver.Point, _ tolerance: Double,
    _ count: inout OracleCount
  ) throws(BilevelError) -> InnerSolver.Point {
    var here = start
    var pairs: [(s: [Double], y: [Double], sy: Double)] = []
    for _ in 0..<steps where here.gradientNorm > tolerance {
      let direction = Self.direction(here.gradient, pairs)
      let slope = Vectors.dot(direction, here.gradient)
      // The first step has no scale of its own.
      let first = pairs.isEmpty ? min(1, 1 / here.gradientNorm) : 1
      guard slope < 0,
        let next = InnerSolver.search(problem, lambda, here, direction, slope: slope, first: first, &count)
      else {
        guard !pairs.isEmpty else { break }
        pairs = []
        continue
      }
      let s = Vectors.sum(next.w, -1, here.w)
      let y = Vectors.sum(next.gradient, -1, here.gradient)
      let sy = Vectors.dot(s, y)
      if sy > 1e-12 * Vectors.norm(s) * Vectors.norm(y) { pairs.append((s, y, sy)) }
      if pairs.count > memory { pairs.removeFirst() }
      here = next
    }
    return here
  }

  /// Minus the two-loop recursion.
  private static func direction(_ gradient: [Double], _ pairs: [(s: [Double], y: [Double], sy: Double)]) -> [Double] {
    var q = gradient.map { -$0 }
    var alphas: [Double] = []
    for pair in pairs.reversed() {
      let alpha = Vectors.dot(pair.s, q) / pair.sy
      alphas.append(alpha)
      Vectors.add(-alpha, pair.y, to: &q)
    }
    if let last = pairs.last {
      let scale = last.sy / Vectors.dot(last.y, last.y)
      for i in q.indices { q[i] *= scale }
    }
    for (pair, alpha) in zip(pairs, alphas.reversed()) {
      Vectors.add(alpha - Vectors.dot(pair.y, q) / pair.sy, pair.s, to: &q)
    }
    return q
  }
}
