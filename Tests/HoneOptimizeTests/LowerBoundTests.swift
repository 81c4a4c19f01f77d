import Foundation
import HoneNumerics
import Testing

@testable import HoneOptimize

/// Only what a problem must say: second derivatives by differences, no floor.
private struct PlainProblem: MonotoneProblem {
  let base: LogisticProblem
  var innerDimension: Int { base.innerDimension }
  var outerDimension: Int { base.outerDimension }
  var domain: [ClosedRange<Double>] { base.domain }
  var innerStart: [Double] { base.innerStart }
  func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    base.inner(w, lambda, gradient: &gradient)
  }
  func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    base.innerOuterGradient(w, lambda, into: &result)
  }
  func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double {
    base.outer(w, lambda, gradientW: &gradientW, gradientLambda: &gradientLambda)
  }
  func convexity(_ lambda: [Double]) -> [Double]? { base.convexity(lambda) }
}

@Suite struct LowerBoundTests {
  private func phi(_ problem: some BilevelProblem, _ lambda: [Double]) throws -> Double {
    var exact = ImplicitEstimator(problem, tolerance: 1e-9)
    return try exact.value(at: lambda).value
  }

  private func problem(_ seed: UInt64, _ random: inout RandomStream) throws -> LogisticProblem {
    let groups: [[Int?]] = [[0, 0, 0, 0, 0, nil], [0, 1, 1, 2, 2, nil], [0, 0, 0, 1, 1, nil], [0, 1, 2, 3, 4, 5]]
    // Wide and narrow boxes.
    let middle = 6 * random.uniform() - 3
    let width = [0.01, 0.3, 2, 6][Int(seed % 4)]
    let classes = 2 + Int(seed / 4 % 2)
    let scale = [1, 0.01, 30][Int(seed / 8 % 3)]
    return try LogisticProblem(
      train: try Bilevels.rows(30, 6, classes: classes, seed: seed, scale: scale),
      validation: try Bilevels.rows(20, 6, classes: classes, seed: seed + 50, scale: scale),
      outer: .penalties(groups[Int(random.uniform() * 4)]), bounds: (middle - width)...(middle + width))
  }

  /// 200 lambdas of 25 problems, and the best that a search finds: never below the bound, however soon it was stopped.
  @Test func noLambdaIsBelowTheBound() throws {
    for seed in UInt64(0)..<25 {
      var random = RandomStream(seed: seed, name: "bound")
      let problem = try problem(seed, &random)
      let bounding = LowerBound(budget: [30, 200, 900][Int(seed % 3)], corners: Int(seed % 4))
      let report = try bounding.run(problem)
      #expect(report.bound >= 0 && report.bound.isFinite)
      for _ in 0..<8 {
        let lambda = problem.domain.map { $0.lowerBound + random.uniform() * ($0.upperBound - $0.lowerBound) }
        #expect(report.bound <= (try phi(problem, lambda)) + 1e-9, "\(seed) \(lambda)")
      }
      let best = try BilevelSearch().run(problem).value
      #expect(report.bound <= best + 1e-6 * abs(best), "\(seed)")
      #expect(report.value >= report.bound && report.value >= best - 1e-3, "\(seed)")
    }
  }

  /// Splitting brings bound and best value together, and the best value is the least one of a fine grid.
  @Test(arguments: [UInt64(1), 2, 3])
  func oneLambdaIsBoundedTightly(_ seed: UInt64) throws {
    let problem = try Bilevels.logistic(classes: 2, seed: seed, outer: .penalties([0, 0, 0, 0, 0, nil]))
    let report = try LowerBound(tolerance: 0.03).run(problem)
    #expect(report.stop == .tight && report.bound >= 0.97 * report.value)
    let grid = try (0...240).map { try phi(problem, [-6 + 0.05 * Double($0)]) }.min() ?? 0
    #expect(report.bound <= grid && report.bound >= 0.97 * grid)
  }

