import Foundation
import HoneNumerics
import Testing

@Suite struct StudentTTests {
  /// SciPy, `scipy.stats.t.cdf`; nu = 1 is Cauchy's 1/2 + atan(t) / pi.
  @Test(arguments: [
    (1.0, 1.0, 0.75), (12.706204736432095, 1, 0.975), (-2.0, 1, 0.5 - atan(2.0) / .pi),
    (2.2281388519649385, 10, 0.975), (1.6448536269514722, 1e8, 0.95), (0.0, 3, 0.5),
  ])
  func agreesWithTables(_ t: Double, _ freedom: Double, _ p: Double) {
    #expect(abs(StudentT.cumulative(t, freedom: freedom) - p) < 2e-8, "\(StudentT.cumulative(t, freedom: freedom))")
    #expect(abs(StudentT.cumulative(-t, freedom: freedom) - (1 - p)) < 2e-8)
  }

  /// nu = 2 has the closed form 1/2 + t / (2 sqrt(2 + t^2)).
  @Test func agreesWithTheClosedForm() {
    for t in stride(from: -40.0, through: 40, by: 0.37) {
      let closed = 0.5 + t / (2 * (2 + t * t).squareRoot())
      #expect(abs(StudentT.cumulative(t, freedom: 2) - closed) < 1e-13, "\(t)")
      let three = 0.5 + (t / (3.0.squareRoot() * (1 + t * t / 3)) + atan(t / 3.0.squareRoot())) / .pi
      #expect(abs(StudentT.cumulative(t, freedom: 3) - three) < 1e-13, "\(t)")
    }
  }

  @Test func quantilesInvert() {
    for freedom in [1.0, 2, 5.5, 29, 400] {
      for p in [0.001, 0.05, 0.3, 0.5, 0.8, 0.975, 0.9999] {
        let t = StudentT.quantile(p, freedom: freedom)
        #expect(abs(StudentT.cumulative(t, freedom: freedom) - p) < 1e-12, "\(freedom) \(p)")
      }
    }
    #expect(abs(StudentT.quantile(0.975, freedom: 29) - 2.045229642132703) < 1e-10)
    #expect(StudentT.quantile(1, freedom: 3) == .infinity && StudentT.quantile(2, freedom: 3).isNaN)
    #expect(StudentT.cumulative(.infinity, freedom: 3) == 1 && StudentT.cumulative(.nan, freedom: 3).isNaN)
  }
}
