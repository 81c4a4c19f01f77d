import HoneTrace

/// Keeps the caps: reserves the most a request can use before it is sent, and settles what it did use afterwards.
///
/// Reserved and spent together never pass a cap, however many requests are on their way. Thread-safe.
public final class Ledger: Sendable {
  public let budget: Budget
  private let state: Lock<State>

  struct State {
    var spent: Spend
    var reserved = Spend()
  }

  /// - Parameter spent: what earlier sessions of the study used.
  public init(budget: Budget, spent: Spend = Spend()) {
    self.budget = budget
    state = Lock(State(spent: spent))
  }

  public var spent: Spend { state.withLock { $0.spent } }

  /// A promise of tokens and money for one request and all its tries.
  public struct Reservation: Sendable {
    let amount: Spend
  }

  /// - Throws: `ModelError.budget`, naming the cap, what is left of it and what was asked.
  public func reserve(requests: Int = 1, promptTokens: Int, completionTokens: Int, money: Double)
    throws(ModelError) -> Reservation
  {
    var amount = Spend()
    amount.requests = requests
    amount.promptTokens = promptTokens
    amount.completionTokens = completionTokens
    amount.money = money
    try state.withLock { state throws(ModelError) in
      let used = state.spent + state.reserved
      if let cap = budget.requests, used.requests + requests > cap {
        throw Self.exhausted("requests", left: "\(max(0, cap - used.requests))", of: "\(cap)", asked: "\(requests)")
      }
      if let cap = budget.tokens, used.tokens + amount.tokens > cap {
        throw Self.exhausted("tokens", left: "\(max(0, cap - used.tokens))", of: "\(cap)", asked: "\(amount.tokens)")
      }
      if let cap = budget.money, used.money + money > cap {
        throw Self.exhausted("money", left: "\(max(0, cap - used.money))", of: "\(cap)", asked: "\(money)")
      }
      state.reserved = state.reserved + amount
    }
    return Reservation(amount: amount)
  }

  /// Gives the reservation back and books what was used: nothing for a request that was never sent.
  public func settle(_ reservation: Reservation, used: Spend) {
    state.withLock { state in
      state.reserved.requests -= reservation.amount.requests
      state.reserved.promptTokens -= reservation.amount.promptTokens
      state.reserved.completionTokens -= reservation.amount.completionTokens
      state.reserved.money -= reservation.amount.money
      state.spent = state.spent + used
    }
  }

  private static func exhausted(_ what: String, left: String, of cap: String, asked: String) -> ModelError {
    ModelError(
      .budget, "the budget of \(cap) \(what) has \(left) left and the next request may need \(asked)",
      hint: "raise the budget and run the same command again: it goes on where it stopped")
  }
}
