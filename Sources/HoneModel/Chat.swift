import HoneTrace

/// One message of a conversation.
public struct ChatMessage: Hashable, Codable, Sendable {
  public enum Role: String, Codable, Sendable { case system, user, assistant }
  public var role: Role
  public var content: String

  public init(_ role: Role, _ content: String) {
    self.role = role
    self.content = content
  }
}

/// The form a reply is asked to have. An endpoint that knows no `jsonSchema` is asked for `jsonObject`, then for text.
public enum ResponseFormat: Hashable, Codable, Sendable {
  case text
  case jsonObject
  case jsonSchema(name: String, schema: Value)
}

/// A chat request, free of any provider's spelling.
public struct ChatRequest: Hashable, Codable, Sendable {
  public var messages: [ChatMessage]
  /// Always sent: servers differ in their defaults.
  public var temperature: Double
  /// Longest reply in tokens; the ledger reserves it before the request is sent.
  public var maxTokens: Int
  public var topP: Double?
  public var stop: [String]
  public var seed: Int?
  public var format: ResponseFormat
  /// How many of the likeliest tokens are wanted at each place of the reply; nil: none. Not every endpoint has them.
  public var logProbabilities: Int?

  public init(
    _ messages: [ChatMessage], temperature: Double = 0, maxTokens: Int = 1024, topP: Double? = nil,
    stop: [String] = [], seed: Int? = nil, format: ResponseFormat = .text, logProbabilities: Int? = nil
  ) {
    self.messages = messages
    self.temperature = temperature
    self.maxTokens = maxTokens
    self.topP = topP
    self.stop = stop
    self.seed = seed
    self.format = format
    self.logProbabilities = logProbabilities
  }
}

/// A token of a reply, how likely it was, and the likeliest ones at its place.
public struct TokenLogProbability: Hashable, Codable, Sendable {
  public struct Choice: Hashable, Codable, Sendable {
    public var token: String
    /// Natural logarithm.
    public var logProbability: Double

    public init(token: String, logProbability: Double) {
      self.token = token
      self.logProbability = logProbability
    }
  }

  public var token: String
  public var logProbability: Double
  public var top: [Choice]

  public init(token: String, logProbability: Double, top: [Choice] = []) {
    self.token = token
    self.logProbability = logProbability
    self.top = top
  }
}

/// Why the model stopped.
public enum FinishReason: String, Codable, Sendable {
  case stop, length, contentFilter, toolCalls, other
}

/// Tokens of one request and what they cost.
public struct Usage: Hashable, Codable, Sendable {
  /// All tokens of the prompt, cached ones included.
  public var promptTokens: Int
  public var completionTokens: Int
  /// Money in the price table's currency; nil when no price is known.
  public var cost: Double?
  /// True when the server gave no usable figures and they were estimated from the text's length.
  public var estimated: Bool

  public var totalTokens: Int { promptTokens + completionTokens }

  public init(promptTokens: Int, completionTokens: Int, cost: Double? = nil, estimated: Bool = false) {
    self.promptTokens = promptTokens
    self.completionTokens = completionTokens
    self.cost = cost
    self.estimated = estimated
  }
}

/// What came back.
public struct ChatReply: Hashable, Codable, Sendable {
  public var text: String
  public var finish: FinishReason
  public var usage: Usage
  /// The model that answered, as the server names it.
  public var model: String
  /// Seconds from sending to the last byte, retries included; a replayed reply keeps the recorded figure.
  public var seconds: Double
  /// The key of the recorded call.
  public var callKey: String
  /// True when the reply came from a cassette or the study's own record and nothing was sent.
  public var replayed: Bool
  /// The reply's tokens where they were asked for and the endpoint has them; else empty.
  public var logProbabilities: [TokenLogProbability]

  public init(
    text: String, finish: FinishReason, usage: Usage, model: String, seconds: Double, callKey: String, replayed: Bool,
    logProbabilities: [TokenLogProbability] = []
  ) {
    self.text = text
    self.finish = finish
    self.usage = usage
    self.model = model
    self.seconds = seconds
    self.callKey = callKey
    self.replayed = replayed
    self.logProbabilities = logProbabilities
  }
}

/// A model that can be talked to.
///
/// Recording, replaying, counting and caps on requests, tokens and money are `ModelClient`'s: calls of another
/// implementation are neither kept nor counted, and a study that goes on makes them again.
public protocol ChatModel: Sendable {
  func chat(_ request: ChatRequest) async throws(ModelError) -> ChatReply
}

extension ChatModel {
  /// One user message, one text back.
  public func complete(_ prompt: String, temperature: Double = 0, maxTokens: Int = 1024) async throws(ModelError)
    -> String
  {
    try await chat(ChatRequest([ChatMessage(.user, prompt)], temperature: temperature, maxTokens: maxTokens)).text
  }
}

/// A model that turns texts into vectors.
public protocol EmbeddingModel: Sendable {
  /// One vector a text, in the texts' order.
  func embed(_ texts: [String]) async throws(ModelError) -> [[Float]]
}
