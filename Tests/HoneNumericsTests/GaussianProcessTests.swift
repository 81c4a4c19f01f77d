import Foundation
import Testing

@testable import HoneNumerics

@Suite struct GaussianProcessTests {
  private let data = GaussianProcess.Data(
    [[0.1, 0], [0.4, 1], [0.9, 0], [nil, 1], [0.55, 2]], isChoice: [false, true],
    values: [0.3, -1.1, 1.2, -0.4, 0], noiseShares: [1, 1, 2, 1, 4])

  private var parameters: GaussianProcess.Parameters {
    GaussianProcess.Parameters(vector: [1.2, -0.3, 0.2, log(0.05)], dimensions: 2)
  }

  /// numpy.linalg 2.4: cholesky, solve, det and inv.
  @Test func factorSolvesAndInverts() throws {
    let cholesky = try #require(Cholesky([4, 0, 0, 2, 5, 0, 0.6, 1.5, 3], size: 3))
    let solution = cholesky.solve([1, 2, 3])
    let expected = [0.0625, 0.09264705882352936, 0.9411764705882355]
    #expect(zip(solution, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(solution)")
    #expect(abs(cholesky.halfLogDeterminant - 1.854341040705058) < 1e-12)
    let inverse = cholesky.inverse()
    let numpy = [
      0.3125, -0.125, 0.0, -0.125, 0.2852941176470588, -0.11764705882352942, 0.0, -0.11764705882352942,
      0.3921568627450981,
    ]
    #expect(zip(inverse, numpy).allSatisfy { abs($0 - $1) < 1e-12 }, "\(inverse)")
    #expect(Cholesky([1, 0, 2, 1], size: 2) == nil)
    let rows = cholesky.forwardRows([1, 2, 3, -1, 0, 2])
    #expect(rows == cholesky.forward([1, 2, 3]) + cholesky.forward([-1, 0, 2]))
  }

  /// A random 40 x 40 matrix times its inverse is the unit matrix.
  @Test func largerInversesAreInverses() throws {
    var random = RandomStream(seed: 4, name: "matrix")
    let size = 40
    let root = (0..<size * size).map { _ in random.normal() }
    var matrix = Array(repeating: 0.0, count: size * size)
    for i in 0..<size {
      for j in 0..<size {
        for k in 0..<size { matrix[i * size + j] += root[i * size + k] * root[j * size + k] }
      }
      matrix[i * size + i] += 1
    }
    let inverse = try #require(Cholesky(matrix, size: size)).inverse()
    for i in 0..<size {
      for j in 0..<size {
        var sum = 0.0
        for k in 0..<size { sum += matrix[i * size + k] * inverse[k * size + j] }
        #expect(abs(sum - (i == j ? 1 : 0)) < 1e-9)
      }
    }
  }

  /// Loss, means and deviations from NumPy 2.4 and SciPy 1.17 (`cho_solve`), written out from the formulas.
  @Test func posteriorAgreesWithNumPy() throws {
    let loss = try #require(GaussianProcess.loss(data, parameters))
    #expect(abs(loss.value - 5.491345910897051) < 1e-10, "\(loss.value)")
    let process = try #require(GaussianProcess(data, parameters: parameters))
    let expected: [([Double?], Double, Double)] = [
      ([0.3, 1], -1.0207844525700998, 0.3100037900747693), ([nil, 0], -0.09006544141343287, 0.8807996900821711),
      ([0.95, 2], 0.4288604487464876, 0.7542756036800514),
    ]
    for (point, mean, deviation) in expected {
      let found = process.posterior(point)
      #expect(abs(found.mean - mean) < 1e-10 && abs(found.deviation - deviation) < 1e-10, "\(point) \(found)")
      #expect(abs(process.mean(point) - mean) < 1e-10)
    }
  }

