import HoneTesting
import HoneTrace
import Testing

@testable import HoneModel

/// Golden bytes of requests and golden meaning of replies.
@Suite struct WireTests {
  static let request = ChatRequest(
    [ChatMessage(.system, "Be \"brief\".\n"), ChatMessage(.user, "Grüße 🌍"), ChatMessage(.assistant, "Hi")],
    temperature: 0.5, maxTokens: 32, topP: 0.9, stop: ["\n"], seed: 7,
    format: .jsonSchema(name: "answer", schema: ["type": "object"]))

  private func bytes(_ api: Endpoint.API, _ request: ChatRequest, _ capabilities: Capabilities = Capabilities())
    -> String
  {
    let endpoint = Endpoint(base: "http://127.0.0.1/v1", api: api, model: "m")
    return api.format.body(of: request, endpoint: endpoint, capabilities: capabilities).canonicalJSON
  }

  @Test func openAIRequestBytes() {
    let messages =
      #""messages":[{"content":"Be \"brief\".\n","role":"system"},{"content":"Grüße 🌍","role":"user"},"#
      + #"{"content":"Hi","role":"assistant"}],"model":"m""#
    let rest = #""seed":7,"stop":["\n"],"temperature":0.5,"top_p":0.9}"#
    #expect(
      bytes(.openAI, Self.request) == #"{"max_tokens":32,"# + messages
        + #","response_format":{"json_schema":{"name":"answer","schema":{"type":"object"},"strict":true},"#
        + #""type":"json_schema"},"# + rest)
    #expect(
      bytes(.openAI, Self.request, Capabilities(jsonSchema: false)) == #"{"max_tokens":32,"# + messages
        + #","response_format":{"type":"json_object"},"# + rest)
    #expect(
      bytes(.openAI, Self.request, Capabilities(jsonSchema: false, jsonObject: false, wantsMaxCompletionTokens: true))
        == #"{"max_completion_tokens":32,"# + messages + "," + rest)
    #expect(
      bytes(.openAI, ChatRequest([ChatMessage(.user, "x")]))
        == #"{"max_tokens":1024,"messages":[{"content":"x","role":"user"}],"model":"m","temperature":0}"#)
  }

  @Test func anthropicRequestBytes() {
    #expect(
      bytes(.anthropic, Self.request)
        == #"{"max_tokens":32,"messages":[{"content":"Grüße 🌍","role":"user"},{"content":"Hi","role":"assistant"}],"#
        + #""model":"m","output_config":{"format":{"schema":{"type":"object"},"type":"json_schema"}},"#
        + #""stop_sequences":["\n"],"system":"Be \"brief\".\n","temperature":0.5,"top_p":0.9}"#)
    #expect(
      bytes(.anthropic, ChatRequest([ChatMessage(.user, "x")], format: .jsonObject))
        == #"{"max_tokens":1024,"messages":[{"content":"x","role":"user"}],"model":"m","temperature":0}"#)
  }

  @Test func headersAndAddresses() async throws {
    let open = ScriptedTransport.chat { _ in "ok" }
    _ = try await Bench.client(
      Endpoint(base: "https://a.example/v1/?api-version=3", model: "m", key: .environment("TEST_KEY")), transport: open
    ).complete("x")
    #expect(open.requests[0].url == "https://a.example/v1/chat/completions?api-version=3")
    #expect(
      open.requests[0].headers.map(\.name) == [
        "Content-Type", "Accept", "User-Agent", "Idempotency-Key", "Authorization",
      ])
    #expect(open.requests[0].headers.last?.value == "Bearer sk-test-0123456789")
    let other = ScriptedTransport { _ in
      .success(
        HTTPReply(status: 200, body: Array(#"{"content":[{"type":"text","text":"ok"}],"stop_reason":"end_turn"}"#.utf8))
      )
    }
    for base in ["https://a.example", "https://a.example/v1"] {
      _ = try await Bench.client(
        Endpoint(base: base, api: .anthropic, model: "m", key: .environment("TEST_KEY")), transport: other
      ).complete("x")
    }
    #expect(Set(other.requests.map(\.url)) == ["https://a.example/v1/messages"])
    #expect(
      other.requests[0].headers.suffix(2) == [
        HTTPHeader("x-api-key", "sk-test-0123456789"), HTTPHeader("anthropic-version", "2023-06-01"),
      ])
  }

