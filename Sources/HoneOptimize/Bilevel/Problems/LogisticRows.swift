import Foundation
import HoneNumerics

/// Rows of features with classes, and what logistic regression asks of them: losses, gradients and products, each in one
/// pass over the rows.
///
/// Weights: one row of `width` numbers a class, class after class; with two classes only the second's, the first is zero.
public struct LogisticRows: Hashable, Sendable {
  /// Row after row, `width` numbers each. A constant feature is the caller's to add.
  public let features: [Double]
  public let labels: [Int]
  public let width: Int
  public let classes: Int
  /// Score rows: 1 for two classes, else one a class.
  var outputs: Int { classes == 2 ? 1 : classes }
  public var count: Int { labels.count }
  public var parameters: Int { outputs * width }

  /// - Throws: `invalid` when sizes do not fit, a label is out of range, or a feature is not finite.
  public init(features: [Double], labels: [Int], width: Int, classes: Int) throws(BilevelError) {
    guard width > 0, classes >= 2, !labels.isEmpty, features.count == labels.count * width else {
      throw BilevelError(
        .invalid, "\(features.count) numbers do not make \(labels.count) rows of \(width) for \(classes) classes")
    }
    if let row = labels.firstIndex(where: { !(0..<classes).contains($0) }) {
      throw BilevelError(.invalid, "row \(row + 1) has class \(labels[row]), expected 0 to \(classes - 1)")
    }
    if let place = features.firstIndex(where: { !$0.isFinite }) {
      throw BilevelError(.invalid, "row \(place / width + 1), feature \(place % width + 1) is not finite")
    }
    self.features = features
    self.labels = labels
    self.width = width
    self.classes = classes
  }

  /// These rows, in this order.
  func picking(_ rows: [Int]) -> LogisticRows {
    LogisticRows(
      checked: rows.flatMap { features[($0 * width)..<(($0 + 1) * width)] }, labels: rows.map { labels[$0] },
      width: width, classes: classes)
  }

  private init(checked features: [Double], labels: [Int], width: Int, classes: Int) {
    self.features = features
    self.labels = labels
    self.width = width
    self.classes = classes
  }

  /// The loss of each row, -log p(label), and the probabilities of the outputs, row after row.
  func losses(_ w: [Double]) -> (losses: [Double], probabilities: [Double]) {
    var probabilities = scores(w)
    var losses = Array(repeating: 0.0, count: count)
    let outputs = outputs
    probabilities.withUnsafeMutableBufferPointer { p in
      for row in 0..<count {
        let start = row * outputs
        if outputs == 1 {
          let u = p[start]
          let tail = log1p(exp(-abs(u)))
          losses[row] = (labels[row] == 1 ? max(-u, 0) : max(u, 0)) + tail
          p[start] = u >= 0 ? 1 / (1 + exp(-u)) : exp(u) / (1 + exp(u))
        } else {
          var top = p[start]
          for k in 1..<outputs { top = max(top, p[start + k]) }
          let own = p[start + labels[row]]
          var sum = 0.0
          for k in 0..<outputs {
            p[start + k] = exp(p[start + k] - top)
            sum += p[start + k]
          }
          losses[row] = log(sum) + top - own
          for k in 0..<outputs { p[start + k] /= sum }
        }
      }
    }
    return (losses, probabilities)
  }

  /// X W': one score a row and output.
  package func scores(_ w: [Double]) -> [Double] {
    var result = Array(repeating: 0.0, count: count * outputs)
    let (outputs, width) = (outputs, width)
    result.withUnsafeMutableBufferPointer { u in
      features.withUnsafeBufferPointer { x in
        w.withUnsafeBufferPointer { w in
          guard let x = x.baseAddress, let w = w.baseAddress else { return }
          let tiled = outputs / 2 * 2
          let fours = count / 4 * 4
          for row in stride(from: 0, to: fours, by: 4) {
            for k in stride(from: 0, to: tiled, by: 2) {
              let (first, second) = Tiles.products(x + row * width, width, w + k * width, width, width)
              for i in 0..<4 {
                u[(row + i) * outputs + k] = first[i]
                u[(row + i) * outputs + k + 1] = second[i]
              }
            }
            for k in tiled..<outputs {
              for i in row..<(row + 4) { u[i * outputs + k] = dot(x + i * width, w + k * width, width) }
            }
          }
          for row in fours..<count {
            for k in 0..<outputs { u[row * outputs + k] = dot(x + row * width, w + k * width, width) }
          }
        }
      }
    }
    return result
  }

