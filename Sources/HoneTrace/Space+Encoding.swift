extension Space {
  /// The parameters a numerical search can move, in order.
  public var encodable: [ParameterSpec] { parameters.filter(\.domain.isEncodable) }

  /// Where an assignment lies in the unit cube of the encodable parameters; nil marks an inactive one.
  public func encode(_ assignment: Assignment) -> [Double?] {
    encodable.map { parameter in assignment[parameter.name].flatMap(parameter.domain.encode) }
  }

  /// The assignment at a point of the unit cube of the encodable parameters, in their order; the other parameters take
  /// their value from `base`, and where it has none their initial value.
  /// - Throws: `Rejection` when the point is a forbidden combination.
  public func decode(_ point: [Double], base: Assignment) throws(Rejection) -> Assignment {
    var values: [String: Value] = [:]
    for (parameter, u) in zip(encodable, point) { values[parameter.name] = parameter.domain.decode(u) }
    for parameter in parameters where !parameter.domain.isEncodable {
      values[parameter.name] = base[parameter.name] ?? parameter.initial
    }
    return try accept(values)
  }

  /// How many assignments there are: conditions and forbidden combinations counted, saturating at `Int.max`; nil when
  /// there is no end of them.
  public var cardinality: Int? { cardinality(base: nil) }

  /// As `cardinality`; with a base, free text and code stand still at its values, as numerical search leaves them.
  ///
  /// Exact up to 100,000 combinations of the parameters that conditions and forbidden combinations name; beyond, the
  /// count saturates.
  public func cardinality(base: Assignment?) -> Int? {
    var counter = Counter(space: self, base: base)
    return counter.count(from: 0, values: [:])
  }

  /// Every assignment, text and code fixed at the base's values, in the order of the parameters with the last one moving
  /// fastest; nil when more than `limit` combinations would have to be looked at.
  public func assignments(base: Assignment, limit: Int) -> [Assignment]? {
    var partial: [[String: Value]] = [[:]]
    for parameter in parameters {
      var next: [[String: Value]] = []
      for values in partial {
        guard Self.holds(parameter.condition, in: values) else {
          next.append(values)
          continue
        }
        guard let choices = choices(of: parameter, base: base, limit: limit) else { return nil }
        guard next.count + choices.count <= limit else { return nil }
        for choice in choices {
          var longer = values
          longer[parameter.name] = choice
          next.append(longer)
        }
      }
      partial = next
    }
    return partial.compactMap { values in
      forbidden.contains { Self.holds($0, in: values) } ? nil : Assignment(values)
    }
  }

  fileprivate func choices(of parameter: ParameterSpec, base: Assignment?, limit: Int) -> [Value]? {
    if !parameter.domain.isEncodable, let base {
      return [base[parameter.name] ?? parameter.initial]
    }
    return parameter.domain.values(limit: limit)
  }
}

/// Counts assignments: parameters that others depend on are enumerated, the rest multiply.
private struct Counter {
  let space: Space
  let base: Assignment?
  let controlling: Set<String>
  var visited = 0
  static let limit = 100_000

  init(space: Space, base: Assignment?) {
    self.space = space
    self.base = base
    controlling = Set(space.parameters.flatMap { $0.condition?.allowed.keys.map(\.self) ?? [] })
      .union(space.forbidden.flatMap(\.keys))
  }

  mutating func count(from index: Int, values: [String: Value]) -> Int? {
    var factor = 1
    for (offset, parameter) in space.parameters[index...].enumerated()
    where Space.holds(parameter.condition, in: values) {
      guard controlling.contains(parameter.name) else {
        guard let size = size(of: parameter) else { return nil }
        factor = factor.multipliedSaturating(size)
        continue
      }
      guard size(of: parameter) != nil else { return nil }
      guard let choices = space.choices(of: parameter, base: base, limit: Self.limit) else { return .max }
      var sum = 0
      for choice in choices {
        visited += 1
        guard visited <= Self.limit else { return .max }
        var longer = values
        longer[parameter.name] = choice
        guard let rest = count(from: index + offset + 1, values: longer) else { return nil }
        sum = sum.addedSaturating(rest)
      }
      return factor.multipliedSaturating(sum)
    }
    let isForbidden = space.forbidden.contains { Space.holds($0, in: values) }
    return isForbidden ? 0 : factor
  }

  private func size(of parameter: ParameterSpec) -> Int? {
    if !parameter.domain.isEncodable, base != nil { return 1 }
    return parameter.domain.cardinality
  }
}

extension Int {
  fileprivate func multipliedSaturating(_ other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }

  fileprivate func addedSaturating(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
