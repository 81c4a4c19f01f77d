import Foundation
import HoneNumerics
import Testing

@testable import HoneTrace

/// Every rule against central differences, on arrays of random shapes and numbers.
@Suite struct DerivativeRulesTests {
  /// An operation with inputs that fit it, and the part of its name that is documented.
  struct Case: Sendable {
    let name: String
    let make: @Sendable (inout RandomStream) -> (any ArrayOperation, [Tensor])
  }

  static func tensor(_ shape: Tensor.Shape, _ random: inout RandomStream, scale: Double = 1) -> Tensor {
    Tensor((0..<shape.count).map { _ in scale * random.normal() }, shape)
  }

  static func shape(_ random: inout RandomStream) -> Tensor.Shape {
    switch Int.random(in: 0...2, using: &random) {
    case 0: .scalar
    case 1: .vector(Int.random(in: 1...6, using: &random))
    default: matrix(&random)
    }
  }

  static func matrix(_ random: inout RandomStream) -> Tensor.Shape {
    .matrix(rows: Int.random(in: 1...4, using: &random), columns: Int.random(in: 1...5, using: &random))
  }

  /// Away from 0: for what is divided by or has its logarithm taken.
  static func positive(_ shape: Tensor.Shape, _ random: inout RandomStream) -> Tensor {
    Kernels.map(tensor(shape, &random)) { 0.3 + abs($0) }
  }

  static func unary(_ operation: any ArrayOperation) -> Case {
    Case(name: operation.name) { random in (operation, [tensor(shape(&random), &random)]) }
  }

  /// Equal shapes, or a number on either side.
  static func binary(_ operation: any ArrayOperation, isPositive: Bool = false) -> Case {
    Case(name: operation.name) { random in
      let whole = shape(&random)
      let shapes = [[whole, whole], [.scalar, whole], [whole, .scalar]].randomElement(using: &random) ?? []
      let first = tensor(shapes[0], &random)
      return (operation, [first, isPositive ? positive(shapes[1], &random) : tensor(shapes[1], &random)])
    }
  }

  static func product(_ transposed: TransposedFactor, isVector: Bool) -> Case {
    Case(name: isVector ? "matvec" : "matmul") { random in
      let (m, k, n) = (
        Int.random(in: 1...4, using: &random), Int.random(in: 1...5, using: &random),
        Int.random(in: 1...4, using: &random)
      )
      let a: Tensor.Shape =
        transposed == .first ? .matrix(rows: k, columns: m) : .matrix(rows: m, columns: k)
      let b: Tensor.Shape =
        isVector ? .vector(k) : transposed == .second ? .matrix(rows: n, columns: k) : .matrix(rows: k, columns: n)
      let operation = MatrixProduct(transposed, name: isVector ? "matvec" : "matmul")
      return (operation, [tensor(a, &random), tensor(b, &random)])
    }
  }

  static let cases: [Case] =
    [
      unary(Exponential()), unary(Square()), unary(Sigmoid()), unary(Softplus()), unary(Multiple(-1)),
      unary(Multiple(0.7)), unary(Sum()), unary(Mean()), unary(SumRows()), unary(LogSumExp()), unary(Softmax()),
      binary(Add()), binary(Subtract()), binary(Multiply()), binary(Divide(), isPositive: true), binary(SquaredLoss()),
      binary(LogisticLoss()), product(.neither, isVector: false), product(.first, isVector: false),
      product(.second, isVector: false), product(.neither, isVector: true), product(.first, isVector: true),
      Case(name: "log") { random in (Logarithm(), [positive(shape(&random), &random)]) },
      Case(name: "dot") { random in
        let shape = shape(&random)
        return (Dot(), [tensor(shape, &random), tensor(shape, &random)])
      },
      Case(name: "spread") { random in (Spread(matrix(&random)), [tensor(.scalar, &random)]) },
      Case(name: "spreadRows") { random in
        let shape = shape(&random)
        return (SpreadRows(shape), [tensor(shape.withoutColumns, &random)])
      },
      Case(name: "reshape") { random in
        let shape = matrix(&random)
        return (Reshape(.vector(shape.count)), [tensor(shape, &random)])
      },
      Case(name: "tie") { random in
        let shape = shape(&random)
        let groups = (0..<7).map { _ in Int.random(in: -1..<shape.count, using: &random) }
        return (Tie(groups), [tensor(shape, &random)])
      },
      Case(name: "sumGroups") { random in
        let shape = shape(&random)
        let groups = (0..<7).map { _ in Int.random(in: -1..<shape.count, using: &random) }
        return (SumGroups(groups, shape), [tensor(.vector(7), &random)])
      },
      Case(name: "stack") { random in
        let count = Int.random(in: 1...4, using: &random)
        return (Concatenate(), (0..<count).map { _ in tensor(shape(&random), &random) })
      },
    ]
    + [true, false].map { isLoss in
      Case(name: isLoss ? "crossEntropy" : "softmaxError") { random in
        let shape = Bool.random(using: &random) ? matrix(&random) : .vector(3)
        let labels = (0..<shape.rows).map { _ in Int.random(in: 0..<shape.columns, using: &random) }
        let operation: any ArrayOperation = isLoss ? CrossEntropy(labels) : SoftmaxError(labels)
        return (operation, [tensor(shape, &random, scale: 2)])
      }
    }

