// Products with matrices. A vector is a column.

/// A B, A' B or A B'.
struct MatrixProduct: ArrayOperation {
  let transposing: TransposedFactor
  /// What the node is called.
  let name: String

  init(_ transposing: TransposedFactor = .neither, name: String = "matmul") {
    self.transposing = transposing
    self.name = name
  }

  /// Rows and columns as they stand, a vector as a column.
  private static func size(_ shape: Tensor.Shape) -> (rows: Int, columns: Int) {
    if case .vector(let count) = shape { (count, 1) } else { (shape.rows, shape.columns) }
  }

  /// m x k and k x n, after transposing; `inner` is k on the second's side.
  private func sizes(_ a: Tensor.Shape, _ b: Tensor.Shape) -> (m: Int, k: Int, inner: Int, n: Int) {
    let (first, second) = (Self.size(a), Self.size(b))
    let (m, k) = transposing == .first ? (first.columns, first.rows) : (first.rows, first.columns)
    let (inner, n) = transposing == .second ? (second.columns, second.rows) : (second.rows, second.columns)
    return (m, k, inner, n)
  }

  func misfit(_ shapes: [Tensor.Shape]) -> Misfit? {
    guard case .matrix = shapes[0] else {
      return Misfit(
        what: "the first input is \(shapes[0]), expected a matrix",
        hint: "give a matrix first; of two vectors take `dot`")
    }
    let size = sizes(shapes[0], shapes[1])
    guard shapes[1] == .scalar || size.k != size.inner else { return nil }
    let transposed = transposing == .first ? " transposed" : ""
    let (rows, columns) = Self.size(shapes[0])
    let other = transposing == .first ? "without" : "with"
    return Misfit(
      what: "the first input is \(shapes[0])\(transposed), the second \(shapes[1])"
        + (transposing == .second ? " transposed" : ""),
      hint: "the second needs \(size.k) \(transposing == .second ? "columns" : "rows or numbers")"
        + (rows != columns ? "; or multiply \(other) `transposed`" : ""))
  }

  func value(_ x: [Tensor]) -> Tensor {
    let size = sizes(x[0].shape, x[1].shape)
    let elements = Kernels.product(
      x[0].elements, x[1].elements, transposing, m: size.m, k: size.k, n: size.n)
    if case .vector = x[1].shape, transposing != .second { return Tensor(elements, .vector(size.m)) }
    return Tensor(elements, .matrix(rows: size.m, columns: size.n))
  }

  func tangent(_ x: [Tensor], _ y: Tensor, _ t: [Tensor?]) -> Tensor {
    Kernels.add(t[0].map { value([$0, x[1]]) }, t[1].map { value([x[0], $0]) }, y.shape)
  }

  /// A: c B', or B c' when A is transposed. B: A' c, A c or c' A.
  func cotangent(_ c: Int, to position: Int, of x: [Int], _ y: Int, on tape: inout Tape) -> Int {
    let (a, b) = (x[0], x[1])
    switch (position, transposing) {
    case (0, .neither): return outer(c, b, of: tape.shape(a), on: &tape)
    case (0, .first): return outer(b, c, of: tape.shape(a), on: &tape)
    case (0, .second): return tape.append(MatrixProduct(), c, b)
    case (_, .neither): return tape.append(MatrixProduct(.first, name: name), a, c)
    case (_, .first): return tape.append(MatrixProduct(.neither, name: name), a, c)
    case (_, .second): return tape.append(MatrixProduct(.first), c, a)
    }
  }

  /// p q', where vectors are columns.
  private func outer(_ p: Int, _ q: Int, of shape: Tensor.Shape, on tape: inout Tape) -> Int {
    let (p, q) = (column(p, on: &tape), column(q, on: &tape))
    return tape.append(MatrixProduct(.second), p, q)
  }

  private func column(_ node: Int, on tape: inout Tape) -> Int {
    guard case .vector(let count) = tape.shape(node) else { return node }
    return tape.append(Reshape(.matrix(rows: count, columns: 1)), node)
  }
}
