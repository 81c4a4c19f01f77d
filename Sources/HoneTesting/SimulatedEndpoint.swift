import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// A simulated model as an endpoint: tokens are counted, replies have a price and take time, and some requests go wrong. It
/// keeps books of its own, so that what a client believes it has spent can be checked.
///
/// Prices, waits and faults belong to the endpoint; the world behind it knows nothing of them. The how-many-th sending of one
/// body decides what happens to it, whatever else is on its way.
public final class SimulatedEndpoint: Transport {
  /// Probabilities that a request meets each kind of trouble.
  public struct Faults: Hashable, Codable, Sendable {
    /// 429 with Retry-After, of at most `retryAfter` seconds.
    public var limited: Double
    public var retryAfter: Double
    /// 529.
    public var overloaded: Double
    /// The connection breaks after the model has answered.
    public var reset: Double
    /// No reply comes within the client's patience.
    public var timeout: Double
    /// Half of the reply's bytes come, as a whole reply.
    public var truncated: Double

    public init(
      limited: Double = 0, retryAfter: Double = 10, overloaded: Double = 0, reset: Double = 0, timeout: Double = 0,
      truncated: Double = 0
    ) {
      self.limited = limited
      self.retryAfter = retryAfter
      self.overloaded = overloaded
      self.reset = reset
      self.timeout = timeout
      self.truncated = truncated
    }

    public static let none = Faults()
  }

  /// What the endpoint did, as its owner would bill it: also replies that never arrived.
  public struct Books: Hashable, Sendable {
    public var requests = 0
    public var promptTokens = 0
    public var completionTokens = 0
    public var money = 0.0
    /// Requests that went wrong.
    public var faults = 0

    public var tokens: Int { promptTokens + completionTokens }
  }

  public let model: SimulatedModel
  public let price: Price
  public let faults: Faults
  /// Seconds that a reply takes.
  public let seconds: ClosedRange<Double>
  public let clock: SimulatedClock
  public let seed: UInt64
  private let state = Lock((books: Books(), sent: [String: Int]()))

  public init(
    _ model: SimulatedModel, price: Price = Price(input: 1, output: 4), faults: Faults = .none,
    seconds: ClosedRange<Double> = 0.2...2, clock: SimulatedClock = SimulatedClock(), seed: UInt64 = 0
  ) {
    self.model = model
    self.price = price
    self.faults = faults
    self.seconds = seconds
    self.clock = clock
    self.seed = seed
  }

  public var books: Books { state.withLock { $0.books } }

  /// A client of it, on its clock.
  public func client(alias: String, maxConcurrent: Int = 4, totalTimeout: Double = 60) -> ModelClient {
    let endpoint = Endpoint(
      base: "http://127.0.0.1:9/v1", model: "simulated-\(model.world.name)", alias: alias,
      totalTimeout: totalTimeout, maxConcurrent: maxConcurrent, price: price)
    return ModelClient(endpoint, transport: self, clock: clock, seed: seed, environment: [:])
  }

  public func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPReply {
    // It takes no time, so that there is no moment at which a caller's cancellation could cut it.
    let text = String(decoding: request.body, as: UTF8.self)
    let times = state.withLock { state in
      state.books.requests += 1
      state.sent[text, default: 0] += 1
      return state.sent[text, default: 0]
    }
    var random = RandomStream(seed: seed, name: "endpoint/\(times)/\(text)")
    let fault = fault(random.uniform())
    var wait = seconds.lowerBound + random.uniform() * (seconds.upperBound - seconds.lowerBound)
    let asked = (random.uniform() * faults.retryAfter * 10).rounded() / 10
    if fault != nil { state.withLock { $0.books.faults += 1 } }
    if fault == .timeout { wait = .infinity }
    clock.advance(by: min(wait, request.totalTimeout))
    switch fault {
    case .limited: return HTTPReply(status: 429, headers: [HTTPHeader("retry-after", "\(asked)")])
    case .overloaded: return HTTPReply(status: 529)
    case .reset, .timeout, .truncated, nil: break
    }
    let body = model.completion(of: (try? Value.parse(json: request.body)) ?? .null)
    book(body["usage"])
    if wait > request.totalTimeout { throw TransportError(.timeout, "simulated: no reply in time", sent: true) }
    if fault == .reset { throw TransportError(.connection, "simulated: the connection broke", sent: true) }
    let bytes = Array(body.canonicalJSON.utf8)
    return HTTPReply(
      status: 200, headers: [HTTPHeader("content-type", "application/json")],
      body: fault == .truncated ? Array(bytes.prefix(bytes.count / 2)) : bytes)
  }

  private enum Fault { case limited, overloaded, reset, timeout, truncated }

  private func fault(_ draw: Double) -> Fault? {
    var left = draw
    let kinds: [(Fault, Double)] = [
      (.limited, faults.limited), (.overloaded, faults.overloaded), (.reset, faults.reset), (.timeout, faults.timeout),
      (.truncated, faults.truncated),
    ]
    for (kind, probability) in kinds {
      if left < probability { return kind }
      left -= probability
    }
    return nil
  }

  private func book(_ usage: Value?) {
    let (prompt, completion) = (usage?["prompt_tokens"]?.int ?? 0, usage?["completion_tokens"]?.int ?? 0)
    let money = price.cost(promptTokens: prompt, completionTokens: completion)
    state.withLock { state in
      state.books.promptTokens += prompt
      state.books.completionTokens += completion
      state.books.money += money
    }
  }
}

extension SimulatedModel {
  /// A reply of `/chat/completions` to a body of it; a reply longer than `max_tokens` is cut.
  public func completion(of body: Value) -> Value {
    let messages = (body["messages"]?.array ?? []).compactMap { message -> ChatMessage? in
      ChatMessage.Role(rawValue: message["role"]?.string ?? "").map {
        ChatMessage($0, message["content"]?.string ?? "")
      }
    }
    var format = ResponseFormat.text
    if let schema = body["response_format"]?["json_schema"]?["schema"] {
      format = .jsonSchema(name: "reply", schema: schema)
    }
    var text = reply(
      to: ChatRequest(
        messages, temperature: body["temperature"]?.number ?? 0, seed: body["seed"]?.int, format: format))
    let most = body["max_tokens"]?.int ?? .max
    let isCut = Tokens.estimate(text) > most
    while Tokens.estimate(text) > most, !text.isEmpty { text.removeLast() }
    let prompt = messages.reduce(0) { $0 + Tokens.estimate($1.content) }
    return [
      "object": "chat.completion", "model": body["model"] ?? .null,
      "choices": [
        [
          "index": 0, "finish_reason": isCut ? "length" : "stop",
          "message": ["role": "assistant", "content": .string(text)],
        ]
      ], "usage": ["prompt_tokens": .int(prompt), "completion_tokens": .int(Tokens.estimate(text))],
    ]
  }
}
