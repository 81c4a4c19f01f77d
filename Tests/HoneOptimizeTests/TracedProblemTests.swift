import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

/// Problems on the tape against the same in closed form.
@Suite struct TracedProblemTests {
  /// The closed form's objectives, written as traced functions.
  static func traced(_ problem: LogisticProblem) throws -> TracedProblem {
    let (train, validation) = (problem.train, problem.validation)
    let (inner, outer) = (try losses(train), try losses(validation))
    let ridge = Tensor(problem.ridge)
    let (outputs, width) = (train.outputs, train.width)
    let kind = problem.outer
    return try TracedProblem(
      innerStart: problem.innerStart, domain: problem.domain,
      inner: { w, lambda in
        let squares = try w.reshaped(.matrix(rows: outputs, columns: width)).square()
        switch kind {
        case .penalties(let groups):
          let strengths = try lambda.exp().tied(to: groups) + ridge
          return try inner(w).sum() + matvec(squares, strengths).sum() * 0.5
        case .rowWeights:
          return try dot(lambda.sigmoid(), inner(w)) + matvec(squares, ridge).sum() * 0.5
        }
      },
      outer: { w, _ in try outer(w).mean() })
  }

  static func losses(_ rows: LogisticRows) throws -> @Sendable (Traced<Tensor>) throws -> Traced<Tensor> {
    let x = try Tensor(rows.features, rows: rows.count, columns: rows.width)
    let (labels, outputs, width) = (rows.labels, rows.outputs, rows.width)
    let targets = Tensor(labels.map(Double.init))
    return { w in
      guard outputs > 1 else { return try logisticLoss(matvec(x, w), targets) }
      let scores = try matmul(x, w.reshaped(.matrix(rows: outputs, columns: width)), transposed: .second)
      return try crossEntropy(scores, labels)
    }
  }

  static func difference(_ a: [Double], _ b: [Double]) -> Double {
    Vectors.norm(Vectors.sum(a, -1, b)) / max(Vectors.norm(b), 1e-300)
  }

