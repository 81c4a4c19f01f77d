import Foundation
import HoneNumerics

/// What is known about the means of arms whose rewards share parameters and questions.
///
/// y = f(arm) + g(arm, question): f is a Gaussian process over the arms, and so is g for each question, independently of
/// other questions. Answers are learned one at a time: those of one question are whitened against each other first (one
/// row of the inverse Cholesky factor of the question's block), then the arms' posterior takes a rank-one update.
/// O(arms^2) an answer and exact; see Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), 2.2.
struct FactorPosterior: Sendable {
  let count: Int
  /// Covariance of two arms' answers to one question about their means, row after row.
  let noise: [Double]
  private(set) var mean: [Double]
  /// Row after row, both halves.
  private(set) var covariance: [Double]
  /// log p(answers so far).
  private(set) var logEvidence = 0.0
  private var blocks: [Int: Block] = [:]

  private struct Block: Sendable {
    var arms: [Int] = []
    /// The inverse of the Cholesky factor of the answers' covariance, row after row of growing length.
    var rows: [[Double]] = []
    /// The answers, whitened.
    var values: [Double] = []
  }

  /// - Parameters:
  ///   - prior: covariance of the arms' means, row after row; their expectation is 0.
  init(prior: [Double], noise: [Double], count: Int) {
    self.count = count
    self.noise = noise
    mean = Array(repeating: 0, count: count)
    covariance = prior
  }

  /// Learns one answer; a second one to the same question by the same arm says nothing new.
  mutating func add(arm: Int, question: Int, value: Double) {
    var block = blocks.removeValue(forKey: question) ?? Block()
    defer { blocks[question] = block }
    guard !block.arms.contains(arm) else { return }
    // w = L^-1 k: how the earlier answers predict this one.
    let k = block.arms.map { noise[arm * count + $0] }
    let w = block.rows.map { row in zip(row, k).reduce(0) { $0 + $1.0 * $1.1 } }
    let variance = noise[arm * count + arm]
    let left = max(variance - w.reduce(0) { $0 + $1 * $1 }, 1e-9 * variance, 1e-300)
    let scale = 1 / left.squareRoot()
    var row = Array(repeating: 0.0, count: block.arms.count + 1)
    var whitened = value
    for (j, weight) in w.enumerated() {
      whitened -= weight * block.values[j]
      for (i, entry) in block.rows[j].enumerated() { row[i] -= weight * entry * scale }
    }
    row[block.arms.count] = scale
    whitened *= scale
    block.arms.append(arm)
    block.rows.append(row)
    block.values.append(whitened)
    update(arms: block.arms, weights: row, value: whitened)
    logEvidence += log(scale)
  }

  /// value = sum of weights x f(arms) + N(0, 1).
  private mutating func update(arms: [Int], weights: [Double], value: Double) {
    var v = Array(repeating: 0.0, count: count)
    var expected = 0.0
    for (arm, weight) in zip(arms, weights) {
      expected += weight * mean[arm]
      let row = arm * count
      for j in 0..<count { v[j] += weight * covariance[row + j] }
    }
    let d = 1 + max(0, zip(arms, weights).reduce(0) { $0 + $1.1 * v[$1.0] })
    let error = value - expected
    logEvidence -= 0.5 * (log(2 * .pi * d) + error * error / d)
    let n = count
    v.withUnsafeBufferPointer { v in
      covariance.withUnsafeMutableBufferPointer { s in
        mean.withUnsafeMutableBufferPointer { m in
          for i in 0..<n {
            let gain = v[i] / d
            m[i] += gain * error
            guard gain != 0 else { continue }
            let row = i * n
            for j in 0..<n { s[row + j] -= gain * v[j] }
          }
        }
      }
    }
  }

  /// From here on the means are other ones: their old values and an independent change with this covariance.
  mutating func drift(by change: [Double]) {
    for place in covariance.indices { covariance[place] += change[place] }
    blocks = [:]
  }

  /// The factor that draws are made with. O(arms^3 / 6).
  func factor() -> Cholesky? {
    let greatest = (0..<count).reduce(0) { max($0, covariance[$1 * count + $1]) }
    var jitter = 1e-10
    while jitter < 1 {
      var matrix = covariance
      for i in 0..<count { matrix[i * count + i] += jitter * greatest + 1e-300 }
      if let factor = Cholesky(matrix, size: count) { return factor }
      jitter *= 100
    }
    return nil
  }

  /// mean + L z.
  func draw(_ factor: Cholesky, random: inout RandomStream) -> [Double] {
    let z = (0..<count).map { _ in random.normal() }
    return factor.factor.withUnsafeBufferPointer { l in
      z.withUnsafeBufferPointer { z in
        guard let l = l.baseAddress, let z = z.baseAddress else { return [] }
        return (0..<count).map { mean[$0] + dot(l + $0 * count, z, $0 + 1) }
      }
    }
  }
}
