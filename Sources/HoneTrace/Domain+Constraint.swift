extension Domain {
  /// What a value must be, as a phrase for prompts and people: "a number from 0 to 1, log scale".
  public var constraint: String {
    switch self {
    case .float(let domain): domain.constraint
    case .int(let domain): domain.constraint
    case .bool: "true or false"
    case .categorical(let choices): "one of \(Domain.listed(choices))"
    case .ordinal(let choices): "one of \(Domain.listed(choices)), in this order"
    case .text(let domain): domain.constraint
    case .code(let domain): domain.constraint
    }
  }
}

extension FloatDomain {
  var constraint: String {
    let step = step.map { ", in steps of \($0.shown)" } ?? ""
    return "a number from \(lower.shown) to \(upper.shown)\(step)\(scale.note)"
  }
}

extension IntDomain {
  var constraint: String {
    "a whole number from \(lower) to \(upper)\(step > 1 ? ", in steps of \(step)" : "")\(scale.note)"
  }
}

extension Scale {
  fileprivate var note: String { self == .linear ? "" : ", \(rawValue) scale" }
}

extension TextDomain {
  var constraint: String {
    let length = minLength > 1 ? "\(minLength) to \(maxLength)" : "at most \(maxLength)"
    var parts = ["a text of \(length) characters"]
    if role == .demonstrations { parts.append("one {\"inputs\": {...}, \"output\": \"...\"} a line") }
    let kept = placeholders.map { "{\($0)}" }.joined(separator: ", ")
    if !kept.isEmpty { parts.append("it must contain \(kept)") }
    if let optionalPlaceholders {
      let optional = optionalPlaceholders.map { "{\($0)}" }.joined(separator: ", ")
      if !optional.isEmpty {
        parts.append("it may contain \(optional)")
      } else {
        parts.append(kept.isEmpty ? "it has no {placeholders}" : "no other {placeholder}")
      }
    }
    if let pattern { parts.append("it must match the regular expression \(pattern)") }
    return parts.joined(separator: "; ")
  }
}

extension CodeDomain {
  var constraint: String {
    alternatives.isEmpty
      ? "\(language) code of at most \(maxLength) characters"
      : "the name of one alternative: \(Domain.listed(names.map(Value.string)))"
  }
}
