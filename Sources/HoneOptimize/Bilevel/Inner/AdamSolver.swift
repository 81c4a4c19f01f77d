/// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1). Its rate is halved whenever
/// the gradient has not grown shorter for fifty steps: with a constant one it circles the minimum.
struct AdamSolver {
  var rate: Double
  var steps = 20_000
  private static let patience = 50

  func solve(
    _ problem: some BilevelProblem, _ lambda: [Double], from start: InnerSolver.Point, _ tolerance: Double,
    _ count: inout OracleCount
  ) throws(BilevelError) -> InnerSolver.Point {
    var (here, best) = (start, start)
    var moments = AdamMoments(size: start.w.count)
    var rate = rate
    var waited = 0
    for _ in 0..<steps where best.gradientNorm > tolerance && rate > 1e-14 {
      here = try InnerSolver.Point(problem, lambda, Vectors.sum(here.w, -rate, moments.step(here.gradient)), &count)
      waited += 1
      if here.gradientNorm < best.gradientNorm {
        best = here
        waited = 0
      } else if waited == Self.patience {
        // Again from the best, with fresh moments: old ones would carry it away.
        (rate, waited, here) = (0.5 * rate, 0, best)
        moments = AdamMoments(size: start.w.count)
      }
    }
    return best
  }
}

/// The running moments of Adam, and the step they make of a gradient.
struct AdamMoments {
  private var first: [Double]
  private var second: [Double]
  private static let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8)
  private var (power1, power2) = (1.0, 1.0)

  init(size: Int) {
    first = Array(repeating: 0, count: size)
    second = first
  }

  /// m^ / (sqrt(v^) + epsilon), to be multiplied by the rate and taken away.
  mutating func step(_ gradient: [Double]) -> [Double] {
    power1 *= Self.beta1
    power2 *= Self.beta2
    var result = gradient
    for i in gradient.indices {
      first[i] = Self.beta1 * first[i] + (1 - Self.beta1) * gradient[i]
      second[i] = Self.beta2 * second[i] + (1 - Self.beta2) * gradient[i] * gradient[i]
      result[i] = first[i] / (1 - power1) / ((second[i] / (1 - power2)).squareRoot() + Self.epsilon)
    }
    return result
  }
}
