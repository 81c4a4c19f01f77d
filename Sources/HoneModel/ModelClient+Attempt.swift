import Foundation
import HoneTrace

extension ModelClient {
  static let maxRedirects = 3
  /// Seconds below which no timeout of a transfer can be set.
  static let shortestWait = 0.001
  /// Seconds a request that was sent may still take when its caller is cancelled: a stop takes at most 5 s in all.
  static let patience = 4.0

  /// One try: the request, its redirects, and what the answer means.
  func attempt(_ named: NamedCall, key: String?, origin: Endpoint.Origin, secondsLeft: Double?) async -> Outcome {
    let capabilities = learned.withLock { $0 }
    let total = min(endpoint.totalTimeout, secondsLeft ?? .infinity)
    let stopwatch = Stopwatch(clock)
    var request = HTTPRequest(
      url: endpoint.url(named.call.path), headers: headers(named, key: key, capabilities),
      body: Array(
        (capabilities == Capabilities() ? named.text : named.call.body(capabilities).canonicalJSON).utf8),
      connectTimeout: min(endpoint.connectTimeout, total), firstByteTimeout: min(endpoint.firstByteTimeout, total),
      totalTimeout: total)
    for hop in 0... {
      let reply: HTTPReply
      do {
        reply = try await sendPatiently(request)
      } catch {
        return judge(error, named, isOutOfBudget: total < endpoint.totalTimeout && error.kind == .timeout)
      }
      guard [301, 302, 303, 307, 308].contains(reply.status) else { return judge(reply, named, capabilities) }
      do throws(ModelError) {
        request.url = try redirect(reply, from: request.url, origin: origin, hop: hop)
      } catch {
        return .fail(error, lost: nil)
      }
      request.totalTimeout = max(Self.shortestWait, total - stopwatch.seconds)
    }
    return .fail(.cancelledCall, lost: nil)
  }

  /// Sends. What is on its way when the caller is cancelled has some seconds to arrive: it may be paid for, and is kept.
  private func sendPatiently(_ request: HTTPRequest) async throws(TransportError) -> HTTPReply {
    let transport = transport
    let sending = Task { () async -> Result<HTTPReply, TransportError> in
      do throws(TransportError) {
        return .success(try await transport.send(request))
      } catch {
        return .failure(error)
      }
    }
    let clock = clock
    let result = await withTaskCancellationHandler {
      await sending.value
    } onCancel: {
      Task {
        try? await clock.sleep(for: .seconds(Self.patience))
        sending.cancel()
      }
    }
    return try result.get()
  }

  private func headers(_ named: NamedCall, key: String?, _ capabilities: Capabilities) -> [HTTPHeader] {
    // A plainer form is another request: it must not be answered with the refusal of the first.
    let form = capabilities == Capabilities() ? "" : "-\(capabilities.jsonSchema)-\(capabilities.jsonObject)"
    return [
      HTTPHeader("Content-Type", "application/json"), HTTPHeader("Accept", "application/json"),
      HTTPHeader("User-Agent", "hone"),
      HTTPHeader("Idempotency-Key", "hone-\(String(session, radix: 16))-\(named.key.prefix(32))\(form)"),
    ] + endpoint.api.format.headers(key: key)
  }

  /// The next URL, on the same origin only: the key goes nowhere else.
  private func redirect(_ reply: HTTPReply, from url: String, origin: Endpoint.Origin, hop: Int)
    throws(ModelError) -> String
  {
    func refused(_ why: String) -> ModelError {
      ModelError(
        .redirect, "endpoint \"\(endpoint.alias)\" at \(origin.description) answered with a redirect \(why)",
        hint: "set the base URL to where the endpoint really is", status: reply.status)
    }
    guard hop < Self.maxRedirects else { throw refused("for the \(hop + 1)th time") }
    guard reply.status != 303 else { throw refused("that would turn the request into a GET") }
    guard let location = reply.header("location"), let base = URL(string: url),
      let next = URL(string: location, relativeTo: base)?.absoluteURL,
      let nextOrigin = Endpoint.Origin(next.absoluteString)
    else { throw refused("to nowhere") }
    guard nextOrigin == origin else {
      throw refused(
        nextOrigin.scheme == "http" && origin.scheme == "https" ? "to plain HTTP" : "to another origin")
    }
    return next.absoluteString
  }

  // MARK: What an answer means

  /// Where the endpoint is, for messages.
  private var place: String { (try? origin.get())?.description ?? "" }

