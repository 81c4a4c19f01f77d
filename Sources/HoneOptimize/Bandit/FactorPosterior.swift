import Foundation
import HoneNumerics

/// What is known about the means of arms whose rewards share parameters and questions.
///
/// y = f(arm) + g(arm, question): f is a Gaussian process over the arms, and so is g for each question, independently of
/// other questions. Answers of one question are whitened against each other first: w is a row of the inverse Cholesky factor
/// of the question's block. The arms' covariance is kept as a square root S, P = S S', which stays positive definite and
/// makes draws without a factorization. One answer takes Potter's update (Bierman, "Factorization Methods for
/// Discrete Sequential Estimation", 1977, chapter II), O(arms^2); many at once take one step on their summed precision
/// G = sum of w w', O(arms^3) however many there are. Both are exact.
struct FactorPosterior: Sendable {
  typealias Answer = (arm: Int, question: Int, value: Double)

  let count: Int
  /// Covariance of two arms' answers to one question about their means, row after row.
  let noise: [Double]
  private(set) var mean: [Double]
  /// S, row after row: a row for each arm.
  private(set) var root: [Double]
  /// log p(answers so far).
  private(set) var logEvidence = 0.0
  private var blocks: [Int: Block] = [:]

  private struct Block: Sendable {
    var arms: [Int] = []
    /// The inverse of the Cholesky factor of the answers' covariance, packed: row j has j + 1 entries.
    var rows: [Double] = []
    /// The answers, whitened.
    var values: [Double] = []
    /// log of the factor's inverse diagonal, summed.
    var logScale = 0.0

    /// Whitens one more answer.
    /// - Returns: false for an arm that is here already: it says nothing new.
    mutating func add(_ arm: Int, _ value: Double, noise: UnsafeBufferPointer<Double>, count: Int) -> Bool {
      guard !arms.contains(arm) else { return false }
      // weight = L^-1 k: how the earlier answers predict this one.
      let variance = noise[arm * count + arm]
      let start = rows.count
      rows.append(contentsOf: repeatElement(0, count: arms.count + 1))
      var (left, whitened, place) = (variance, value, 0)
      for j in arms.indices {
        var weight = 0.0
        for i in 0...j { weight += rows[place + i] * noise[arm * count + arms[i]] }
        left -= weight * weight
        whitened -= weight * values[j]
        for i in 0...j { rows[start + i] -= weight * rows[place + i] }
        place += j + 1
      }
      let scale = 1 / max(left, 1e-9 * variance, 1e-300).squareRoot()
      for i in arms.indices { rows[start + i] *= scale }
      rows[start + arms.count] = scale
      logScale += log(scale)
      arms.append(arm)
      values.append(whitened * scale)
      return true
    }
  }

  /// - Parameters:
  ///   - prior: covariance of the arms' means, row after row; their expectation is 0.
  init(prior: [Double], noise: [Double], count: Int) {
    self.count = count
    self.noise = noise
    mean = Array(repeating: 0, count: count)
    root = Self.root(prior, count)
  }

  /// The lower triangular square root of a covariance that may be singular.
  private static func root(_ covariance: [Double], _ count: Int) -> [Double] {
    let greatest = (0..<count).reduce(0) { max($0, covariance[$1 * count + $1]) }
    if let factor = Cholesky(covariance, size: count) { return factor.factor }
    var jitter = 1e-12
    while jitter < 1 {
      var matrix = covariance
      for i in 0..<count { matrix[i * count + i] += jitter * greatest + 1e-300 }
      if let factor = Cholesky(matrix, size: count) { return factor.factor }
      jitter *= 100
    }
    return Array(repeating: 0, count: count * count)
  }

  // MARK: One answer

  /// Learns one answer; a second one to the same question by the same arm says nothing new.
  mutating func add(arm: Int, question: Int, value: Double) {
    var block = blocks.removeValue(forKey: question) ?? Block()
    let old = block.logScale
    let isNew = noise.withUnsafeBufferPointer { block.add(arm, value, noise: $0, count: count) }
    defer { blocks[question] = block }
    guard isNew else { return }
    logEvidence += block.logScale - old
    update(block.arms, block.rows.suffix(block.arms.count), value: block.values[block.arms.count - 1])
  }

