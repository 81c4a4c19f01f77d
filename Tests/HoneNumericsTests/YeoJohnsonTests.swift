import Testing

@testable import HoneNumerics

@Suite struct YeoJohnsonTests {
  /// scipy.stats.yeojohnson 1.17.
  @Test func agreesWithSciPy() {
    let values = [-2, -0.5, 0, 0.3, 1, 4]
    let expected: [(lambda: Double, values: [Double])] = [
      (-1, [-8.666666666666663, -0.7916666666666666, 0, 0.23076923076923078, 0.5, 0.8]),
      (0, [-3.9999999999999987, -0.625, 0, 0.26236426446749106, 0.6931471805599453, 1.6094379124341003]),
      (0.5, [-2.7974349484710874, -0.5580782047249224, 0, 0.280350850198276, 0.8284271247461901, 2.472135954999579]),
      (1, values),
      (2, [-1.0986122886681096, -0.4054651081081644, 0, 0.345, 1.5, 12]),
      (3, [-0.6666666666666666, -0.33333333333333337, 0, 0.399, 2.3333333333333326, 41.333333333333314]),
    ]
    for (lambda, expected) in expected {
      let found = values.map(YeoJohnson(lambda: lambda).callAsFunction)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(lambda) \(found)")
    }
  }

  /// scipy.stats.yeojohnson_normmax and yeojohnson_llf.
  @Test func likelihoodAndItsMaximumAgreeWithSciPy() {
    let values = [-1.2, -0.9, -0.7, -0.3, 0, 0.1, 0.4, 0.9, 2.5, 0.2]
    #expect(abs(YeoJohnson(lambda: 0.5).logLikelihood(values) - 1.0002349052982455) < 1e-10)
    #expect(abs(YeoJohnson(fitting: values).lambda - 0.36347900236221004) < 1e-4)
  }

  @Test func equalValuesAndOutliersAreSurvived() {
    #expect(YeoJohnson(fitting: [3, 3, 3]).lambda == 1 && YeoJohnson(fitting: []).lambda == 1)
    let outlier = Array(repeating: -0.1, count: 99) + [9.9]
    let fitted = YeoJohnson(fitting: outlier)
    #expect(YeoJohnson.range.contains(fitted.lambda))
    #expect(fitted(-0.1).isFinite && fitted(9.9).isFinite)
    #expect(fitted(9.9) > fitted(-0.1))
  }
}
