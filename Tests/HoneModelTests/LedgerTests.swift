import HoneNumerics
import HoneTrace
import Testing

@testable import HoneModel

@Suite struct LedgerTests {
  /// Many requests at once, each with several tries, using anything up to what they reserved.
  @Test func aThousandRandomisedRunsOvershootNothing() async throws {
    var random = RandomStream(seed: 20_261_121, name: "ledger")
    for run in 0..<1000 {
      let budget = Budget(
        requests: Int.random(in: 1...30, using: &random), tokens: Int.random(in: 1...5000, using: &random),
        money: Double.random(in: 0.01...1, using: &random))
      let ledger = Ledger(budget: budget)
      let price = Price(input: 10, output: 50)
      let plans = (0..<8).map { _ in
        (0..<6).map { _ in
          let most = (Int.random(in: 0...400, using: &random), Int.random(in: 0...400, using: &random))
          return (
            most: most,
            used: (Int.random(in: 0...most.0, using: &random), Int.random(in: 0...most.1, using: &random))
          )
        }
      }
      let inTurn = run % 2 == 0
      await withTaskGroup(of: Void.self) { group in
        for plan in plans {
          group.addTask {
            for (most, used) in plan {
              let money = price.cost(promptTokens: most.0, completionTokens: most.1)
              let reservation =
                inTurn
                ? try? await ledger.reserveInTurn(promptTokens: most.0, completionTokens: most.1, money: money)
                : try? ledger.reserve(promptTokens: most.0, completionTokens: most.1, money: money)
              guard let reservation else { continue }
              await Task.yield()
              var spend = Spend()
              spend.add(
                Usage(
                  promptTokens: used.0, completionTokens: used.1,
                  cost: price.cost(promptTokens: used.0, completionTokens: used.1)))
              ledger.settle(reservation, used: spend)
            }
          }
        }
      }
      let spent = ledger.spent
      #expect(spent.requests <= budget.requests ?? 0, "run \(run)")
      #expect(spent.tokens <= budget.tokens ?? 0, "run \(run)")
      #expect(spent.money <= (budget.money ?? 0) + 1e-12, "run \(run)")
      #expect(ledger.reserved == Spend(), "run \(run)")
    }
  }

  @Test func aReservationIsMadeBeforeAndGivenBackAfter() throws {
    let ledger = Ledger(budget: Budget(tokens: 100))
    let first = try ledger.reserve(promptTokens: 50, completionTokens: 30, money: 0)
    #expect(throws: ModelError.self) { try ledger.reserve(promptTokens: 21, completionTokens: 0, money: 0) }
    var used = Spend()
    used.promptTokens = 10
    ledger.settle(first, used: used)
    _ = try ledger.reserve(promptTokens: 90, completionTokens: 0, money: 0)
  }

  @Test func theErrorNamesTheCap() throws {
    for (budget, word) in [
      (Budget(requests: 0), "requests"), (Budget(tokens: 9), "tokens"), (Budget(money: 0.5), "money"),
      (Budget(seconds: 0), "seconds"),
    ] {
      #expect {
        try Ledger(budget: budget).reserve(promptTokens: 5, completionTokens: 5, money: 1)
      } throws: {
        let error = $0 as? ModelError
        return error?.kind == .budget && error?.message.contains(word) == true && error?.endsStudy == true
      }
    }
  }

  @Test func aWaiterIsServedWhenWhatWasReservedComesBack() async throws {
    let ledger = Ledger(budget: Budget(tokens: 100))
    let first = try ledger.reserve(promptTokens: 90, completionTokens: 0, money: 0)
    let waiter = Task { try await ledger.reserveInTurn(promptTokens: 80, completionTokens: 0, money: 0) }
    while ledger.waiters == 0 { await Task.yield() }
    var used = Spend()
    used.promptTokens = 20
    ledger.settle(first, used: used)
    ledger.settle(try await waiter.value, used: Spend())
    #expect(ledger.spent.tokens == 20)
  }

  @Test func aWaiterIsRefusedWhenTooMuchWasSpent() async throws {
    let ledger = Ledger(budget: Budget(tokens: 100))
    let first = try ledger.reserve(promptTokens: 90, completionTokens: 0, money: 0)
    let waiter = Task { try await ledger.reserveInTurn(promptTokens: 80, completionTokens: 0, money: 0) }
    while ledger.waiters == 0 { await Task.yield() }
    var used = Spend()
    used.promptTokens = 50
    ledger.settle(first, used: used)
    await #expect { _ = try await waiter.value } throws: { ($0 as? ModelError)?.kind == .budget }
  }

  @Test func aWaiterCanBeCancelled() async throws {
    let ledger = Ledger(budget: Budget(tokens: 100))
    let first = try ledger.reserve(promptTokens: 90, completionTokens: 0, money: 0)
    let waiter = Task { try await ledger.reserveInTurn(promptTokens: 80, completionTokens: 0, money: 0) }
    while ledger.waiters == 0 { await Task.yield() }
    waiter.cancel()
    await #expect { _ = try await waiter.value } throws: { ($0 as? ModelError)?.kind == .cancelled }
    #expect(ledger.waiters == 0)
    ledger.settle(first, used: Spend())
  }

  @Test func timeCountsEarlierSessionsAndStopsAtTheCap() throws {
    let clock = InstantClock()
    let ledger = Ledger(budget: Budget(seconds: 100), seconds: 60, clock: clock)
    _ = try ledger.reserve(promptTokens: 0, completionTokens: 0, money: 0)
    clock.advance(by: 39)
    #expect(abs((ledger.secondsLeft ?? 0) - 1) < 1e-6)
    _ = try ledger.reserve(promptTokens: 0, completionTokens: 0, money: 0)
    clock.advance(by: 1)
    #expect(throws: ModelError.self) { try ledger.reserve(promptTokens: 0, completionTokens: 0, money: 0) }
  }

  @Test func earlierSpendCounts() throws {
    var spent = Spend()
    spent.requests = 3
    let ledger = Ledger(budget: Budget(requests: 4), spent: spent)
    _ = try ledger.reserve(promptTokens: 0, completionTokens: 0, money: 0)
    #expect(throws: ModelError.self) { try ledger.reserve(promptTokens: 0, completionTokens: 0, money: 0) }
  }
}