  @Test(
    arguments: [
      (
        #"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"model":"q","usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
        "a", FinishReason.stop, 3, 2
      ),
      (
        #"{"choices":[{"message":{"content":"","refusal":null},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":9}}}"#,
        "", .length, 3, 9
      ),
      (
        #"{"choices":[{"message":{"content":null,"refusal":"I will not"},"finish_reason":"stop"}]}"#, "I will not",
        .contentFilter, nil, nil
      ),
      (
        #"{"choices":[{"message":{"content":null,"tool_calls":[{}]},"finish_reason":"tool_calls"}]}"#, "", .toolCalls,
        nil,
        nil
      ),
      (
        #"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}],"timings":{}}"#,
        "ab", .other, nil, nil
      ),
    ] as [(String, String, FinishReason, Int?, Int?)])
  func openAIReplies(_ json: String, _ text: String, _ finish: FinishReason, _ prompt: Int?, _ completion: Int?) throws
  {
    let reply = try OpenAIFormat().parse(Value.parse(json: json))
    #expect(reply.text == text && reply.finish == finish)
    #expect(reply.promptTokens == prompt && reply.completionTokens == completion)
  }

  @Test(arguments: [
    ("end_turn", FinishReason.stop), ("stop_sequence", .stop), ("max_tokens", .length), ("tool_use", .toolCalls),
    ("model_context_window_exceeded", .length), ("refusal", .contentFilter), ("pause_turn", .other),
  ])
  func anthropicReplies(_ word: String, _ finish: FinishReason) throws {
    let json =
      #"{"id":"1","type":"message","role":"assistant","model":"c","content":[{"type":"thinking","thinking":"hm"},"#
      + #"{"type":"text","text":"a"},{"type":"text","text":"b"}],"stop_reason":"\#(word)","usage":{"input_tokens":3,"#
      + #""cache_creation_input_tokens":10,"cache_read_input_tokens":20,"output_tokens":4}}"#
    let reply = try AnthropicFormat().parse(Value.parse(json: json))
    #expect(reply.text == "ab" && reply.finish == finish && reply.model == "c")
    #expect(reply.promptTokens == 33 && reply.completionTokens == 4)
  }

  @Test(arguments: [
    #"{"type":"error","error":{"type":"overloaded_error"}}"#, "{}", "[]", #"{"content":null}"#, #"{"content":"x"}"#,
    #"{"content":[{"type":"thinking","thinking":"x"}],"stop_reason":"end_turn"}"#,
  ])
  func badAnthropicReplies(_ json: String) {
    #expect(throws: Malformed.self) { try AnthropicFormat().parse(Value.parse(json: json)) }
  }

  @Test func embeddingsAreSortedByIndex() async throws {
    let transport = ScriptedTransport { request in
      #expect(
        request.body.canonicalJSON == #"{"encoding_format":"float","input":["a","b"],"model":"m"}"#)
      let body =
        #"{"data":[{"index":1,"embedding":[3,4.5]},{"index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":4}}"#
      return .success(HTTPReply(status: 200, body: Array(body.utf8)))
    }
    let client = Bench.client(Endpoint(base: "http://127.0.0.1/v1", model: "m"), transport: transport)
    #expect(try await client.embed(["a", "b"]) == [[1, 2], [3, 4.5]])
    #expect(try await client.embed([]) == [])
    #expect(transport.requests.map(\.url) == ["http://127.0.0.1/v1/embeddings"])
  }

