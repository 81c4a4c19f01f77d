import HoneTrace

extension ResponseFormat {
  /// The same form with a `maxLength` for every free string of its schema, so that a reply ends before it is cut off: small
  /// models fall into loops inside a string, and a server that holds the schema then closes it.
  ///
  /// - Parameter characters: of all free strings together. Each has an equal part, at most `longest`: servers that make a
  ///   grammar of a schema cannot hold long counts. A list counts as up to four of its items.
  public func holding(characters: Int, longest: Int = 1_000) -> ResponseFormat {
    guard case .jsonSchema(let name, let schema) = self else { return self }
    let count = Self.freeStrings(schema)
    guard count > 0 else { return self }
    return .jsonSchema(name: name, schema: Self.bounded(schema, min(longest, max(40, characters / count))))
  }

  private static func freeStrings(_ schema: Value) -> Int {
    switch schema["type"]?.string {
    case "string": schema["enum"] == nil ? 1 : 0
    case "array": (schema["items"].map(freeStrings) ?? 0) * min(4, max(1, schema["maxItems"]?.int ?? 4))
    default: (schema["properties"]?.object ?? [:]).values.reduce(0) { $0 + freeStrings($1) }
    }
  }

  private static func bounded(_ schema: Value, _ length: Int) -> Value {
    guard var members = schema.object else { return schema }
    switch schema["type"]?.string {
    case "string":
      if members["enum"] == nil { members["maxLength"] = .int(min(length, members["maxLength"]?.int ?? length)) }
    case "array":
      if let items = members["items"] { members["items"] = bounded(items, length) }
    default:
      if let properties = members["properties"]?.object {
        members["properties"] = .object(properties.mapValues { bounded($0, length) })
      }
    }
    return .object(members)
  }

  /// The bound that a string of a reply has reached, which was then cut there; `reasoning` may be. Nil: none has.
  public func length(reachedIn reply: String) -> Int? {
    guard case .jsonSchema(_, let schema) = self, let value = try? Value.parse(json: Array(reply.utf8)) else {
      return nil
    }
    return Self.reached(value, schema)
  }

  private static func reached(_ value: Value, _ schema: Value) -> Int? {
    switch value {
    case .string(let text):
      guard let length = schema["maxLength"]?.int else { return nil }
      return text.unicodeScalars.count >= length ? length : nil
    case .array(let elements):
      guard let items = schema["items"] else { return nil }
      return elements.lazy.compactMap { reached($0, items) }.first
    case .object(let members):
      return members.keys.sorted().lazy.filter { $0 != "reasoning" }.compactMap { name in
        schema["properties"]?[name].flatMap { property in members[name].flatMap { reached($0, property) } }
      }.first
    default: return nil
    }
  }

  /// The same for a server that knows no `maxLength`.
  func withoutLengths() -> ResponseFormat {
    guard case .jsonSchema(let name, let schema) = self else { return self }
    return .jsonSchema(name: name, schema: Self.unbounded(schema))
  }

  /// A property may itself be called `maxLength`: schemas alone lose it.
  private static func unbounded(_ schema: Value) -> Value {
    guard var members = schema.object else { return schema }
    members["maxLength"] = nil
    if let items = members["items"] { members["items"] = unbounded(items) }
    if let properties = members["properties"]?.object {
      members["properties"] = .object(properties.mapValues(unbounded))
    }
    return .object(members)
  }
}
