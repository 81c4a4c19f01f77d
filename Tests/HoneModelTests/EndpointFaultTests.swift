import Foundation
import HoneTesting
import HoneTrace
import Testing

@testable import HoneModel

/// The fault list of endpoints. Waits are on a clock that does not wait; deadlines are short.
@Suite struct EndpointFaultTests {
  // MARK: E1 no connection

  @Test func refusedIsTriedFourTimesAndTyped() async throws {
    // Nothing listens on port 1, and no other test can be given it.
    let clock = InstantClock()
    let client = Bench.client(Endpoint(base: "http://127.0.0.1:1/v1", model: "m"), clock: clock)
    do throws(ModelError) {
      let text = try await client.complete("x")
      Issue.record("answered: \(text)")
    } catch {
      #expect(error.kind == .connection && error.attempts == 4 && error.isInfrastructure)
      #expect(clock.slept.count == 3)
      #expect(error.message.contains("127.0.0.1:1") && error.hint.contains("running"))
    }
  }

  @Test func resetAtAcceptIsTriedFourTimes() async throws {
    let bench = try Bench(resetsAtAccept: true) { _ in [] }
    let error = try #require(await bench.error())
    #expect(error.kind == .connection && error.attempts == 4)
  }

  @Test func anUnknownHostIsAConnectionError() async throws {
    let endpoint = Endpoint(base: "http://host.invalid/v1", model: "m", connectTimeout: 2, totalTimeout: 3)
    let client = Bench.client(endpoint)
    await #expect { try await client.complete("x") } throws: {
      let kind = ($0 as? ModelError)?.kind
      return kind == .connection || kind == .timeout
    }
  }

  @Test func waitsHaveFullJitterAndRepeatForASeed() async throws {
    var waits: [[Double]] = []
    for _ in 0..<2 {
      let bench = try Bench { _ in [.json([:], status: 500)] }
      _ = await bench.error()
      waits.append(bench.clock.slept)
    }
    #expect(waits[0] == waits[1])
    for (wait, ceiling) in zip(waits[0], [0.5, 1, 2]) { #expect(wait >= 0 && wait < ceiling) }
  }

  // MARK: E2 safe connections

  @Test func aKeyInTheClearIsRefusedUnlessAllowed() async throws {
    var endpoint = Endpoint(base: "http://192.0.2.1/v1", model: "m", key: .environment("TEST_KEY"))
    let transport = ScriptedTransport.chat { _ in "ok" }
    let refused = Bench.client(endpoint, transport: transport)
    await #expect { try await refused.complete("x") } throws: { ($0 as? ModelError)?.kind == .insecure }
    #expect(transport.requests.isEmpty)
    endpoint.allowInsecureHTTP = true
    #expect(try await Bench.client(endpoint, transport: transport).complete("x") == "ok")
    let open = Endpoint(base: "http://192.0.2.1/v1", model: "m")
    #expect(try await Bench.client(open, transport: transport, key: nil).complete("x") == "ok")
    for base in ["http://localhost:1/v1", "http://127.8.9.1/v1", "http://[::1]:9/v1", "https://192.0.2.1/v1"] {
      endpoint.allowInsecureHTTP = false
      endpoint.base = base
      #expect(try await Bench.client(endpoint, transport: transport).complete("x") == "ok")
    }
  }

  // MARK: E3 deadlines

  @Test func theTotalDeadlineHoldsAgainstADrip() async throws {
    let bench = try Bench(totalTimeout: 0.5) { request in
      [.send(FaultServer.Action.head(length: 1000)), .drip([UInt8](repeating: 32, count: 1000), interval: 0.05)]
    }
    let error = try #require(await bench.error())
    // Without a deadline the 50 s of drip would end as a malformed reply.
    #expect(error.kind == .timeout && error.attempts == 4)
  }

  @Test func theFirstByteDeadlineHolds() async throws {
    let bench = try Bench(firstByteTimeout: 0.1, totalTimeout: 30) { _ in [.hang] }
    let error = try #require(await bench.error())
    #expect(error.kind == .timeout && error.message.contains("first byte"))
  }

  @Test func aSlowReplyWithinTheDeadlinesIsGood() async throws {
    let reply = ScriptedTransport.chatReply("fine").body
    let bench = try Bench(firstByteTimeout: 2.1) { _ in
      [.send(FaultServer.Action.head(length: reply.count)), .pause(seconds: 2.3), .send(reply)]
    }
    #expect(try await bench.chat().text == "fine")
  }

  // MARK: E4, E5 statuses

  @Test(arguments: [408, 409, 425, 429, 500, 502, 503, 504, 529])
  func retryableStatusesAreTriedAgain(_ status: Int) async throws {
    let bench = try Bench { $0.number < 3 ? [.json(["error": "busy"], status: status)] : [.chat("done")] }
    #expect(try await bench.chat().text == "done")
    #expect(bench.server.requests.count == 4)
    #expect(Set(bench.server.requests.compactMap { $0.header("idempotency-key") }).count == 1)
    #expect(bench.server.requests.allSatisfy { $0.body == bench.server.requests[0].body })
  }

  @Test(arguments: [
    (400, "{}", ModelError.Kind.badRequest), (401, "{}", .authentication), (403, "{}", .authentication),
    (404, "", .badRequest), (413, "too big", .badRequest), (422, "{}", .badRequest), (402, "{}", .quota),
    (429, #"{"error":{"code":"insufficient_quota"}}"#, .quota),
    (429, #"{"type":"error","error":{"details":{"error_code":"enforced_spend_limit_reached"}}}"#, .quota),
    (429, #"{"error":{"message":"x","type":"billing_hard_limit_reached","code":null}}"#, .quota),
    (429, #"[{"error":{"type":"insufficient_quota"}}]"#, .quota),
    (403, #"{"type":"error","error":{"type":"billing_error","message":"x"}}"#, .quota),
    (
      400,
      #"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to go on."}}"#,
      .quota
    ),
    (403, #"{"error":{"message":"Add a card under billing; no credit.","code":"forbidden"}}"#, .authentication),
    (400, #"{"error":{"type":"exceed_context_size_error"}}"#, .contextExceeded),
    (400, #"{"error":{"code":"context_length_exceeded"}}"#, .contextExceeded),
  ])
  func finalStatusesAreNotTriedAgain(_ status: Int, _ body: String, _ kind: ModelError.Kind) async throws {
    let bench = try Bench { _ in [.text(body, status: status)] }
    let error = try #require(await bench.error())
    #expect(error.kind == kind && error.status == status && error.attempts == 1)
    #expect(error.message.contains(" at http://127.0.0.1:"), "\(error.message)")
    // A wrong address or model name is met by every request; another bad request may be this one's alone.
    #expect(error.endsStudy == (status == 404 || kind == .quota || kind == .authentication))
    #expect(bench.server.requests.count == 1)
    if kind == .authentication {
      #expect(error.hint.contains("TEST_KEY"))
      #expect(!"\(error.message)\(error.hint)".contains("sk-"))
    }
  }

  /// The words of OpenAI's free tier and of Gemini for a rate that is too high: both pass by themselves.
  @Test(arguments: [
    #"""
    {"error":{"message":"Rate limit reached for gpt-4o-mini in organization org-x on requests per min (RPM): Limit 3, \#
    Used 3, Requested 1. Please try again in 20s. Visit https://platform.openai.com/account/rate-limits to learn more. \#
    You can increase your rate limit by adding a payment method to your account at \#
    https://platform.openai.com/account/billing.","type":"requests","param":null,"code":"rate_limit_exceeded"}}
    """#,
    #"""
    [{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.", \#
    "status":"RESOURCE_EXHAUSTED"}}]
    """#,
    "too many requests: no credit for this minute",
  ])
  func ratesThatAreTooHighAreNoEmptyAccount(_ body: String) async throws {
    let bench = try Bench { $0.number < 2 ? [.text(body, status: 429)] : [.chat("done")] }
    #expect(try await bench.chat().text == "done")
    #expect(bench.server.requests.count == 3)
    let always = try Bench { _ in [.text(body, status: 429)] }
    let error = try #require(await always.error())
    #expect(error.kind == .rateLimited && error.attempts == 4 && !error.endsStudy)
  }

  @Test func theHintForARefusedTemperatureCanBeFollowed() async throws {
    let body = #"{"error":{"message":"Unsupported value: 'temperature' does not support 0.0 with this model."}}"#
    let error = try #require(await Bench { _ in [.text(body, status: 400)] }.error())
    #expect(error.hint.contains("set it to 1"))
  }

  @Test func xShouldRetryWinsOverTheStatus() async throws {
    let no = try Bench { _ in [.json([:], status: 500, headers: [HTTPHeader("X-Should-Retry", "false")])] }
    #expect(await no.error()?.attempts == 1)
    let yes = try Bench {
      $0.number == 0
        ? [.json([:], status: 400, headers: [HTTPHeader("x-should-retry", "true")])] : [.chat("ok")]
    }
    #expect(try await yes.chat().text == "ok")
  }

  /// The client's wall clock stands at Sun, 06 Nov 1994 08:49:37 GMT.
  @Test(arguments: [
    ("retry-after", "3", 3.0), ("Retry-After", "1.5", 1.5), ("retry-after", "0", 0), ("retry-after", "-7", 0),
    ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT", 30), ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT", 0),
    ("retry-after", "Sunday, 06-Nov-94 08:49:47 GMT", 10), ("retry-after", "Sun Nov  6 08:49:47 1994", 10),
    ("retry-after-ms", "250", 0.25), ("retry-after", "120", 120),
  ])
  func retryAfterIsObeyed(_ name: String, _ value: String, _ seconds: Double) async throws {
    let bench = try Bench {
      $0.number == 0 ? [.json([:], status: 429, headers: [HTTPHeader(name, value)])] : [.chat("ok")]
    }
    #expect(try await bench.chat().text == "ok")
    #expect(bench.clock.slept.count == 1)
    #expect(abs((bench.clock.slept.first ?? -1) - seconds) < 1e-6)
  }

  @Test(arguments: ["121", "1000000000", "1e9", "Sun, 06 Nov 1994 10:49:37 GMT", "1e400"])
  func aLongRetryAfterIsGivenUpWithItsFigure(_ value: String) async throws {
    let bench = try Bench { _ in [.json([:], status: 503, headers: [HTTPHeader("retry-after", value)])] }
    let error = try #require(await bench.error())
    #expect(error.kind == .rateLimited && error.attempts == 1 && bench.clock.slept.isEmpty)
    #expect(error.message.contains("left alone for"))
  }

  @Test(arguments: ["NaN", "nan", "soon", "", "0x10", "inf"])
  func anUnreadableRetryAfterSaysNothing(_ value: String) async throws {
    let bench = try Bench {
      $0.number == 0 ? [.json([:], status: 429, headers: [HTTPHeader("retry-after", value)])] : [.chat("ok")]
    }
    #expect(try await bench.chat().text == "ok")
    #expect(bench.clock.slept.allSatisfy { $0 < 0.5 })
  }

  // MARK: E7 bad replies of status 200

  static let good = String(decoding: ScriptedTransport.chatReply("x").body, as: UTF8.self)
  static let bad: [(name: String, bytes: [UInt8], type: String?)] = [
    ("HTML", Array("<html>Sign in</html>".utf8), "text/html"),
    ("HTML as JSON", Array("<html>Sign in</html>".utf8), "application/json"),
    ("wrong content type", Array(good.utf8), "text/plain"),
    ("empty", [], "application/json"),
    ("truncated JSON", Array(good.utf8.dropLast(20)), "application/json"),
    ("trailing garbage", Array((good + "garbage").utf8), "application/json"),
    ("BOM", [0xef, 0xbb, 0xbf] + Array(good.utf8), "application/json"),
    (
      "invalid UTF-8", Array(good.replacingOccurrences(of: "\"x\"", with: "\"?\"").utf8).map { $0 == 63 ? 0xff : $0 },
      nil
    ),
    ("lone surrogate", Array(good.replacingOccurrences(of: "\"x\"", with: "\"\\ud800\"").utf8), nil),
    ("NUL", Array(good.replacingOccurrences(of: "\"x\"", with: "\"\0\"").utf8), nil),
    ("{}", Array("{}".utf8), nil), ("[]", Array("[]".utf8), nil), ("null", Array("null".utf8), nil),
    ("choices null", Array(#"{"choices":null}"#.utf8), nil), ("choices empty", Array(#"{"choices":[]}"#.utf8), nil),
    ("no message", Array(#"{"choices":[{}]}"#.utf8), nil),
    ("content null", Array(#"{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}"#.utf8), nil),
    ("content a number", Array(#"{"choices":[{"message":{"content":7}}]}"#.utf8), nil),
    ("error object", Array(#"{"error":{"message":"no"}}"#.utf8), nil),
    ("too deep", [UInt8](repeating: 0x5b, count: 100_000), nil),
  ]

  /// The port of another service: the address is usable, what listens there is no HTTP server.
  @Test func aServerThatSpeaksNoHTTPIsUnavailable() async throws {
    let bench = try Bench { _ in [.send(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)), .close] }
    let error = try #require(await bench.error())
    #expect(error.kind == .malformedReply && error.isInfrastructure, "\(error)")
    #expect(error.message.contains("not a reply"), "\(error)")
  }

  @Test(arguments: 0..<bad.count)
  func aBadReplyIsTypedAndAskedForOnceMore(_ index: Int) async throws {
    let (name, bytes, type) = Self.bad[index]
    let bench = try Bench { _ in [.reply(type: type, body: bytes)] }
    let error = try #require(await bench.error(), "\(name)")
    #expect(error.kind == .malformedReply && error.attempts == 2, "\(name): \(error)")
    #expect(bench.server.requests.count == 2, "\(name)")
    if bytes.count > 20 {
      #expect(error.message.contains(String(decoding: bytes.prefix(6), as: UTF8.self)) || bytes[0] == 0xef)
    }
    #expect(error.message.utf8.count < 700)
    let mended = try Bench { $0.number == 0 ? [.reply(type: type, body: bytes)] : [.chat("ok")] }
    #expect(try await mended.chat().text == "ok", "\(name)")
  }

  // MARK: E8 sizes

  @Test func aHugeBodyIsCutOff() async throws {
    let bench = try Bench(totalTimeout: 20) { _ in
      [.send(FaultServer.Action.head(length: 1 << 30)), .flood(32, count: 1 << 30)]
    }
    let error = try #require(await bench.error())
    #expect(error.kind == .tooLarge && error.attempts == 1)
  }

  @Test func aGzipBombIsCutOff() async throws {
    let bomb = try fixture("bomb.gz")
    let bench = try Bench(totalTimeout: 20) { _ in
      [.reply(headers: [HTTPHeader("Content-Encoding", "gzip")], body: bomb)]
    }
    let error = try #require(await bench.error())
    #expect(error.kind == .tooLarge)
  }

  @Test func hugeHeadersAreCutOff() async throws {
    let bench = try Bench { _ in
      let line = Array("X-Filler: \(String(repeating: "a", count: 1000))\r\n".utf8)
      return [.send(Array("HTTP/1.1 200 OK\r\n".utf8))] + Array(repeating: .send(line), count: 1000)
    }
    let error = try #require(await bench.error())
    #expect(error.kind == .tooLarge)
  }

  @Test func manySmallChunksAreFine() async throws {
    let reply = Self.good + String(repeating: " ", count: 20_000)
    let chunks = reply.utf8.flatMap { Array("1\r\n".utf8) + [$0] + Array("\r\n".utf8) } + Array("0\r\n\r\n".utf8)
    let bench = try Bench(totalTimeout: 20) { _ in
      [.send(FaultServer.Action.head(headers: [HTTPHeader("Transfer-Encoding", "chunked")], length: nil) + chunks)]
    }
    #expect(try await bench.chat().text == "x")
  }

  // MARK: E9 broken bodies

  @Test(arguments: 0..<5)
  func aBrokenBodyIsTriedAgainAndNeverUsed(_ fault: Int) async throws {
    let whole = ScriptedTransport.chatReply("partial").body
    let chunked = [HTTPHeader("Transfer-Encoding", "chunked")]
    let actions: [FaultServer.Action] =
      switch fault {
      case 0: [.send(FaultServer.Action.head(length: whole.count) + whole.dropLast(10)), .close]
      case 1: [.send(FaultServer.Action.head(length: whole.count) + whole.dropLast(10)), .reset]
      case 2: [.send(FaultServer.Action.head(length: whole.count + 50) + whole), .close]
      case 3: [.send(FaultServer.Action.head(headers: chunked, length: nil) + Array("ZZ\r\nno".utf8)), .close]
      default: [.send(FaultServer.Action.head(length: whole.count - 10) + whole), .close]
      }
    let bench = try Bench { $0.number == 0 ? actions : [.chat("whole")] }
    #expect(try await bench.chat().text == "whole")
    #expect(bench.server.requests.count == 2)
  }

  @Test func aConnectionClosedBetweenRequestsIsNotNoticed() async throws {
    let bench = try Bench { _ in [.chat("ok"), .close] }
    for _ in 0..<3 { #expect(try await bench.chat().text == "ok") }
    #expect(bench.server.connections >= 3)
  }

  @Test func connectionsAreUsedAgain() async throws {
    let bench = try Bench { _ in [.chat("ok")] }
    for _ in 0..<5 { #expect(try await bench.chat().text == "ok") }
    #expect(bench.server.connections == 1)
  }

  // MARK: E10 redirects

  @Test(arguments: [301, 302, 307, 308])
  func aRedirectOnTheOriginIsFollowed(_ status: Int) async throws {
    let bench = try Bench {
      $0.path == "/v2/chat"
        ? [.chat("moved")] : [.reply(status: status, headers: [HTTPHeader("Location", "/v2/chat")])]
    }
    #expect(try await bench.chat().text == "moved")
    #expect(bench.server.requests.map(\.method) == ["POST", "POST"])
    #expect(bench.server.requests[0].body == bench.server.requests[1].body)
  }

  @Test func redirectsElsewhereAreRefusedAndTheKeyStays() async throws {
    let other = try FaultServer { _ in [.chat("stolen")] }
    defer { other.stop() }
    for target in [
      other.base, "http://localhost:1/x", "https://example.invalid/", "file:///etc/passwd", "ftp://127.0.0.1/x", "",
    ] {
      let bench = try Bench { _ in [.reply(status: 302, headers: [HTTPHeader("Location", target)])] }
      let error = try #require(await bench.error())
      #expect(error.kind == .redirect && error.attempts == 1, "\(target): \(error)")
    }
    #expect(other.connections == 0)
  }

  @Test func aRedirectLoopEnds() async throws {
    let bench = try Bench { _ in [.reply(status: 307, headers: [HTTPHeader("Location", "/v1/chat/completions")])] }
    let error = try #require(await bench.error())
    #expect(error.kind == .redirect && bench.server.requests.count == 4)
  }

  @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/", "127.0.0.1:8080", "", "http://", "http://u:p@127.0.0.1/"])
  func otherSchemesAreRefused(_ base: String) async throws {
    let client = Bench.client(Endpoint(base: base, model: "m"), key: nil)
    await #expect { try await client.complete("x") } throws: { ($0 as? ModelError)?.kind == .configuration }
  }

  // MARK: E11 usage

  @Test(arguments: [
    "null", "{}", #"{"prompt_tokens":-5,"completion_tokens":-9}"#, #"{"prompt_tokens":"7","completion_tokens":"8"}"#,
    #"{"prompt_tokens":1000000000000000000,"completion_tokens":1}"#, "[]", "7", #"{"prompt_tokens":1.5}"#,
  ])
  func unusableUsageIsEstimatedAndMarked(_ usage: String) async throws {
    let body =
      #"{"model":"m","choices":[{"message":{"content":"four words stand here"},"finish_reason":"stop"}],"usage":"#
      + usage + "}"
    let bench = try Bench { _ in [.text(body)] }
    let ledger = Ledger(budget: Budget(tokens: 10_000))
    let context = CallContext(ledger: ledger)
    let reply = try await CallContext.$current.withValue(context) { try await bench.chat() }
    #expect(reply.usage.estimated)
    #expect(reply.usage.promptTokens > 0 && reply.usage.promptTokens < 10_000)
    #expect(reply.usage.completionTokens >= 0 && reply.usage.completionTokens <= 16)
    #expect(ledger.spent.tokens == reply.usage.totalTokens && ledger.spent.estimatedTokens == reply.usage.totalTokens)
    #expect(ledger.reserved == Spend())
  }

  @Test(arguments: [("length", FinishReason.length), ("content_filter", .contentFilter), ("weird", .other)])
  func theFinishReasonIsSurfaced(_ word: String, _ finish: FinishReason) async throws {
    let bench = try Bench { _ in [.reply(body: ScriptedTransport.chatReply("cut", finish: word).body)] }
    #expect(try await bench.chat().finish == finish)
  }

  // MARK: E12 duplicates

  @Test func aRequestAfterATimeoutIsCountedAndKeepsItsIdempotencyKey() async throws {
    let bench = try Bench(firstByteTimeout: 2) { $0.number == 0 ? [.hang] : [.chat("ok")] }
    let ledger = Ledger(budget: Budget())
    let context = CallContext(ledger: ledger)
    let reply = try await CallContext.$current.withValue(context) { try await bench.chat(maxTokens: 16) }
    #expect(Set(bench.server.requests.compactMap { $0.header("idempotency-key") }).count == 1)
    #expect(ledger.spent.requests == 2)
    #expect(reply.usage.completionTokens == 16 + 1 && reply.usage.estimated)
    #expect(ledger.spent.tokens == reply.usage.totalTokens)
    #expect(context.scope.spend == ledger.spent)
  }
}
