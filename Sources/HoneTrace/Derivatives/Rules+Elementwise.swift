import Foundation

// Operations on each element by itself.

/// y_i = f(x_i).
protocol UnaryOperation: ArrayOperation {
  static func of(_ x: Double) -> Double
  /// f'(x), where y = f(x).
  static func slope(_ x: Double, _ y: Double) -> Double
  /// The same for all elements, as a node.
  func slope(_ x: Int, _ y: Int, on tape: inout Tape) -> Int
}

extension UnaryOperation {
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? { nil }

  func value(_ x: [Tensor]) -> Tensor { Kernels.map(x[0], Self.of) }

  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    let slopes = Kernels.zip(x[0], y, Self.slope)
    return Kernels.add(t[0].map { Kernels.multiply(slopes, $0) }, nil, y.shape)
  }

  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let slope = slope(x[0], y, on: &tape)
    return tape.append(Multiply(), c, slope)
  }
}

struct Exponential: UnaryOperation {
  var name: String { "exp" }
  static func of(_ x: Double) -> Double { exp(x) }
  static func slope(_ x: Double, _ y: Double) -> Double { y }
  func slope(_ x: Int, _ y: Int, on tape: inout Tape) -> Int { y }
}

struct Logarithm: UnaryOperation {
  var name: String { "log" }
  static func of(_ x: Double) -> Double { log(x) }
  static func slope(_ x: Double, _ y: Double) -> Double { 1 / x }
  func slope(_ x: Int, _ y: Int, on tape: inout Tape) -> Int {
    let one = tape.constant(Tensor(1))
    return tape.append(Divide(), one, x)
  }
}

struct Square: UnaryOperation {
  var name: String { "square" }
  static func of(_ x: Double) -> Double { x * x }
  static func slope(_ x: Double, _ y: Double) -> Double { 2 * x }
  func slope(_ x: Int, _ y: Int, on tape: inout Tape) -> Int { tape.append(Multiple(2), x) }
}

/// 1 / (1 + exp(-x)).
struct Sigmoid: UnaryOperation {
  var name: String { "sigmoid" }
  static func of(_ x: Double) -> Double { x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)) }
  static func slope(_ x: Double, _ y: Double) -> Double { y * (1 - y) }
  func slope(_ x: Int, _ y: Int, on tape: inout Tape) -> Int {
    // 1 - y as it is near y = 1 too.
    let opposite = tape.append(Multiple(-1), x)
    let rest = tape.append(Sigmoid(), opposite)
    return tape.append(Multiply(), y, rest)
  }
}

/// log(1 + exp(x)).
struct Softplus: UnaryOperation {
  var name: String { "softplus" }
  static func of(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
  static func slope(_ x: Double, _ y: Double) -> Double { Sigmoid.of(x) }
  func slope(_ x: Int, _ y: Int, on tape: inout Tape) -> Int { tape.append(Sigmoid(), x) }
}

/// A fixed multiple.
struct Multiple: ArrayOperation {
  let factor: Double
  init(_ factor: Double) { self.factor = factor }

  var name: String { factor == -1 ? "negate" : "scale" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? { nil }
  func value(_ x: [Tensor]) -> Tensor { Kernels.map(x[0]) { factor * $0 } }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor { linear(y, t) }
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    tape.append(self, c)
  }
}

/// Two arrays of one shape, or an array and a scalar.
protocol BinaryOperation: ArrayOperation {
  /// The cotangent in the shape of the output.
  func whole(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int
}

extension BinaryOperation {
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? {
    guard shapes[0] != shapes[1], shapes[0] != .scalar, shapes[1] != .scalar else { return nil }
    return Misfit(
      what: "the first input is \(shapes[0]), the second \(shapes[1])",
      hint: "give both one shape, or make one of them a number, by `sum`, `mean`, `element` or `reshaped`")
  }

  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let whole = whole(c, to: position, of: x, y, on: &tape)
    let isSpread = tape.shape(x[position]) == .scalar && tape.shape(whole) != .scalar
    return isSpread ? tape.append(Sum(), whole) : whole
  }
}

struct Add: BinaryOperation {
  var name: String { "add" }
  func value(_ x: [Tensor]) -> Tensor { Kernels.add(x[0], x[1]) }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor { Kernels.add(t[0], t[1], y.shape) }
  func whole(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int { c }
}

struct Subtract: BinaryOperation {
  var name: String { "subtract" }
  func value(_ x: [Tensor]) -> Tensor { Kernels.zip(x[0], x[1]) { $0 - $1 } }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    Kernels.add(t[0], t[1].map { Kernels.map($0) { -$0 } }, y.shape)
  }
  func whole(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    position == 0 ? c : tape.append(Multiple(-1), c)
  }
}

struct Multiply: BinaryOperation {
  var name: String { "multiply" }
  func value(_ x: [Tensor]) -> Tensor { Kernels.multiply(x[0], x[1]) }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    Kernels.add(t[0].map { Kernels.multiply($0, x[1]) }, t[1].map { Kernels.multiply(x[0], $0) }, y.shape)
  }
  func whole(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    tape.append(Multiply(), c, x[1 - position])
  }
}

struct Divide: BinaryOperation {
  var name: String { "divide" }
  func value(_ x: [Tensor]) -> Tensor { Kernels.zip(x[0], x[1]) { $0 / $1 } }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    // d(a / b) = (da - y db) / b
    let moved = t[1].map { step in Kernels.map(Kernels.multiply(y, step)) { -$0 } }
    return Kernels.zip(Kernels.add(t[0], moved, y.shape), x[1]) { $0 / $1 }
  }
  func whole(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let part = tape.append(Divide(), c, x[1])
    guard position == 1 else { return part }
    let product = tape.append(Multiply(), part, y)
    return tape.append(Multiple(-1), product)
  }
}
