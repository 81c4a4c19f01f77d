import HoneOptimize

/// A bilevel problem with its second derivatives hidden: what is left is had from differences of its gradients.
public struct GradientsAlone<Problem: BilevelProblem>: BilevelProblem {
  public let problem: Problem

  public init(_ problem: Problem) { self.problem = problem }

  public var innerDimension: Int { problem.innerDimension }
  public var outerDimension: Int { problem.outerDimension }
  public var domain: [ClosedRange<Double>] { problem.domain }
  public var geometry: BilevelGeometry { problem.geometry }
  public var innerStart: [Double] { problem.innerStart }

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
}
