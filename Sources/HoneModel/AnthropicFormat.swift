import HoneTrace

/// `/v1/messages`.
struct AnthropicFormat: WireFormat {
  let chatPath = "messages"

  func body(of request: ChatRequest, endpoint: Endpoint, capabilities: Capabilities) -> Value {
    let system = request.messages.filter { $0.role == .system }.map(\.content)
    let others = request.messages.filter { $0.role != .system }
    var body: [String: Value] = [
      "model": .string(endpoint.model),
      "max_tokens": .int(request.maxTokens),
      "messages": .array(others.map { ["role": .string($0.role.rawValue), "content": .string($0.content)] }),
    ]
    if !system.isEmpty { body["system"] = .string(system.joined(separator: "\n\n")) }
    if endpoint.sendsTemperature { body["temperature"] = .double(request.temperature) }
    if let topP = request.topP { body["top_p"] = .double(topP) }
    if !request.stop.isEmpty { body["stop_sequences"] = .array(request.stop.map { .string($0) }) }
    // There is no seed and no free JSON mode: the prompt alone asks for JSON then.
    // Nor are lengths of strings taken in a schema.
    if case .jsonSchema(_, let schema) = capabilities.form(of: request.format).withoutLengths() {
      body["output_config"] = ["format": ["type": "json_schema", "schema": schema]]
    }
    return .object(body)
  }

  func headers(key: String?) -> [HTTPHeader] {
    (key.map { [HTTPHeader("x-api-key", $0)] } ?? []) + [HTTPHeader("anthropic-version", "2023-06-01")]
  }

  func parse(_ reply: Value) throws(Malformed) -> WireReply {
    guard reply.object != nil else { throw Malformed(reason: "the reply is no JSON object") }
    if reply["type"]?.string == "error" { throw Malformed(reason: "an error object in a reply of status 200") }
    if let error = reply["error"], !error.isNull { throw Malformed(reason: "an error object in a reply of status 200") }
    guard let blocks = reply["content"]?.array else { throw Malformed(reason: "the reply has no content") }
    let finish = Self.finish(reply["stop_reason"]?.string)
    let texts = blocks.compactMap { $0["type"]?.string == "text" ? $0["text"]?.string : nil }
    guard !texts.isEmpty || finish != .stop || blocks.isEmpty else { throw Malformed(reason: "no text in the reply") }
    let usage = reply["usage"]
    // `input_tokens` leaves out what was read from or written to the cache.
    let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"].map { usage?[$0] }
    let cachedCount = cached.reduce(0) { $0 + (plausibleTokens($1) ?? 0) }
    return WireReply(
      text: texts.joined(), finish: finish, model: reply["model"]?.string ?? "",
      promptTokens: plausibleTokens(usage?["input_tokens"]).map { $0 + cachedCount },
      completionTokens: plausibleTokens(usage?["output_tokens"]))
  }

  private static func finish(_ word: String?) -> FinishReason {
    switch word {
    case "end_turn", "stop_sequence": .stop
    case "max_tokens", "model_context_window_exceeded": .length
    case "refusal": .contentFilter
    case "tool_use": .toolCalls
    default: .other
    }
  }
}
