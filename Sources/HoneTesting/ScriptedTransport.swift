import HoneModel
import HoneTrace

/// Answers requests from a closure, without a network: for tests of workflows, optimizers and clients.
///
/// ```swift
/// let transport = ScriptedTransport.chat { request in request.prompt.contains("Paris") ? "yes" : "no" }
/// let model = ModelClient(Endpoint(base: "http://scripted", model: "script"), transport: transport)
/// ```
public final class ScriptedTransport: Transport {
  /// A request as the server would see it.
  public struct Request: Sendable {
    public let url: String
    public let headers: [HTTPHeader]
    public let body: Value
    /// From 0, in the order of arrival.
    public let number: Int

    /// Contents of the messages with this role, in order.
    public func contents(_ role: ChatMessage.Role) -> [String] {
      (body["messages"]?.array ?? []).filter { $0["role"]?.string == role.rawValue }.compactMap {
        $0["content"]?.string
      }
    }

    /// The last user message.
    public var prompt: String { contents(.user).last ?? "" }
    public var temperature: Double? { body["temperature"]?.number }
  }

  private let script: @Sendable (Request) async -> Result<HTTPReply, TransportError>
  private let state = Lock([Request]())

  public init(_ script: @escaping @Sendable (Request) async -> Result<HTTPReply, TransportError>) {
    self.script = script
  }

  /// A server that speaks `/chat/completions` and says what the closure says. Tokens are counted as words.
  public static func chat(_ answer: @escaping @Sendable (Request) async -> String) -> ScriptedTransport {
    ScriptedTransport { request in
      .success(chatReply(await answer(request), promptTokens: words(request.body.canonicalJSON)))
    }
  }

  /// A whole reply of `/chat/completions`.
  public static func chatReply(_ text: String, finish: String = "stop", promptTokens: Int = 1) -> HTTPReply {
    let body: Value = [
      "id": "scripted", "object": "chat.completion", "created": 0, "model": "scripted",
      "choices": [
        ["index": 0, "message": ["role": "assistant", "content": .string(text)], "finish_reason": .string(finish)]
      ],
      "usage": ["prompt_tokens": .int(promptTokens), "completion_tokens": .int(words(text))],
    ]
    return HTTPReply(
      status: 200, headers: [HTTPHeader("content-type", "application/json")], body: Array(body.canonicalJSON.utf8))
  }

  public func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPReply {
    guard !Task.isCancelled else { throw TransportError(.cancelled, "cancelled", sent: false) }
    let body: Value
    do {
      body = try Value.parse(json: request.body)
    } catch {
      throw TransportError(.garbled, "the request's body is not JSON: \(error)", sent: false)
    }
    let seen = state.withLock { requests in
      requests.append(Request(url: request.url, headers: request.headers, body: body, number: requests.count))
      return requests[requests.count - 1]
    }
    return try await script(seen).get()
  }

  /// Every request so far, in the order of arrival.
  public var requests: [Request] { state.withLock { $0 } }

  private static func words(_ text: String) -> Int { max(1, text.split(separator: " ").count) }
}
