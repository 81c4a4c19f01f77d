import Foundation
import HoneNumerics
import Testing

@testable import HoneOptimize

@Suite struct BilevelTests {
  @Test(arguments: [(8, 3), (30, 12), (4, 9)], [true, false])
  func theQuadraticEndsAtItsOptimum(_ size: (Int, Int), _ isExact: Bool) throws {
    var problem = QuadraticProblem(n: size.0, m: size.1, seed: 4)
    problem.isExact = isExact
    let best = try problem.optimum()
    let report = try BilevelSearch(tolerance: 1e-6).run(problem)
    #expect(abs(report.value - best.value) < 1e-6 * max(1, abs(best.value)))
    #expect(Vectors.norm(Vectors.sum(report.lambda, -1, best.lambda)) < 1e-2 * (1 + Vectors.norm(best.lambda)))
  }

  /// Closed forms against differences of values.
  @Test(arguments: [2, 4], [true, false])
  func derivativesOfTheLogisticProblem(_ classes: Int, _ weighsRows: Bool) throws {
    let problem = try Bilevels.logistic(classes: classes, outer: weighsRows ? .rowWeights : nil)
    var random = RandomStream(seed: 3, name: "point")
    let w = (0..<problem.innerDimension).map { _ in 0.5 * random.normal() }
    let lambda = (0..<problem.outerDimension).map { _ in random.normal() }
    let v = (0..<problem.innerDimension).map { _ in random.normal() }
    var (gradient, other) = (w, w)
    _ = problem.inner(w, lambda, gradient: &gradient)
    let step = 1e-5
    let slope =
      (problem.inner(Vectors.sum(w, step, v), lambda, gradient: &other)
        - problem.inner(Vectors.sum(w, -step, v), lambda, gradient: &other)) / (2 * step)
    #expect(abs(slope - Vectors.dot(gradient, v)) < 1e-6 * max(1, abs(slope)))
    let (exact, rough) = (problem.curvature(w, lambda), DifferenceCurvature(problem, w, lambda))
    var (a, b) = (w, w)
    exact.hessianProduct(v, into: &a)
    rough.hessianProduct(v, into: &b)
    #expect(Vectors.norm(Vectors.sum(a, -1, b)) < 1e-5 * Vectors.norm(a))
    let matrix = try #require(exact.hessian())
    #expect(
      Vectors.norm(Vectors.sum(QuadraticProblem.times(matrix, v, rows: v.count), -1, a)) < 1e-10 * Vectors.norm(a))
    var (c, d) = (lambda, lambda)
    exact.mixedProduct(v, into: &c)
    rough.mixedProduct(v, into: &d)
    #expect(Vectors.norm(Vectors.sum(c, -1, d)) < 1e-5 * Vectors.norm(c))
    // dh/dlambda against values.
    problem.innerOuterGradient(w, lambda, into: &c)
    for i in 0..<min(4, lambda.count) {
      var (above, below) = (lambda, lambda)
      above[i] += step
      below[i] -= step
      let slope = (problem.inner(w, above, gradient: &other) - problem.inner(w, below, gradient: &other)) / (2 * step)
      #expect(abs(slope - c[i]) < 1e-6 * max(1, abs(slope)))
    }
  }

  /// Every estimator against central differences of Phi itself.
  @Test(arguments: [2, 3])
  func estimatorsAgreeWithDifferencesOfPhi(_ classes: Int) throws {
    let problem = try Bilevels.logistic(classes: classes)
    let lambda = [0.3, -0.6, 0.9]
    var exact = ImplicitEstimator(problem, tolerance: 1e-10)
    func phi(_ lambda: [Double]) throws -> Double {
      var fresh = ImplicitEstimator(problem, tolerance: 1e-11)
      return try fresh.at(lambda).value
    }
    let expected = try lambda.indices.map { i in
      var (above, below) = (lambda, lambda)
      above[i] += 1e-4
      below[i] -= 1e-4
      return (try phi(above) - phi(below)) / 2e-4
    }
    func error(_ found: Hypergradient) -> Double {
      Vectors.norm(Vectors.sum(found.direction, -1, expected)) / Vectors.norm(expected)
    }
    #expect(error(try exact.at(lambda)) < 1e-6)
    for method in LinearMethod.allCases {
      var estimator = ImplicitEstimator(problem, tolerance: 1e-8, method: method)
      #expect(error(try estimator.at(lambda)) < 1e-6, "\(method)")
    }
    var penalty = PenaltyEstimator(problem, gamma: 1_000, tolerance: 1e-9)
    #expect(error(try penalty.at(lambda)) < 1e-2)
    // Steps of 1 / L for long enough.
    var reverse = UnrolledEstimator(problem, steps: 1_000, rate: 0.04)
    var forward = ForwardEstimator(problem, steps: 1_000, rate: 0.04)
    var short = UnrolledEstimator(problem, steps: 1_000, rate: 0.04, window: 200)
    let (back, ahead, truncated) = (try reverse.at(lambda), try forward.at(lambda), try short.at(lambda))
    #expect(error(back) < 1e-3 && error(truncated) < 1e-2)
    #expect(Vectors.norm(Vectors.sum(back.direction, -1, ahead.direction)) < 1e-5 * Vectors.norm(back.direction))
    // Kept: two stretches of about sqrt(T) iterates.
    #expect(reverse.kept <= 3 * 33 * problem.innerDimension)
  }

  /// An older factor saves products.
  @Test func aLaggedFactorSavesProducts() throws {
    let problem = QuadraticProblem(n: 30, m: 3, seed: 2, shift: 0.002)
    func products(_ method: LinearMethod) throws -> Int {
      try BilevelSearch(estimator: .implicit(method), steps: 10).run(problem).count.hessianProducts
    }
    let (lagged, plain) = (try products(.laggedCholesky), try products(.cg))
    #expect(lagged * 2 < plain, "\(lagged) \(plain)")
  }

  /// Separable classes, doubled columns, more columns than rows, far scales: finite numbers or a typed error.
  @Test func hostileProblemsStayFinite() throws {
    for seed in UInt64(0)..<24 {
      var random = RandomStream(seed: seed, name: "hostile")
      let scale = [1e-6, 1, 1e6][Int(seed % 3)]
      let width = seed % 4 == 0 ? 30 : 5
      var features: [Double] = []
      var labels: [Int] = []
      for row in 0..<16 {
        labels.append(row % 2)
        var x = (0..<width).map { _ in random.normal() * scale }
        if seed % 2 == 0 { x[0] = (row % 2 == 0 ? -1 : 1) * scale }
        if seed % 5 == 0 { x[1] = x[2] }
        features += x
      }
      let rows = try LogisticRows(features: features, labels: labels, width: width, classes: 2)
      let problem = try LogisticProblem(
        train: rows, validation: rows, outer: .penalties((0..<width).map { $0 }),
        ridge: Array(repeating: 0, count: width))
      for estimator in [BilevelSearch.Estimator.implicit(.auto), .implicit(.cg), .penalty(gamma: 100)] {
        do {
          let report = try BilevelSearch(estimator: estimator, budget: 20_000, steps: 10).run(problem)
          #expect(report.value.isFinite && report.lambda.allSatisfy { (-6...6).contains($0) }, "\(seed)")
          #expect(Vectors.isFinite(report.inner))
        } catch {
          #expect([.negativeCurvature, .notFinite].contains(error.kind), "\(seed): \(error)")
        }
      }
    }
  }

  @Test func anIndefiniteInnerProblemIsRefused() throws {
    let problem = QuadraticProblem(n: 6, m: 2, seed: 1, shift: -3)
    #expect(throws: BilevelError.self) { try BilevelSearch(estimator: .implicit(.cg)).run(problem) }
  }

  /// Many lambdas on few rows: the guard does not lose what one lambda holds.
  @Test func shrinkageGuardsAgainstFewRows() throws {
    let test = try Bilevels.rows(400, 12, classes: 2, seed: 900)
    let problem = try LogisticProblem(
      train: try Bilevels.rows(60, 12, classes: 2, seed: 7), validation: try Bilevels.rows(24, 12, classes: 2, seed: 8),
      outer: .penalties(Array(0..<11) + [nil]))
    let guarded = try Shrinkage().run(problem)
    let free = try BilevelSearch().run(problem)
    let one = try BilevelSearch().run(TiedProblem(problem: problem))
    #expect(free.value < guarded.search.value + 1e-9, "unguarded fits the validation rows better")
    #expect(test.meanLoss(guarded.search.inner) <= 1.02 * test.meanLoss(one.inner))
  }

  @Test func theSameTwice() throws {
    let problem = try Bilevels.logistic(classes: 3)
    let (once, twice) = (try BilevelSearch().run(problem), try BilevelSearch().run(problem))
    #expect(once == twice)
    // A budget in oracle calls ends it with the best so far.
    let short = try BilevelSearch(budget: 60).run(problem)
    #expect(short.stop == .budget && short.value <= short.startValue)
  }

  @Test func mistakesAreNamed() throws {
    #expect(throws: BilevelError.self) { try LogisticRows(features: [1, 2, 3], labels: [0], width: 2, classes: 2) }
    #expect(throws: BilevelError.self) { try LogisticRows(features: [1, .nan], labels: [0], width: 2, classes: 2) }
    #expect(throws: BilevelError.self) { try LogisticRows(features: [1, 2], labels: [2], width: 2, classes: 2) }
    let rows = try Bilevels.rows(10, 3, classes: 2, seed: 1)
    #expect(throws: BilevelError.self) {
      try LogisticProblem(train: rows, validation: rows, outer: .penalties([0, 2, nil]))
    }
    let problem = QuadraticProblem(n: 3, m: 2, seed: 1)
    #expect(throws: BilevelError.self) { try BilevelSearch().run(problem, from: [1]) }
    #expect(throws: BilevelError.self) { try BilevelSearch().run(problem, shrinkage: -1) }
  }
}
