/// A value and where it comes from, so that `hone check --explain` can tell.
struct Setting<Value: Sendable>: Sendable {
  var value: Value
  /// `--db`, `HONE_DB`, `triage.yaml`, `default`.
  var origin: String

  init(_ value: Value, from origin: String) {
    self.value = value
    self.origin = origin
  }

  /// The first source that has a value; empty environment variables count as unset.
  static func first(_ sources: (String, Value?)..., default fallback: Value) -> Setting {
    for (origin, value) in sources {
      if let value, (value as? String)?.isEmpty != true { return Setting(value, from: origin) }
    }
    return Setting(fallback, from: "default")
  }
}
