import HoneNumerics
import Testing

@testable import HoneOptimize

/// Each loop of its own ends at the closed form of what it minimizes.
@Suite struct BilevelLoopTests {
  static let problem = QuadraticProblem(n: 4, m: 2, seed: 4, shift: 0.8)

  @Test(arguments: [nil, 0.01])
  func selfTuning(_ entropy: Double?) throws {
    let best = try Self.problem.optimum()
    let limits = BilevelLoopLimits(steps: 4_000)
    let report = try SelfTuningLoop(entropy: entropy, limits: limits).run(Self.problem)
    // Learned perturbations stay, and shake lambda a little.
    let tolerance = entropy == nil ? 1e-3 : 0.3
    #expect(Bilevels.distance(report.lambda, best.lambda) < tolerance, "\(report) \(best)")
    #expect(report == (try SelfTuningLoop(entropy: entropy, limits: limits).run(Self.problem)), "not the same twice")
  }

  /// lambda enters in steps: no slope of h in lambda exists, and none is asked.
  @Test func selfTuningNeedsNoSlopeOfTheInnerObjective() throws {
    struct Steps: BilevelProblem {
      let base = BilevelPartsTests.Positive()
      var innerDimension: Int { 1 }
      var outerDimension: Int { 1 }
      var domain: [ClosedRange<Double>] { [0...4] }
      var innerStart: [Double] { [0] }
      func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
        base.inner(w, [max(0, (lambda[0] * 20).rounded() / 20)], gradient: &gradient)
      }
      func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) { result = [.nan] }
      func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double
      {
        base.outer(w, lambda, gradientW: &gradientW, gradientLambda: &gradientLambda)
      }
    }
    let loop = SelfTuningLoop(spread: 0.3, outerRate: 0.02, limits: BilevelLoopLimits(steps: 4_000))
    let report = try loop.run(Steps(), from: [3])
    #expect(abs(report.lambda[0] - 1) < 0.15, "\(report)")
  }

  /// V-PBGD and G-PBGD end at the least g + gamma p, which is a linear system, and near the optimum.
  @Test(arguments: [PenaltyLoop.Gap.value, .gradient])
  func penaltyDescent(_ gap: PenaltyLoop.Gap) throws {
    let (problem, gamma) = (Self.problem, 20.0)
    let (n, m) = (problem.n, problem.m)
    let size = n + m
    var matrix = Array(repeating: 0.0, count: size * size)
    var right = Array(repeating: 0.0, count: size)
    // p = 1/2 (Aw + B lambda + b)' M (Aw + B lambda + b), M = A^-1, or |.|^2: M = 2 I.
    let factor = try #require(Cholesky(problem.a, size: n))
    let rows = (0..<n).map { i in
      (0..<n).map { problem.a[i * n + $0] } + (0..<m).map { problem.cross[i * m + $0] } + [problem.offset[i]]
    }
    let columns = (0...size).map { j in rows.map { $0[j] } }
    for i in 0..<size {
      let image = gap == .value ? factor.solve(columns[i]) : columns[i].map { 2 * $0 }
      for j in 0..<size { matrix[i * size + j] = gamma * Vectors.dot(image, columns[j]) }
      right[i] = -gamma * Vectors.dot(image, columns[size])
    }
    for i in 0..<n {
      for j in 0..<n { matrix[i * size + j] += problem.c[i * n + j] }
      right[i] -= problem.tilt[i]
    }
    for j in n..<size { matrix[j * size + j] += problem.d }
    let joint = try #require(Cholesky(matrix, size: size)).solve(right)
    let loop = PenaltyLoop(
      gap, gamma: gamma, ramp: 200, innerSteps: 2, outerRate: 0.05, limits: BilevelLoopLimits(steps: 12_000))
    let report = try loop.run(problem)
    #expect(Bilevels.distance(report.lambda, Array(joint[n...])) < 2e-3, "\(report) \(joint)")
    #expect(Bilevels.distance(report.inner, Array(joint[..<n])) < 2e-3)
    #expect(Bilevels.distance(report.lambda, try problem.optimum().lambda) < 0.3)
    #expect((report.count.hessianProducts > 20) == (gap == .gradient), "the value gap takes no second derivatives")
  }

  /// h_s = 1/2 |w - a_s|^2: w* is the mixture of the a_s, g its distance from a target.
  struct Mixture: BilevelProblem {
    let target: [Double]
    let corners: [[Double]] = [[0, 0], [2, 0], [0, 3]]
    var innerDimension: Int { 2 }
    var outerDimension: Int { 3 }
    var domain: [ClosedRange<Double>] { Array(repeating: 0...1, count: 3) }
    var geometry: BilevelGeometry { .simplex }
    var innerStart: [Double] { [0, 0] }
    func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
      gradient = [0, 0]
      var value = 0.0
      for (corner, part) in zip(corners, lambda) {
        let away = Vectors.sum(w, -1, corner)
        Vectors.add(part, away, to: &gradient)
        value += 0.5 * part * Vectors.dot(away, away)
      }
      return value
    }
    func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
      result = corners.map { corner in
        let away = Vectors.sum(w, -1, corner)
        return 0.5 * Vectors.dot(away, away)
      }
    }
    func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double {
      gradientW = Vectors.sum(w, -1, target)
      gradientLambda = [0, 0, 0]
      return 0.5 * Vectors.dot(gradientW, gradientW)
    }
  }

  /// Inside the triangle the weights are its coordinates; outside, those of its nearest point.
  @Test(arguments: [([0.5, 0.9], [0.45, 0.25, 0.3]), ([1.5, -2.0], [0.25, 0.75, 0])])
  func reweighting(_ example: (target: [Double], weights: [Double])) throws {
    let loop = ReweightingLoop(alpha: 20, growth: 0.3, limits: BilevelLoopLimits(steps: 6_000))
    let report = try loop.run(Mixture(target: example.target))
    #expect(Bilevels.distance(report.lambda, example.weights) < 0.01, "\(report)")
    #expect(throws: BilevelError.self) { try loop.run(Self.problem) }
  }

  @Test func singleLoop() throws {
    let best = try Self.problem.optimum()
    let report = try SingleLoop(limits: BilevelLoopLimits(steps: 6_000)).run(Self.problem)
    #expect(Bilevels.distance(report.lambda, best.lambda) < 1e-3, "\(report) \(best)")
    #expect(abs(report.value - best.value) < 1e-3)
    // Steps too long leave the numbers, and that is told.
    #expect(throws: BilevelError.self) { try SingleLoop(rate: 50).run(Self.problem) }
  }

  /// With a constant penalty the least g / c + h - (its Moreau envelope); with a growing one the optimum.
  @Test func moreauEnvelope() throws {
    let (problem, c, gamma) = (Self.problem, 20.0, 1.0)
    let (n, m) = (problem.n, problem.m)
    // Stationarity in (w, lambda, theta), solved by least squares: M'M x = M'r.
    let size = 2 * n + m
    var rows = Array(repeating: Array(repeating: 0.0, count: size), count: size)
    var right = Array(repeating: 0.0, count: size)
    for i in 0..<n {
      for j in 0..<n {
        rows[i][j] = problem.c[i * n + j] / c + problem.a[i * n + j] - (i == j ? 1 / gamma : 0)
        rows[n + m + i][n + m + j] = problem.a[i * n + j] + (i == j ? 1 / gamma : 0)
      }
      rows[i][n + m + i] += 1 / gamma
      rows[n + m + i][i] -= 1 / gamma
      for j in 0..<m {
        rows[i][n + j] = problem.cross[i * m + j]
        rows[n + m + i][n + j] = problem.cross[i * m + j]
        rows[n + j][i] = problem.cross[i * m + j]
        rows[n + j][n + m + i] = -problem.cross[i * m + j]
      }
      right[i] = -problem.tilt[i] / c - problem.offset[i]
      right[n + m + i] = -problem.offset[i]
    }
    for j in 0..<m { rows[n + j][n + j] = problem.d / c }
    var square = Array(repeating: 0.0, count: size * size)
    for i in 0..<size { for j in 0..<size { for k in 0..<size { square[i * size + j] += rows[k][i] * rows[k][j] } } }
    let pulled = (0..<size).map { i in (0..<size).reduce(0.0) { $0 + rows[$1][i] * right[$1] } }
    let joint = try #require(Cholesky(square, size: size)).solve(pulled)
    let limits = BilevelLoopLimits(steps: 12_000)
    let report = try MoreauLoop(radius: gamma, penalty: c, growth: 0, outerRate: 0.2, limits: limits).run(problem)
    #expect(Bilevels.distance(report.lambda, Array(joint[n..<(n + m)])) < 5e-3, "\(report) \(joint)")
    #expect(report.count.hessianProducts <= 20, "gradients alone")
  }

  /// h = 1/2 |w - lambda|^2 with s |w| besides: w* is lambda pulled to zero by s, so lambda* = (s + t) / (1 + d).
  @Test func moreauEnvelopeWithAnL1Penalty() throws {
    struct Pull: BilevelProblem {
      var innerDimension: Int { 1 }
      var outerDimension: Int { 1 }
      var domain: [ClosedRange<Double>] { [-5...5] }
      var innerStart: [Double] { [0] }
      func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
        gradient = [w[0] - lambda[0]]
        return 0.5 * gradient[0] * gradient[0]
      }
      func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
        result = [lambda[0] - w[0]]
      }
      func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double
      {
        gradientW = [w[0] - 1]
        gradientLambda = [0.1 * lambda[0]]
        return 0.5 * gradientW[0] * gradientW[0] + 0.05 * lambda[0] * lambda[0]
      }
    }
    for proximal in [InnerProximal.l1(0.2), .groups([[0]], 0.2)] {
      let limits = BilevelLoopLimits(steps: 20_000)
      let report = try MoreauLoop(proximal: proximal, penalty: 10, growth: 0.3, outerRate: 0.3, limits: limits).run(
        Pull(), from: [2])
      #expect(abs(report.lambda[0] - 1.2 / 1.1) < 0.02, "\(report)")
    }
    #expect(throws: BilevelError.self) { try MoreauLoop(proximal: .groups([[3]], 1)).run(Pull()) }
    #expect(throws: BilevelError.self) { try MoreauLoop(growth: 0.7).run(Pull()) }
  }

  /// One condition that binds: w* and its multiplier solve a linear system, and so does the best lambda.
  @Test func constraints() throws {
    let problem = Self.problem
    let n = problem.n
    let normal = [1, -0.5, 0.3, 0.8, 0.2, -0.1]
    let free = try problem.optimum().lambda
    let bound = Vectors.dot(normal, try problem.answer(free) + free) - 0.5
    let factor = try #require(Cholesky(problem.a, size: n))
    let (own, other) = (Array(normal[..<n]), Array(normal[n...]))
    let image = factor.solve(own)
    func multiplier(_ lambda: [Double]) throws -> Double {
      (Vectors.dot(own, try problem.answer(lambda)) + Vectors.dot(other, lambda) - bound) / Vectors.dot(own, image)
    }
    let best = try QuadraticProblem.least([
      (problem, { Vectors.sum(try problem.answer($0), -(try multiplier($0)), image) })
    ])
    #expect(try multiplier(best) > 0.05, "the condition must bind")
    let loop = ConstrainedLoop(
      penalty: 20, growth: 0.2, radius: 1, step: 0.05, dualStep: 0.1, limits: BilevelLoopLimits(steps: 20_000))
    let condition = try HalfspaceConstraints(normals: [normal], bounds: [bound])
    let report = try loop.run(problem, condition)
    #expect(Bilevels.distance(report.lambda, best) < 0.03, "\(report) \(best)")
    #expect(condition.values(report.inner, report.lambda)[0] <= 1e-9)
    #expect(report.count.hessianProducts <= 20, "gradients alone")
  }

  /// Dykstra's point is the nearest of several half-spaces.
  @Test func nearestPointOfHalfspaces() throws {
    var random = RandomStream(seed: 5, name: "half")
    let normals = (0..<3).map { _ in (0..<4).map { _ in random.normal() } }
    let conditions = try HalfspaceConstraints(normals: normals, bounds: [0.1, 0.2, -0.1])
    for _ in 0..<10 {
      let x = (0..<4).map { _ in 2 * random.normal() }
      let (w, lambda) = conditions.projected(Array(x[..<2]), Array(x[2...]))
      #expect(conditions.values(w, lambda).allSatisfy { $0 <= 1e-9 })
      let away = Vectors.sum(x, -1, w + lambda)
      // No step towards any other point that fulfils them brings it nearer.
      for _ in 0..<20 {
        let y = conditions.projected((0..<2).map { _ in 2 * random.normal() }, (0..<2).map { _ in 2 * random.normal() })
        #expect(Vectors.dot(away, Vectors.sum(y.w + y.lambda, -1, w + lambda)) <= 1e-6)
      }
    }
    #expect(throws: BilevelError.self) { try HalfspaceConstraints(normals: [[0, 0]], bounds: [1]) }
  }

  /// Blocks that share lambda: all at once by any estimator, or a few at a time.
  @Test func blocks() throws {
    let parts = (0..<4).map { QuadraticProblem(n: 3, m: 2, seed: UInt64($0), shift: 0.8) }
    let best = try QuadraticProblem.least(parts.map { part in (part, { try part.answer($0) }) })
    let problem = try BlockProblem(parts)
    for estimator in [BilevelSearch.Estimator.implicit(.auto), .penalty(gamma: 10_000)] {
      let report = try BilevelSearch(estimator: estimator, tolerance: 1e-6).run(problem)
      #expect(Bilevels.distance(report.lambda, best) < 1e-2, "\(estimator)")
    }
    let limits = BilevelLoopLimits(steps: 4_000, tolerance: 0)
    let report = try BlockLoop(sample: 2, outerRate: 0.1, horizon: 400, limits: limits).run(problem)
    #expect(Bilevels.distance(report.lambda, best) < 0.02, "\(report) \(best)")
    let short = try BlockLoop(limits: BilevelLoopLimits(budget: 200)).run(problem)
    #expect(short.stop == .budget && short.count.total < 300)
  }

  /// A long training by the theorem, a short one unrolled: the optimum of an affine answer.
  @Test func chained() throws {
    let (first, second) = (QuadraticProblem(n: 4, m: 2, seed: 4), QuadraticProblem(n: 4, m: 1, seed: 5))
    let chain = try ChainedProblem(first, then: second, setting: [0.3], steps: 5, rate: 0.1)
    // g_2 is that of the second problem, without a price of the first's lambda: the normal equations lack d.
    let r = chain.tuned(try first.answer([0, 0]))
    let columns = try (0..<2).map { j in
      Vectors.sum(chain.tuned(try first.answer([j == 0 ? 1 : 0, j == 1 ? 1 : 0])), -1, r)
    }
    let pull = Vectors.sum(QuadraticProblem.times(second.c, r, rows: 4), 1, second.tilt)
    let images = columns.map { QuadraticProblem.times(second.c, $0, rows: 4) }
    let matrix = [0, 1].flatMap { i in [0, 1].map { Vectors.dot(columns[i], images[$0]) } }
    let best = try #require(Cholesky(matrix, size: 2)).solve(columns.map { -Vectors.dot($0, pull) })
    let report = try BilevelSearch(tolerance: 1e-6).run(chain)
    #expect(Bilevels.distance(report.lambda, best) < 1e-3 * (1 + Vectors.norm(best)), "\(report) \(best)")
    #expect(throws: BilevelError.self) { try ChainedProblem(first, then: second, setting: [], steps: 1, rate: 0.1) }
  }
}
