import Foundation
import HoneNumerics
import Testing

@testable import HoneOptimize

@Suite struct ChoiceProblemTests {
  /// Rows of two to five alternatives whose first feature decides, mostly.
  static func rows(_ count: Int, width: Int, seed: UInt64, slope: Double = 2) throws -> ChoiceRows {
    var random = RandomStream(seed: seed, name: "choices")
    var (features, sizes, targets): ([Double], [Int], [Double]) = ([], [], [])
    for row in 0..<count {
      let size = 2 + row % 4
      let x = (0..<size).map { _ in (0..<width).map { _ in random.normal() } }
      let noisy = x.map { slope * $0[0] - 2 * log(-log(max(1e-12, random.uniform()))) / 2 }
      let best = noisy.indices.max { noisy[$0] < noisy[$1] } ?? 0
      features += x.flatMap { $0 }
      sizes.append(size)
      // Now and then two are right.
      targets += (0..<size).map { $0 == best || row % 5 == 0 && $0 == 0 ? 1 : 0 }
    }
    let weights = (0..<count).map { 0.5 + Double($0 % 3) }
    return try ChoiceRows(features: features, sizes: sizes, targets: targets, weights: weights, width: width)
  }

  @Test func derivativesAreThoseOfTheValue() throws {
    let problem = try ChoiceProblem(
      train: Self.rows(23, width: 4, seed: 1), validation: Self.rows(11, width: 4, seed: 2), groups: [0, 1, 1, nil],
      prior: [1, 0, -0.5, 0])
    var random = RandomStream(seed: 3, name: "point")
    let w = (0..<4).map { _ in random.normal() }
    let v = (0..<4).map { _ in random.normal() }
    let lambda = [0.4, -0.8]
    var (gradient, other) = (w, w)
    _ = problem.inner(w, lambda, gradient: &gradient)
    let step = 1e-5
    func slope(_ value: ([Double]) -> Double) -> Double {
      (value(Vectors.sum(w, step, v)) - value(Vectors.sum(w, -step, v))) / (2 * step)
    }
    #expect(abs(slope { problem.inner($0, lambda, gradient: &other) } - Vectors.dot(gradient, v)) < 1e-7)
    var (g, partial) = (w, lambda)
    _ = problem.outer(w, lambda, gradientW: &g, gradientLambda: &partial)
    var (rest, unused) = (w, lambda)
    #expect(
      abs(slope { problem.outer($0, lambda, gradientW: &rest, gradientLambda: &unused) } - Vectors.dot(g, v)) < 1e-7)
    let (exact, rough) = (problem.curvature(w, lambda), DifferenceCurvature(problem, w, lambda))
    var (a, b) = (w, w)
    exact.hessianProduct(v, into: &a)
    rough.hessianProduct(v, into: &b)
    #expect(Vectors.norm(Vectors.sum(a, -1, b)) < 1e-6 * Vectors.norm(a))
    var (c, d) = (lambda, lambda)
    exact.mixedProduct(v, into: &c)
    rough.mixedProduct(v, into: &d)
    #expect(Vectors.norm(Vectors.sum(c, -1, d)) < 1e-6 * Vectors.norm(c))
    problem.innerOuterGradient(w, lambda, into: &c)
    for i in lambda.indices {
      var (above, below) = (lambda, lambda)
      above[i] += step
      below[i] -= step
      let slope = (problem.inner(w, above, gradient: &other) - problem.inner(w, below, gradient: &other)) / (2 * step)
      #expect(abs(slope - c[i]) < 1e-7)
    }
  }

  /// With two alternatives it is logistic regression of the difference.
  @Test func twoAlternativesAreLogisticRegression() throws {
    var random = RandomStream(seed: 5, name: "pairs")
    var (pairs, differences, labels): ([Double], [Double], [Int]) = ([], [], [])
    for row in 0..<40 {
      let (a, b) = ((0..<3).map { _ in random.normal() }, (0..<3).map { _ in random.normal() })
      pairs += a + b
      differences += zip(b, a).map { $0 - $1 }
      labels.append(b[0] - a[0] + 0.5 * random.normal() > 0 ? 1 : row % 7 == 0 ? 1 : 0)
    }
    let choices = try ChoiceRows(
      features: pairs, sizes: labels.map { _ in 2 },
      targets: labels.flatMap { [$0 == 0 ? 1.0 : 0, $0 == 1 ? 1.0 : 0] },
      width: 3)
    let rows = try LogisticRows(features: differences, labels: labels, width: 3, classes: 2)
    let one = try ChoiceProblem(train: choices, validation: choices, groups: [0, 1, 1])
    let two = try LogisticProblem(train: rows, validation: rows, outer: .penalties([0, 1, 1]))
    let search = BilevelSearch(tolerance: 1e-8)
    let (a, b) = (try search.hypergradient(of: one, at: [0.5, -1]), try search.hypergradient(of: two, at: [0.5, -1]))
    #expect(abs(a.value - b.value) < 1e-9 && Vectors.norm(Vectors.sum(a.direction, -1, b.direction)) < 1e-7)
    #expect(Vectors.norm(Vectors.sum(a.inner, -1, b.inner)) < 1e-6)
  }

  @Test func wrongRowsAreRefused() {
    #expect(throws: BilevelError.self) { try ChoiceRows(features: [1, 2], sizes: [2], targets: [0, 0], width: 1) }
    #expect(throws: BilevelError.self) { try ChoiceRows(features: [1, .nan], sizes: [2], targets: [1, 0], width: 1) }
    #expect(throws: BilevelError.self) { try ChoiceRows(features: [1], sizes: [2], targets: [1, 0], width: 1) }
    #expect(throws: BilevelError.self) {
      try ChoiceRows(features: [1, 2], sizes: [2], targets: [1, 0], weights: [0], width: 1)
    }
  }
}