  /// Python: `base64.b64encode(struct.pack("<3f", 1.0, -2.5, 0.1))`.
  @Test func embeddingsInBase64AreReadToTheBit() async throws {
    let transport = ScriptedTransport { request in
      #expect(request.body.canonicalJSON == #"{"encoding_format":"base64","input":["a","b"],"model":"m"}"#)
      // A server may answer in the form it likes.
      let body = #"{"data":[{"index":0,"embedding":"AACAPwAAIMDNzMw9"},{"index":1,"embedding":[1,-2.5,0]}]}"#
      return .success(HTTPReply(status: 200, body: Array(body.utf8)))
    }
    let endpoint = Endpoint(base: "http://127.0.0.1/v1", model: "m", vectorForm: .base64)
    let client = Bench.client(endpoint, transport: transport)
    #expect(try await client.embed(["a", "b"]) == [[1, -2.5, 0.1], [1, -2.5, 0]])
  }

  @Test(arguments: [
    "{}", #"{"data":[]}"#, #"{"data":[{"index":0,"embedding":[1]}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":["x"]}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}"#,
    #"{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[1]}]}"#,
    // Text that is no base64, three bytes, nothing, a NaN.
    #"{"data":[{"index":0,"embedding":"not base64"},{"index":1,"embedding":[1]}]}"#,
    #"{"data":[{"index":0,"embedding":"AACA"},{"index":1,"embedding":[1]}]}"#,
    #"{"data":[{"index":0,"embedding":""},{"index":1,"embedding":[1]}]}"#,
    #"{"data":[{"index":0,"embedding":"AADAfw=="},{"index":1,"embedding":[1]}]}"#,
  ])
  func badEmbeddings(_ json: String) {
    #expect(throws: Malformed.self) { try OpenAIFormat.checkEmbeddings(Value.parse(json: json), count: 2) }
  }

  // MARK: Falling back to plainer forms

