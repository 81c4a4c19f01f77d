import HoneModel
import HoneTrace

/// A proposer's talk with its model: one request after another, within a number of them, so that budgets and replays do not
/// depend on timing. Every reply leaves an attempt, whatever came of it.
struct ProposerTalk {
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
      attempt.origin = origin
      attempt.callKeys = [reply.callKey]
      attempt.tokens = reply.usage.totalTokens
      attempts.append(attempt)
      if found != nil || attempt.outcome == .terminated { return found }
      request.messages += repair(reply.text, attempt.rejections)
    }
    return nil
  }

  mutating func fail(with error: ModelError) { attempts.append(Self.failure(error, origin: origin)) }

  static func failure(_ error: ModelError, origin: String) -> Attempt {
    Attempt(
      origin: origin, outcome: .modelFailed,
      rejections: [Rejection(.malformed, "no reply (\(error.kind.rawValue)): \(error.message)")])
  }
}
