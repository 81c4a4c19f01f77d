import Foundation
import HoneTrace

/// `/chat/completions` and `/embeddings` as OpenAI and compatible servers speak them.
struct OpenAIFormat: WireFormat {
  let chatPath = "chat/completions"

  func body(of request: ChatRequest, endpoint: Endpoint, capabilities: Capabilities) -> Value {
    var body: [String: Value] = [
      "model": .string(endpoint.model),
      "messages": .array(
        request.messages.map { ["role": .string($0.role.rawValue), "content": .string($0.content)] }),
    ]
    body[capabilities.wantsMaxCompletionTokens ? "max_completion_tokens" : "max_tokens"] = .int(request.maxTokens)
    if endpoint.sendsTemperature { body["temperature"] = .double(request.temperature) }
    if let topP = request.topP { body["top_p"] = .double(topP) }
    if !request.stop.isEmpty { body["stop"] = .array(request.stop.map { .string($0) }) }
    if let seed = request.seed { body["seed"] = .int(seed) }
    if let count = request.logProbabilities {
      body["logprobs"] = true
      body["top_logprobs"] = .int(min(max(count, 0), 20))
    }
    switch capabilities.form(of: request.format) {
    case .text: break
    case .jsonObject: body["response_format"] = ["type": "json_object"]
    case .jsonSchema(let name, let schema):
      body["response_format"] = [
        "type": "json_schema", "json_schema": ["name": .string(name), "strict": true, "schema": schema],
      ]
    }
    return .object(body)
  }

  func headers(key: String?) -> [HTTPHeader] {
    key.map { [HTTPHeader("Authorization", "Bearer \($0)")] } ?? []
  }

  func parse(_ reply: Value) throws(Malformed) -> WireReply {
    guard reply.object != nil else { throw Malformed(reason: "the reply is no JSON object") }
    if let error = reply["error"], !error.isNull { throw Malformed(reason: "an error object in a reply of status 200") }
    guard let choice = reply["choices"]?[0] else { throw Malformed(reason: "the reply has no choices") }
    guard let message = choice["message"], message.object != nil else {
      throw Malformed(reason: "the first choice has no message")
    }
    var finish = Self.finish(choice["finish_reason"]?.string)
    var text = Self.text(message["content"])
    if text == nil, let refusal = message["refusal"]?.string {
      text = refusal
      finish = .contentFilter
    }
    if text == nil, finish == .contentFilter || finish == .toolCalls { text = "" }
    guard let text else { throw Malformed(reason: "the message has no content") }
    let usage = reply["usage"]
    return WireReply(
      text: text, finish: finish, model: reply["model"]?.string ?? "",
      promptTokens: plausibleTokens(usage?["prompt_tokens"]),
      completionTokens: plausibleTokens(usage?["completion_tokens"]),
      logProbabilities: Self.logProbabilities(choice["logprobs"]))
  }

  /// Empty where they are missing or not all as they should be.
  private static func logProbabilities(_ value: Value?) -> [TokenLogProbability] {
    func choice(_ value: Value) -> TokenLogProbability.Choice? {
      guard let token = value["token"]?.string, let log = value["logprob"]?.number, log.isFinite else { return nil }
      return TokenLogProbability.Choice(token: token, logProbability: log)
    }
    let places = value?["content"]?.array ?? []
    let tokens = places.compactMap { place in
      choice(place).map {
        TokenLogProbability(
          token: $0.token, logProbability: $0.logProbability,
          top: (place["top_logprobs"]?.array ?? []).compactMap(choice))
      }
    }
    return tokens.count == places.count ? tokens : []
  }

  /// A string, or the text parts of a list of parts.
  private static func text(_ content: Value?) -> String? {
    if let text = content?.string { return text }
    guard let parts = content?.array else { return nil }
    let texts = parts.compactMap { $0["text"]?.string }
    return texts.isEmpty ? nil : texts.joined()
  }

  private static func finish(_ word: String?) -> FinishReason {
    switch word {
    case "stop": .stop
    case "length": .length
    case "content_filter": .contentFilter
    case "tool_calls", "function_call": .toolCalls
    default: .other
    }
  }

  // MARK: Embeddings

  static func embeddingBody(_ texts: [String], endpoint: Endpoint) -> Value {
    [
      "model": .string(endpoint.model), "input": .array(texts.map { .string($0) }),
      "encoding_format": .string(endpoint.vectorForm.rawValue),
    ]
  }

  static func checkEmbeddings(_ reply: Value, count: Int) throws(Malformed) -> WireReply {
    if let error = reply["error"], !error.isNull { throw Malformed(reason: "an error object in a reply of status 200") }
    _ = try vectors(reply, count: count)
    return WireReply(
      text: "", finish: .stop, model: "", promptTokens: plausibleTokens(reply["usage"]?["prompt_tokens"]),
      completionTokens: 0)
  }

  /// One vector a text, in the texts' order: servers may answer in any order, `index` tells.
  static func vectors(_ reply: Value, count: Int) throws(Malformed) -> [[Float]] {
    guard let data = reply["data"]?.array else { throw Malformed(reason: "the reply has no data") }
    var vectors: [[Float]?] = Array(repeating: nil, count: count)
    for (position, entry) in data.enumerated() {
      let index = entry["index"]?.int ?? position
      guard vectors.indices.contains(index), vectors[index] == nil else {
        throw Malformed(reason: "the embedding index \(index) is out of range or stands twice")
      }
      vectors[index] = try vector(entry["embedding"], index)
    }
    let whole = vectors.compactMap { $0 }
    guard whole.count == count else { throw Malformed(reason: "\(whole.count) embeddings for \(count) texts") }
    guard Set(whole.map(\.count)).count <= 1 else { throw Malformed(reason: "embeddings of different lengths") }
    return whole
  }

  private static func vector(_ value: Value?, _ index: Int) throws(Malformed) -> [Float] {
    if let text = value?.string {
      guard let vector = floats(base64: text) else {
        throw Malformed(reason: "embedding \(index) is no base64 of finite 32-bit floats")
      }
      return vector
    }
    guard let numbers = value?.array, !numbers.isEmpty else {
      throw Malformed(reason: "embedding \(index) is no list of numbers")
    }
    var vector: [Float] = []
    vector.reserveCapacity(numbers.count)
    for number in numbers {
      guard let value = number.number else { throw Malformed(reason: "embedding \(index) holds no number") }
      vector.append(Float(value))
    }
    return vector
  }

  private static func floats(base64 text: String) -> [Float]? {
    guard let bytes = Data(base64Encoded: text), !bytes.isEmpty, bytes.count.isMultiple(of: 4) else { return nil }
    let vector = bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map {
        Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
      }
    }
    return vector.allSatisfy(\.isFinite) ? vector : nil
  }
}