  @Test func aRefusedFormFallsBackOnceAndIsRemembered() async throws {
    let transport = ScriptedTransport { request in
      let form = request.body["response_format"]?["type"]?.string
      guard form == nil else {
        return .success(
          HTTPReply(status: 400, body: Array(#"{"error":"response_format \#(form ?? "") is not supported"}"#.utf8)))
      }
      return .success(ScriptedTransport.chatReply("{}"))
    }
    let client = Bench.client(Endpoint(base: "http://127.0.0.1/v1", model: "m"), transport: transport)
    let request = ChatRequest(
      [ChatMessage(.user, "x")], format: .jsonSchema(name: "n", schema: ["type": "object"]))
    let ledger = Ledger(budget: Budget(requests: 4))
    let context = CallContext(ledger: ledger)
    try await CallContext.$current.withValue(context) {
      let first = try await client.chat(request)
      #expect(transport.requests.count == 3 && ledger.spent.requests == 3)
      let second = try await client.chat(request)
      #expect(transport.requests.count == 4)
      // The key is that of the request as asked, whatever was learned; only the sample differs.
      #expect(first.callKey != second.callKey)
      await #expect { try await client.chat(request) } throws: { ($0 as? ModelError)?.kind == .budget }
    }
    let fresh = Bench.client(client.endpoint, transport: transport)
    let keys = try await [fresh.chat(request).callKey, client.chat(request).callKey]
    #expect(keys[0] == keys[1])
  }

  @Test func theNewerLengthLimitIsLearned() async throws {
    let transport = ScriptedTransport { request in
      guard request.body["max_tokens"] == nil else {
        let text = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        return .success(HTTPReply(status: 400, body: Array(#"{"error":{"message":"\#(text)"}}"#.utf8)))
      }
      return .success(ScriptedTransport.chatReply("ok"))
    }
    let client = Bench.client(Endpoint(base: "http://127.0.0.1/v1", model: "m"), transport: transport)
    #expect(try await client.complete("x", maxTokens: 5) == "ok")
    #expect(try await client.complete("x", maxTokens: 5) == "ok")
    #expect(transport.requests.map { $0.body["max_completion_tokens"]?.int } == [nil, 5, 5])
  }

  @Test func serversThatKnowNoLengthsOfStringsKeepTheSchema() async throws {
    let transport = ScriptedTransport { request in
      guard !request.body.canonicalJSON.contains("\"maxLength\":90") else {
        let text = "Invalid schema for response_format 'r': 'maxLength' is not permitted."
        return .success(HTTPReply(status: 400, body: Array(#"{"error":{"message":"\#(text)"}}"#.utf8)))
      }
      return .success(ScriptedTransport.chatReply("ok"))
    }
    let client = Bench.client(Endpoint(base: "http://127.0.0.1/v1", model: "m"), transport: transport)
    let schema: Value = ["type": "object", "properties": ["maxLength": ["type": "string"]]]
    let request = ChatRequest(
      [ChatMessage(.user, "x")], format: ResponseFormat.jsonSchema(name: "r", schema: schema).holding(characters: 90))
    for _ in 0..<2 { _ = try await client.chat(request) }
    let forms = transport.requests.map { $0.body["response_format"] }
    #expect(forms.map { $0?["type"]?.string } == Array(repeating: "json_schema", count: 3))
    let sent = forms.map { $0?["json_schema"]?["schema"] }
    #expect(sent[0]?["properties"]?["maxLength"]?["maxLength"]?.int == 90)
    #expect(sent[1] == schema && sent[2] == schema)
  }

  @Test func freeStringsShareTheCharacters() throws {
    func bounded(_ schema: Value, _ characters: Int) throws -> Value {
      let format = ResponseFormat.jsonSchema(name: "r", schema: schema).holding(characters: characters)
      guard case .jsonSchema(_, let found) = format else { throw CancellationError() }
      return found
    }
    let text: Value = ["type": "string"]
    let schema: Value = [
      "type": "object",
      "properties": [
        "a": text, "b": ["type": "array", "items": text, "maxItems": 3], "c": ["type": "string", "enum": ["x"]],
        "d": ["type": "number"],
      ],
    ]
    let some = try bounded(schema, 400)["properties"]
    #expect(some?["a"]?["maxLength"]?.int == 100 && some?["b"]?["items"]?["maxLength"]?.int == 100)
    #expect(some?["c"] == schema["properties"]?["c"] && some?["d"] == schema["properties"]?["d"])
    #expect(try bounded(schema, 1)["properties"]?["a"]?["maxLength"]?.int == 40)
    #expect(try bounded(schema, 1 << 40)["properties"]?["a"]?["maxLength"]?.int == 1_000)
    let format = ResponseFormat.jsonSchema(name: "r", schema: schema).holding(characters: 160)
    let (whole, cut) = (String(repeating: "w", count: 39), String(repeating: "c", count: 40))
    #expect(format.length(reachedIn: #"{"a": "\#(whole)", "b": ["\#(whole)"]}"#) == nil)
    #expect(format.length(reachedIn: #"{"a": "\#(cut)"}"#) == 40)
    #expect(format.length(reachedIn: #"{"b": ["x", "\#(cut)"]}"#) == 40)
    #expect(format.length(reachedIn: "no JSON") == nil)
    #expect(try bounded(["type": "object", "properties": [:]], 400) == ["type": "object", "properties": [:]])
  }

  @Test func aBadRequestForAnotherReasonIsFinal() async throws {
    let transport = ScriptedTransport { _ in .success(HTTPReply(status: 400, body: Array("no such thing".utf8))) }
    let client = Bench.client(Endpoint(base: "http://127.0.0.1/v1", model: "m"), transport: transport)
    await #expect {
      try await client.chat(ChatRequest([ChatMessage(.user, "x")], format: .jsonObject))
    } throws: {
      ($0 as? ModelError)?.kind == .badRequest
    }
    #expect(transport.requests.count == 1)
  }

  // MARK: Endpoints

  @Test func anEndpointFromTheEnvironment() throws {
    let found = try Endpoint.fromEnvironment(
      model: "m", environment: ["OPENAI_BASE_URL": "http://127.0.0.1:8080/v1", "OPENAI_API_KEY": "k"])
    #expect(found.base == "http://127.0.0.1:8080/v1" && found.key == .environment("OPENAI_API_KEY"))
    let standard = try Endpoint.fromEnvironment(api: .anthropic, environment: ["ANTHROPIC_MODEL": "c"])
    #expect(standard.base == "https://api.anthropic.com" && standard.key == .none && standard.model == "c")
    #expect(throws: ModelError.self) { try Endpoint.fromEnvironment(environment: [:]) }
  }
}
