import Foundation
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneModel

/// Overload and bad days: the client backs off, loses nothing, and comes to the same answers.
@Suite struct StormTests {
  // MARK: E6 the limit itself

  @Test func theLimitHalvesOnceABurstAndGrowsByOneARound() async throws {
    let limit = ConcurrencyLimit(16)
    var places: [Int] = []
    for _ in 0..<16 { places.append(try #require(await limit.acquire())) }
    for place in places { limit.release(epoch: place, .overloaded) }
    #expect(limit.limit == 8)
    let second = try #require(await limit.acquire())
    limit.release(epoch: second, .overloaded)
    #expect(limit.limit == 4)
    for _ in 0..<5 {
      let place = try #require(await limit.acquire())
      limit.release(epoch: place, .good)
    }
    #expect(limit.limit == 5)
    for _ in 0..<1000 {
      let place = try #require(await limit.acquire())
      limit.release(epoch: place, .good)
    }
    #expect(limit.limit == 16)
    for _ in 0..<20 {
      let place = try #require(await limit.acquire())
      limit.release(epoch: place, .overloaded)
    }
    #expect(limit.limit == 1)
  }

  @Test func neverMoreThanTheLimitAreOnTheirWay() async throws {
    let limit = ConcurrencyLimit(3)
    let inFlight = Lock((now: 0, most: 0))
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<200 {
        group.addTask {
          guard let place = await limit.acquire() else { return }
          inFlight.withLock { state in
            state.now += 1
            state.most = max(state.most, state.now)
          }
          await Task.yield()
          inFlight.withLock { $0.now -= 1 }
          limit.release(epoch: place, .neutral)
        }
      }
    }
    #expect(inFlight.withLock { $0.most } == 3)
  }

  /// Sixteen workers against a server that takes two at a time and refuses the rest: all is answered, few are refused.
  @Test func aStormIsBackedOffFrom() async throws {
    let load = Lock((now: 0, refused: 0))
    let transport = ScriptedTransport { request in
      let isRefused = load.withLock { load in
        load.now += 1
        if load.now > 2 { load.refused += 1 }
        return load.now > 2
      }
      for _ in 0..<20 { await Task.yield() }
      load.withLock { $0.now -= 1 }
      return .success(isRefused ? HTTPReply(status: 429) : ScriptedTransport.chatReply(request.prompt))
    }
    let endpoint = Endpoint(base: "http://127.0.0.1:9/v1", model: "m", maxConcurrent: 16)
    let client = ModelClient(
      endpoint, transport: transport, clock: InstantClock(), seed: 1, secrets: Secrets(), environment: [:],
      policy: RetryPolicy(maxTries: 50), session: 1, now: { Date() })
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<16 {
        group.addTask {
          for number in 0..<25 {
            let prompt = "\(worker)/\(number)"
            let answer = try await client.complete(prompt)
            #expect(answer == prompt)
          }
        }
      }
      try await group.waitForAll()
    }
    // Without backing off, about seven of eight requests of sixteen workers would be refused.
    #expect(load.withLock { $0.refused } < 400)
  }

  // MARK: Time

  private func client(_ transport: any Transport, _ clock: InstantClock) -> ModelClient {
    let endpoint = Endpoint(base: "http://127.0.0.1:9/v1", model: "m", maxConcurrent: 1)
    return ModelClient(endpoint, transport: transport, clock: clock, environment: [:])
  }