  /// A threshold is answered as the truth says, and more cheaply the farther it is.
  @Test func thresholdsAreSettled() throws {
    for seed in UInt64(1)...4 {
      let problem = try Bilevels.logistic(classes: 2, seed: seed, outer: .penalties([0, 0, 0, 0, 0, nil]))
      let best = try BilevelSearch().run(problem).value
      let near = try LowerBound().run(problem, threshold: 0.95 * best)
      let far = try LowerBound().run(problem, threshold: 0.5 * best)
      #expect(near.stop == .above && near.bound > 0.95 * best && near.bound <= best * (1 + 1e-6))
      #expect(far.stop == .above && far.bound > 0.5 * best && far.count.total <= near.count.total)
      #expect(try LowerBound().run(problem, threshold: 1.001 * best).stop == .below)
      #expect(try LowerBound(budget: 1).run(problem, threshold: 0.95 * best).stop == .spent)
    }
  }

  /// Without second derivatives in closed form.
  @Test func gradientsSuffice() throws {
    let base = try Bilevels.logistic(classes: 2, outer: .penalties([0, 0, 0, 0, 0, nil]))
    let plain = try LowerBound(tolerance: 0.05).run(PlainProblem(base: base))
    let best = try BilevelSearch().run(base).value
    #expect(plain.stop == .tight && plain.bound <= best && plain.bound >= 0.94 * best)
    #expect(plain.count.hessianProducts == 0)
  }

  /// Separable classes, doubled columns, more columns than rows, far scales: never above what a search finds, never NaN.
  @Test func hostileProblemsAreNotOverrated() throws {
    for seed in UInt64(0)..<24 {
      var random = RandomStream(seed: seed, name: "hostile")
      let scale = [1e-6, 1, 1e6][Int(seed % 3)]
      let width = seed % 4 == 0 ? 24 : 5
      var (features, labels): ([Double], [Int]) = ([], [])
      for row in 0..<16 {
        labels.append(row % 2)
        var x = (0..<width).map { _ in random.normal() * scale }
        if seed % 2 == 0 { x[0] = (row % 2 == 0 ? -1 : 1) * scale }
        if seed % 5 == 0 { x[1] = x[2] }
        features += x
      }
      let rows = try LogisticRows(features: features, labels: labels, width: width, classes: 2)
      let problem = try LogisticProblem(
        train: rows, validation: rows, outer: .penalties((0..<width).map { $0 % 2 }),
        ridge: Array(repeating: seed % 2 == 0 ? 0 : 1e-3, count: width))
      let report = try LowerBound(budget: 600).run(problem)
      #expect(report.bound >= 0 && !report.value.isNaN, "\(seed)")
      for _ in 0..<5 {
        let lambda = problem.domain.map { _ in 12 * random.uniform() - 6 }
        guard let value = try? phi(problem, lambda) else { continue }
        #expect(report.bound <= value + 1e-9 * max(1, value), "\(seed) \(scale) \(report)")
      }
    }
  }

  /// What it says it asked is what was asked.
  @Test func everyCallIsCounted() throws {
    for seed in UInt64(0)..<6 {
      let problem = try Bilevels.logistic(classes: 2 + Int(seed % 2), seed: seed)
      let meter = OracleMeter(cap: 100_000)
      var count = try LowerBound(budget: 500).run(MeteredProblem(problem, meter), threshold: 0.3).count
      count.solves = 0
      #expect(count == meter.count)
    }
  }

  @Test func whatCannotBeBoundedIsNamed() throws {
    let rows = try Bilevels.rows(20, 3, classes: 2, seed: 1)
    for problem in [
      try LogisticProblem(train: rows, validation: rows, outer: .rowWeights),
      try LogisticProblem(
        train: rows, validation: rows, outer: .penalties([0, 0, nil]), risk: SpectralRisk(.superquantile(0.5))),
      try LogisticProblem(train: rows, validation: rows, outer: .penalties([0, 0, nil]), ridge: [0, 0, 0]),
    ] {
      #expect(throws: BilevelError.self) { try LowerBound().run(problem) }
    }
  }
}
