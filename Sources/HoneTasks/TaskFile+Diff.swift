import HoneTrace

extension TaskFile {
  /// One difference between two versions of a task file.
  public struct Change: Hashable, Sendable, CustomStringConvertible {
    /// Keys from the top, joined by dots: `score.exact_match.ignore_case`.
    public var key: String
    /// Nil: the key is new.
    public var before: Value?
    /// Nil: the key is gone.
    public var after: Value?

    /// A started study may go on with it: how much may be spent and where the model is reached decide no result.
    public var isCompatible: Bool {
      let free = ["budget", "goal.target", "goal.cost_per_example"]
      let reach = ["endpoint", "key", "timeout", "price", "max_concurrent", "allow_insecure_http"]
      let models = ["model", "optimizer.model", "embedding"].flatMap { model in reach.map { "\(model).\($0)" } }
      return (free + models).contains { key == $0 || key.hasPrefix($0 + ".") }
    }

    /// `score.repeats: 1 -> 3`, `+ forbidden: [...]`, `- model.alias: "m"`.
    public var description: String {
      switch (before, after) {
      case (let before?, let after?): "\(key): \(Self.shown(before)) -> \(Self.shown(after))"
      case (nil, let after?): "+ \(key): \(Self.shown(after))"
      case (let before?, nil): "- \(key): \(Self.shown(before))"
      case (nil, nil): key
      }
    }

    private static func shown(_ value: Value) -> String {
      let text = value.canonicalJSON
      return text.count > 100 ? text.prefix(99) + "…" : text
    }
  }

  /// What changed between two canonical values, by key. Lists are compared whole, but for lists of the same names, such as
  /// a workflow's steps, which are compared name by name.
  public static func changes(from before: Value, to after: Value) -> [Change] { changes(before, after, []) }

  private static func changes(_ before: Value?, _ after: Value?, _ path: [String]) -> [Change] {
    if let old = before?.object, let new = after?.object {
      return Set(old.keys).union(new.keys).sorted().flatMap { changes(old[$0], new[$0], path + [$0]) }
    }
    if let old = before?.array, let new = after?.array, let names = names(old), names == self.names(new) {
      return names.indices.flatMap { changes(old[$0], new[$0], path + [names[$0]]) }
    }
    if before?.canonicalJSON == after?.canonicalJSON { return [] }
    return [Change(key: path.joined(separator: "."), before: before, after: after)]
  }

  /// The names of the elements; nil when one has none.
  private static func names(_ list: [Value]) -> [String]? {
    let names = list.compactMap { $0["name"]?.string }
    return names.isEmpty || names.count < list.count ? nil : names
  }
}
