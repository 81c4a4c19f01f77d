/// A number, a vector or a matrix of numbers: what differentiable steps take and give.
///
/// The numbers stand in one array, a matrix row after row, so a step over a thousand numbers is one node of the graph.
public struct Tensor: Hashable, Sendable {
  public enum Shape: Hashable, Sendable {
    case scalar
    case vector(Int)
    case matrix(rows: Int, columns: Int)
  }

  public let shape: Shape
  /// As many as the shape says.
  public let elements: [Double]

  public init(_ number: Double) {
    shape = .scalar
    elements = [number]
  }

  public init(_ vector: [Double]) {
    shape = .vector(vector.count)
    elements = vector
  }

  /// A matrix from its numbers, row after row.
  /// - Throws: `shape` when there are not `rows` x `columns` of them.
  public init(_ elements: [Double], rows: Int, columns: Int) throws(ArrayError) {
    guard rows >= 0, columns >= 0, elements.count == rows * columns else {
      throw ArrayError(
        .shape, "\(elements.count) numbers do not make a matrix of \(rows) x \(columns)",
        hint: "give \(max(rows, 0) * max(columns, 0)) numbers, row after row")
    }
    self.init(elements, .matrix(rows: rows, columns: columns))
  }

  /// A matrix from its rows.
  /// - Throws: `shape` when they are of different lengths.
  public init(rows: [[Double]]) throws(ArrayError) {
    let columns = rows.first?.count ?? 0
    if let odd = rows.firstIndex(where: { $0.count != columns }) {
      throw ArrayError(
        .shape, "row \(odd) of the matrix has \(rows[odd].count) numbers, row 0 has \(columns)",
        hint: "give all rows one length")
    }
    self.init(rows.flatMap(\.self), .matrix(rows: rows.count, columns: columns))
  }

  /// A number, a list of numbers or a list of rows of one length; nil for anything else.
  public init?(_ value: Value) {
    if let number = value.number {
      self.init(number)
    } else if let list = value.array {
      let numbers = list.compactMap(\.number)
      let rows = list.compactMap { $0.array?.compactMap(\.number) }
      if numbers.count == list.count {
        self.init(numbers)
      } else if rows.count == list.count, zip(rows, list).allSatisfy({ $0.count == $1.array?.count }),
        let matrix = try? Tensor(rows: rows)
      {
        self = matrix
      } else {
        return nil
      }
    } else {
      return nil
    }
  }

  /// Numbers of which it is known that they fit.
  init(_ elements: [Double], _ shape: Shape) {
    self.shape = shape
    self.elements = elements
  }

  init(repeating number: Double, _ shape: Shape) {
    self.init(Array(repeating: number, count: shape.count), shape)
  }

  public var count: Int { elements.count }

  /// The first number that is not finite, by its position.
  var firstNotFinite: Int? { elements.firstIndex { !$0.isFinite } }
}

extension Tensor.Shape: CustomStringConvertible {
  public var count: Int {
    switch self {
    case .scalar: 1
    case .vector(let count): count
    case .matrix(let rows, let columns): rows * columns
    }
  }

  /// Rows along which `softmax` and its like work; a vector is one row.
  var rows: Int { if case .matrix(let rows, _) = self { rows } else { 1 } }

  var columns: Int { if case .matrix(_, let columns) = self { columns } else { count } }

  /// What is left when each row becomes one number.
  var withoutColumns: Tensor.Shape { if case .matrix(let rows, _) = self { .vector(rows) } else { .scalar } }

  public var description: String {
    switch self {
    case .scalar: "a number"
    case .vector(let count): "a vector of \(count)"
    case .matrix(let rows, let columns): "a matrix of \(rows) x \(columns)"
    }
  }
}

/// What an array operation takes: a traced array, or a plain one that is a constant to it.
public protocol ArrayOperand: Sendable {
  var traced: Traced<Tensor> { get }
}

extension Tensor: ArrayOperand {
  public var traced: Traced<Tensor> { Traced(self) }
}

extension Traced: ArrayOperand where Wrapped == Tensor {
  public var traced: Traced<Tensor> { self }
}
