/// Several inner problems that share one lambda, such as one setting for many workflows: w is theirs one after the other,
/// both objectives are means, so Phi is the mean of theirs.
public struct BlockProblem<Block: BilevelProblem>: BilevelProblem {
  public let blocks: [Block]
  let ranges: [Range<Int>]

  /// - Throws: `invalid` without blocks, or where their lambdas differ.
  public init(_ blocks: [Block]) throws(BilevelError) {
    guard let first = blocks.first,
      blocks.allSatisfy({ $0.domain == first.domain && $0.geometry == first.geometry })
    else { throw BilevelError(.invalid, "blocks must share the lambdas and their ranges, and one is needed") }
    self.blocks = blocks
    var ranges: [Range<Int>] = []
    for block in blocks {
      let start = ranges.last?.upperBound ?? 0
      ranges.append(start..<(start + block.innerDimension))
    }
    self.ranges = ranges
  }

  public var innerDimension: Int { ranges.last?.upperBound ?? 0 }
  public var outerDimension: Int { domain.count }
  public var domain: [ClosedRange<Double>] { blocks[0].domain }
  public var geometry: BilevelGeometry { blocks[0].geometry }
  public var innerStart: [Double] { blocks.flatMap(\.innerStart) }
  private var share: Double { 1 / Double(blocks.count) }

  public func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
    var value = 0.0
    for (block, range) in zip(blocks, ranges) {
      var own = Array(repeating: 0.0, count: range.count)
      value += block.inner(Array(w[range]), lambda, gradient: &own)
      for i in own.indices { gradient[range.lowerBound + i] = share * own[i] }
    }
    return share * value
  }

  public func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
    var own = lambda
    for i in result.indices { result[i] = 0 }
    for (block, range) in zip(blocks, ranges) {
      block.innerOuterGradient(Array(w[range]), lambda, into: &own)
      Vectors.add(share, own, to: &result)
    }
  }

  public func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double])
    -> Double
  {
    var value = 0.0
    for i in gradientLambda.indices { gradientLambda[i] = 0 }
    var ofLambda = lambda
    for (block, range) in zip(blocks, ranges) {
      var own = Array(repeating: 0.0, count: range.count)
      value += block.outer(Array(w[range]), lambda, gradientW: &own, gradientLambda: &ofLambda)
      for i in own.indices { gradientW[range.lowerBound + i] = share * own[i] }
      Vectors.add(share, ofLambda, to: &gradientLambda)
    }
    return share * value
  }

  public func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature {
    Curvature(
      parts: zip(blocks, ranges).map { $0.curvature(Array(w[$1]), lambda) }, ranges: ranges, share: share,
      outerDimension: outerDimension)
  }

  private struct Curvature: BilevelCurvature {
    let parts: [any BilevelCurvature]
    let ranges: [Range<Int>]
    let share: Double
    let outerDimension: Int
    var gradientsAProduct: Int { parts.map(\.gradientsAProduct).max() ?? 0 }

    func hessianProduct(_ v: [Double], into result: inout [Double]) {
      for (part, range) in zip(parts, ranges) {
        var own = Array(repeating: 0.0, count: range.count)
        part.hessianProduct(Array(v[range]), into: &own)
        for i in own.indices { result[range.lowerBound + i] = share * own[i] }
      }
    }

    func mixedProduct(_ v: [Double], into result: inout [Double]) {
      for i in result.indices { result[i] = 0 }
      var own = Array(repeating: 0.0, count: outerDimension)
      for (part, range) in zip(parts, ranges) {
        part.mixedProduct(Array(v[range]), into: &own)
        Vectors.add(share, own, to: &result)
      }
    }
  }
}
