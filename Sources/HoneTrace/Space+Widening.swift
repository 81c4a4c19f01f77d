extension Space {
  /// Whether a study begun in `old` may go on in this space: the same parameters with the same start, with choices added,
  /// ranges widened or combinations no longer forbidden. Every assignment of `old` is then one of this space.
  public func widens(_ old: Space) -> Bool {
    guard parameters.count == old.parameters.count else { return false }
    for (new, old) in zip(parameters, old.parameters) {
      guard new.name == old.name, new.initial == old.initial, new.condition == old.condition,
        new.domain.widens(old.domain)
      else { return false }
    }
    return forbidden.allSatisfy(old.forbidden.contains)
  }
}

extension Domain {
  fileprivate func widens(_ old: Domain) -> Bool {
    switch (self, old) {
    case (.float(let new), .float(let old)):
      let isAligned = new.step.map { Self.isWhole((old.lower - new.lower) / $0) } ?? true
      return new.lower <= old.lower && new.upper >= old.upper && new.scale == old.scale && new.step == old.step
        && new.clip == old.clip && isAligned
    case (.int(let new), .int(let old)):
      let isAligned = new.step > 0 && (old.lower - new.lower).isMultiple(of: new.step)
      return new.lower <= old.lower && new.upper >= old.upper && new.scale == old.scale && new.step == old.step
        && new.clip == old.clip && isAligned
    case (.categorical(let new), .categorical(let old)): return old.allSatisfy(new.contains)
    case (.ordinal(let new), .ordinal(let old)): return new.filter(old.contains) == old
    case (.code(let new), .code(let old)):
      return new.language == old.language && new.maxLength >= old.maxLength
        && new.alternatives.isEmpty == old.alternatives.isEmpty
        && old.alternatives.allSatisfy { new.alternatives[$0.key] == $0.value }
    case (.text(var new), .text(let old)):
      guard new.maxLength >= old.maxLength, new.minLength <= old.minLength else { return false }
      (new.maxLength, new.minLength) = (old.maxLength, old.minLength)
      return new == old
    default: return self == old
    }
  }

  private static func isWhole(_ steps: Double) -> Bool { abs(steps - steps.rounded()) < 1e-9 * max(1, abs(steps)) }
}
