import HoneNumerics
import Testing

@Suite struct SobolTests {
  /// The first points as Joe and Kuo's own program prints them.
  @Test func firstPointsAreThePublishedOnes() {
    let published: [[Double]] = [
      [0, 0, 0, 0, 0, 0],
      [0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
      [0.75, 0.25, 0.25, 0.25, 0.75, 0.75],
      [0.25, 0.75, 0.75, 0.75, 0.25, 0.25],
      [0.375, 0.375, 0.625, 0.875, 0.375, 0.125],
      [0.875, 0.875, 0.125, 0.375, 0.875, 0.625],
      [0.625, 0.125, 0.875, 0.625, 0.625, 0.875],
      [0.125, 0.625, 0.375, 0.125, 0.125, 0.375],
      [0.1875, 0.3125, 0.9375, 0.4375, 0.5625, 0.3125],
      [0.6875, 0.8125, 0.4375, 0.9375, 0.0625, 0.8125],
    ]
    let sobol = Sobol(dimensions: 6)
    for (index, point) in published.enumerated() { #expect(sobol.point(index) == point) }
  }

  /// Coordinates of point 37 that SciPy 1.17 (`scipy.stats.qmc.Sobol`, same direction numbers) gives.
  @Test func farDimensionsAgreeWithAnotherImplementation() {
    let point = Sobol(dimensions: 128).point(37)
    #expect(point[0] == 0.921875 && point[1] == 0.640625 && point[2] == 0.578125 && point[3] == 0.921875)
    #expect(point[9] == 0.171875 && point[40] == 0.078125 && point[99] == 0.171875)
  }

  /// 2^k points have exactly one in each of 2^k equal slices of every axis, scrambled or not; and pairs of the first
  /// dimensions fill every elementary box of the first two axes.
  @Test(arguments: [nil, 1, 2, 99] as [UInt64?]) func everySliceHoldsOnePoint(_ seed: UInt64?) {
    let sobol = Sobol(dimensions: 128, seed: seed)
    let count = 256
    let points = (0..<count).map(sobol.point)
    for dimension in 0..<128 {
      let slices = Set(points.map { Int($0[dimension] * Double(count)) })
      #expect(slices.count == count, "seed \(String(describing: seed)), dimension \(dimension)")
    }
    for bits in 0...8 {
      let (width, height) = (Double(1 << bits), Double(1 << (8 - bits)))
      let boxes = Set(points.map { Int($0[0] * width) * 1_000 + Int($0[1] * height) })
      #expect(boxes.count == count)
    }
  }

  @Test func scramblingDependsOnTheSeedAndIsUniform() {
    #expect(Sobol(dimensions: 3, seed: 1).point(5) == Sobol(dimensions: 3, seed: 1).point(5))
    #expect(Sobol(dimensions: 3, seed: 1).point(5) != Sobol(dimensions: 3, seed: 2).point(5))
    // Any one point is uniform over seeds: the mean of 2,000 has a standard error of 0.0065.
    let mean = (0..<2_000).reduce(0.0) { $0 + Sobol(dimensions: 2, seed: UInt64($1)).point(0)[1] } / 2_000
    #expect(abs(mean - 0.5) < 0.03)
  }

  @Test func dimensionsBeyondTheTableAreStillNumbers() {
    let sobol = Sobol(dimensions: 140, seed: 4)
    let far = (0..<64).map { sobol.point($0)[139] }
    #expect(far.allSatisfy { $0 > 0 && $0 < 1 } && Set(far).count == 64)
  }
}
