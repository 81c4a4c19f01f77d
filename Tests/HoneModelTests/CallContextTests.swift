import Foundation
import HoneTesting
import HoneTrace
import Testing

@testable import HoneModel

/// Where an answer comes from, who pays for it, and what is kept.
@Suite struct CallContextTests {
  private let endpoint = Endpoint(base: "http://127.0.0.1:9/v1", model: "m", price: Price(input: 1000, output: 1000))

  private func counting() -> ScriptedTransport { .chat { "reply \($0.number) to \($0.prompt)" } }

  private func ask(_ client: ModelClient, _ prompt: String, _ context: CallContext) async throws -> ChatReply {
    try await CallContext.$current.withValue(context) {
      try await client.chat(ChatRequest([ChatMessage(.user, prompt)], maxTokens: 10))
    }
  }

  /// No timeout is shorter than a millisecond: with less left of the budget a request would end after it.
  @Test func aRequestThatCouldNotEndInTimeIsNotBegun() async throws {
    let transport = counting()
    let client = Bench.client(endpoint, transport: transport)
    func context(_ used: Double) -> CallContext {
      CallContext(ledger: Ledger(budget: Budget(seconds: 1), seconds: used, clock: SimulatedClock()))
    }
    await #expect {
      try await ask(client, "a", context(0.9995))
    } throws: {
      ($0 as? ModelError)?.cap == .time
    }
    #expect(transport.requests.isEmpty)
    _ = try await ask(client, "a", context(0.998))
    #expect(transport.requests.count == 1)
  }

  @Test func theArchiveIsAskedFirstAndCostsNothingAgain() async throws {
    let transport = counting()
    let client = Bench.client(endpoint, transport: transport)
    let archive = MemoryArchive()
    let ledger = Ledger(budget: Budget())
    func context(_ mode: CassetteMode = .off) -> CallContext {
      CallContext(ledger: ledger, archive: archive, mode: mode)
    }
    let first = try await ask(client, "a", context())
    let spent = ledger.spent
    for mode in CassetteMode.allCases {
      let again = context(mode)
      let second = try await ask(client, "a", again)
      #expect(second.replayed && !first.replayed)
      #expect(
        (second.text, second.usage, second.seconds, second.callKey) == (
          first.text, first.usage, first.seconds, first.callKey
        ))
      #expect(again.scope.spend == spent && again.scope.records.isEmpty)
    }
    #expect(ledger.spent == spent && transport.requests.count == 1)
    #expect(archive.all.map(\.key) == [first.callKey] && archive.all[0].computedKey == first.callKey)
  }

  @Test func threeSamplesAreThreeAnswersAndRepeatsAreApart() async throws {
    let transport = counting()
    let client = Bench.client(endpoint, transport: transport)
    let cassette = MemoryArchive()
    var texts: [[String]] = []
    for mode in [CassetteMode.record, .replay] {
      var seen: [String] = []
      for `repeat` in 0..<2 {
        let context = CallContext(cassette: cassette, mode: mode, scope: CallScope(repeat: `repeat`))
        for _ in 0..<3 { seen.append(try await ask(client, "a", context).text) }
      }
      texts.append(seen)
    }
    #expect(Set(texts[0]).count == 6 && texts[0] == texts[1])
    #expect(transport.requests.count == 6)
  }

  /// A call that belongs to no repeat is found by all of them, and still stands in the rollout that made it.
  @Test func aScopeWithinAnotherTellsItOfItsCalls() async throws {
    let transport = counting()
    let client = Bench.client(endpoint, transport: transport)
    let cassette = MemoryArchive()
    let rollout = CallScope(repeat: 3)
    let inner = CallContext(cassette: cassette, mode: .auto, scope: CallScope(repeat: 0, within: rollout))
    let reply = try await ask(client, "a", inner)
    #expect(rollout.callKeys == [reply.callKey] && rollout.spend == inner.scope.spend && rollout.spend.requests == 1)
    #expect(cassette.all.map(\.repeat) == [0])
    let later = CallScope(repeat: 1)
    let again = CallContext(cassette: cassette, mode: .replay, scope: CallScope(repeat: 0, within: later))
    #expect(try await ask(client, "a", again).text == reply.text)
    #expect(later.records.map(\.key) == [reply.callKey] && transport.requests.count == 1)
  }

  @Test func replayingSpendsWhatWasSpentAndStopsAtTheSamePlace() async throws {
    let transport = counting()
    let client = Bench.client(endpoint, transport: transport)
    let cassette = MemoryArchive()
    var results: [[String]] = []
    var spends: [Spend] = []
    for mode in [CassetteMode.record, .replay] {
      let ledger = Ledger(budget: Budget(tokens: 400, money: 10))
      let context = CallContext(ledger: ledger, cassette: cassette, mode: mode)
      var seen: [String] = []
      for number in 0..<100 {
        do {
          seen.append(try await ask(client, "question \(number)", context).text)
        } catch {
          seen.append("\(error)")
          break
        }
      }
      results.append(seen)
      spends.append(ledger.spent)
      #expect(context.scope.spend == ledger.spent)
      #expect(context.scope.records.count == (mode == .replay ? seen.count - 1 : 0))
    }
    #expect(results[0] == results[1])
    #expect((3..<100).contains(results[0].count), "\(results[0].last ?? "")")
    #expect(spends[0] == spends[1] && spends[0].money > 0)
  }

  @Test func aMissWhileReplayingNamesTheDifference() async throws {
    let transport = counting()
    let cassette = MemoryArchive()
    let client = Bench.client(endpoint, transport: transport)
    for prompt in ["What is the capital of France?", "something else entirely"] {
      _ = try await ask(client, prompt, CallContext(cassette: cassette, mode: .record))
    }
    let sent = transport.requests.count
    func miss(_ client: ModelClient, _ prompt: String, _ context: CallContext) async -> String {
      do {
        return "answered: \(try await ask(client, prompt, context))"
      } catch {
        #expect((error as? ModelError)?.kind == .notRecorded)
        return "\(error)"
      }
    }
    let replay = CallContext(cassette: cassette, mode: .replay)
    let wrong = await miss(client, "What is the capital of Spain?", replay)
    #expect(wrong.contains("$.messages[0].content") && wrong.contains("France") && wrong.contains("Spain"))
    #expect(wrong.contains(String(cassette.all[0].key.prefix(12))))
    _ = try await ask(client, "something else entirely", replay)
    let twice = await miss(client, "something else entirely", replay)
    #expect(twice.contains("sample 0 is recorded") && twice.contains("sample 1 is asked for"))
    var other = endpoint
    other.alias = "other"
    let foreign = await miss(
      Bench.client(other, transport: transport), "something else entirely",
      CallContext(cassette: cassette, mode: .replay))
    #expect(foreign.contains("of endpoint \"m\", not \"other\""))
    #expect(await miss(client, "x", CallContext(mode: .replay)).contains("no request of chat/completions is recorded"))
    #expect(transport.requests.count == sent)
  }

  /// E13: replaying opens no socket. The endpoint is a live server that would notice, and no key is set.
  @Test func replayingOpensNoSocketAndNeedsNoKey() async throws {
    let bench = try Bench { _ in [.chat("recorded")] }
    let cassette = MemoryArchive()
    let recorded = try await ask(bench.client, "a", CallContext(cassette: cassette, mode: .record))
    let connections = bench.server.connections
    let keyless = Bench.client(bench.client.endpoint, key: nil)
    for _ in 0..<20 {
      let reply = try await ask(keyless, "a", CallContext(cassette: cassette, mode: .replay)).text
      #expect(reply == "recorded")
    }
    _ = try? await ask(keyless, "unknown", CallContext(cassette: cassette, mode: .replay))
    #expect(bench.server.connections == connections && bench.server.requests.count == 1 && !recorded.replayed)
  }

  @Test func autoFillsGapsAndRecordSendsAnew() async throws {
    let transport = counting()
    let client = Bench.client(endpoint, transport: transport)
    try await withFolder { folder in
      let cassette = try Cassette(path: "\(folder)/c.jsonl")
      let first = try await ask(client, "a", CallContext(cassette: cassette, mode: .auto))
      let second = try await ask(client, "a", CallContext(cassette: cassette, mode: .auto))
      #expect(first.text == second.text && second.replayed && transport.requests.count == 1)
      let recorder = Bench.client(endpoint, transport: transport)
      let third = try await ask(recorder, "a", CallContext(cassette: cassette, mode: .record))
      // Within one recording the same request has one answer, or the recording could not be replayed.
      let fourth = try await ask(recorder, "a", CallContext(cassette: cassette, mode: .record))
      #expect(third.text != first.text && third.text == fourth.text && transport.requests.count == 2)
      let replayed = try await ask(client, "a", CallContext(cassette: cassette, mode: .replay))
      #expect(replayed.text == third.text)
    }
  }

  @Test func offTouchesNoCassette() async throws {
    let transport = counting()
    let client = Bench.client(endpoint, transport: transport)
    let cassette = MemoryArchive()
    for _ in 0..<2 { _ = try await ask(client, "a", CallContext(cassette: cassette, mode: .off)) }
    #expect(transport.requests.count == 2 && cassette.all.isEmpty)
  }

  @Test func twoEndpointsWithOneModelShareNothing() async throws {
    let cassette = MemoryArchive()
    var texts: [String] = []
    for alias in ["one", "two"] {
      let transport = ScriptedTransport.chat { _ in alias }
      let endpoint = Endpoint(base: "http://127.0.0.1:9/v1", model: "m", alias: alias)
      let client = Bench.client(endpoint, transport: transport)
      texts.append(try await ask(client, "a", CallContext(cassette: cassette, mode: .auto)).text)
    }
    #expect(texts == ["one", "two"])
  }

  @Test func aFailureIsKeptCountedAndMetAgainInAReplayOnly() async throws {
    let transport = ScriptedTransport { _ in .success(HTTPReply(status: 500)) }
    let client = Bench.client(endpoint, transport: transport)
    let (archive, cassette) = (MemoryArchive(), MemoryArchive())
    let ledger = Ledger(budget: Budget())
    let context = CallContext(ledger: ledger, archive: archive, cassette: cassette, mode: .auto)
    await #expect(throws: ModelError.self) { try await ask(client, "a", context) }
    #expect(ledger.spent.requests == 4 && context.scope.spend.requests == 4 && ledger.reserved == Spend())
    for kept in [archive, cassette] {
      let record = try #require(kept.all.first)
      #expect(kept.all.count == 1 && !record.isReply && record.status == 500 && record.attempts == 4)
      #expect(record.key == record.computedKey)
    }
    // A live run sends again, and keeps the next failure beside the first.
    await #expect(throws: ModelError.self) {
      try await ask(client, "a", CallContext(archive: archive, cassette: cassette, mode: .auto))
    }
    #expect(transport.requests.count == 8 && archive.all.count == 2 && cassette.all.count == 2)
    // A replay fails as the recording did, spends what it spent, and sends nothing.
    let replayed = CallContext(ledger: Ledger(budget: Budget()), cassette: cassette, mode: .replay)
    await #expect {
      try await ask(client, "a", replayed)
    } throws: {
      let error = $0 as? ModelError
      return error?.kind == .server && error?.status == 500 && error?.attempts == 4
    }
    #expect(transport.requests.count == 8 && replayed.scope.records == cassette.all)
    #expect(replayed.scope.spend.requests == 8 && replayed.ledger?.spent.requests == 8)
  }

  @Test func aBudgetThatIsTooSmallSendsNothing() async throws {
    let transport = counting()
    let client = Bench.client(endpoint, transport: transport)
    for budget in [Budget(requests: 0), Budget(tokens: 20), Budget(money: 0.0001), Budget(seconds: 0)] {
      await #expect {
        try await ask(client, "a", CallContext(ledger: Ledger(budget: budget)))
      } throws: {
        ($0 as? ModelError)?.kind == .budget
      }
    }
    let free = Bench.client(Endpoint(base: "http://127.0.0.1:9/v1", model: "m"), transport: transport)
    await #expect {
      try await ask(free, "a", CallContext(ledger: Ledger(budget: Budget(money: 1))))
    } throws: {
      ($0 as? ModelError)?.kind == .configuration
    }
    #expect(transport.requests.isEmpty)
  }

  @Test func theTimeBudgetBoundsARequestOnItsWay() async throws {
    let bench = try Bench { _ in [.hang] }
    let ledger = Ledger(budget: Budget(seconds: 2))
    await #expect {
      try await CallContext.$current.withValue(CallContext(ledger: ledger)) { try await bench.chat() }
    } throws: {
      ($0 as? ModelError)?.kind == .budget
    }
    #expect(bench.server.requests.count == 1 && ledger.spent.requests == 1)
  }

  @Test func anArchiveThatFailsEndsTheStudy() async throws {
    struct Full: Error {}
    final class Broken: CallArchive {
      func call(for key: String) async throws -> CallRecord? { nil }
      func append(_ record: CallRecord) async throws { throw Full() }
      func calls(path: String, limit: Int) async throws -> [CallRecord] { [] }
    }
    let client = Bench.client(endpoint, transport: counting())
    await #expect {
      try await ask(client, "a", CallContext(archive: Broken()))
    } throws: {
      ($0 as? ModelError)?.kind == .archive && ($0 as? ModelError)?.endsStudy == true
    }
  }

  // MARK: Single flight and cancellation

  @Test func eightIdenticalCallsAtOnceAreOneRequest() async throws {
    let bench = try Bench(maxConcurrent: 16) { _ in [.pause(seconds: 0.2), .chat("once")] }
    let archive = MemoryArchive()
    let ledger = Ledger(budget: Budget())
    let client = bench.client
    let texts = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<8 {
        group.addTask { try await ask(client, "same", CallContext(ledger: ledger, archive: archive)).text }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(texts == Array(repeating: "once", count: 8))
    #expect(bench.server.requests.count == 1 && ledger.spent.requests == 1 && archive.all.count == 1)
  }

  @Test func studiesThatShareAClientEachKeepTheirRecord() async throws {
    let bench = try Bench(maxConcurrent: 16) { _ in [.pause(seconds: 0.2), .chat("twice")] }
    let client = bench.client
    let studies = (0..<2).map { _ in (MemoryArchive(), Ledger(budget: Budget())) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (archive, ledger) in studies {
        group.addTask { _ = try await ask(client, "same", CallContext(ledger: ledger, archive: archive)) }
      }
      try await group.waitForAll()
    }
    for (archive, ledger) in studies { #expect(archive.all.count == 1 && ledger.spent.requests == 1) }
  }

  @Test func oneOfManyCallersMayLeave() async throws {
    let bench = try Bench { _ in [.pause(seconds: 0.3), .chat("kept")] }
    let archive = MemoryArchive()
    let client = bench.client
    let tasks = (0..<3).map { _ in Task { try await ask(client, "same", CallContext(archive: archive)).text } }
    while bench.server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    tasks[0].cancel()
    await #expect { _ = try await tasks[0].value } throws: { ($0 as? ModelError)?.kind == .cancelled }
    #expect(try await tasks[1].value == "kept")
    #expect(try await tasks[2].value == "kept")
    #expect(bench.server.requests.count == 1)
  }

  /// The request is on its way when its only caller is cancelled: its reply is paid for, and is stored before the caller
  /// goes on.
  @Test func aPaidReplyIsKeptThoughTheCallerIsCancelled() async throws {
    let gate = Lock(false)
    let transport = ScriptedTransport { _ in
      while !gate.withLock({ $0 }) { await Task.yield() }
      return .success(ScriptedTransport.chatReply("paid"))
    }
    let client = Bench.client(endpoint, transport: transport)
    let archive = MemoryArchive()
    let task = Task { try await ask(client, "a", CallContext(archive: archive)).text }
    while transport.requests.isEmpty { await Task.yield() }
    task.cancel()
    gate.withLock { $0 = true }
    #expect(try await task.value == "paid")
    #expect(archive.all.count == 1)
  }

  @Test func aCancelBeforeTheSendIsNotLost() async throws {
    let bench = try Bench { _ in [.hang] }
    let client = bench.client
    for _ in 0..<50 {
      let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await client.complete("x")
      }
      await #expect { _ = try await task.value } throws: { ($0 as? ModelError)?.kind == .cancelled }
    }
    let transport = CurlTransport()
    let request = HTTPRequest(url: bench.server.base, headers: [], body: [])
    for _ in 0..<200 {
      let task = Task { try await transport.send(request) }
      task.cancel()
      await #expect { _ = try await task.value } throws: { ($0 as? TransportError)?.kind == .cancelled }
    }
  }

  @Test func twoHundredHangingRequestsAreCancelled() async throws {
    let server = try FaultServer { _ in [.hang] }
    defer { server.stop() }
    let transport = CurlTransport()
    let request = HTTPRequest(url: server.base, headers: [], body: [1])
    let task = Task {
      await withTaskGroup(of: TransportError.Kind?.self) { group in
        for _ in 0..<200 {
          group.addTask {
            do throws(TransportError) {
              _ = try await transport.send(request)
              return nil
            } catch {
              return error.kind
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
    }
    while server.requests.count < 200 { try await Task.sleep(for: .milliseconds(5)) }
    task.cancel()
    #expect(await task.value == Array(repeating: .cancelled, count: 200))
  }

  @Test func cancelledWhileWaitingForAPlaceSendsNothing() async throws {
    let bench = try Bench(maxConcurrent: 1) { _ in [.hang] }
    let client = bench.client
    let ledger = Ledger(budget: Budget())
    let first = Task { try await ask(client, "a", CallContext(ledger: ledger)) }
    while bench.server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    let second = Task { try await ask(client, "b", CallContext(ledger: ledger)) }
    try await Task.sleep(for: .milliseconds(20))
    second.cancel()
    await #expect { _ = try await second.value } throws: { ($0 as? ModelError)?.kind == .cancelled }
    first.cancel()
    await #expect { _ = try await first.value } throws: { ($0 as? ModelError)?.kind == .cancelled }
    #expect(bench.server.requests.count == 1 && ledger.spent.requests == 1 && ledger.reserved == Spend())
  }
}
