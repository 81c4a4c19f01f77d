import HoneTrace

/// What an endpoint has been found not to take. Learned from its refusals and kept as long as the client lives.
struct Capabilities: Hashable, Sendable {
  var jsonSchema = true
  var jsonObject = true
  /// Whether a schema may say how long a string is.
  var stringLengths = true
  /// The newer name of the reply's length limit.
  var wantsMaxCompletionTokens = false

  var withoutLengths: Capabilities {
    var plainer = self
    plainer.stringLengths = false
    return plainer
  }

  /// The form to ask for in place of the one wanted.
  func form(of wanted: ResponseFormat) -> ResponseFormat {
    switch wanted {
    case .jsonSchema where jsonSchema: stringLengths ? wanted : wanted.withoutLengths()
    case .jsonSchema, .jsonObject: jsonObject ? .jsonObject : .text
    case .text: .text
    }
  }
}

/// A reply, free of any provider's spelling.
struct WireReply: Sendable {
  var text: String
  var finish: FinishReason
  var model: String
  /// As the server counted them; nil when it gave no usable figure.
  var promptTokens: Int?
  var completionTokens: Int?
  var logProbabilities: [TokenLogProbability] = []
}

/// A 200 that is not a reply.
struct Malformed: Error, Hashable, Sendable {
  /// A phrase: "no choices".
  let reason: String
}

/// How one protocol spells requests and replies.
protocol WireFormat: Sendable {
  /// Path of a chat request under the base, as it stands in call keys.
  var chatPath: String { get }
  func body(of request: ChatRequest, endpoint: Endpoint, capabilities: Capabilities) -> Value
  func headers(key: String?) -> [HTTPHeader]
  func parse(_ reply: Value) throws(Malformed) -> WireReply
}

extension Endpoint.API {
  var format: any WireFormat {
    switch self {
    case .openAI: OpenAIFormat()
    case .anthropic: AnthropicFormat()
    }
  }
}

/// The figure if it can be one: no context is longer than ten million tokens.
func plausibleTokens(_ value: Value?) -> Int? {
  guard let count = value?.int, (0...10_000_000).contains(count) else { return nil }
  return count
}
