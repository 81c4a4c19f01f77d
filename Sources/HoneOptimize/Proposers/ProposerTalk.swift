import HoneModel
import HoneTrace

/// A proposer's talk with its model: one request after another, within a number of them, so that budgets and replays do not
/// depend on timing. Every reply leaves an attempt, whatever came of it.
struct ProposerTalk {
  /// Replies of fewer tokens have strings of bounded length from the first request on; longer ones after one was cut off.
  static let shortReply = 600

  let origin: String
  let model: any ChatModel
  /// Requests that may still be made.
  private(set) var left: Int
  var attempts: [Attempt] = []

  init(origin: String, model: any ChatModel, limit: Int = .max) {
    self.origin = origin
    self.model = model
    left = limit
  }

  /// A request and, after a rejected reply, up to `repairs` more with the reasons.
  ///
  /// - Parameters:
  ///   - repair: the messages that follow a rejected reply.
  ///   - read: an attempt, and what was asked for where the reply gives it.
  /// - Returns: nil when no reply could be used; the last attempt says why.
  /// - Throws: errors after which no request can succeed (`ModelError.endsStudy`), and cancellation.
  mutating func ask<Found>(
    _ request: ChatRequest, repairs: Int, repair: (String, [Rejection]) -> [ChatMessage],
    read: (ChatReply) -> (attempt: Attempt, found: Found?)
  ) async throws(ModelError) -> Found? {
    var request = request
    // Three characters a token are few for most texts: the reply then ends by itself.
    let bounded = request.format.holding(characters: 3 * request.maxTokens)
    if request.maxTokens < Self.shortReply { request.format = bounded }
    for _ in 0...max(0, repairs) {
      guard left > 0 else { return nil }
      left -= 1
      let reply: ChatReply
      do {
        reply = try await model.chat(request)
      } catch {
        if error.endsStudy || error.kind == .cancelled { throw error }
        fail(with: error)
        return nil
      }
      var (attempt, found) = read(reply)
      if found != nil, let length = request.format.length(reachedIn: reply.text) {
        attempt.outcome = .truncated
        attempt.rejections = [Rejection(.truncated, "a text was cut off after \(length) characters; write less")]
        found = nil
      }
      attempt.origin = origin
      attempt.callKeys = [reply.callKey]
      attempt.tokens = reply.usage.totalTokens
      attempts.append(attempt)
      if found != nil || attempt.outcome == .terminated { return found }
      request.messages += repair(reply.text, attempt.rejections)
      if attempt.rejections.contains(where: { $0.kind == .truncated }) { request.format = bounded }
    }
    return nil
  }

  /// The two messages that follow a rejected reply: the reply, cut, and `request`.
  static func repair(_ reply: String, _ rejections: [Rejection], _ request: (_ reasons: String) -> String)
    -> [ChatMessage]
  {
    // A model that is shown all of a reply without an end goes on with it.
    let length = rejections.contains { $0.kind == .truncated } ? 200 : 4_000
    let reasons = rejections.map { "- \($0.description)" }.joined(separator: "\n")
    return [
      ChatMessage(.assistant, reply.isEmpty ? "(empty)" : String(reply.prefix(length))),
      ChatMessage(.user, request(reasons)),
    ]
  }

  /// The same, asking for an object of this form.
  static func repair(_ reply: String, _ rejections: [Rejection], form: String) -> [ChatMessage] {
    repair(reply, rejections) { "This answer cannot be used:\n\($0)\n\nWrite the JSON object again:\n\(form)" }
  }

  mutating func fail(with error: ModelError) { attempts.append(Self.failure(error, origin: origin)) }

  static func failure(_ error: ModelError, origin: String) -> Attempt {
    Attempt(
      origin: origin, outcome: .modelFailed,
      rejections: [Rejection(.malformed, "no reply (\(error.kind.rawValue)): \(error.message)")])
  }
}

extension Attempt {
  /// Its reasoning begins with what it was for, so that stored events say it.
  func marked(_ purpose: String) -> Attempt {
    var attempt = self
    attempt.reasoning = "\(purpose): \(reasoning)"
    return attempt
  }
}
