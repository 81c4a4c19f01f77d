/// Minimizes a smooth function in a box: L-BFGS (Nocedal and Wright 2006, algorithm 7.4) on the coordinates that no bound
/// holds, with backtracking along the projected path.
package struct BoxLBFGS: Sendable {
  package var lower: [Double]
  package var upper: [Double]
  package var iterations: Int
  package var memory = 8
  /// It stops when one step lowers the value by less.
  package var tolerance = 1e-6
  /// The first step goes a whole unit along its longest coordinate however short the gradient is; else never beyond the
  /// gradient's own length.
  package var scalesFirstStep = false

  package init(lower: [Double], upper: [Double], iterations: Int) {
    self.lower = lower
    self.upper = upper
    self.iterations = iterations
  }

  /// - Parameter function: value and gradient; nil where it has none, which counts as worse than anything.
  /// - Returns: the best point seen; nil when the function has no value at the start.
  package func minimize(
    from start: [Double], _ function: ([Double]) -> (value: Double, gradient: [Double])?
  ) -> (point: [Double], value: Double)? {
    var x = projected(start)
    guard var (value, gradient) = function(x) else { return nil }
    var pairs: [(step: [Double], change: [Double])] = []
    for _ in 0..<iterations {
      let isFree = x.indices.map { i in !(x[i] <= lower[i] && gradient[i] > 0 || x[i] >= upper[i] && gradient[i] < 0) }
      var direction = newton(gradient, pairs, isFree)
      var slope = inner(direction, gradient)
      if slope >= 0 {
        pairs = []
        direction = x.indices.map { isFree[$0] ? -gradient[$0] : 0 }
        slope = inner(direction, gradient)
      }
      guard slope < -1e-12 else { break }
      let longest = direction.map(abs).max() ?? 0
      // The first step has no scale of its own; no step leaps across the box.
      var length = (pairs.isEmpty ? (scalesFirstStep ? 1 : 0.5) : 4) / max(longest, 1e-300)
      if !(pairs.isEmpty && scalesFirstStep) { length = min(1, length) }
      var next: (point: [Double], value: Double, gradient: [Double])?
      for _ in 0..<12 {
        let point = projected(x.indices.map { x[$0] + length * direction[$0] })
        let expected = x.indices.reduce(0.0) { $0 + gradient[$1] * (point[$1] - x[$1]) }
        if let (there, slopes) = function(point), there <= value + 1e-4 * expected {
          next = (point, there, slopes)
          break
        }
        length *= 0.4
      }
      guard let next else { break }
      let step = x.indices.map { next.point[$0] - x[$0] }
      let change = x.indices.map { next.gradient[$0] - gradient[$0] }
      if inner(step, change) > 1e-12 { pairs.append((step, change)) }
      if pairs.count > memory { pairs.removeFirst() }
      let gain = value - next.value
      (x, value, gradient) = (next.point, next.value, next.gradient)
      if gain < tolerance { break }
    }
    return (x, value)
  }

  /// The two-loop recursion, on the free coordinates alone.
  private func newton(_ gradient: [Double], _ pairs: [(step: [Double], change: [Double])], _ isFree: [Bool])
    -> [Double]
  {
    var q = gradient.indices.map { isFree[$0] ? gradient[$0] : 0 }
    var factors = Array(repeating: 0.0, count: pairs.count)
    for (index, pair) in pairs.enumerated().reversed() {
      factors[index] = inner(pair.step, q) / inner(pair.step, pair.change)
      for i in q.indices { q[i] -= factors[index] * pair.change[i] }
    }
    if let last = pairs.last {
      let scale = inner(last.step, last.change) / inner(last.change, last.change)
      for i in q.indices { q[i] *= scale }
    }
    for (index, pair) in pairs.enumerated() {
      let factor = factors[index] - inner(pair.change, q) / inner(pair.step, pair.change)
      for i in q.indices { q[i] += factor * pair.step[i] }
    }
    return q.indices.map { isFree[$0] ? -q[$0] : 0 }
  }

  private func projected(_ x: [Double]) -> [Double] { x.indices.map { min(max(x[$0], lower[$0]), upper[$0]) } }

  private func inner(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in a.indices { sum += a[i] * b[i] }
    return sum
  }
}