  @Test(arguments: [2, 3, 5], [true, false])
  func theTapeAgreesWithTheClosedForm(_ classes: Int, _ weighsRows: Bool) throws {
    let closed = try Bilevels.logistic(classes: classes, outer: weighsRows ? .rowWeights : nil)
    let traced = try Self.traced(closed)
    let (n, m) = (closed.innerDimension, closed.outerDimension)
    #expect(traced.innerDimension == n && traced.outerDimension == m)
    var random = RandomStream(seed: 11, name: "points")
    for _ in 0..<5 {
      let w = (0..<n).map { _ in random.normal() }
      let lambda = (0..<m).map { _ in random.normal() }
      let v = (0..<n).map { _ in random.normal() }
      var (a, b) = (Array(repeating: 0.0, count: n), Array(repeating: 0.0, count: n))
      var (c, d) = (Array(repeating: 0.0, count: m), Array(repeating: 0.0, count: m))
      let values = (traced.inner(w, lambda, gradient: &a), closed.inner(w, lambda, gradient: &b))
      #expect(abs(values.0 - values.1) <= 1e-10 * abs(values.1) && Self.difference(a, b) <= 1e-10)
      traced.innerOuterGradient(w, lambda, into: &c)
      closed.innerOuterGradient(w, lambda, into: &d)
      #expect(Self.difference(c, d) <= 1e-10)
      let outer = (
        traced.outer(w, lambda, gradientW: &a, gradientLambda: &c),
        closed.outer(w, lambda, gradientW: &b, gradientLambda: &d)
      )
      #expect(abs(outer.0 - outer.1) <= 1e-10 * abs(outer.1) && Self.difference(a, b) <= 1e-10 && c == d)
      let (tape, exact) = (traced.curvature(w, lambda), closed.curvature(w, lambda))
      tape.hessianProduct(v, into: &a)
      exact.hessianProduct(v, into: &b)
      #expect(Self.difference(a, b) <= 1e-10)
      tape.mixedProduct(v, into: &c)
      exact.mixedProduct(v, into: &d)
      #expect(Self.difference(c, d) <= 1e-10)
      let (one, other) = (try #require(tape.hessian()), try #require(exact.hessian()))
      #expect(Self.difference(one, other) <= 1e-10)
    }
  }

  @Test(arguments: [2, 3], LinearMethod.allCases)
  func hypergradientsAgree(_ classes: Int, _ method: LinearMethod) throws {
    for weighsRows in [true, false] {
      let closed = try Bilevels.logistic(classes: classes, outer: weighsRows ? .rowWeights : nil)
      let lambda = (0..<closed.outerDimension).map { 0.2 * Double($0 % 5) - 0.4 }
      var one = ImplicitEstimator(try Self.traced(closed), tolerance: 1e-10, method: method)
      var other = ImplicitEstimator(closed, tolerance: 1e-10, method: method)
      let (a, b) = (try one.at(lambda), try other.at(lambda))
      #expect(abs(a.value - b.value) < 1e-10 && Self.difference(a.direction, b.direction) < 1e-8)
    }
  }

  @Test func aSearchEndsWhereThatOfTheClosedFormDoes() throws {
    let closed = try Bilevels.logistic(classes: 3)
    let (one, other) = (try BilevelSearch().run(try Self.traced(closed)), try BilevelSearch().run(closed))
    #expect(abs(one.value - other.value) < 1e-6 && one.value < one.startValue)
  }

  /// Gradients alone give hypergradients to 3e-4, for at most 2.5 times the calls.
  @Test(arguments: [2, 3], [true, false])
  func gradientsAloneAreEnough(_ classes: Int, _ weighsRows: Bool) throws {
    let closed = try Bilevels.logistic(classes: classes, outer: weighsRows ? .rowWeights : nil)
    let problem = try Self.traced(closed)
    var random = RandomStream(seed: 2, name: "lambda")
    for _ in 0..<4 {
      let lambda = (0..<problem.outerDimension).map { _ in -2 + 4 * random.uniform() }
      var truth = ImplicitEstimator(problem, tolerance: 1e-10)
      var exact = ImplicitEstimator(problem, tolerance: 1e-4, method: .cg)
      var rough = ImplicitEstimator(GradientsAlone(problem), tolerance: 1e-4)
      let expected = try truth.at(lambda).direction
      _ = try exact.at(lambda)
      let found = try rough.at(lambda)
      #expect(Self.difference(found.direction, expected) <= 3e-4)
      // A product costs two gradients instead of one product, and is counted as those.
      #expect(rough.count.hessianProducts == 0 && rough.count.mixedProducts == 0)
      #expect(Double(rough.count.total) <= 2.5 * Double(exact.count.total), "\(rough.count) \(exact.count)")
    }
  }

  /// The guard chooses as it does for the closed form.
  @Test func tracedRowsAreGuarded() throws {
    let closed = try LogisticProblem(
      train: try Bilevels.rows(40, 6, classes: 2, seed: 7), validation: try Bilevels.rows(20, 6, classes: 2, seed: 8),
      outer: .penalties([0, 1, 2, 3, 4, nil]))
    let (inner, validation) = (try Self.losses(closed.train), try Self.losses(closed.validation))
    let ridge = Tensor(closed.ridge)
    let problem = try TracedRowsProblem(
      innerStart: closed.innerStart, domain: closed.domain,
      inner: { w, lambda in
        let strengths = try lambda.exp().tied(to: [0, 1, 2, 3, 4, nil]) + ridge
        return try inner(w).sum() + dot(strengths, w.square()) * 0.5
      }, validation: validation)
    #expect(problem.validationCount == 20)
    let w = closed.innerStart.indices.map { 0.3 * Double($0) - 0.5 }
    let rows = [3, 19, 0]
    let (one, other) = (problem.validationLosses(w, rows: rows), closed.validationLosses(w, rows: rows))
    #expect(Self.difference(one, other) < 1e-12)
    var (a, b, c, d) = (w, w, closed.domain.map { _ in 1.0 }, closed.domain.map { _ in 1.0 })
    let part = problem.validating(on: rows).outer(w, c, gradientW: &a, gradientLambda: &c)
    let same = closed.validating(on: rows).outer(w, d, gradientW: &b, gradientLambda: &d)
    #expect(abs(part - same) < 1e-12 && Self.difference(a, b) < 1e-10 && c == d)
    let (guarded, expected) = (try Shrinkage().run(problem), try Shrinkage().run(closed))
    #expect(guarded.search.shrinkage == expected.search.shrinkage)
    #expect(abs(guarded.search.value - expected.search.value) < 1e-4)
  }

  /// The example of the documentation, as it stands there.
  @Test func theExampleOfTheDocumentation() throws {
    let rows = try Bilevels.rows(30, 3, classes: 2, seed: 3)
    let x = try Tensor(rows.features, rows: 30, columns: 3)
    let y = Tensor(rows.labels.map(Double.init))
    let (xValidation, yValidation) = (x, y)
    let problem = try TracedProblem(
      innerStart: [0, 0, 0], domain: [-6...6],
      inner: { w, lambda in
        try logisticLoss(matvec(x, w), y).sum() + lambda.exp() * w.square().sum() * 0.5
      },
      outer: { w, lambda in try logisticLoss(matvec(xValidation, w), yValidation).mean() })
    let report = try BilevelSearch().run(problem)
    // On its own rows the fit is best where it is held back least.
    #expect(report.value < report.startValue && report.lambda[0] < -4)
  }

  @Test func mistakesAreNamed() throws {
    let x = try Tensor(rows: [[1, 2], [3, 4]])
    #expect(throws: ArrayError.self) {
      try TracedProblem(
        innerStart: [0, 0, 0], domain: [0...1], inner: { w, _ in try matvec(x, w).sum() }, outer: { w, _ in w.sum() })
    }
    #expect(throws: ArrayError.self) {
      try TracedProblem(innerStart: [0, 0], domain: [0...1], inner: { w, _ in w }, outer: { w, _ in w.sum() })
    }
    #expect(throws: ArrayError.self) {
      try TracedProblem(
        innerStart: [0, 0], domain: [0...1], inner: { w, _ in w.log().sum() }, outer: { w, _ in w.sum() })
    }
  }

  /// Finite at its start, not everywhere: elsewhere it is not a number, and a search steps back from there.
  @Test func whereAValueIsNotFiniteItIsNoNumber() throws {
    let problem = try TracedProblem(
      innerStart: [4], domain: [2...2.2], inner: { w, lambda in try (w * lambda - 7.5).log().square().sum() },
      outer: { w, _ in w.square().sum() })
    var gradient = [0.0]
    #expect(problem.inner([3], [2], gradient: &gradient).isNaN && gradient[0].isNaN)
    problem.innerOuterGradient([3], [2], into: &gradient)
    #expect(gradient[0].isNaN)
    var product = [0.0]
    problem.curvature([3], [2]).hessianProduct([1], into: &product)
    #expect(product[0].isNaN)
    let report = try BilevelSearch().run(problem)
    #expect(abs(report.value - (8.5 / 2.2) * (8.5 / 2.2)) < 1e-4)
  }
}
