import Foundation
import HoneNumerics
import Testing

@testable import HoneOptimize

/// benchopt's quadratic problem: h = 1/2 w'Aw + w'B lambda + b'w, g = 1/2 w'Cw + c'w + 1/2 d |lambda|^2. Its optimum is the
/// solution of one linear system.
struct QuadraticProblem: BilevelProblem {
  let (n, m): (Int, Int)
  let a: [Double]
  let cross: [Double]
  let offset: [Double]
  let c: [Double]
  let tilt: [Double]
  let d: Double
  /// Second derivatives in closed form; else by differences.
  var isExact = true
  var bounds = -100.0...100.0

  var innerDimension: Int { n }
  var outerDimension: Int { m }
  var domain: [ClosedRange<Double>] { Array(repeating: bounds, count: m) }
  var innerStart: [Double] { Array(repeating: 0, count: n) }

  init(n: Int, m: Int, seed: UInt64, shift: Double = 0.5) {
    var random = RandomStream(seed: seed, name: "quadratic")
    func positive(_ size: Int) -> [Double] {
      let root = (0..<(size * size)).map { _ in random.normal() }
      var matrix = Array(repeating: 0.0, count: size * size)
      for i in 0..<size {
        for j in 0..<size {
          for k in 0..<size { matrix[i * size + j] += root[i * size + k] * root[j * size + k] / Double(size) }
        }
        matrix[i * size + i] += shift
      }
      return matrix
    }
    (self.n, self.m, d) = (n, m, 0.3)
    a = positive(n)
    c = positive(n)
    cross = (0..<(n * m)).map { _ in random.normal() }
    offset = (0..<n).map { _ in random.normal() }
    tilt = (0..<n).map { _ in random.normal() }
  }

  static func times(_ matrix: [Double], _ v: [Double], rows: Int) -> [Double] {
    var result = Array(repeating: 0.0, count: rows)
    for i in 0..<rows {
      for j in v.indices { result[i] += matrix[i * v.count + j] * v[j] }
    }
    return result
  }

  func transposed(_ v: [Double]) -> [Double] {
    var result = Array(repeating: 0.0, count: m)
    for i in 0..<n { for j in 0..<m { result[j] += cross[i * m + j] * v[i] } }
    return result
  }

  func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    let (aw, bl) = (Self.times(a, w, rows: n), Self.times(cross, lambda, rows: n))
    for i in 0..<n { gradient[i] = aw[i] + bl[i] + offset[i] }
    return 0.5 * Vectors.dot(w, aw) + Vectors.dot(w, bl) + Vectors.dot(w, offset)
  }

  func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) { result = transposed(w) }

  func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double {
    let cw = Self.times(c, w, rows: n)
    for i in 0..<n { gradientW[i] = cw[i] + tilt[i] }
    for j in 0..<m { gradientLambda[j] = d * lambda[j] }
    return 0.5 * Vectors.dot(w, cw) + Vectors.dot(w, tilt) + 0.5 * d * Vectors.dot(lambda, lambda)
  }

  struct Exact: BilevelCurvature {
    let problem: QuadraticProblem
    func hessianProduct(_ v: [Double], into result: inout [Double]) {
      result = QuadraticProblem.times(problem.a, v, rows: problem.n)
    }
    func mixedProduct(_ v: [Double], into result: inout [Double]) { result = problem.transposed(v) }
    func hessian() -> [Double]? { problem.a }
  }

  func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature {
    isExact ? Exact(problem: self) : DifferenceCurvature(self, w, lambda)
  }

  /// w*(lambda)
  func answer(_ lambda: [Double]) throws -> [Double] {
    try #require(Cholesky(a, size: n)).solve(Vectors.sum(Self.times(cross, lambda, rows: n), 1, offset).map { -$0 })
  }

  /// The least Phi, by its own normal equations.
  func optimum() throws -> (lambda: [Double], value: Double) {
    let lambda = try Self.least([(self, { try answer($0) })])
    var (one, two) = (try answer(lambda), lambda)
    return (lambda, outer(one, lambda, gradientW: &one, gradientLambda: &two))
  }

  /// argmin over lambda of sum g(w(lambda), lambda) for answers that are affine: w = P lambda + r gives
  /// (P'CP + d I) lambda = -P'(C r + c), summed.
  static func least(_ parts: [(problem: QuadraticProblem, answer: ([Double]) throws -> [Double])]) throws -> [Double] {
    let m = parts[0].problem.m
    var matrix = Array(repeating: 0.0, count: m * m)
    var right = Array(repeating: 0.0, count: m)
    for (problem, answer) in parts {
      let n = problem.n
      let r = try answer(Array(repeating: 0, count: m))
      let columns = try (0..<m).map { j in
        Vectors.sum(try answer((0..<m).map { $0 == j ? 1 : 0 }), -1, r)
      }
      let pull = Vectors.sum(times(problem.c, r, rows: n), 1, problem.tilt)
      for i in 0..<m {
        let image = times(problem.c, columns[i], rows: n)
        right[i] -= Vectors.dot(columns[i], pull)
        for j in 0..<m { matrix[j * m + i] += Vectors.dot(columns[j], image) + (i == j ? problem.d : 0) }
      }
    }
    return try #require(Cholesky(matrix, size: m)).solve(right)
  }
}

/// Rows of a noisy linear rule.
enum Bilevels {
  static func rows(_ count: Int, _ width: Int, classes: Int, seed: UInt64, scale: Double = 1) throws -> LogisticRows {
    var random = RandomStream(seed: seed, name: "rows")
    var (features, labels): ([Double], [Int]) = ([], [])
    for _ in 0..<count {
      let x = (0..<(width - 1)).map { _ in random.normal() }
      let score = 1.5 * x[0] - x[1] + random.normal()
      labels.append(min(classes - 1, max(0, Int((score + 1.5) / 3 * Double(classes)))))
      features += x.map { $0 * scale } + [1]
    }
    return try LogisticRows(features: features, labels: labels, width: width, classes: classes)
  }

  static func logistic(classes: Int, seed: UInt64 = 1, outer: LogisticProblem.Outer? = nil) throws -> LogisticProblem {
    try LogisticProblem(
      train: try rows(40, 6, classes: classes, seed: seed),
      validation: try rows(30, 6, classes: classes, seed: seed + 50),
      outer: outer ?? .penalties([0, 1, 1, 2, 2, nil]))
  }

  static func distance(_ a: [Double], _ b: [Double]) -> Double { Vectors.norm(Vectors.sum(a, -1, b)) }
}