  /// value = sum of weights x f(arms) + N(0, 1).
  private mutating func update(_ arms: [Int], _ weights: ArraySlice<Double>, value: Double) {
    let n = count
    var phi = Array(repeating: 0.0, count: n)
    var error = value
    phi.withUnsafeMutableBufferPointer { phi in
      root.withUnsafeMutableBufferPointer { s in
        mean.withUnsafeMutableBufferPointer { m in
          guard let phi = phi.baseAddress, let s = s.baseAddress, let m = m.baseAddress else { return }
          for (arm, weight) in zip(arms, weights) {
            error -= weight * m[arm]
            accumulate(weight, s + arm * n, into: phi, n)
          }
          let d = 1 + dot(phi, phi, n)
          let shrink = -1 / (d + d.squareRoot())
          for i in 0..<n {
            let row = s + i * n
            let v = dot(row, phi, n)
            m[i] += v / d * error
            accumulate(v * shrink, phi, into: row, n)
          }
          logEvidence -= 0.5 * (log(2 * .pi * d) + error * error / d)
        }
      }
    }
  }

  // MARK: Many answers

  /// Learns answers to questions of which none was learned before.
  mutating func learn(_ answers: [Answer]) {
    // One at a time is cheaper for a few.
    guard answers.count > count / 2 else {
      for answer in answers { add(arm: answer.arm, question: answer.question, value: answer.value) }
      return
    }
    guard let sums = collect(answers), let step = Step(sums, root: root, count: count) else { return }
    logEvidence += step.logEvidence
    root = step.factor.forwardRows(root)
    // S S' b
    let n = count
    root.withUnsafeBufferPointer { s in
      mean.withUnsafeMutableBufferPointer { m in
        step.projected.withUnsafeBufferPointer { c in
          guard let s = s.baseAddress, let c = c.baseAddress else { return }
          for i in 0..<n { m[i] += dot(s + i * n, c, n) }
        }
      }
    }
  }

  /// log p(answers), with nothing learned.
  mutating func evidence(_ answers: [Answer]) -> Double {
    guard answers.count > count / 2 else {
      learn(answers)
      return logEvidence
    }
    guard let sums = collect(answers), let step = Step(sums, root: root, count: count) else { return -.infinity }
    return logEvidence + step.logEvidence
  }

  /// What the answers come to before anything is known of the means.
  private struct Sums {
    /// The arms with an answer, ascending, and by pair of them the sum of w w'.
    var arms: [Int]
    var precision: [Double]
    /// By arm: the sum of w times the whitened error.
    var weighted: [Double]
    /// log p of the errors, were the means known to be what they are expected to be.
    var logEvidence: Double
  }

  private mutating func collect(_ answers: [Answer]) -> Sums? {
    var isSeen = Array(repeating: false, count: count)
    var questions: [Int] = []
    for answer in answers {
      isSeen[answer.arm] = true
      var block = blocks.removeValue(forKey: answer.question) ?? Block()
      if block.arms.isEmpty { questions.append(answer.question) }
      noise.withUnsafeBufferPointer { _ = block.add(answer.arm, answer.value, noise: $0, count: count) }
      blocks[answer.question] = block
    }
    let arms = isSeen.indices.filter { isSeen[$0] }
    guard !arms.isEmpty else { return nil }
    var place = Array(repeating: 0, count: count)
    for (index, arm) in arms.enumerated() { place[arm] = index }
    let size = arms.count
    var precision = Array(repeating: 0.0, count: size * size)
    var weighted = Array(repeating: 0.0, count: size)
    var logEvidence = 0.0
    precision.withUnsafeMutableBufferPointer { g in
      for question in questions {
        guard let block = blocks[question] else { continue }
        let places = block.arms.map { place[$0] }
        var start = 0
        for j in places.indices {
          var error = block.values[j]
          for i in 0...j { error -= block.rows[start + i] * mean[block.arms[i]] }
          for i in 0...j {
            let weight = block.rows[start + i]
            weighted[places[i]] += weight * error
            let row = places[i] * size
            for k in 0...j { g[row + places[k]] += weight * block.rows[start + k] }
          }
          logEvidence -= 0.5 * (log(2 * .pi) + error * error)
          start += j + 1
        }
        logEvidence += block.logScale
      }
    }
    return Sums(arms: arms, precision: precision, weighted: weighted, logEvidence: logEvidence)
  }

