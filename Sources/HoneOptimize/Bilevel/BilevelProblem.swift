/// Two nested problems, given by what a solver may ask of them.
///
/// Inner: w*(lambda) = argmin over w in R^n of h(w, lambda), such as weights fitted to training rows. Outer: minimize
/// Phi(lambda) = g(w*(lambda), lambda) over lambda in a box of R^m, such as the loss on validation rows as a function of
/// the strengths of regularization. Vectors are plain arrays; matrices stand row after row.
///
/// Gradients alone suffice: what is left out is had from differences of them.
public protocol BilevelProblem: Sendable {
  /// n
  var innerDimension: Int { get }
  /// m
  var outerDimension: Int { get }
  /// The box of lambda, one range a coordinate; an infinite one leaves it free.
  var domain: [ClosedRange<Double>] { get }
  /// How lambda moves within `domain`; by default as it is.
  var geometry: BilevelGeometry { get }
  /// Where the inner search starts when nothing better is known; n numbers.
  var innerStart: [Double] { get }

  /// h, and its gradient in w.
  func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double

  /// The gradient of h in lambda.
  func innerOuterGradient(_ w: [Double], _ lambda: [Double], into: inout [Double])

  /// g, and its gradients in w and in lambda (that with w held).
  func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double

  /// The second derivatives of h at a point; by default central differences of the gradients.
  func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature

  /// The same for the steps of an inner solve, which mend each other's errors; by default forward differences from the
  /// gradient at w where there is no closed form.
  func roughCurvature(_ w: [Double], _ lambda: [Double], gradient: [Double]) -> any BilevelCurvature
}

/// Second derivatives of h at one point. What they need of the point is worked out once.
public protocol BilevelCurvature: Sendable {
  /// (d2 h / dw dw) v: n numbers in, n out.
  func hessianProduct(_ v: [Double], into: inout [Double])
  /// (d2 h / dlambda dw) v: n numbers in, m out.
  func mixedProduct(_ v: [Double], into: inout [Double])
  /// The Hessian in w, row after row, both halves; nil where it is not to be had as a whole.
  func hessian() -> [Double]?
  /// How many calls of `inner` a product takes; 0 for one in closed form.
  var gradientsAProduct: Int { get }
}

extension BilevelCurvature {
  public func hessian() -> [Double]? { nil }
  public var gradientsAProduct: Int { 0 }
}

/// How lambda moves.
public enum BilevelGeometry: String, Codable, Sendable {
  /// As it is, each coordinate in its range.
  case box
  /// By its logarithm: all ranges must begin above zero.
  case logarithmic
  /// Not below zero, with sum one.
  case simplex
}

extension BilevelProblem {
  public var geometry: BilevelGeometry { .box }

  public func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature {
    DifferenceCurvature(self, w, lambda)
  }

  public func roughCurvature(_ w: [Double], _ lambda: [Double], gradient: [Double]) -> any BilevelCurvature {
    let curvature = curvature(w, lambda)
    guard curvature.gradientsAProduct > 0 else { return curvature }
    return ForwardCurvature(problem: self, w: w, lambda: lambda, gradient: gradient)
  }
}

/// How often each oracle was asked.
public struct OracleCount: Hashable, Codable, Sendable {
  /// Values with gradients of h, those within differences too.
  public var inner = 0
  public var outer = 0
  /// Products in closed form. One by differences is the calls of `inner` that it takes, and nothing else.
  public var hessianProducts = 0
  public var mixedProducts = 0
  /// Hessians assembled and factored.
  public var factorizations = 0
  /// Inner problems solved.
  public var solves = 0

  public init() {}

  /// All together: the unit of a budget.
  public var total: Int { inner + outer + hessianProducts + mixedProducts + factorizations }

  /// Adds so many products of a curvature.
  mutating func add(hessianProducts: Int = 0, mixedProducts: Int = 0, of curvature: any BilevelCurvature) {
    guard curvature.gradientsAProduct == 0 else {
      inner += (hessianProducts + mixedProducts) * curvature.gradientsAProduct
      return
    }
    self.hessianProducts += hessianProducts
    self.mixedProducts += mixedProducts
  }
}

/// Why a bilevel problem has no answer.
public struct BilevelError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Codable, Sendable {
    /// A direction along which h curves downwards: w is no minimum, and the hypergradient is not defined.
    case negativeCurvature
    /// A value or a gradient is not finite.
    case notFinite
    /// Sizes that do not fit, or an empty box.
    case invalid
    /// The oracle calls are used up before the first answer.
    case budget
  }
  public var kind: Kind
  public var message: String
  public var hint: String?

  public init(_ kind: Kind, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.message = message
    self.hint = hint
  }

  public var description: String { message + (hint.map { " (\($0))" } ?? "") }
}
