import Foundation
import HoneNumerics
import Testing

/// Expected values: mpmath 1.3 with 40 to 400 digits, from exp(x^2) erfc(x) and log(phi(z) + z Phi(z)) as they stand.
@Suite struct NormalTests {
  @Test(arguments: [
    (-2.0, 108.94090438997797), (0, 1), (0.3, 0.73459933456765515), (1, 0.427583576155807), (5, 0.11070463773306863),
    (20, 0.028174348741051319), (24.9, 0.022639987776049506), (25.1, 0.022459875817581388),
    (100, 0.0056416137829894329),
  ]) func scaledErrorFunction(_ x: Double, _ expected: Double) {
    #expect(abs(Normal.erfcx(x) / expected - 1) < 1e-12, "\(x): \(Normal.erfcx(x))")
  }

  @Test(arguments: [
    (3.0, 1.0987396653277078), (0, -0.91893853320467274), (-0.9, -2.2982829894596518), (-1.1, -2.6791783824760535),
    (-5, -16.74430116266099), (-30, -457.724653760598), (-500, -125013.34816672988), (-9999, -49990019.839419297),
    (-20000, -200000020.72591365),
  ]) func logImprovement(_ z: Double, _ expected: Double) {
    #expect(abs(Normal.logImprovement(z) / expected - 1) < 1e-9, "\(z): \(Normal.logImprovement(z))")
  }

  /// scipy.special.log_ndtr.
  @Test(arguments: [
    (2.0, -0.023012909328963476), (0, -0.6931471805599453), (-0.5, -1.1759117615936188), (-5, -15.064998393988727),
    (-40, -804.6084420137539), (-1000, -500007.8266948122),
  ]) func logCumulative(_ z: Double, _ expected: Double) {
    #expect(abs(Normal.logCumulative(z) / expected - 1) < 1e-12, "\(z): \(Normal.logCumulative(z))")
  }

  /// Against the closed form where that one does not underflow, and in order where it does.
  @Test func logExpectedImprovementIsFiniteAndRises() {
    let direct = log(0.5 * (Normal.density(0.6) + 0.6 * Normal.cumulative(0.6)))
    #expect(abs(Normal.logExpectedImprovement(mean: 0.7, deviation: 0.5, best: 1) - direct) < 1e-12)
    let values = [1e6, 1e3, 10, 1, 0, -5].map { Normal.logExpectedImprovement(mean: $0, deviation: 1e-3, best: 0) }
    #expect(values.allSatisfy(\.isFinite) && values == values.sorted())
    #expect(Normal.logExpectedImprovement(mean: 0, deviation: 0, best: 0).isFinite)
  }

  @Test func normalNumbersHaveTheMomentsOfTheDistribution() {
    var random = RandomStream(seed: 3, name: "normal")
    let numbers = (0..<20_000).map { _ in random.normal() }
    let mean = numbers.reduce(0, +) / 20_000
    let variance = numbers.reduce(0) { $0 + $1 * $1 } / 20_000
    #expect(abs(mean) < 0.03 && abs(variance - 1) < 0.04)
    let below = Double(numbers.count { $0 < -1 }) / 20_000
    #expect(abs(below - Normal.cumulative(-1)) < 0.01)
  }

  /// Phi(quantile(p)) = p, and values of tables.
  @Test func quantiles() {
    for p in [1e-300, 1e-20, 1e-6, 0.01, 0.3, 0.5, 0.8, 0.975, 0.999_999] {
      #expect(abs(Normal.cumulative(Normal.quantile(p)) / p - 1) < 1e-11)
    }
    #expect(abs(Normal.quantile(0.975) - 1.959_963_984_540_054) < 1e-13)
    #expect(abs(Normal.quantile(0.001) + 3.090_232_306_167_814) < 1e-13)
    #expect(Normal.quantile(0) == -.infinity && Normal.quantile(1) == .infinity)
  }
}
