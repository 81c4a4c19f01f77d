import Foundation
import HoneTrace

/// Why a schema is not used.
public struct SchemaError: Error, Hashable, Sendable, CustomStringConvertible {
  public var message: String
  public var description: String { message }
}

/// Checks values against a JSON Schema.
///
/// The part of draft 2020-12 that is read: `type enum const properties required additionalProperties patternProperties
/// propertyNames minProperties maxProperties items prefixItems minItems maxItems uniqueItems minLength maxLength pattern
/// minimum maximum exclusiveMinimum exclusiveMaximum multipleOf anyOf oneOf allOf not` and `$ref` to `#` or `#/$defs/NAME`.
/// Annotations (`title`, `description`, `default`, `examples`, `format` and others) are let stand; any other keyword is an
/// error, so that no rule is passed over in silence.
public struct JSONSchema: Hashable, Sendable {
  public let schema: Value

  private static let keywords: Set<String> = [
    "type", "enum", "const", "properties", "required", "additionalProperties", "patternProperties", "propertyNames",
    "minProperties", "maxProperties", "items", "prefixItems", "minItems", "maxItems", "uniqueItems", "minLength",
    "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "anyOf",
    "oneOf",
    "allOf", "not", "$ref", "$defs", "$schema", "$id", "$comment", "title", "description", "default", "examples",
    "format",
    "deprecated", "readOnly", "writeOnly", "markdownDescription",
  ]
  private static let types = ["null", "boolean", "object", "array", "number", "integer", "string"]

  /// - Throws: the first keyword that is unknown or has a value of the wrong form.
  public init(_ schema: Value) throws(SchemaError) {
    try Self.check(schema, root: schema, path: "#", depth: 0)
    self.schema = schema
  }

  /// What is wrong with a value, each with its JSON path; empty when the schema accepts it.
  public func problems(with value: Value) -> [String] {
    var checker = SchemaChecker(root: schema)
    checker.check(value, schema, "$", depth: 0)
    return checker.problems
  }

  func score(_ output: String) -> Verdict {
    let value: Value
    do throws(JSONError) {
      value = try Value.parse(json: Self.unfenced(output))
    } catch {
      return Verdict(0, feedback: "The output is not JSON: \(error).")
    }
    let problems = problems(with: value)
    return Verdict(problems.isEmpty ? 1 : 0, feedback: problems.prefix(5).joined(separator: "\n"))
  }

  /// The text inside a ``` fence when it is all there is, else the text.
  private static func unfenced(_ text: String) -> String {
    let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard trimmed.hasPrefix("```"), trimmed.hasSuffix("```"), let start = trimmed.firstIndex(where: \.isNewline) else {
      return trimmed
    }
    return String(trimmed[start...].dropLast(3))
  }

  // MARK: - The schema itself

  private static func check(_ schema: Value, root: Value, path: String, depth: Int) throws(SchemaError) {
    guard depth <= 64 else { throw SchemaError(message: "\(path): the schema is nested deeper than 64") }
    if schema.bool != nil { return }
    guard let members = schema.object else { throw SchemaError(message: "\(path): a schema is an object or a bool") }
    for key in members.keys.sorted() {
      guard let value = members[key] else { continue }
      let path = "\(path)/\(key)"
      guard keywords.contains(key) else {
        let near = Nearest.name(to: key, among: keywords.sorted()).map { "; did you mean \($0)?" } ?? ""
        throw SchemaError(message: "\(path): the keyword is not read\(near)")
      }
      switch key {
      case "properties", "patternProperties", "$defs":
        guard let object = value.object else { throw SchemaError(message: "\(path): expected an object") }
        for name in object.keys.sorted() {
          try check(object[name] ?? .null, root: root, path: "\(path)/\(name)", depth: depth + 1)
        }
      case "anyOf", "oneOf", "allOf", "prefixItems":
        guard let list = value.array, !list.isEmpty else { throw SchemaError(message: "\(path): expected a list") }
        for (index, element) in list.enumerated() {
          try check(element, root: root, path: "\(path)/\(index)", depth: depth + 1)
        }
      case "items", "additionalProperties", "propertyNames", "not":
        try check(value, root: root, path: path, depth: depth + 1)
      default: try checkPlain(key, value, root, path)
      }
    }
  }

  private static func checkPlain(_ key: String, _ value: Value, _ root: Value, _ path: String) throws(SchemaError) {
    switch key {
    case "type":
      let names = value.array ?? [value]
      guard !names.isEmpty, names.allSatisfy({ types.contains($0.string ?? "") }) else {
        throw SchemaError(message: "\(path): expected one of \(types.joined(separator: ", "))")
      }
    case "enum", "required":
      guard value.array != nil else { throw SchemaError(message: "\(path): expected a list") }
    case "pattern":
      guard let pattern = value.string, (try? Regex(pattern)) != nil else {
        throw SchemaError(message: "\(path): expected a regular expression")
      }
    case "$ref":
      guard let reference = value.string, resolve(reference, in: root) != nil else {
        throw SchemaError(message: "\(path): expected # or #/$defs/NAME with a NAME that is there")
      }
    default:
      let isNumber = key.hasPrefix("min") || key.hasPrefix("max") || key.hasPrefix("exclusive") || key == "multipleOf"
      if isNumber, value.number?.isFinite != true { throw SchemaError(message: "\(path): expected a number") }
    }
  }

  static func resolve(_ reference: String, in root: Value) -> Value? {
    if reference == "#" { return root }
    guard reference.hasPrefix("#/$defs/") else { return nil }
    return root["$defs"]?[String(reference.dropFirst(8))]
  }
}
