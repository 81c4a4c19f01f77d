import Foundation
import HoneNumerics

/// Rows in each of which one alternative of several is chosen, such as a passage for a question or a label for a message.
/// Each alternative has features of its own, and rows may differ in how many there are.
public struct ChoiceRows: Hashable, Sendable {
  /// Alternative after alternative, `width` numbers each, row after row.
  public let features: [Double]
  /// Where each row's alternatives begin, and where the last one's end: count + 1 numbers.
  public let starts: [Int]
  /// The part of each alternative in what is right; a row's sum to 1.
  public let targets: [Double]
  /// Of each row, above 0.
  public let weights: [Double]
  /// Added to each alternative's score, as it is.
  public let offsets: [Double]
  public let width: Int

  public var count: Int { weights.count }

  /// - Parameters:
  ///   - sizes: alternatives of each row, 1 or more.
  ///   - targets: 0 or more for each alternative, with a sum above 0 in every row; they are divided by it.
  ///   - weights: of each row, above 0; nil: all 1.
  ///   - offsets: of each alternative; nil: all 0.
  /// - Throws: `invalid` when sizes do not fit, or a number is not finite.
  public init(
    features: [Double], sizes: [Int], targets: [Double], weights: [Double]? = nil, offsets: [Double]? = nil, width: Int
  ) throws(BilevelError) {
    let total = sizes.reduce(0, +)
    let weights = weights ?? Array(repeating: 1, count: sizes.count)
    let offsets = offsets ?? Array(repeating: 0, count: total)
    guard width > 0, !sizes.isEmpty, sizes.allSatisfy({ $0 > 0 }), features.count == total * width,
      targets.count == total, weights.count == sizes.count, offsets.count == total, Vectors.isFinite(offsets)
    else {
      throw BilevelError(
        .invalid, "\(features.count) numbers do not make \(total) alternatives of \(width) in \(sizes.count) rows")
    }
    if let place = features.firstIndex(where: { !$0.isFinite }) {
      throw BilevelError(.invalid, "alternative \(place / width + 1), feature \(place % width + 1) is not finite")
    }
    var starts = [0]
    for size in sizes { starts.append(starts[starts.count - 1] + size) }
    var shares = targets
    for row in sizes.indices {
      let places = starts[row]..<starts[row + 1]
      let sum = targets[places].reduce(0, +)
      guard sum > 0, sum.isFinite, targets[places].allSatisfy({ $0 >= 0 }), weights[row] > 0, weights[row].isFinite
      else {
        throw BilevelError(.invalid, "row \(row + 1) needs an alternative that is right, and a weight above 0")
      }
      for place in places { shares[place] /= sum }
    }
    (self.features, self.starts, self.targets, self.weights) = (features, starts, shares, weights)
    (self.offsets, self.width) = (offsets, width)
  }

  private init(_ other: ChoiceRows, rows: [Int]) {
    var starts = [0]
    for row in rows { starts.append(starts[starts.count - 1] + other.starts[row + 1] - other.starts[row]) }
    let places = rows.map { other.starts[$0]..<other.starts[$0 + 1] }
    let width = other.width
    features = places.flatMap { other.features[($0.lowerBound * width)..<($0.upperBound * width)] }
    targets = places.flatMap { other.targets[$0] }
    offsets = places.flatMap { other.offsets[$0] }
    weights = rows.map { other.weights[$0] }
    (self.starts, self.width) = (starts, width)
  }

  /// These rows, in this order.
  func picking(_ rows: [Int]) -> ChoiceRows { ChoiceRows(self, rows: rows) }

  /// x'w and the offset of one row's alternatives.
  func scores(_ w: [Double], row: Int) -> [Double] {
    (starts[row]..<starts[row + 1]).map { place in
      features.withUnsafeBufferPointer { x in
        w.withUnsafeBufferPointer { w in
          guard let x = x.baseAddress, let w = w.baseAddress else { return 0 }
          return HoneNumerics.dot(x + place * width, w, width) + offsets[place]
        }
      }
    }
  }

  /// Probabilities of one row's alternatives, and its loss - sum_a t_a log p_a, without its weight.
  func loss(_ w: [Double], row: Int) -> (loss: Double, probabilities: [Double]) {
    var u = scores(w, row: row)
    let top = u.max() ?? 0
    var loss = 0.0
    for (i, place) in (starts[row]..<starts[row + 1]).enumerated() { loss -= targets[place] * (u[i] - top) }
    var sum = 0.0
    for i in u.indices {
      u[i] = exp(u[i] - top)
      sum += u[i]
    }
    for i in u.indices { u[i] /= sum }
    return (loss + log(sum), u)
  }

  /// The loss of each row, times its weight.
  public func losses(_ w: [Double]) -> [Double] { (0..<count).map { weights[$0] * loss(w, row: $0).loss } }

  /// The weighted mean of the losses.
  public func meanLoss(_ w: [Double]) -> Double { losses(w).reduce(0, +) / weights.reduce(0, +) }

  /// The sum of `part` times the weighted losses; its gradient is added.
  func add(_ w: [Double], part: Double, gradient: inout [Double]) -> Double {
    var value = 0.0
    for row in 0..<count {
      let (loss, p) = loss(w, row: row)
      let c = part * weights[row]
      value += c * loss
      for (i, place) in (starts[row]..<starts[row + 1]).enumerated() {
        let t = c * (p[i] - targets[place])
        for j in 0..<width { gradient[j] += t * features[place * width + j] }
      }
    }
    return value
  }

  /// The second derivatives of the sum of the weighted losses, added to a matrix, row after row:
  /// sum_i c_i (sum_a p_a x_a x_a' - m m'), m = sum_a p_a x_a.
  func addHessian(_ w: [Double], to matrix: inout [Double]) {
    var mean = Array(repeating: 0.0, count: width)
    for row in 0..<count {
      let p = loss(w, row: row).probabilities
      for j in 0..<width { mean[j] = 0 }
      for (i, place) in (starts[row]..<starts[row + 1]).enumerated() {
        let x = place * width
        for j in 0..<width {
          mean[j] += p[i] * features[x + j]
          let t = weights[row] * p[i] * features[x + j]
          for l in 0...j { matrix[j * width + l] += t * features[x + l] }
        }
      }
      for j in 0..<width { for l in 0...j { matrix[j * width + l] -= weights[row] * mean[j] * mean[l] } }
    }
    for j in 0..<width { for l in 0..<j { matrix[l * width + j] = matrix[j * width + l] } }
  }
}