  private func judge(_ error: TransportError, _ named: NamedCall, isOutOfBudget: Bool) -> Outcome {
    let detail = secrets.redact(error.message)
    let lost = error.sent ? unknownUsage(named) : nil
    func model(
      _ kind: ModelError.Kind, _ what: String, hint: String? = nil, cap: ModelError.Cap? = nil
    ) -> ModelError {
      ModelError(kind, "endpoint \"\(endpoint.alias)\" at \(place): \(what)", hint: hint, cap: cap)
    }
    switch error.kind {
    case .connection:
      return .retry(
        model(.connection, "no connection, or it broke: \(detail)", hint: "is the server running, and the URL right?"),
        after: nil, lost: lost, .neutral)
    case .timeout where isOutOfBudget:
      return .fail(
        model(
          .budget, "the time budget ran out while waiting for the reply", cap: .time), lost: lost)
    case .timeout:
      return .retry(
        model(.timeout, "no reply in time: \(detail)", hint: "raise the endpoint's timeouts if the model is slow"),
        after: nil, lost: lost, .neutral)
    case .garbled:
      return .retry(model(.malformedReply, "not a reply: \(detail)"), after: nil, lost: lost, .neutral)
    case .tls: return .fail(model(.tls, "no safe connection: \(detail)", hint: "check its certificate"), lost: nil)
    case .tooLarge: return .fail(model(.tooLarge, detail), lost: lost)
    case .invalidURL:
      return .fail(model(.configuration, "the URL is not usable: \(detail)", hint: "check the base URL"), lost: nil)
    case .cancelled: return .fail(.cancelledCall, lost: lost)
    }
  }

  private func judge(_ reply: HTTPReply, _ named: NamedCall, _ capabilities: Capabilities) -> Outcome {
    guard (200..<300).contains(reply.status) else { return judgeStatus(reply, named, capabilities) }
    func malformed(_ reason: String) -> Outcome {
      .retry(
        ModelError(
          .malformedReply,
          "endpoint \"\(endpoint.alias)\" at \(place) answered with status \(reply.status), but \(reason): "
            + excerpt(reply.body),
          hint: "is this a chat endpoint? The base URL usually ends in /v1", status: reply.status),
        after: nil, lost: unknownUsage(named), .neutral)
    }
    if let type = reply.header("content-type")?.lowercased(), !type.contains("json") {
      return malformed("the content type is \(excerpt(Array(type.utf8)))")
    }
    guard !reply.body.isEmpty else { return malformed("the body is empty") }
    let body: Value
    do {
      body = try Value.parse(json: reply.body)
    } catch {
      return malformed("the body is not JSON (\(error))")
    }
    do {
      return .reply(body, status: reply.status, try named.call.check(body))
    } catch {
      return malformed(error.reason)
    }
  }

  private func judgeStatus(_ reply: HTTPReply, _ named: NamedCall, _ capabilities: Capabilities) -> Outcome {
    let text = String(decoding: reply.body, as: UTF8.self)
    let error = statusError(reply, text)
    if error.kind == .quota { return .fail(error, lost: nil) }
    if error.kind == .badRequest, learn(from: text, named, capabilities) { return .plainer(error) }
    let after = RetryAfter.seconds(reply, now: now())
    let isRetryable =
      switch reply.header("x-should-retry")?.lowercased() {
      case "true": true
      case "false": false
      default: RetryPolicy.isRetryable(reply.status)
      }
    guard isRetryable else { return .fail(error, lost: nil) }
    let isOverloaded = [429, 503, 529].contains(reply.status)
    return .retry(error, after: after, lost: nil, isOverloaded ? .overloaded : .neutral)
  }

  /// Notes what the server refuses to take. True when a plainer request is worth sending.
  private func learn(from text: String, _ named: NamedCall, _ used: Capabilities) -> Bool {
    let text = text.lowercased()
    var next = used
    if text.contains("max_completion_tokens"), text.contains("max_tokens"), !used.wantsMaxCompletionTokens {
      next.wantsMaxCompletionTokens = true
    } else if text.contains("maxlength"), named.call.body(used.withoutLengths) != named.call.body(used) {
      next = used.withoutLengths
    } else if named.call.canDegrade,
      ["response_format", "json_schema", "json_object", "output_config", "grammar"].contains(where: text.contains)
    {
      if used.jsonSchema { next.jsonSchema = false } else { next.jsonObject = false }
    }
    guard named.call.body(next) != named.call.body(used) else { return false }
    learned.withLock { learned in
      learned.jsonSchema = learned.jsonSchema && next.jsonSchema
      learned.jsonObject = learned.jsonObject && next.jsonObject
      learned.stringLengths = learned.stringLengths && next.stringLengths
      learned.wantsMaxCompletionTokens = learned.wantsMaxCompletionTokens || next.wantsMaxCompletionTokens
    }
    return true
  }

  private func statusError(_ reply: HTTPReply, _ text: String) -> ModelError {
    let (kind, hint) = StatusMeaning.of(reply.status, text, endpoint: endpoint)
    return ModelError(
      kind, "endpoint \"\(endpoint.alias)\" at \(place) answered with status \(reply.status): \(excerpt(reply.body))",
      hint: hint, status: reply.status)
  }

  /// The first 200 bytes, redacted before they are cut, control characters made visible.
  func excerpt(_ body: [UInt8]) -> String {
    let text = secrets.redact(String(decoding: body.prefix(65_536), as: UTF8.self))
    let first = String(decoding: Array(text.utf8).prefix(200), as: UTF8.self)
    let clean = first.unicodeScalars.map { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format: scalar == "\n" || scalar == "\t" ? " " : "\u{fffd}"
      default: String(scalar)
      }
    }.joined()
    return clean.isEmpty ? "(empty)" : clean
  }
}