  static func inner(_ a: [Tensor], _ b: [Tensor]) -> Double { zip(a, b).reduce(0) { $0 + Kernels.dot($1.0, $1.1) } }

  static func norm(_ a: [Tensor]) -> Double { inner(a, a).squareRoot() }

  static func sum(_ a: [Tensor], _ t: Double, _ b: [Tensor]) -> [Tensor] {
    zip(a, b).map { x, y in Kernels.zip(x, y) { $0 + t * $1 } }
  }

  /// f = sum c y + 1/2 sum y^2, whose second derivatives have both those of the rule and products of its first.
  static func linearized(_ operation: any ArrayOperation, at x: [Tensor], _ weights: Tensor) throws -> Linearization {
    try Linearization(at: x) { inputs in
      let y = try operation.apply(inputs)
      return try (y * weights).sum() + y.square().sum() * 0.5
    }
  }

  @Test func everyRuleAgreesWithDifferences() throws {
    let seed: UInt64 = 20_261_121
    for (number, item) in Self.cases.enumerated() {
      var random = RandomStream(seed: seed, name: "rule/\(number)")
      for round in 0..<12 {
        let (operation, x) = item.make(&random)
        #expect(operation.misfit(x.map(\.shape)) == nil, "\(item.name)")
        let y = operation.value(x)
        let weights = Self.tensor(y.shape, &random)
        let place: Comment = "\(item.name), seed \(seed), round \(round), \(x.map(\.shape))"
        let point = try Self.linearized(operation, at: x, weights)
        let u = x.map { Self.tensor($0.shape, &random) }
        let v = x.map { Self.tensor($0.shape, &random) }
        let step = 1e-5
        let above = try Self.linearized(operation, at: Self.sum(x, step, v), weights)
        let below = try Self.linearized(operation, at: Self.sum(x, -step, v), weights)

        // JVP of the rule itself: its output against differences.
        let jvp = operation.tangent(x, y, v)
        #expect(jvp.shape == y.shape, place)
        let moved = Self.sum([operation.value(Self.sum(x, step, v))], -1, [operation.value(Self.sum(x, -step, v))])
        let expected = Kernels.map(moved[0]) { $0 / (2 * step) }
        #expect(Self.norm(Self.sum([jvp], -1, [expected])) <= 1e-6 * (Self.norm([expected]) + 1e-3), place)

        // VJP: the gradient against differences of the value, and against the forward sweep.
        let slope = (above.value - below.value) / (2 * step)
        let along = Self.inner(point.gradient, v)
        #expect(zip(point.gradient, x).allSatisfy { $0.shape == $1.shape }, place)
        #expect(abs(along - slope) <= 1e-6 * (Self.norm(point.gradient) * Self.norm(v) + 1e-3), place)
        #expect(abs(try point.slope(along: v) - along) <= 1e-12 * (Self.norm(point.gradient) * Self.norm(v) + 1), place)

        // Forward over reverse: the product against differences of the gradient, and symmetric.
        let product = try point.hessianProduct(along: v)
        let change = Self.sum(above.gradient, -1, below.gradient).map { Kernels.map($0) { $0 / (2 * step) } }
        #expect(Self.norm(Self.sum(product, -1, change)) <= 1e-6 * (Self.norm(change) + 1e-3), place)
        let other = try point.hessianProduct(along: u)
        let size = Self.norm(u) * Self.norm(product) + Self.norm(v) * Self.norm(other) + 1e-3
        #expect(abs(Self.inner(u, product) - Self.inner(v, other)) <= 1e-12 * size, place)
      }
    }
  }

  /// Directions in one input only, gradients of one only: blocks of the whole product.
  @Test func mixedProductsAreBlocks() throws {
    var random = RandomStream(seed: 5, name: "mixed")
    for item in Self.cases {
      let (operation, x) = item.make(&random)
      guard x.count > 1 else { continue }
      let point = try Self.linearized(operation, at: x, Self.tensor(operation.value(x).shape, &random))
      let v = x.map { Self.tensor($0.shape, &random) }
      let whole = try point.hessianProduct(along: v)
      var sum = x.map { Tensor(repeating: 0, $0.shape) }
      for position in x.indices {
        let alone: [Tensor?] = x.indices.map { $0 == position ? v[$0] : nil }
        for input in x.indices {
          let block = try point.hessianProduct(along: alone, wanted: [input])
          #expect(x.indices.allSatisfy { $0 == input || block[$0] == Tensor(repeating: 0, x[$0].shape) })
          sum = Self.sum(sum, 1, block)
        }
      }
      #expect(Self.norm(Self.sum(whole, -1, sum)) <= 1e-12 * (Self.norm(whole) + 1), "\(item.name)")
    }
  }

