import HoneTrace

/// The first place where two JSON values differ.
struct JSONDifference: Hashable, Sendable, CustomStringConvertible {
  /// `$.trials[3].proposal.assignment.temperature`.
  var path: String
  /// As canonical JSON, nil when there is none.
  var left: String?
  var right: String?

  var description: String {
    func shown(_ text: String?) -> String { text.map { Printable.cut(Printable.line($0), to: 200) } ?? "nothing" }
    return "\(path) was \(shown(left)) and is \(shown(right))"
  }

  /// Nil when the values are equal. Keys are compared in their sorted order, elements in theirs. Linear in the size.
  static func first(_ a: Value?, _ b: Value?, at path: String = "$") -> JSONDifference? {
    // Nearly always so, and far quicker than a walk.
    if a == b { return nil }
    switch (a, b) {
    case (.object(let x)?, .object(let y)?):
      for key in Set(x.keys).union(y.keys).sorted() {
        if let found = first(x[key], y[key], at: "\(path).\(key)") { return found }
      }
      return nil
    case (.array(let x)?, .array(let y)?):
      for index in 0..<max(x.count, y.count) {
        let found = first(
          index < x.count ? x[index] : nil, index < y.count ? y[index] : nil, at: "\(path)[\(index)]")
        if let found { return found }
      }
      return nil
    default:
      guard a?.canonicalJSON != b?.canonicalJSON else { return nil }
      return JSONDifference(path: path, left: a?.canonicalJSON, right: b?.canonicalJSON)
    }
  }
}

extension Value {
  /// Without the members of these names, at any depth.
  func without(_ names: Set<String>) -> Value {
    switch self {
    case .array(let values): .array(values.map { $0.without(names) })
    case .object(let members): .object(members.filter { !names.contains($0.key) }.mapValues { $0.without(names) })
    default: self
    }
  }
}