  /// Central differences of the loss; without warps, and with one of the number and one that the choice does not have.
  @Test(arguments: [[], [0.4, -0.7, 0.3, 0.1]])
  func gradientAgreesWithFiniteDifferences(_ warps: [Double]) throws {
    let vector = parameters.vector + warps
    let gradient = try #require(
      GaussianProcess.loss(data, GaussianProcess.Parameters(vector: vector, dimensions: 2))
    ).gradient
    #expect(gradient.count == vector.count)
    for index in vector.indices {
      var (up, down) = (vector, vector)
      up[index] += 1e-5
      down[index] -= 1e-5
      let high = try #require(GaussianProcess.loss(data, GaussianProcess.Parameters(vector: up, dimensions: 2))).value
      let low = try #require(GaussianProcess.loss(data, GaussianProcess.Parameters(vector: down, dimensions: 2))).value
      #expect(abs(gradient[index] - (high - low) / 2e-5) < 1e-7, "\(index)")
    }
  }

  /// A function of the first of two coordinates: the fit finds out which one matters, and that there is little noise.
  @Test func fitFindsWhatMatters() throws {
    var random = RandomStream(seed: 8, name: "fit")
    let points = (0..<30).map { _ in [random.uniform(), random.uniform()] as [Double?] }
    let values = points.map { sin(6 * ($0[0] ?? 0)) }
    let data = GaussianProcess.Data(
      points, isChoice: [false, false], values: values, noiseShares: Array(repeating: 1, count: 30))
    let start = GaussianProcess.Parameters(dimensions: 2)
    let fitted = try #require(GaussianProcess.fit(data, from: [start]))
    #expect(fitted.logInverseSquares[0] > fitted.logInverseSquares[1] + 2 && fitted.logNoise < log(1e-3), "\(fitted)")
    let before = try #require(GaussianProcess.loss(data, start)).value
    #expect(try #require(GaussianProcess.loss(data, fitted)).value < before - 10)
    let process = try #require(GaussianProcess(data, parameters: fitted))
    #expect(abs(process.mean([0.5, 0.5]) - sin(3)) < 0.02)
  }

  /// Warps that change nothing add their prior's 0 alone; others are those of points moved by hand.
  @Test func warpsMoveNumbers() throws {
    let plain = try #require(GaussianProcess.loss(data, parameters))
    var warped = parameters
    warped.logWarps = [0, 0, 0, 0]
    let unmoved = try #require(GaussianProcess.loss(data, warped))
    #expect(abs(unmoved.value - plain.value) < 1e-10)
    warped.logWarps = [0.4, -0.7, 0, 0]
    let warp = Kumaraswamy(logA: 0.4, logB: -0.7)
    let moved = GaussianProcess.Data(
      data.points.map { [$0[0].map { warp($0) }, $0[1]] }, isChoice: data.isChoice, values: data.values,
      noiseShares: data.noiseShares)
    let found = try #require(GaussianProcess(data, parameters: warped)).posterior([0.3, 1])
    let byHand = try #require(GaussianProcess(moved, parameters: parameters)).posterior([warp(0.3), 1])
    #expect(abs(found.mean - byHand.mean) < 1e-12 && abs(found.deviation - byHand.deviation) < 1e-12)
  }

  /// A wave whose length shrinks towards 0 is a plain one after a warp: the fit says so, and predicts better.
  @Test func fitFindsTheWarp() throws {
    func wave(_ u: Double) -> Double { sin(12 * u.squareRoot()) }
    let points = (0..<24).map { index -> [Double?] in
      let root = (Double(index) + 0.5) / 24
      return [root * root]
    }
    let data = GaussianProcess.Data(
      points, isChoice: [false], values: points.map { wave($0[0] ?? 0) },
      noiseShares: Array(repeating: 1, count: 24))
    func fit(_ isWarped: Bool) throws -> (parameters: GaussianProcess.Parameters, error: Double) {
      let start = GaussianProcess.Parameters(dimensions: 1, isWarped: isWarped)
      let parameters = try #require(GaussianProcess.fit(data, from: [start]))
      let process = try #require(GaussianProcess(data, parameters: parameters))
      let places = (1..<100).map { Double($0) / 100 }
      return (parameters, places.reduce(0) { max($0, abs(process.mean([$1]) - wave($1))) })
    }
    let (plain, warped) = (try fit(false), try fit(true))
    #expect(warped.parameters.logWarps[0] < -0.3, "\(warped)")
    #expect(warped.error < plain.error / 2, "\(warped.error) \(plain.error)")
  }

  /// Rosenbrock's valley has its bottom at (1, 1); in a box that ends at 0.5 the best point lies on the edge.
  @Test func minimizerFindsTheValleyAndTheEdge() throws {
    func valley(_ x: [Double]) -> (value: Double, gradient: [Double])? {
      let (a, b) = (1 - x[0], x[1] - x[0] * x[0])
      return (a * a + 100 * b * b, [-2 * a - 400 * x[0] * b, 200 * b])
    }
    var optimizer = BoxLBFGS(lower: [-2, -2], upper: [2, 2], iterations: 200)
    optimizer.tolerance = 1e-14
    let free = try #require(optimizer.minimize(from: [-1.2, 1], valley))
    #expect(abs(free.point[0] - 1) < 1e-4 && abs(free.point[1] - 1) < 1e-4, "\(free)")
    optimizer.upper = [0.5, 2]
    let edge = try #require(optimizer.minimize(from: [-1.2, 1], valley))
    #expect(abs(edge.point[0] - 0.5) < 1e-6 && abs(edge.point[1] - 0.25) < 1e-4, "\(edge)")
  }
}
