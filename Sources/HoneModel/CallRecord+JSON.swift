import HoneTrace

extension CallRecord {
  /// The record as a JSON object, `key` left out.
  var json: Value {
    [
      "alias": .string(alias), "attempts": .int(attempts), "path": .string(path), "repeat": .int(`repeat`),
      "request": request, "response": response, "role": .string(role), "sample": .int(sample),
      "seconds": .double(seconds), "status": .int(status), "usage": usage.json,
    ]
  }

  /// - Throws: a phrase that names the member that is missing or of another type.
  init(key: String, json: Value) throws(Malformed) {
    self.key = key
    alias = try json.member("alias", \.string)
    path = try json.member("path", \.string)
    request = try json.member("request", \.self)
    `repeat` = try json.member("repeat", \.int)
    sample = try json.member("sample", \.int)
    status = try json.member("status", \.int)
    response = try json.member("response", \.self)
    usage = try Usage(json: json.member("usage", \.self))
    seconds = try json.member("seconds", \.number)
    attempts = try json.member("attempts", \.int)
    role = try json.member("role", \.string)
  }
}

extension Usage {
  var json: Value {
    var members: [String: Value] = [
      "prompt_tokens": .int(promptTokens), "completion_tokens": .int(completionTokens), "estimated": .bool(estimated),
    ]
    if let cost { members["cost"] = .double(cost) }
    return .object(members)
  }

  init(json: Value) throws(Malformed) {
    self.init(
      promptTokens: try json.member("prompt_tokens", \.int),
      completionTokens: try json.member("completion_tokens", \.int), cost: json["cost"]?.number,
      estimated: try json.member("estimated", \.bool))
    guard promptTokens >= 0, completionTokens >= 0 else { throw Malformed(reason: "a negative number of tokens") }
  }
}

extension Value {
  fileprivate func member<T>(_ name: String, _ type: (Value) -> T?) throws(Malformed) -> T {
    guard let value = self[name].flatMap(type) else {
      throw Malformed(reason: "\"\(name)\" is missing or of another type")
    }
    return value
  }
}
