import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTesting
import HoneTrace
import Testing

/// Some of the randomised studies whose thousand are a figure of the benchmarks.
@Suite struct CapRehearsalTests {
  @Test func noCapIsOvershot() async throws {
    var bound: [String: Int] = [:]
    for run in 0..<60 {
      let outcome = try await CapRehearsal(seed: 3).run(run)
      #expect(outcome.overshoot.allSatisfy { $0.value == 0 }, "\(outcome.plan): \(outcome.overshoot)")
      #expect(outcome.unbooked == 0, "\(outcome.plan)")
      for end in outcome.ends { bound[end, default: 0] += 1 }
    }
    // Every cap ended some study, or the check says nothing.
    for cap in [ModelError.Cap.requests, .tokens, .money, .time] {
      #expect((bound[cap.rawValue] ?? 0) > 1, "\(cap): \(bound)")
    }
  }

  /// It can fail: requests that the ledger never sees show as overshoot of each cap, and as requests in nobody's books.
  @Test func aLeakShows() async throws {
    var most: [ModelError.Cap: Double] = [:]
    for run in 0..<40 {
      let outcome = try await CapRehearsal(seed: 3, leaks: true).run(run)
      for (cap, excess) in outcome.overshoot { most[cap] = max(most[cap] ?? 0, excess) }
      #expect(outcome.unbooked > 0 || outcome.books[0].requests == 0, "\(outcome.plan)")
    }
    for cap in [ModelError.Cap.requests, .tokens, .money, .time] {
      #expect((most[cap] ?? 0) > 0, "\(cap): \(most)")
    }
  }

  /// The books that caps are judged by are the endpoint's own, and agree with the ledger.
  @Test func theEndpointCountsByItself() async throws {
    let clock = SimulatedClock()
    let faults = SimulatedEndpoint.Faults(limited: 0.2, overloaded: 0.1, reset: 0.1, timeout: 0.05, truncated: 0.05)
    let endpoint = SimulatedEndpoint(SimulatedModel(.few), faults: faults, clock: clock, seed: 4)
    let client = endpoint.client(alias: "a")
    let ledger = Ledger(budget: Budget(seconds: 100_000), clock: clock)
    var answered = 0
    for row in 0..<100 {
      let request = ChatRequest(
        [ChatMessage(.system, SimulatedWorld.opening), ChatMessage(.user, SimulatedWorld.few.text(row))],
        temperature: 0, maxTokens: 8)
      let reply = await CallContext.$current.withValue(CallContext(ledger: ledger)) { try? await client.chat(request) }
      if let reply {
        answered += 1
        #expect(SimulatedWorld.labels.contains(reply.text))
      }
    }
    #expect(answered > 80 && endpoint.books.faults > 20 && endpoint.books.requests > 120)
    #expect(ledger.spent.requests == endpoint.books.requests)
    #expect(ledger.spent.tokens >= endpoint.books.tokens && ledger.spent.money >= endpoint.books.money - 1e-9)
    #expect(abs(ledger.seconds - clock.seconds) < 1e-6)
  }

  /// Prices, waits and faults are the endpoint's: what the world says stays the same.
  @Test func faultsChangeNoReply() async throws {
    let quiet = SimulatedEndpoint(SimulatedModel(.many))
    let noisy = SimulatedEndpoint(
      SimulatedModel(.many), price: Price(input: 9, output: 9),
      faults: .init(limited: 0.3, overloaded: 0.2, truncated: 0.1), seed: 8)
    for row in 0..<40 {
      let request = ChatRequest([ChatMessage(.user, SimulatedWorld.many.text(row))], temperature: 0.5, maxTokens: 8)
      guard let reply = try? await noisy.client(alias: "a").chat(request) else { continue }
      #expect(try await quiet.client(alias: "b").chat(request).text == reply.text)
    }
    #expect(noisy.books.faults > 10 && quiet.books.faults == 0)
  }
}