  /// A server that wants to be left alone for longer than there is time ends the call at once.
  @Test func aWaitBeyondTheTimeBudgetIsNotBegun() async throws {
    let clock = InstantClock()
    let transport = ScriptedTransport { _ in
      .success(HTTPReply(status: 429, headers: [HTTPHeader("retry-after", "50")]))
    }
    let client = client(transport, clock)
    let context = CallContext(ledger: Ledger(budget: Budget(seconds: 120), seconds: 60, clock: clock))
    await #expect {
      try await CallContext.$current.withValue(context) { _ = try await client.complete("x") }
    } throws: {
      ($0 as? ModelError)?.kind == .budget && ($0 as? ModelError)?.cap == .time
    }
    #expect(clock.slept == [50] && transport.requests.count == 2)
  }

  /// Time goes by while a request waits for its turn: it is not sent after the cap.
  @Test func nothingIsSentAfterTheTimeIsUp() async throws {
    let clock = InstantClock()
    let transport = ScriptedTransport { _ in
      for _ in 0..<50 { await Task.yield() }
      clock.advance(by: 40)
      return .success(ScriptedTransport.chatReply("y"))
    }
    let client = client(transport, clock)
    let ledger = Ledger(budget: Budget(seconds: 100), clock: clock)
    let answered = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<8 {
        group.addTask {
          let context = CallContext(ledger: ledger)
          let reply = try? await CallContext.$current.withValue(context) { try await client.complete("\(number)") }
          return reply != nil
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(transport.requests.count == 3 && answered == 3)
    #expect(ledger.spent.requests == 3 && ledger.reserved == Spend())
  }

  // MARK: X3 a fifth of the requests fails

  @Test(arguments: 0..<20)
  func aBadDayEndsWithTheAnswersOfAGoodOne(_ seed: UInt64) async throws {
    let server = try FaultServer { request in
      var random = RandomStream(seed: seed, name: "fault/\(request.number)")
      let reply = ScriptedTransport.chatReply(request.json["messages"]?[0]?["content"]?.string ?? "").body
      guard random.uniform() < 0.2 else { return [.reply(body: reply)] }
      switch Int.random(in: 0..<6, using: &random) {
      case 0: return [.json([:], status: 429, headers: [HTTPHeader("Retry-After", "1")])]
      case 1: return [.json([:], status: 529)]
      case 2: return [.reset]
      case 3: return [.send(FaultServer.Action.head(length: reply.count) + reply.dropLast(20)), .close]
      case 4: return [.close]
      default: return [.json([:], status: 502)]
      }
    }
    defer { server.stop() }
    let ledger = Ledger(budget: Budget(requests: 400))
    let client = ModelClient(
      Endpoint(base: server.base, model: "m", maxConcurrent: 8), transport: CurlTransport(), clock: InstantClock(),
      seed: seed, secrets: Secrets(), environment: [:], policy: RetryPolicy(maxTries: 12), session: seed,
      now: { Date() })
    let archive = MemoryArchive()
    let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
      for number in 0..<60 {
        group.addTask {
          let context = CallContext(ledger: ledger, archive: archive)
          return (
            number,
            try await CallContext.$current.withValue(context) { try await client.complete("question \(number)") }
          )
        }
      }
      return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
    }
    for number in 0..<60 { #expect(answers[number] == "question \(number)", "seed \(seed)") }
    #expect(archive.all.count == 60)
    #expect(ledger.spent.requests == server.requests.count, "seed \(seed)")
    #expect(ledger.reserved == Spend(), "seed \(seed)")
  }

  // MARK: X2 the caps of whole calls

  /// Random prompts, replies that use anything up to what they may, a fifth of the requests refused, four callers.
  @Test func randomisedCallsOvershootNoCap() async throws {
    var random = RandomStream(seed: 4, name: "x2")
    for run in 0..<100 {
      let budget = Budget(
        requests: Int.random(in: 1...40, using: &random), tokens: Int.random(in: 200...6000, using: &random),
        money: Double.random(in: 0.001...0.2, using: &random))
      let seed = random.next()
      let transport = ScriptedTransport { request in
        var random = RandomStream(seed: seed, name: "\(request.number)")
        if random.uniform() < 0.2 { return .success(HTTPReply(status: 503)) }
        let most = request.body.canonicalJSON.utf8.count
        let text = String(
          repeating: "x ", count: Int.random(in: 0...(request.body["max_tokens"]?.int ?? 0), using: &random))
        return .success(
          ScriptedTransport.chatReply(text, promptTokens: Int.random(in: 1...most, using: &random)))
      }
      let endpoint = Endpoint(
        base: "http://127.0.0.1:9/v1", model: "m", maxConcurrent: 3, price: Price(input: 3, output: 15))
      let client = Bench.client(endpoint, transport: transport)
      let ledger = Ledger(budget: budget)
      await withTaskGroup(of: Void.self) { group in
        for worker in 0..<4 {
          group.addTask {
            var random = RandomStream(seed: seed, name: "worker \(worker)")
            for _ in 0..<10 {
              let prompt = String(repeating: "q", count: Int.random(in: 0...500, using: &random))
              let limit = Int.random(in: 1...60, using: &random)
              _ = try? await CallContext.$current.withValue(CallContext(ledger: ledger)) {
                try await client.complete(prompt, maxTokens: limit)
              }
            }
          }
        }
      }
      let spent = ledger.spent
      #expect(spent.requests == transport.requests.count, "run \(run)")
      #expect(spent.requests <= budget.requests ?? 0, "run \(run)")
      #expect(spent.tokens <= budget.tokens ?? 0, "run \(run)")
      #expect(spent.money <= (budget.money ?? 0) + 1e-12, "run \(run)")
      #expect(ledger.reserved == Spend(), "run \(run)")
    }
  }
}
