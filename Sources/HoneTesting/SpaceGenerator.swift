import HoneNumerics
import HoneTrace

/// Random search spaces for tests: all kinds of parameters, scales, steps, one-point domains, conditions on conditions and
/// forbidden combinations. The same seed and index give the same space.
public struct SpaceGenerator: Sendable {
  public let seed: UInt64
  /// Most parameters of a space.
  public let parameters: Int

  public init(seed: UInt64, parameters: Int = 6) {
    self.seed = seed
    self.parameters = max(1, parameters)
  }

  /// A space that `Space.check` accepts.
  public func space(_ index: Int) -> Space {
    var random = RandomStream(seed: seed, name: "space/\(index)")
    var space = Space([])
    for place in 0..<(1 + Int(random.next() % UInt64(parameters))) {
      let domain = domain(&random)
      let condition = random.uniform() < 0.3 ? condition(on: space.parameters, &random) : nil
      space.parameters.append(
        ParameterSpec(
          name: "p\(place)", domain: domain, initial: value(of: domain, &random), condition: condition))
    }
    for _ in 0..<3 where random.uniform() < 0.2 {
      let combination = combination(space.parameters, &random)
      let longer = Space(space.parameters, forbidden: space.forbidden + [combination])
      // Refused where the initial values would be forbidden.
      if !combination.isEmpty, (try? longer.check()) != nil { space = longer }
    }
    return space
  }

  private func domain(_ random: inout RandomStream) -> Domain {
    switch random.next() % 10 {
    case 0, 1: return .float(float(&random))
    case 2, 3: return .int(int(&random))
    case 4: return .bool
    case 5, 6: return .categorical(values(1 + Int(random.next() % 5), &random))
    case 7: return .ordinal(values(1 + Int(random.next() % 5), &random))
    case 8: return .text(TextDomain(maxLength: 100))
    default:
      let names = (0..<(1 + Int(random.next() % 3))).map { ("f\($0)", "return \($0)") }
      return .code(CodeDomain(language: "python", alternatives: Dictionary(uniqueKeysWithValues: names)))
    }
  }

  private func float(_ random: inout RandomStream) -> FloatDomain {
    let width = pow10(Int(random.next() % 13) - 6)
    switch random.next() % 6 {
    case 0:
      let low = pow10(Int(random.next() % 9) - 8)
      return FloatDomain(low...(low * pow10(Int(random.next() % 7))), scale: .log)
    case 1:
      let edge = pow10(-1 - Int(random.next() % 5))
      return FloatDomain(edge...(1 - edge), scale: .logit)
    case 2:
      let steps = Double(1 + random.next() % 12)
      return FloatDomain(-width...(-width + steps * 0.25), step: 0.25)
    case 3: return FloatDomain(width...width)
    default: return FloatDomain(-width * random.uniform()...width * (1 + random.uniform()))
    }
  }

  private func int(_ random: inout RandomStream) -> IntDomain {
    let low = Int(random.next() % 200) - 100
    switch random.next() % 5 {
    case 0: return IntDomain(1...Int(1 + random.next() % 5_000), scale: .log)
    case 1:
      let step = 1 + Int(random.next() % 7)
      return IntDomain(low...(low + step * Int(1 + random.next() % 9)), step: step)
    case 2: return IntDomain(low...low)
    default: return IntDomain(low...(low + Int(1 + random.next() % 100)))
    }
  }

  /// Different values of several types.
  private func values(_ count: Int, _ random: inout RandomStream) -> [Value] {
    let all: [Value] = ["a", "b", "long name", 1, 2, 0.5, true, "", "é", -3]
    return Array(all.shuffled(using: &random).prefix(count))
  }

  private func value(of domain: Domain, _ random: inout RandomStream) -> Value {
    switch domain {
    case .text: "Say it."
    default: domain.decode(random.uniform())
    }
  }

  /// One or two of the parameters before, with some of their values.
  private func condition(on earlier: [ParameterSpec], _ random: inout RandomStream) -> Condition? {
    var allowed: [String: [Value]] = [:]
    for _ in 0..<(1 + Int(random.next() % 2)) {
      guard let parent = earlier.randomElement(using: &random), let values = parent.domain.values(limit: 12) else {
        continue
      }
      allowed[parent.name] = Array(
        values.shuffled(using: &random).prefix(1 + Int(random.next() % UInt64(values.count))))
    }
    return allowed.isEmpty ? nil : Condition(allowed)
  }

  private func combination(_ parameters: [ParameterSpec], _ random: inout RandomStream) -> [String: Value] {
    var combination: [String: Value] = [:]
    for _ in 0..<(1 + Int(random.next() % 2)) {
      guard let parameter = parameters.randomElement(using: &random),
        let value = parameter.domain.values(limit: 12)?.randomElement(using: &random)
      else { continue }
      combination[parameter.name] = value
    }
    return combination
  }

  private func pow10(_ exponent: Int) -> Double {
    var power = 1.0
    for _ in 0..<abs(exponent) { power *= 10 }
    return exponent < 0 ? 1 / power : power
  }
}
