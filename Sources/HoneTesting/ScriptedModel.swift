import HoneModel
import HoneTrace

/// A model that answers from a closure, without an endpoint: for tests of workflows and proposers.
public final class ScriptedModel: ChatModel {
  private let script: @Sendable (ChatRequest, Int) throws(ModelError) -> ChatReply
  private let asked = Lock<[ChatRequest]>([])

  /// - Parameter script: the reply to a request and the count of requests before it.
  public init(replies script: @escaping @Sendable (ChatRequest, Int) throws(ModelError) -> ChatReply) {
    self.script = script
  }

  /// A model whose replies are texts, all finished.
  public convenience init(_ script: @escaping @Sendable (ChatRequest) -> String) {
    self.init { (request, index) throws(ModelError) in Self.reply(script(request), index: index) }
  }

  /// A model that gives these texts one after the other, and the last one for ever.
  public convenience init(_ texts: [String]) {
    self.init { (_, index) throws(ModelError) in
      Self.reply(texts.isEmpty ? "" : texts[min(index, texts.count - 1)], index: index)
    }
  }

  /// A reply around a text.
  public static func reply(_ text: String, finish: FinishReason = .stop, index: Int = 0) -> ChatReply {
    ChatReply(
      text: text, finish: finish, usage: Usage(promptTokens: 1, completionTokens: max(1, text.utf8.count / 4)),
      model: "scripted", seconds: 0, callKey: "scripted-\(index)", replayed: false)
  }

  /// All requests so far, in order.
  public var requests: [ChatRequest] { asked.withLock { $0 } }

  public func chat(_ request: ChatRequest) async throws(ModelError) -> ChatReply {
    let index = asked.withLock { asked in
      asked.append(request)
      return asked.count - 1
    }
    return try script(request, index)
  }
}
