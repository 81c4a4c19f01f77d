extension Space {
  /// Whether a study begun in `old` may go on in this space: the same parameters with the same start, with choices added,
  /// ranges widened or combinations no longer forbidden. Every assignment of `old` is then one of this space.
  public func widens(_ old: Space) -> Bool { narrowing(of: old) == nil }

  /// What keeps a study begun in `old` from going on in this space, the first thing found; nil: nothing.
  package func narrowing(of old: Space) -> String? {
    if let missing = old.parameters.first(where: { self[$0.name] == nil }) { return "\(missing.name) is not there" }
    if let added = parameters.first(where: { old[$0.name] == nil }) { return "\(added.name) is new" }
    for (new, old) in zip(parameters, old.parameters) {
      if new.name != old.name { return "\(new.name) stands where \(old.name) stood" }
      if new.initial != old.initial {
        return "\(new.name) starts at \(new.initial.text), not at \(old.initial.text)"
      }
      if new.condition != old.condition { return "\(new.name) is active under another condition" }
      if !new.domain.widens(old.domain) {
        return "\(new.name) is \(new.domain.constraint), which does not hold all of \(old.domain.constraint)"
      }
    }
    return forbidden.allSatisfy(old.forbidden.contains) ? nil : "a combination is forbidden that was not"
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
