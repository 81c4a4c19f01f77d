import HoneTrace

/// The JSON schema of a proposer's reply, made from the parameters it may change.
///
/// It helps a server that enforces it; whatever comes back is still checked against the domains. A text's length is left
/// to that check, and to `ResponseFormat.holding` in short replies.
enum ProposalSchema {
  static func schema(for parameters: [ParameterSpec]) -> Value {
    object([
      "reasoning": ["type": "string"],
      "suggestion": values(of: parameters),
      "terminate": ["type": "boolean", "description": "true only when no better values can be found"],
    ])
  }

  /// Of a reply that is a list of configurations.
  static func list(of parameters: [ParameterSpec], atMost count: Int) -> Value {
    object([
      "configurations": [
        "type": "array", "items": values(of: parameters), "minItems": 1, "maxItems": .int(max(1, count)),
      ]
    ])
  }

  private static func values(of parameters: [ParameterSpec]) -> Value {
    var properties: [String: Value] = [:]
    for parameter in parameters {
      var property = schema(of: parameter.domain)
      if !parameter.description.isEmpty { property["description"] = .string(parameter.description) }
      properties[parameter.name] = .object(property)
    }
    return object(properties)
  }

  /// Servers that hold a schema strictly want every property required.
  static func object(_ properties: [String: Value]) -> Value {
    [
      "type": "object", "properties": .object(properties),
      "required": .array(properties.keys.sorted().map(Value.string)), "additionalProperties": false,
    ]
  }

  private static func schema(of domain: Domain) -> [String: Value] {
    switch domain {
    case .float(let range): ["type": "number", "minimum": .double(range.lower), "maximum": .double(range.upper)]
    case .int(let range): ["type": "integer", "minimum": .int(range.lower), "maximum": .int(range.upper)]
    case .bool: ["type": "boolean"]
    case .categorical(let choices), .ordinal(let choices): choice(choices)
    case .text: ["type": "string"]
    case .code(let code): code.alternatives.isEmpty ? ["type": "string"] : choice(code.names.map(Value.string))
    }
  }

  private static func choice(_ choices: [Value]) -> [String: Value] {
    let isText = choices.allSatisfy { $0.string != nil }
    return isText ? ["type": "string", "enum": .array(choices)] : ["enum": .array(choices)]
  }

  /// The reply's form as an example line, for prompts and for endpoints that know no schema.
  static func example(for parameters: [ParameterSpec]) -> String {
    "{\"reasoning\": \"what the feedback shows, in one or two sentences\", "
      + "\"suggestion\": \(members(of: parameters))}"
  }

  /// An object with a placeholder for each value.
  static func members(of parameters: [ParameterSpec]) -> String {
    let members = parameters.map { parameter in
      "\(Value.string(parameter.name).canonicalJSON): \(placeholder(for: parameter.domain))"
    }
    return "{\(members.joined(separator: ", "))}"
  }

  private static func placeholder(for domain: Domain) -> String {
    switch domain {
    case .float: "a number"
    case .int: "a whole number"
    case .bool: "true or false"
    case .categorical, .ordinal: "one of the choices"
    case .text: "\"the new text\""
    case .code(let code): code.alternatives.isEmpty ? "\"the new code\"" : "\"the name of an alternative\""
    }
  }
}
