import Foundation

extension Domain {
  /// The value at `u` of the unit interval, laid out by the scale; every point of a grid and every choice gets a cell of
  /// equal width on a linear scale. Values outside [0, 1] count as its ends. `.null` for free text and code: no number
  /// stands for words.
  public func decode(_ u: Double) -> Value {
    let u = u.isNaN ? 0.5 : min(max(u, 0), 1)
    switch self {
    case .float(let domain): return .double(domain.decode(u))
    case .int(let domain): return .int(domain.decode(u))
    case .bool: return .bool(u >= 0.5)
    case .categorical(let choices), .ordinal(let choices): return Self.cell(u, of: choices) ?? .null
    case .code(let domain): return Self.cell(u, of: domain.names.map(Value.string)) ?? .null
    case .text: return .null
    }
  }

  /// Where a value of the domain lies in the unit interval: `decode(encode(v))` is `v` on grids and choices, and within
  /// rounding of it on a continuum. Nil for free text and code, and for values that are not in the domain.
  public func encode(_ value: Value) -> Double? {
    guard let value = try? accept(value) else { return nil }
    switch self {
    case .float(let domain): return value.number.map(domain.encode)
    case .int(let domain): return value.int.map(domain.encode)
    case .bool: return value.bool.map { $0 ? 0.75 : 0.25 }
    case .categorical(let choices), .ordinal(let choices): return Self.centre(of: value, among: choices)
    case .code(let domain): return Self.centre(of: value, among: domain.names.map(Value.string))
    case .text: return nil
    }
  }

  /// How many values there are; nil when there is no end of them (floats without a step, free text and code).
  public var cardinality: Int? {
    switch self {
    case .float(let domain):
      domain.lower == domain.upper ? 1 : domain.step.map { domain.gridCount($0) }
    case .int(let domain): domain.gridCount
    case .bool: 2
    case .categorical(let choices), .ordinal(let choices): choices.count
    case .text: nil
    case .code(let domain): domain.alternatives.isEmpty ? nil : domain.alternatives.count
    }
  }

  /// Whether a number can stand for a value, so that numerical search applies.
  public var isEncodable: Bool {
    switch self {
    case .text: false
    case .code(let domain): !domain.alternatives.isEmpty
    default: true
    }
  }

  /// All values in their natural order; nil when there are more than `limit`.
  public func values(limit: Int) -> [Value]? {
    guard let cardinality, cardinality <= limit else { return nil }
    switch self {
    case .float(let domain):
      guard let step = domain.step else { return [.double(domain.lower)] }
      return (0..<cardinality).map { .double(domain.gridPoint(Double($0), step)) }
    case .int(let domain): return (0..<cardinality).map { .int(domain.lower + $0 * max(1, domain.step)) }
    case .bool: return [false, true]
    case .categorical(let choices), .ordinal(let choices): return choices
    case .text: return nil
    case .code(let domain): return domain.names.map(Value.string)
    }
  }

  private static func cell(_ u: Double, of choices: [Value]) -> Value? {
    choices.isEmpty ? nil : choices[min(Int(u * Double(choices.count)), choices.count - 1)]
  }

  private static func centre(of value: Value, among choices: [Value]) -> Double? {
    choices.firstIndex { $0.isSame(as: value) }.map { (Double($0) + 0.5) / Double(choices.count) }
  }
}

extension Scale {
  func warp(_ x: Double) -> Double {
    switch self {
    case .linear: x
    case .log: Foundation.log(x)
    case .logit: Foundation.log(x / (1 - x))
    }
  }

  func unwarp(_ x: Double) -> Double {
    switch self {
    case .linear: x
    case .log: exp(x)
    case .logit: 1 / (1 + exp(-x))
    }
  }

  /// The range whose cells have the grid's points in them: half a step is added at both ends, as far as the scale allows.
  func cells(_ lower: Double, _ upper: Double, _ step: Double) -> (Double, Double) {
    let half = step / 2
    switch self {
    case .linear: return (lower - half, upper + half)
    case .log: return (max(lower - half, lower / 2), upper + half)
    case .logit: return (max(lower - half, lower / 2), min(upper + half, (1 + upper) / 2))
    }
  }

  func decode(_ u: Double, _ lower: Double, _ upper: Double) -> Double {
    let (a, b) = (warp(lower), warp(upper))
    return min(max(unwarp(a + u * (b - a)), lower), upper)
  }

  func encode(_ x: Double, _ lower: Double, _ upper: Double) -> Double {
    let (a, b) = (warp(lower), warp(upper))
    return b > a ? min(max((warp(x) - a) / (b - a), 0), 1) : 0.5
  }
}

extension FloatDomain {
  /// The layout's ends: the range itself on a continuum, the cells' ends on a grid.
  private var layout: (Double, Double) {
    guard let step else { return (lower, upper) }
    return scale.cells(lower, gridPoint(Double(gridCount(step) - 1), step), step)
  }

  func decode(_ u: Double) -> Double {
    let (low, high) = layout
    return snapped(min(max(scale.decode(u, low, high), lower), upper))
  }

  func encode(_ value: Double) -> Double {
    let (low, high) = layout
    return scale.encode(value, low, high)
  }
}

extension IntDomain {
  private var layout: (Double, Double) {
    scale.cells(Double(lower), Double(lower) + Double(gridCount - 1) * Double(max(1, step)), Double(max(1, step)))
  }

  func decode(_ u: Double) -> Int {
    let (low, high) = layout
    let real = min(max(scale.decode(u, low, high), Double(lower)), Double(upper))
    // Snapped from the real number, so that each point's cell reaches half a step to both sides of it.
    let k = ((real - Double(lower)) / Double(max(1, step))).rounded(.toNearestOrAwayFromZero)
    return lower + min(Int(exactly: k) ?? 0, gridCount - 1) * max(1, step)
  }

  func encode(_ value: Int) -> Double {
    let (low, high) = layout
    return scale.encode(Double(value), low, high)
  }
}
