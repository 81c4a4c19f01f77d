import Foundation
import HoneNumerics
import HoneTrace

/// What a user, or a language model, believes about where the best values lie.
///
/// Hvarfner et al., "pi-BO: Augmenting Acquisition Functions with User Beliefs for Bayesian Optimization" (ICLR 2022):
/// log acquisition + (beta / n) log(pi(x) + 1e-12), so that a belief fades as trials n come in, and a wrong one costs time
/// but not the optimum.
public struct Beliefs: Hashable, Sendable {
  public struct Belief: Hashable, Sendable {
    /// The expected value, of the parameter's domain.
    public var near: Value
    /// How unsure it is, from 0 to 1: the standard deviation as a part of the parameter's range, on its own scale; for
    /// choices the probability that it is not this one.
    public var spread: Double

    public init(near: Value, spread: Double = 0.2) {
      self.near = near
      self.spread = spread
    }
  }

  /// By parameter.
  public var byParameter: [String: Belief]
  /// Beta, about a tenth of the trials planned.
  public var confidence: Double

  public init(_ byParameter: [String: Belief] = [:], confidence: Double = 5) {
    self.byParameter = byParameter
    self.confidence = confidence
  }

  public var isEmpty: Bool { byParameter.isEmpty }
}

/// Beliefs as a density on the unit cube of a space. Not normalized: only differences of its logarithm count.
struct BeliefDensity {
  private enum Term {
    case normal(centre: Double, spread: Double)
    case choice(cell: Int, count: Int, spread: Double)
  }

  private let terms: [(coordinate: Int, term: Term)]
  private let confidence: Double

  init(_ beliefs: Beliefs, _ space: Space) {
    confidence = beliefs.confidence
    var terms: [(coordinate: Int, term: Term)] = []
    for (index, parameter) in space.encodable.enumerated() {
      guard let belief = beliefs.byParameter[parameter.name], let centre = parameter.domain.encode(belief.near) else {
        continue
      }
      let spread = min(max(belief.spread, 0.01), 1)
      let coordinate = Coordinate(parameter.domain)
      if case .choices(let count) = coordinate {
        guard count > 1 else { continue }
        let most = Double(count - 1) / Double(count)
        terms.append((index, .choice(cell: coordinate.cell(centre), count: count, spread: min(spread, most))))
      } else {
        terms.append((index, .normal(centre: centre, spread: spread)))
      }
    }
    self.terms = terms
  }

  /// What is added to a log acquisition after n trials: (beta / n) log(pi(x) + 1e-12), pi at most 1.
  func bonus(_ point: [Double?], trials: Int) -> Double {
    guard !terms.isEmpty else { return 0 }
    var sum = 0.0
    for (index, term) in terms {
      guard let u = point[index] else { continue }
      switch term {
      case .normal(let centre, let spread):
        let z = (u - centre) / spread
        sum -= 0.5 * z * z
      case .choice(let cell, let count, let spread):
        let other = spread / Double(count - 1)
        if Coordinate.choices(count).cell(u) != cell { sum += log(other / (1 - spread)) }
      }
    }
    return confidence / Double(max(1, trials)) * log(exp(sum) + 1e-12)
  }

  /// A uniform point as one drawn from the belief: each coordinate through the inverse distribution function.
  func drawn(_ uniform: [Double]) -> [Double] {
    var point = uniform
    for (index, term) in terms where index < point.count {
      let u = point[index]
      switch term {
      case .normal(let centre, let spread):
        let low = Normal.cumulative(-centre / spread)
        let wanted = low + u * (Normal.cumulative((1 - centre) / spread) - low)
        var (a, b) = (0.0, 1.0)
        for _ in 0..<40 {
          let middle = (a + b) / 2
          if Normal.cumulative((middle - centre) / spread) < wanted { a = middle } else { b = middle }
        }
        point[index] = (a + b) / 2
      case .choice(let cell, let count, let spread):
        // The believed choice has the first 1 - spread of the interval, the others share the rest.
        guard u >= 1 - spread else {
          point[index] = (Double(cell) + 0.5) / Double(count)
          continue
        }
        let other = min(Int((u - 1 + spread) / spread * Double(count - 1)), count - 2)
        point[index] = (Double(other < cell ? other : other + 1) + 0.5) / Double(count)
      }
    }
    return point
  }
}
