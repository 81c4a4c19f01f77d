import Foundation

// Sums, what undoes their shapes, and the soft maximum with its weights. Softmax and its like work along the rows of a
// matrix, and on a vector as one row.

/// All elements together; nothing sums to 0.
struct Sum: ArrayOperation {
  var name: String { "sum" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? { nil }
  func value(_ x: [Tensor]) -> Tensor { Tensor(Kernels.sum(x[0])) }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor { linear(y, t) }
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    tape.append(Spread(tape.shape(x[0])), c)
  }
}

/// The sum divided by how many there are; not a number when there are none.
struct Mean: ArrayOperation {
  var name: String { "mean" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? { nil }
  func value(_ x: [Tensor]) -> Tensor { Tensor(Kernels.sum(x[0]) / Double(x[0].count)) }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor { linear(y, t) }
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let shape = tape.shape(x[0])
    let part = tape.append(Multiple(1 / Double(shape.count)), c)
    return tape.append(Spread(shape), part)
  }
}

/// A scalar in every place of a shape.
struct Spread: ArrayOperation {
  let shape: Tensor.Shape
  init(_ shape: Tensor.Shape) { self.shape = shape }

  var name: String { "spread" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? {
    guard shapes[0] != .scalar else { return nil }
    return Misfit(what: "the input is \(shapes[0]), expected a number", hint: "take an element of it")
  }
  func value(_ x: [Tensor]) -> Tensor { Tensor(repeating: x[0].elements[0], shape) }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor { linear(y, t) }
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    tape.append(Sum(), c)
  }
}

/// The sum of each row: a vector of a matrix, a number of a vector.
struct SumRows: ArrayOperation {
  var name: String { "sumRows" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? { nil }
  func value(_ x: [Tensor]) -> Tensor { Kernels.rows(x[0]) { $0.reduce(0, +) } }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor { linear(y, t) }
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    tape.append(SpreadRows(tape.shape(x[0])), c)
  }
}

/// One number a row in every place of its row.
struct SpreadRows: ArrayOperation {
  let shape: Tensor.Shape
  init(_ shape: Tensor.Shape) { self.shape = shape }

  var name: String { "spreadRows" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? {
    guard shapes[0] != shape.withoutColumns else { return nil }
    return Misfit(what: "the input is \(shapes[0]), the result \(shape)", hint: "give one number a row")
  }
  func value(_ x: [Tensor]) -> Tensor {
    let columns = shape.columns
    return Tensor(
      Kernels.fill(shape.count) { y in
        for (row, number) in x[0].elements.enumerated() {
          for place in (row * columns)..<((row + 1) * columns) { y[place] = number }
        }
      }, shape)
  }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor { linear(y, t) }
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    tape.append(SumRows(), c)
  }
}

/// sum_i a_i b_i.
struct Dot: ArrayOperation {
  var name: String { "dot" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? {
    guard shapes[0] != shapes[1] else { return nil }
    return Misfit(
      what: "the first input is \(shapes[0]), the second \(shapes[1])",
      hint: "give both one shape; a matrix times a vector is `matvec`")
  }
  func value(_ x: [Tensor]) -> Tensor { Tensor(Kernels.dot(x[0], x[1])) }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    Tensor((t[0].map { Kernels.dot($0, x[1]) } ?? 0) + (t[1].map { Kernels.dot(x[0], $0) } ?? 0))
  }
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    tape.append(Multiply(), c, x[1 - position])
  }
}

/// log sum_k exp(x_k) of each row.
struct LogSumExp: ArrayOperation {
  var name: String { "logsumexp" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? { nil }
  func value(_ x: [Tensor]) -> Tensor { Kernels.rows(x[0]) { Self.of($0) } }

  static func of(_ row: UnsafeBufferPointer<Double>) -> Double {
    let top = row.reduce(-Double.infinity, max)
    guard top.isFinite else { return top }
    return top + log(row.reduce(0) { $0 + exp($1 - top) })
  }

  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    guard let step = t[0] else { return Tensor(repeating: 0, y.shape) }
    return SumRows().value([Kernels.multiply(Softmax().value(x), step)])
  }

  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let weights = tape.append(Softmax(), x[0])
    let spread = tape.append(SpreadRows(tape.shape(x[0])), c)
    return tape.append(Multiply(), spread, weights)
  }
}

/// exp(x_k) / sum_l exp(x_l) along each row.
struct Softmax: ArrayOperation {
  var name: String { "softmax" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? { nil }

  func value(_ x: [Tensor]) -> Tensor {
    Kernels.rows(x[0], x[0]) { x, _, y in
      let top = x.reduce(-Double.infinity, max)
      var sum = 0.0
      for k in 0..<x.count {
        y[k] = exp(x[k] - top)
        sum += y[k]
      }
      for k in 0..<x.count { y[k] /= sum }
    }
  }

  /// y_k (t_k - sum_l y_l t_l)
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    guard let step = t[0] else { return Tensor(repeating: 0, y.shape) }
    return Kernels.rows(y, step) { y, t, out in
      var mean = 0.0
      for k in 0..<y.count { mean += y[k] * t[k] }
      for k in 0..<y.count { out[k] = y[k] * (t[k] - mean) }
    }
  }

  /// The same form: the derivative is symmetric.
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let weighted = tape.append(Multiply(), y, c)
    let mean = tape.append(SumRows(), weighted)
    let spread = tape.append(SpreadRows(tape.shape(x[0])), mean)
    let rest = tape.append(Subtract(), c, spread)
    return tape.append(Multiply(), y, rest)
  }
}
