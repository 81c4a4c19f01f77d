import Foundation
import Testing

@testable import HoneNumerics

@Suite struct GaussianProcessDrawsTests {
  private func process() throws -> GaussianProcess {
    let points: [[Double?]] = [
      [0.1, 0.25, nil], [0.4, 0.75, 0.2], [0.8, 0.25, nil], [0.6, 0.75, 0.9], [0.2, 0.75, 0.5],
    ]
    let data = GaussianProcess.Data(
      points, isChoice: [false, true, false], values: [0.3, -1, 1.2, 0.1, -0.6],
      noiseShares: Array(repeating: 1, count: 5))
    var parameters = GaussianProcess.Parameters(dimensions: 3)
    parameters.logInverseSquares = [1.5, -0.5, 0.3]
    return try #require(GaussianProcess(data, parameters: parameters))
  }

  @Test func gradientAgreesWithDifferences() throws {
    let process = try process()
    for point in [[0.3, 0.75, 0.4], [0.9, 0.25, nil], [0.5, 0.25, nil], [0.15, 0.75, 0.8]] as [[Double?]] {
      let gradient = process.meanGradient(point)
      for index in [0, 2] {
        guard let x = point[index] else {
          #expect(gradient[index] == 0)
          continue
        }
        var (up, down) = (point, point)
        up[index] = x + 1e-6
        down[index] = x - 1e-6
        let expected = (process.mean(up) - process.mean(down)) / 2e-6
        #expect(abs(gradient[index] - expected) < 1e-6, "\(gradient[index]) \(expected)")
      }
      #expect(gradient[1] == 0)
    }
  }

  /// Many draws have the posterior's means and deviations, and near points have nearly the same values.
  @Test func drawsHaveThePosteriorsMoments() throws {
    let process = try process()
    let points: [[Double?]] = [[0.3, 0.75, 0.4], [0.301, 0.75, 0.4], [0.9, 0.25, nil]]
    var random = RandomStream(seed: 1, name: "draws")
    let draws = try (0..<4_000).map { _ in try #require(process.draw(at: points, &random)) }
    for index in points.indices {
      let values = draws.map { $0[index] }
      let mean = values.reduce(0, +) / 4_000
      let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4_000).squareRoot()
      let expected = process.posterior(points[index])
      #expect(abs(mean - expected.mean) < 0.06, "\(mean) \(expected.mean)")
      #expect(abs(deviation - expected.deviation) < 0.04, "\(deviation) \(expected.deviation)")
    }
    #expect(draws.allSatisfy { abs($0[0] - $0[1]) < 0.05 })
  }
}
