// Operations that move elements.

/// The same elements in another shape.
struct Reshape: ArrayOperation {
  let shape: Tensor.Shape
  init(_ shape: Tensor.Shape) { self.shape = shape }

  var name: String { "reshape" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? {
    guard shapes[0].count != shape.count else { return nil }
    return Misfit(
      what: "the input is \(shapes[0]), the result \(shape)",
      hint: "give a shape of \(shapes[0].count) numbers")
  }
  func value(_ x: [Tensor]) -> Tensor { Tensor(x[0].elements, shape) }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor { linear(y, t) }
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    tape.append(Reshape(tape.shape(x[0])), c)
  }
}

/// y_j = x at the group of j; 0 where it has none.
struct Tie: ArrayOperation {
  /// A position in x for each place; -1: none.
  let groups: [Int]

  init(_ groups: [Int]) { self.groups = groups }

  var name: String { "tie" }

  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? {
    guard let place = groups.firstIndex(where: { $0 >= shapes[0].count || $0 < -1 }) else { return nil }
    return Misfit(
      what: "place \(place) takes element \(groups[place]) of \(shapes[0])",
      hint: "number elements from 0 to \(shapes[0].count - 1)")
  }

  func value(_ x: [Tensor]) -> Tensor {
    let elements = x[0].elements
    return Tensor(groups.map { $0 >= 0 ? elements[$0] : 0 })
  }

  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor { linear(y, t) }

  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    tape.append(SumGroups(groups, tape.shape(x[0])), c)
  }
}

/// y_i = sum of the x whose group is i: what `Tie` is transposed.
struct SumGroups: ArrayOperation {
  let groups: [Int]
  let shape: Tensor.Shape

  init(_ groups: [Int], _ shape: Tensor.Shape) {
    self.groups = groups
    self.shape = shape
  }

  var name: String { "sumGroups" }

  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? {
    if shapes[0] != .vector(groups.count) {
      return Misfit(
        what: "the input is \(shapes[0]), there are \(groups.count) groups", hint: "give one group for each number")
    }
    guard let place = groups.firstIndex(where: { $0 >= shape.count || $0 < -1 }) else { return nil }
    return Misfit(
      what: "place \(place) is of group \(groups[place]), the result is \(shape)",
      hint: "number groups from 0 to \(shape.count - 1)")
  }

  func value(_ x: [Tensor]) -> Tensor {
    let elements = x[0].elements
    return Tensor(
      Kernels.fill(shape.count) { y in
        for (place, group) in groups.enumerated() where group >= 0 { y[group] += elements[place] }
      }, shape)
  }

  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor { linear(y, t) }

  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    tape.append(Tie(groups), c)
  }
}

/// All elements of all inputs, one after the other, as a vector.
struct Concatenate: ArrayOperation {
  var name: String { "stack" }
  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? { nil }
  func value(_ x: [Tensor]) -> Tensor { Tensor(x.flatMap(\.elements)) }
  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    value(zip(x, t).map { $1 ?? Tensor(repeating: 0, $0.shape) })
  }
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let start = x[..<position].reduce(0) { $0 + tape.shape($1).count }
    let shape = tape.shape(x[position])
    let part = tape.append(Tie(Array(start..<(start + shape.count))), c)
    return tape.append(Reshape(shape), part)
  }
}