  /// A rule that is documented is tested.
  @Test func everyDocumentedOperationIsAmongThem() {
    let tested = Set(Self.cases.map(\.name)).union(["tensor", "number"])
    #expect(Set(Operator.arrayDocs.keys).subtracting(tested).isEmpty)
  }

  /// Where exponentials overflow or vanish.
  @Test func tailsAreExact() throws {
    #expect(Sigmoid.of(-800) == 0 && Sigmoid.of(800) == 1 && Sigmoid.of(-40) > 0)
    #expect(Softplus.of(800) == 800 && Softplus.of(-800) == 0 && Softplus.of(-40) > 0)
    let losses = LogisticLoss().value([Tensor([800, -800, 800, -800, 50]), Tensor([1, 1, 0, 0, 1])]).elements
    #expect(losses[0] == 0 && losses[1] == 800 && losses[2] == 800 && losses[3] == 0)
    #expect(abs(losses[4] / exp(-50) - 1) < 1e-12)
    let far = try Tensor(rows: [[1e4, -1e4, 0], [-1e4, 0, 0]])
    #expect(Softmax().value([far]).elements == [1, 0, 0, 0, 0.5, 0.5])
    #expect(LogSumExp().value([far]).elements[0] == 1e4)
    #expect(CrossEntropy([1, 0]).value([far]).elements == [2e4, 1e4 + log(2)])
    let point = try Linearization(at: [Tensor([800, -800])]) { inputs in
      try (inputs[0].softplus() + inputs[0].sigmoid()).sum() + logisticLoss(inputs[0], Tensor([0, 1])).sum()
    }
    #expect(point.gradient[0].elements == [2, -1])
    #expect(try point.hessianProduct(along: [Tensor([1, 1])])[0].elements == [0, 0])
  }

  /// Random expressions of many nodes that share their operands.
  @Test func randomGraphsAgreeWithDifferences() throws {
    for seed in UInt64(0)..<40 {
      let x = (0..<3).map { Tensor([0.3 + 0.2 * Double($0), -0.4, 0.7 - 0.1 * Double($0)]) }
      @Sendable func function(_ inputs: [Traced<Tensor>]) throws(ArrayError) -> Traced<Tensor> {
        var random = RandomStream(seed: seed, name: "graph")
        var nodes = inputs
        for _ in 0..<14 {
          let a = nodes[Int.random(in: 0..<nodes.count, using: &random)]
          let b = nodes[Int.random(in: 0..<nodes.count, using: &random)]
          switch Int.random(in: 0..<9, using: &random) {
          case 0: nodes.append(try a + b)
          case 1: nodes.append(try a * b.sigmoid())
          case 2: nodes.append(try a / (b.square() + 1))
          case 3: nodes.append(a.softmax())
          case 4: nodes.append(try dot(a, b) * a)
          case 5: nodes.append(try (a * 0.3).exp().tied(to: [2, 0, 0]))
          case 6: nodes.append(try a - b.mean())
          case 7: nodes.append(try stack([a.sum(), b.logSumExp(), a.element(1)]) * 0.5)
          default: nodes.append(a.softplus())
          }
          nodes.append(nodes[nodes.count - 1].sigmoid())
        }
        return try (nodes[nodes.count - 1] + nodes[nodes.count - 2].square()).sum() + nodes[5].sum()
      }
      var random = RandomStream(seed: seed, name: "direction")
      let v = x.map { Self.tensor($0.shape, &random) }
      let step = 1e-5
      let point = try Linearization(at: x, function)
      let above = try Linearization(at: Self.sum(x, step, v), function)
      let below = try Linearization(at: Self.sum(x, -step, v), function)
      let slope = (above.value - below.value) / (2 * step)
      #expect(abs(slope - Self.inner(point.gradient, v)) <= 1e-6 * (Self.norm(point.gradient) + 1e-3), "seed \(seed)")
      let change = Self.sum(above.gradient, -1, below.gradient).map { Kernels.map($0) { $0 / (2 * step) } }
      let product = try point.hessianProduct(along: v)
      #expect(Self.norm(Self.sum(product, -1, change)) <= 1e-6 * (Self.norm(change) + 1e-2), "seed \(seed)")
    }
  }
}
