/// Two levels of training in a row (Raghu, Lorraine, Kornblith, McDermott and Duvenaud, "Meta-learning to improve
/// pre-training", NeurIPS 2021): weights fitted to the first problem, its lambda being what is tuned, are then tuned further
/// by T gradient steps on the second problem, whose outer objective judges where they end.
///
///     Phi(lambda) = g_2(w_T),   w_{t+1} = w_t - alpha dh_2/dw(w_t),   w_0 = w*_1(lambda)
///
/// The slope goes back through the T steps (as `UnrolledEstimator`), and from w_0 on by whatever estimator is chosen: the
/// theorem for the long training, unrolling for the short one.
public struct ChainedProblem<First: BilevelProblem, Second: BilevelProblem>: BilevelProblem {
  public let first: First
  public let second: Second
  /// The second problem's lambda, held.
  public let setting: [Double]
  /// T
  public let steps: Int
  /// alpha
  public let rate: Double

  /// - Throws: `invalid` when the problems differ in weights, or the setting does not fit the second.
  public init(_ first: First, then second: Second, setting: [Double], steps: Int, rate: Double) throws(BilevelError) {
    guard first.innerDimension == second.innerDimension, setting.count == second.outerDimension, steps >= 0 else {
      throw BilevelError(
        .invalid,
        "\(first.innerDimension) weights cannot go on as \(second.innerDimension), with \(setting.count) settings")
    }
    (self.first, self.second, self.setting, self.steps, self.rate) = (first, second, setting, steps, rate)
  }

  public var innerDimension: Int { first.innerDimension }
  public var outerDimension: Int { first.outerDimension }
  public var domain: [ClosedRange<Double>] { first.domain }
  public var geometry: BilevelGeometry { first.geometry }
  public var innerStart: [Double] { first.innerStart }

  public func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    first.inner(w, lambda, gradient: &gradient)
  }

  public func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    first.innerOuterGradient(w, lambda, into: &result)
  }

  public func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature { first.curvature(w, lambda) }

  /// The weights after the second training.
  public func tuned(_ w: [Double]) -> [Double] { path(w).last ?? w }

  public func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double])
    -> Double
  {
    let points = path(w)
    var partial = setting
    let value = second.outer(points[steps], setting, gradientW: &gradientW, gradientLambda: &partial)
    var product = gradientW
    for point in points.dropLast().reversed() {
      second.curvature(point, setting).hessianProduct(gradientW, into: &product)
      Vectors.add(-rate, product, to: &gradientW)
    }
    for i in gradientLambda.indices { gradientLambda[i] = 0 }
    return value
  }

  private func path(_ w: [Double]) -> [[Double]] {
    var points = [w]
    var gradient = w
    for t in 0..<steps {
      _ = second.inner(points[t], setting, gradient: &gradient)
      points.append(Vectors.sum(points[t], -rate, gradient))
    }
    return points
  }
}