  /// into += R' X, where R has one number a row and output.
  package func accumulate(_ residuals: [Double], into result: inout [Double]) {
    let (outputs, width) = (outputs, width)
    result.withUnsafeMutableBufferPointer { g in
      features.withUnsafeBufferPointer { x in
        residuals.withUnsafeBufferPointer { r in
          guard let g = g.baseAddress, let x = x.baseAddress else { return }
          let fours = count / 4 * 4
          for row in stride(from: 0, to: fours, by: 4) {
            for k in 0..<outputs {
              let t = SIMD4(
                r[row * outputs + k], r[(row + 1) * outputs + k], r[(row + 2) * outputs + k], r[(row + 3) * outputs + k]
              )
              Tiles.add(t, x + row * width, width, to: g + k * width, width)
            }
          }
          for row in fours..<count {
            let from = x + row * width
            for k in 0..<outputs {
              let (t, to) = (r[row * outputs + k], g + k * width)
              for j in 0..<width { to[j] += t * from[j] }
            }
          }
        }
      }
    }
  }

  /// p - y, one number a row and output.
  func residuals(_ probabilities: [Double]) -> [Double] {
    var r = probabilities
    for row in 0..<count {
      if outputs == 1 {
        r[row] -= Double(labels[row])
      } else {
        r[row * outputs + labels[row]] -= 1
      }
    }
    return r
  }

  /// result += (second derivatives of sum_i c_i loss_i at these probabilities) v; without weights c_i = 1.
  func addHessianProduct(_ v: [Double], _ probabilities: [Double], _ weights: [Double]?, to result: inout [Double]) {
    var u = scores(v)
    let outputs = outputs
    u.withUnsafeMutableBufferPointer { u in
      probabilities.withUnsafeBufferPointer { p in
        for row in 0..<count {
          let c = weights?[row] ?? 1
          if outputs == 1 {
            u[row] *= c * p[row] * (1 - p[row])
          } else {
            let start = row * outputs
            var mean = 0.0
            for k in start..<(start + outputs) { mean += p[k] * u[k] }
            for k in start..<(start + outputs) { u[k] = c * p[k] * (u[k] - mean) }
          }
        }
      }
    }
    accumulate(u, into: &result)
  }

  /// The mean of the losses, or a risk of them, and its gradient added to `gradient`.
  func outer(_ w: [Double], _ risk: SpectralRisk?, gradient: inout [Double]) -> Double {
    let (losses, probabilities) = losses(w)
    var r = residuals(probabilities)
    let part = 1 / Double(count)
    guard let risk else {
      for i in r.indices { r[i] *= part }
      accumulate(r, into: &gradient)
      return losses.reduce(0, +) * part
    }
    let (value, weights) = risk(losses)
    for i in r.indices { r[i] *= weights[i / outputs] }
    accumulate(r, into: &gradient)
    return value
  }

  /// The part of rows whose most probable class is their own.
  public func accuracy(_ w: [Double]) -> Double {
    let u = scores(w)
    let right = (0..<count).count { row in
      guard outputs > 1 else { return (u[row] > 0 ? 1 : 0) == labels[row] }
      let own = u[(row * outputs)..<((row + 1) * outputs)]
      return own.firstIndex(of: own.max() ?? 0).map { $0 - row * outputs } == labels[row]
    }
    return Double(right) / Double(count)
  }

  /// Of each row's classes, row after row.
  public func probabilities(_ w: [Double]) -> [Double] {
    let p = losses(w).probabilities
    return outputs == 1 ? p.flatMap { [1 - $0, $0] } : p
  }

  /// The mean of the losses.
  public func meanLoss(_ w: [Double]) -> Double { losses(w).losses.reduce(0, +) / Double(count) }
}
