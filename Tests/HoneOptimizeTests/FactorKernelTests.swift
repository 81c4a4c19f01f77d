import Foundation
import HoneNumerics
import Testing

@testable import HoneOptimize

@Suite struct FactorKernelTests {
  static let arms = Arms(
    factors: [Arms.Factor(isOrdered: true), Arms.Factor(isOrdered: false), Arms.Factor(isOrdered: true)],
    points: [[0, 0, 0.25], [0.5, 1, nil], [1, 0, nil], [0.5, 0, 1], [0, nil, 0], [0.5, 1, 0.25]])

  /// rho by parameter, to the power of the distance: |u - u'| of ordered places, 1 of any others that differ.
  static func correlation(_ a: Int, _ b: Int, _ rho: [Double]) -> Double {
    var product = 1.0
    for factor in rho.indices {
      let (u, v) = (arms.points[a][factor], arms.points[b][factor])
      var distance = u == v ? 0.0 : 1
      if arms.factors[factor].isOrdered, let u, let v { distance = abs(u - v) }
      product *= pow(rho[factor], distance)
    }
    return product
  }

  static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  @Test(arguments: 0..<5) func covariancesAreProductsOverTheParameters(seed: Int) {
    var random = RandomStream(seed: UInt64(seed), name: "kernel")
    var parameters = FactorKernel.Parameters.prior(Self.arms.factors)
    parameters.flat = parameters.flat.map { $0 + 4 * random.uniform() - 2 }
    let kernel = FactorKernel(arms: Self.arms)
    let chosen = [5, 0, 1, 2, 3, 4]
    let levels = chosen.map { _ in 0.5 + random.uniform() }
    let prior = kernel.prior(chosen, parameters)
    let noise = kernel.noise(chosen, parameters, levels: levels)
    let some = kernel.correlation([2, 3], chosen, parameters)
    let likeness = kernel.likeness([2, 3], chosen, parameters)
    let means = parameters.means.map(Self.logistic)
    let (ordered, unordered) = (Self.logistic(parameters.ordered), Self.logistic(parameters.unordered))
    let answers = [ordered, unordered, ordered]
    for (i, a) in chosen.enumerated() {
      for (j, b) in chosen.enumerated() {
        let own = i == j ? FactorKernel.nugget.mean : 0
        let mean = 1 + exp(parameters.spread) * (Self.correlation(a, b, means) + own)
        #expect(abs(prior[i * 6 + j] - mean) < 1e-12)
        let shared = i == j ? 1 : (1 - FactorKernel.nugget.noise) * Self.correlation(a, b, answers)
        #expect(abs(noise[i * 6 + j] - exp(parameters.noise) * levels[i] * levels[j] * shared) < 1e-12)
      }
    }
    for (i, a) in [2, 3].enumerated() {
      for (j, b) in chosen.enumerated() {
        #expect(abs(some[i * 6 + j] - Self.correlation(a, b, means)) < 1e-12)
        #expect(abs(likeness[i * 6 + j] - pow(Self.correlation(a, b, answers), 2)) < 1e-12)
      }
    }
  }

  /// Rates are bounded, so that neither they nor their inverse overflow.
  @Test(arguments: [-1e6, -800, 800, 1e6]) func extremeParametersStayFinite(value: Double) {
    var parameters = FactorKernel.Parameters.prior(Self.arms.factors)
    parameters.means = parameters.means.map { _ in value }
    (parameters.ordered, parameters.unordered) = (value, value)
    let kernel = FactorKernel(arms: Self.arms)
    let chosen = Array(0..<6)
    #expect(kernel.prior(chosen, parameters).allSatisfy { $0.isFinite && $0 >= 1 })
    #expect(kernel.noise(chosen, parameters, levels: chosen.map { _ in 1 }).allSatisfy { $0.isFinite && $0 >= 0 })
  }
}
