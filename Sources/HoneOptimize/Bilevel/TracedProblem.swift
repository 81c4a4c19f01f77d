import HoneTrace

/// A bilevel problem written as two functions of traced arrays: all derivatives come from the tape.
///
///     let problem = try TracedProblem(
///       innerStart: [0, 0, 0], domain: [-6...6],
///       inner: { w, lambda in
///         try logisticLoss(matvec(x, w), y).sum() + lambda.exp() * w.square().sum() * 0.5
///       },
///       outer: { w, lambda in try logisticLoss(matvec(xValidation, w), yValidation).mean() })
///     let report = try BilevelSearch().run(problem)
///
/// Second derivatives are exact: forward over reverse, on a point that is recorded once. A value that is not finite comes
/// back as not a number, which a search refuses or steps back from.
public struct TracedProblem: BilevelProblem {
  /// A number from w, a vector of n, and lambda, a vector of m.
  public typealias Objective = @Sendable (_ w: Traced<Tensor>, _ lambda: Traced<Tensor>) throws -> Traced<Tensor>

  public let innerStart: [Double]
  public let domain: [ClosedRange<Double>]
  public let geometry: BilevelGeometry
  private let h: Objective
  fileprivate var g: Objective

  public var innerDimension: Int { innerStart.count }
  public var outerDimension: Int { domain.count }

  /// - Parameters:
  ///   - innerStart: where the inner search starts; n numbers.
  ///   - domain: the box of lambda; m ranges.
  ///   - geometry: how lambda moves in it.
  ///   - inner: h. It is to be smooth and, where solutions are wanted, convex in w.
  ///   - outer: g.
  /// - Throws: what the functions throw at `innerStart` and where a search starts; an `ArrayError` for shapes that do not
  ///   fit, or a value or gradient that is not finite there.
  public init(
    innerStart: [Double], domain: [ClosedRange<Double>], geometry: BilevelGeometry = .box,
    inner: @escaping Objective, outer: @escaping Objective
  ) throws {
    self.innerStart = innerStart
    self.domain = domain
    self.geometry = geometry
    (h, g) = (inner, outer)
    let lambda = OuterDomain(self).origin
    _ = try at(innerStart, lambda, h)
    _ = try at(innerStart, lambda, g)
  }

  public func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    guard let point = try? at(w, lambda, h, wanted: [0]) else { return Self.fail(&gradient) }
    gradient = point.gradient[0].elements
    return point.value
  }

  public func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    guard let point = try? at(w, lambda, h, wanted: [1]) else {
      _ = Self.fail(&result)
      return
    }
    result = point.gradient[1].elements
  }

  public func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double])
    -> Double
  {
    guard let point = try? at(w, lambda, g) else {
      _ = Self.fail(&gradientLambda)
      return Self.fail(&gradientW)
    }
    (gradientW, gradientLambda) = (point.gradient[0].elements, point.gradient[1].elements)
    return point.value
  }

  public func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature {
    TracedCurvature(point: try? at(w, lambda, h), size: w.count)
  }

  private func at(_ w: [Double], _ lambda: [Double], _ objective: Objective, wanted: [Int]? = nil) throws
    -> Linearization
  {
    try Linearization(at: [Tensor(w), Tensor(lambda)], wanted: wanted) { try objective($0[0], $0[1]) }
  }

  private static func fail(_ gradient: inout [Double]) -> Double {
    for i in gradient.indices { gradient[i] = .nan }
    return .nan
  }
}

/// A traced problem whose outer objective is the mean of one loss for each validation row, so that `Shrinkage` can hold
/// some of them back.
public struct TracedRowsProblem: ValidatedProblem {
  /// A vector of losses from w, a vector of n.
  public typealias Losses = @Sendable (_ w: Traced<Tensor>) throws -> Traced<Tensor>

  public let validationCount: Int
  private let losses: Losses
  private var problem: TracedProblem

  public var innerDimension: Int { problem.innerDimension }
  public var outerDimension: Int { problem.outerDimension }
  public var innerStart: [Double] { problem.innerStart }
  public var domain: [ClosedRange<Double>] { problem.domain }
  public var geometry: BilevelGeometry { problem.geometry }

  /// - Parameter validation: the loss of each validation row; as many for every w.
  /// - Throws: as `TracedProblem` does.
  public init(
    innerStart: [Double], domain: [ClosedRange<Double>], geometry: BilevelGeometry = .box,
    inner: @escaping TracedProblem.Objective, validation: @escaping Losses
  ) throws {
    problem = try TracedProblem(innerStart: innerStart, domain: domain, geometry: geometry, inner: inner) { w, _ in
      try validation(w).mean()
    }
    validationCount = try validation(Traced(Tensor(innerStart))).value.count
    losses = validation
  }

  /// - Parameter rows: of all validation rows, whichever this problem has now.
  public func validating(on rows: [Int]) -> TracedRowsProblem {
    var other = self
    other.problem.g = { [losses] w, _ in try losses(w).tied(to: rows).mean() }
    return other
  }

  public func validationLosses(_ w: [Double], rows: [Int]) -> [Double] {
    let found = try? losses(Traced(Tensor(w))).tied(to: rows).value.elements
    return found ?? Array(repeating: .nan, count: rows.count)
  }

  public func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    problem.inner(w, lambda, gradient: &gradient)
  }

  public func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    problem.innerOuterGradient(w, lambda, into: &result)
  }

  public func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double])
    -> Double
  {
    problem.outer(w, lambda, gradientW: &gradientW, gradientLambda: &gradientLambda)
  }

  public func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature { problem.curvature(w, lambda) }
}

/// Second derivatives from a point on the tape; a product is one sweep forwards over the gradient's operations.
private struct TracedCurvature: BilevelCurvature {
  /// nil where the point is not finite: then no product is.
  let point: Linearization?
  let size: Int

  func hessianProduct(_ v: [Double], into result: inout [Double]) { product(v, of: 0, into: &result) }

  func mixedProduct(_ v: [Double], into result: inout [Double]) { product(v, of: 1, into: &result) }

  private func product(_ v: [Double], of input: Int, into result: inout [Double]) {
    guard let products = try? point?.hessianProduct(along: [Tensor(v), nil], wanted: [input]) else {
      for i in result.indices { result[i] = .nan }
      return
    }
    result = products[input].elements
  }

  /// Column after column, one product each.
  func hessian() -> [Double]? {
    var matrix: [Double] = []
    matrix.reserveCapacity(size * size)
    var (unit, column) = (Array(repeating: 0.0, count: size), Array(repeating: 0.0, count: size))
    for i in 0..<size {
      unit[i] = 1
      hessianProduct(unit, into: &column)
      unit[i] = 0
      matrix += column
    }
    // Rounding makes the halves differ in the last digits.
    for i in 0..<size {
      for j in 0..<i {
        let mean = 0.5 * (matrix[i * size + j] + matrix[j * size + i])
        (matrix[i * size + j], matrix[j * size + i]) = (mean, mean)
      }
    }
    return matrix
  }
}