  /// M = I + S' G S = R R', S' b and R^-1 S' b: the posterior's root is S R^-T.
  private struct Step {
    var factor: Cholesky
    /// R^-1 S' b.
    var projected: [Double]
    var logEvidence: Double

    init?(_ sums: Sums, root: [Double], count n: Int) {
      let m = sums.arms.count
      // Columns of S, the observed rows only, and where each begins to differ from 0.
      var columns = Array(repeating: 0.0, count: n * m)
      var starts = Array(repeating: m, count: n)
      for (place, arm) in sums.arms.enumerated() {
        for j in 0..<n {
          let value = root[arm * n + j]
          columns[j * m + place] = value
          if value != 0, starts[j] == m { starts[j] = place }
        }
      }
      var matrix = Array(repeating: 0.0, count: n * n)
      var right = Array(repeating: 0.0, count: n)
      var product = Array(repeating: 0.0, count: m)
      columns.withUnsafeBufferPointer { s in
        sums.precision.withUnsafeBufferPointer { g in
          sums.weighted.withUnsafeBufferPointer { b in
            product.withUnsafeMutableBufferPointer { u in
              guard let s = s.baseAddress, let g = g.baseAddress, let b = b.baseAddress, let u = u.baseAddress else {
                return
              }
              for i in 0..<n {
                let from = starts[i]
                for k in 0..<m { u[k] = dot(g + k * m + from, s + i * m + from, m - from) }
                for j in 0...i { matrix[i * n + j] = dot(s + j * m + starts[j], u + starts[j], m - starts[j]) }
                matrix[i * n + i] += 1
                right[i] = dot(s + i * m, b, m)
              }
            }
          }
        }
      }
      guard let factor = Cholesky(matrix, size: n) else { return nil }
      self.factor = factor
      projected = factor.forward(right)
      logEvidence =
        sums.logEvidence + 0.5 * projected.reduce(0) { $0 + $1 * $1 } - factor.halfLogDeterminant
    }
  }

  // MARK: What is known

  func variance(of arm: Int) -> Double {
    root[(arm * count)..<((arm + 1) * count)].reduce(0) { $0 + $1 * $1 }
  }

  /// P = S S', row after row, both halves. O(arms^3 / 2).
  var covariance: [Double] {
    var matrix = Array(repeating: 0.0, count: count * count)
    root.withUnsafeBufferPointer { s in
      guard let s = s.baseAddress else { return }
      for i in 0..<count {
        for j in 0...i {
          matrix[i * count + j] = dot(s + i * count, s + j * count, count)
          matrix[j * count + i] = matrix[i * count + j]
        }
      }
    }
    return matrix
  }

  /// From here on the means are other ones: their old values and an independent change with this covariance.
  mutating func drift(by change: [Double]) {
    root = Self.root(zip(covariance, change).map { $0 + $1 }, count)
    blocks = [:]
  }

  /// mean + S z.
  func draw(random: inout RandomStream) -> [Double] {
    let z = (0..<count).map { _ in random.normal() }
    return root.withUnsafeBufferPointer { s in
      z.withUnsafeBufferPointer { z in
        guard let s = s.baseAddress, let z = z.baseAddress else { return [] }
        return (0..<count).map { mean[$0] + dot(s + $0 * count, z, count) }
      }
    }
  }
}

/// y += a x.
@inline(__always)
private func accumulate(_ a: Double, _ x: UnsafePointer<Double>, into y: UnsafeMutablePointer<Double>, _ count: Int) {
  for i in 0..<count { y[i] += a * x[i] }
}
