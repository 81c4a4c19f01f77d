import Foundation
import Testing

@testable import HoneNumerics

@Suite struct KumaraswamyTests {
  /// The formula as it is written, where nothing cancels.
  @Test func agreesWithTheFormula() {
    for (a, b) in [(1.0, 1.0), (0.5, 2), (3, 0.4), (2, 5)] {
      let warp = Kumaraswamy(logA: log(a), logB: log(b))
      for u in [0.01, 0.2, 0.5, 0.77, 0.99] {
        #expect(abs(warp(u) - (1 - pow(1 - pow(u, a), b))) < 1e-12, "\(a) \(b) \(u)")
      }
      #expect(warp(0) == 0 && warp(1) == 1 && warp(-0.1) == 0 && warp(1.1) == 1)
    }
    // Where it cancels: u^a b to first order.
    let steep = Kumaraswamy(logA: log(3), logB: log(2))
    #expect(abs(steep(1e-7) / 2e-21 - 1) < 1e-12)
  }

  @Test func isMonotone() {
    var random = RandomStream(seed: 2, name: "warps")
    for _ in 0..<50 {
      let warp = Kumaraswamy(logA: random.normal(), logB: random.normal())
      let values = (0...200).map { warp(Double($0) / 200) }
      #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 })
    }
  }

  @Test func derivativesAgreeWithFiniteDifferences() {
    let h = 1e-6
    for (a, b) in [(0.0, 0.0), (0.7, -0.4), (-1.1, 0.9)] {
      for u in [0.03, 0.4, 0.9] {
        let warp = Kumaraswamy(logA: a, logB: b)
        let found = warp.derivatives(u)
        let byA = (Kumaraswamy(logA: a + h, logB: b)(u) - Kumaraswamy(logA: a - h, logB: b)(u)) / (2 * h)
        let byB = (Kumaraswamy(logA: a, logB: b + h)(u) - Kumaraswamy(logA: a, logB: b - h)(u)) / (2 * h)
        let byU = (warp(u + h) - warp(u - h)) / (2 * h)
        #expect(abs(found.byLogA - byA) < 1e-8 && abs(found.byLogB - byB) < 1e-8, "\(a) \(b) \(u)")
        #expect(abs(warp.slope(u) - byU) < 1e-7, "\(a) \(b) \(u)")
      }
    }
  }
}
