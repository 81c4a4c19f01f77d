import Foundation

// Losses, one number an example, so that examples can be weighed before they are summed.

/// (s - t)^2.
struct SquaredLoss: BinaryOperation {
  var name: String { "squaredLoss" }

  func value(_ x: [Tensor]) -> Tensor { Kernels.zip(x[0], x[1]) { ($0 - $1) * ($0 - $1) } }

  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    let slope = Kernels.zip(x[0], x[1]) { 2 * ($0 - $1) }
    return Kernels.multiply(slope, Subtract().tangent(x, y, t))
  }

  func whole(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let difference = tape.append(Subtract(), x[0], x[1])
    let slope = tape.append(Multiple(position == 0 ? 2 : -2), difference)
    return tape.append(Multiply(), c, slope)
  }
}

/// -t log p - (1 - t) log(1 - p) with p = 1 / (1 + exp(-s)), for a score s and a target t from 0 to 1.
struct LogisticLoss: BinaryOperation {
  var name: String { "logisticLoss" }

  /// log(1 + exp(s)) - t s, without a difference of large numbers.
  func value(_ x: [Tensor]) -> Tensor {
    Kernels.zip(x[0], x[1]) { s, t in (s > 0 ? (1 - t) * s : -t * s) + log1p(exp(-abs(s))) }
  }

  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    let slope = Kernels.zip(x[0], x[1]) { Sigmoid.of($0) - $1 }
    return Kernels.add(
      t[0].map { Kernels.multiply(slope, $0) }, t[1].map { Kernels.zip(x[0], $0) { -$0 * $1 } }, y.shape)
  }

  func whole(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let slope: Int
    if position == 0 {
      let p = tape.append(Sigmoid(), x[0])
      slope = tape.append(Subtract(), p, x[1])
    } else {
      slope = tape.append(Multiple(-1), x[0])
    }
    return tape.append(Multiply(), c, slope)
  }
}

/// -log p(label) with p = softmax(s), for each row of scores.
struct CrossEntropy: ArrayOperation {
  /// The class of each row.
  let labels: [Int]
  init(_ labels: [Int]) { self.labels = labels }

  var name: String { "crossEntropy" }

  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? {
    if shapes[0].rows != labels.count {
      return Misfit(
        what: "the scores are \(shapes[0]), there are \(labels.count) labels", hint: "give one label for each row")
    }
    guard let row = labels.firstIndex(where: { !(0..<shapes[0].columns).contains($0) }) else { return nil }
    return Misfit(
      what: "row \(row) has label \(labels[row]), the scores are \(shapes[0])",
      hint: "number classes from 0 to \(shapes[0].columns - 1)")
  }

  func value(_ x: [Tensor]) -> Tensor {
    let columns = x[0].shape.columns
    return Tensor(
      Kernels.fill(labels.count) { y in
        x[0].elements.withUnsafeBufferPointer { s in
          for (row, label) in labels.enumerated() {
            let scores = UnsafeBufferPointer(rebasing: s[(row * columns)..<((row + 1) * columns)])
            let top = scores.reduce(-Double.infinity, max)
            y[row] = log(scores.reduce(0) { $0 + exp($1 - top) }) + (top - scores[label])
          }
        }
      }, x[0].shape.withoutColumns)
  }

  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    guard let step = t[0] else { return Tensor(repeating: 0, y.shape) }
    return SumRows().value([Kernels.multiply(SoftmaxError(labels).value(x), step)])
  }

  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let slope = tape.append(SoftmaxError(labels), x[0])
    let spread = tape.append(SpreadRows(tape.shape(x[0])), c)
    return tape.append(Multiply(), spread, slope)
  }
}

/// softmax(s) less 1 at the label of each row: the derivative of `CrossEntropy`.
struct SoftmaxError: ArrayOperation {
  let labels: [Int]
  init(_ labels: [Int]) { self.labels = labels }

  var name: String { "softmaxError" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? { CrossEntropy(labels).misfit(shapes) }
  func value(_ x: [Tensor]) -> Tensor { adding(-1, to: Softmax().value(x)) }

  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    Softmax().tangent(x, adding(1, to: y), t)
  }

  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let weights = tape.append(Softmax(), x[0])
    return Softmax().cotangent(c, to: 0, of: x, weights, on: &tape)
  }

  private func adding(_ number: Double, to rows: Tensor) -> Tensor {
    var elements = rows.elements
    let columns = rows.shape.columns
    for (row, label) in labels.enumerated() { elements[row * columns + label] += number }
    return Tensor(elements, rows.shape)
  }
}
