// Differentiable steps on arrays: one node each, whatever their length.

extension Traced where Wrapped == Tensor {
  public static func + (a: Traced, b: Traced) throws(ArrayError) -> Traced { try Add()(a, b) }
  public static func + (a: Traced, b: Tensor) throws(ArrayError) -> Traced { try Add()(a, b.traced) }
  public static func + (a: Tensor, b: Traced) throws(ArrayError) -> Traced { try Add()(a.traced, b) }
  public static func + (a: Traced, b: Double) throws(ArrayError) -> Traced { try Add()(a, Traced(Tensor(b))) }
  public static func + (a: Double, b: Traced) throws(ArrayError) -> Traced { try Add()(Traced(Tensor(a)), b) }

  public static func - (a: Traced, b: Traced) throws(ArrayError) -> Traced { try Subtract()(a, b) }
  public static func - (a: Traced, b: Tensor) throws(ArrayError) -> Traced { try Subtract()(a, b.traced) }
  public static func - (a: Tensor, b: Traced) throws(ArrayError) -> Traced { try Subtract()(a.traced, b) }
  public static func - (a: Traced, b: Double) throws(ArrayError) -> Traced { try Subtract()(a, Traced(Tensor(b))) }
  public static func - (a: Double, b: Traced) throws(ArrayError) -> Traced { try Subtract()(Traced(Tensor(a)), b) }

  /// Element by element; a number scales an array.
  public static func * (a: Traced, b: Traced) throws(ArrayError) -> Traced { try Multiply()(a, b) }
  public static func * (a: Traced, b: Tensor) throws(ArrayError) -> Traced { try Multiply()(a, b.traced) }
  public static func * (a: Tensor, b: Traced) throws(ArrayError) -> Traced { try Multiply()(a.traced, b) }
  public static func * (a: Traced, b: Double) throws(ArrayError) -> Traced { try Multiply()(a, Traced(Tensor(b))) }
  public static func * (a: Double, b: Traced) throws(ArrayError) -> Traced { try Multiply()(Traced(Tensor(a)), b) }

  /// Element by element.
  public static func / (a: Traced, b: Traced) throws(ArrayError) -> Traced { try Divide()(a, b) }
  public static func / (a: Traced, b: Tensor) throws(ArrayError) -> Traced { try Divide()(a, b.traced) }
  public static func / (a: Tensor, b: Traced) throws(ArrayError) -> Traced { try Divide()(a.traced, b) }
  public static func / (a: Traced, b: Double) throws(ArrayError) -> Traced { try Divide()(a, Traced(Tensor(b))) }
  public static func / (a: Double, b: Traced) throws(ArrayError) -> Traced { try Divide()(Traced(Tensor(a)), b) }

  public static prefix func - (a: Traced) -> Traced { Multiple(-1).always(a) }

  public func exp() -> Traced { Exponential().always(self) }
  public func log() -> Traced { Logarithm().always(self) }
  public func square() -> Traced { Square().always(self) }
  /// 1 / (1 + exp(-x)).
  public func sigmoid() -> Traced { Sigmoid().always(self) }
  /// log(1 + exp(x)).
  public func softplus() -> Traced { Softplus().always(self) }

  /// All elements together, a number.
  public func sum() -> Traced { Sum().always(self) }
  /// The mean of all elements, a number.
  public func mean() -> Traced { Mean().always(self) }
  /// The sum of each row: a vector of a matrix, a number of a vector.
  public func sumRows() -> Traced { SumRows().always(self) }
  /// log sum exp of each row: a vector of a matrix, a number of a vector.
  public func logSumExp() -> Traced { LogSumExp().always(self) }
  /// exp over its sum along each row.
  public func softmax() -> Traced { Softmax().always(self) }

  /// The same elements, row after row, in another shape.
  /// - Throws: `shape` when it holds another number of them.
  public func reshaped(_ shape: Tensor.Shape) throws(ArrayError) -> Traced { try Reshape(shape)(self) }

  /// One element, counted row after row, as a number.
  /// - Throws: `shape` when there is none there.
  public func element(_ position: Int) throws(ArrayError) -> Traced {
    // -1 would mean "none" to the rule.
    try Reshape(.scalar)(Tie([position < 0 ? .min : position])(self))
  }

  /// A vector that takes element `groups[j]` of this one at each place j; 0 where it is nil. Places of one group are tied:
  /// their gradients are summed.
  /// - Throws: `shape` when there is no such element.
  public func tied(to groups: [Int?]) throws(ArrayError) -> Traced {
    try Tie(groups.map { group in group.map { $0 < 0 ? .min : $0 } ?? -1 })(self)
  }
}

/// sum_i a_i b_i.
/// - Throws: `shape` unless both have one shape.
public func dot(_ a: some ArrayOperand, _ b: some ArrayOperand) throws(ArrayError) -> Traced<Tensor> {
  try Dot()(a.traced, b.traced)
}

/// A matrix, or its transpose, times a vector.
/// - Throws: `shape` when they do not fit.
public func matvec(_ a: some ArrayOperand, transposed: Bool = false, _ x: some ArrayOperand) throws(ArrayError)
  -> Traced<Tensor>
{
  let (a, x) = (a.traced, x.traced)
  guard case .vector = x.value.shape else {
    throw ArrayError(
      .shape, "matvec: the second input is \(x.value.shape), expected a vector", hint: "of two matrices take `matmul`")
  }
  return try MatrixProduct(transposed ? .first : .neither, name: "matvec")(a, x)
}

/// Which factor of a product of two matrices is transposed.
public enum TransposedFactor: Hashable, Sendable { case neither, first, second }

/// The product of two matrices.
/// - Throws: `shape` when they do not fit.
public func matmul(_ a: some ArrayOperand, _ b: some ArrayOperand, transposed: TransposedFactor = .neither)
  throws(ArrayError) -> Traced<Tensor>
{
  let (a, b) = (a.traced, b.traced)
  guard case .matrix = b.value.shape else {
    throw ArrayError(
      .shape, "matmul: the second input is \(b.value.shape), expected a matrix",
      hint: "a matrix times a vector is `matvec`")
  }
  return try MatrixProduct(transposed)(a, b)
}

/// All elements of all arrays, one after the other, as a vector.
public func stack(_ arrays: [Traced<Tensor>]) throws(ArrayError) -> Traced<Tensor> { try Concatenate().apply(arrays) }

/// (score - target)^2, element by element.
/// - Throws: `shape` when they do not fit.
public func squaredLoss(_ scores: some ArrayOperand, _ targets: some ArrayOperand) throws(ArrayError)
  -> Traced<Tensor>
{
  try SquaredLoss()(scores.traced, targets.traced)
}

/// The logistic loss of each score against its target from 0 to 1: log(1 + exp(s)) - t s.
/// - Throws: `shape` when they do not fit.
public func logisticLoss(_ scores: some ArrayOperand, _ targets: some ArrayOperand) throws(ArrayError)
  -> Traced<Tensor>
{
  try LogisticLoss()(scores.traced, targets.traced)
}

/// -log softmax(scores) at the label, for each row of a matrix of scores, one column a class.
/// - Throws: `shape` when the labels do not fit.
public func crossEntropy(_ scores: some ArrayOperand, _ labels: [Int]) throws(ArrayError) -> Traced<Tensor> {
  try CrossEntropy(labels)(scores.traced)
}
