import Foundation
import HoneNumerics
import Testing

@testable import HoneOptimize

@Suite struct KnobBanditTests {
  /// Symmetric successive over-relaxation of a symmetric matrix as a preconditioner: M = w / (2 - w) (D / w + L) D^-1
  /// (D / w + U), of which z = M^-1 r is two sweeps.
  static func relaxed(_ matrix: [Double], _ omega: Double, _ r: [Double]) -> [Double] {
    let n = r.count
    var z = r
    for i in 0..<n {
      for j in 0..<i { z[i] -= matrix[i * n + j] * z[j] }
      z[i] *= omega / matrix[i * n + i]
    }
    for i in 0..<n { z[i] *= matrix[i * n + i] * (2 - omega) / omega }
    for i in (0..<n).reversed() {
      for j in (i + 1)..<n { z[i] -= matrix[i * n + j] * z[j] }
      z[i] *= omega / matrix[i * n + i]
    }
    return z
  }

  /// The Laplacian of a grid with a coefficient that drifts from solve to solve.
  static func system(_ time: Int, side: Int = 5) -> [Double] {
    let n = side * side
    var matrix = Array(repeating: 0.0, count: n * n)
    let phase = 0.01 * Double(time)
    for row in 0..<side {
      for column in 0..<side {
        let i = row * side + column
        matrix[i * n + i] += 0.02 + 0.01 * sin(phase)
        for (r, c) in [(row, column + 1), (row + 1, column)] where r < side && c < side {
          let k = 1 + 0.8 * sin(phase + 0.7 * Double(row) + 0.3 * Double(column))
          let j = r * side + c
          matrix[i * n + i] += k
          matrix[j * n + j] += k
          matrix[i * n + j] -= k
          matrix[j * n + i] -= k
        }
      }
    }
    return matrix
  }

  static func iterations(_ time: Int, omega: Double) throws -> Int {
    let matrix = system(time)
    let n = 25
    var random = RandomStream(seed: UInt64(time), name: "right side")
    let b = (0..<n).map { _ in random.normal() }
    let solver = ConjugateGradient(tolerance: 1e-8, iterations: 1_000)
    func precondition(_ r: [Double]) -> [Double] { relaxed(matrix, omega, r) }
    return try solver.solve(b, precondition: precondition) { v, product in
      product = QuadraticProblem.times(matrix, v, rows: n)
    }.iterations
  }

  /// The mean cost of a stream of solves comes near that of the best fixed knob in hindsight.
  @Test func aStreamOfSolvesComesNearTheBestFixedKnob() throws {
    let grid = [0.2, 0.6, 1.0, 1.4, 1.7, 1.9]
    let solves = 250
    let costs = try (0..<solves).map { time in try grid.map { Double(try Self.iterations(time, omega: $0)) } }
    let fixed = grid.indices.map { place in costs.reduce(0) { $0 + $1[place] } / Double(solves) }
    let (best, worst) = (fixed.min() ?? 0, fixed.max() ?? 0)
    let span = (costs.flatMap(\.self).max() ?? 0) - (costs.flatMap(\.self).min() ?? 0)
    for seed in UInt64(0)..<5 {
      var bandit = KnobBandit(grid: grid, seed: seed)
      var total = 0.0
      for time in 0..<solves {
        let knob = bandit.next()
        let cost = costs[time][grid.firstIndex(of: knob) ?? 0]
        total += cost
        bandit.tell(cost: cost)
      }
      let mean = total / Double(solves)
      // The theorem's bound, as a mean.
      let allowed = span * (4 * (Double(grid.count) / Double(solves)).squareRoot() + 1 / Double(solves))
      #expect(mean - best <= allowed)
      // Half way from the worst to the best, and better than a draw at random.
      #expect(mean < 0.5 * (best + worst))
      #expect(mean < fixed.reduce(0, +) / Double(grid.count))
      // The best is drawn most.
      let likeliest = bandit.probabilities.indices.max { bandit.probabilities[$0] < bandit.probabilities[$1] }
      #expect(fixed[likeliest ?? 0] <= 1.1 * best)
    }
  }

  /// Costs chosen against whoever settles early: the best knob changes half way.
  @Test func aTurnOfTheStreamIsFollowed() {
    let grid = [1.0, 2, 3]
    var bandit = KnobBandit(grid: grid, seed: 3)
    var (total, fixed) = (0.0, [0.0, 0, 0])
    let solves = 2_000
    for time in 0..<solves {
      let costs = time < solves / 3 ? [10.0, 20, 30] : [30.0, 20, 5]
      let cost = costs[Int(bandit.next()) - 1]
      total += cost
      bandit.tell(cost: cost)
      for i in 0..<3 { fixed[i] += costs[i] }
    }
    let regret = total - (fixed.min() ?? 0)
    #expect(regret <= 25 * (4 * Double(3 * solves).squareRoot() + 1), "\(regret)")
  }

  /// Newton's p against a bisection on x.
  @Test func probabilitiesSolveTheTsallisEquation() {
    var random = RandomStream(seed: 5, name: "tsallis")
    for _ in 0..<300 {
      let losses = (0..<(1 + Int(8 * random.uniform()))).map { _ in 200 * (random.uniform() - 0.3) }
      let eta = 2 / (1 + 1_000 * random.uniform()).squareRoot()
      let least = losses.min() ?? 0
      var (low, high) = (least - 2 * Double(losses.count).squareRoot() / eta, least - 1e-12)
      func p(_ x: Double) -> [Double] { losses.map { 4 / ((eta * ($0 - x)) * (eta * ($0 - x))) } }
      for _ in 0..<200 {
        let middle = 0.5 * (low + high)
        if p(middle).reduce(0, +) > 1 { high = middle } else { low = middle }
      }
      let (found, expected) = (KnobBandit.weights(losses, rate: eta), p(low))
      for i in losses.indices { #expect(abs(found[i] - expected[i]) < 1e-9) }
      #expect(abs(found.reduce(0, +) - 1) < 1e-12)
    }
  }

  @Test func theSameSeedTwice() {
    func knobs(_ seed: UInt64) -> [Double] {
      var bandit = KnobBandit(grid: [1, 2, 3, 4], seed: seed)
      return (0..<100).map { _ in
        let knob = bandit.next()
        bandit.tell(cost: knob * knob)
        return knob
      }
    }
    #expect(knobs(1) == knobs(1) && knobs(1) != knobs(2))
    // Nothing told, equal costs, no range: still a draw.
    var bandit = KnobBandit(grid: [7], seed: 0)
    bandit.tell(cost: 3)
    #expect(bandit.next() == 7)
    bandit.tell(cost: .nan)
    bandit.tell(cost: 3)
    #expect(bandit.probabilities == [1] && KnobBandit(grid: []).grid == [0])
  }
}
