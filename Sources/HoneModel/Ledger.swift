import HoneTrace

/// Keeps the caps: reserves the most a request can use before it is sent, and settles what it did use afterwards.
///
/// Reserved and spent together never pass a cap, however many requests are on their way. Thread-safe.
///
/// A prompt is reserved at one token a byte, because no tokenizer makes more, and settled at what the server counted,
/// about a quarter of that. So the last few thousand tokens of a budget may stay unspent, and a token budget has to be
/// larger than the longest prompt in bytes plus its `maxTokens`, or nothing is ever sent.
public final class Ledger: Sendable {
  public let budget: Budget
  private let state: Lock<State>
  private let stopwatch: Stopwatch

  struct State {
    var spent: Spend
    var reserved = Spend()
    var waiting: [Waiter] = []
    var nextWaiter = 0
  }

  struct Waiter {
    let number: Int
    let amount: Spend
    let continuation: CheckedContinuation<Result<Reservation, ModelError>, Never>
  }

  /// - Parameters:
  ///   - spent: what earlier sessions of the study used.
  ///   - seconds: how long they ran; this session's own time is counted from here.
  public init(
    budget: Budget, spent: Spend = Spend(), seconds: Double = 0, clock: any Clock<Duration> = ContinuousClock()
  ) {
    self.budget = budget
    earlierSeconds = seconds
    stopwatch = Stopwatch(clock)
    state = Lock(State(spent: spent))
  }

  private let earlierSeconds: Double

  public var spent: Spend { state.withLock { $0.spent } }

  /// What requests on their way may still use.
  public var reserved: Spend { state.withLock { $0.reserved } }

  /// Requests that wait for what others may give back.
  var waiters: Int { state.withLock { $0.waiting.count } }

  /// Seconds run, earlier sessions included.
  public var seconds: Double { earlierSeconds + stopwatch.seconds }

  /// Seconds left of the time cap; nil without one.
  public var secondsLeft: Double? { budget.seconds.map { $0 - seconds } }

  /// A promise of tokens and money for one try of one request.
  public struct Reservation: Sendable {
    let amount: Spend
  }

  /// Reserves at once or not at all.
  /// - Throws: `ModelError.budget`, naming the cap, what is left of it and what was asked.
  public func reserve(requests: Int = 1, promptTokens: Int, completionTokens: Int, money: Double)
    throws(ModelError) -> Reservation
  {
    let amount = Self.amount(requests, promptTokens, completionTokens, money)
    if let error = outOfTime { throw error }
    return try state.withLock { state throws(ModelError) in
      if let error = shortage(of: amount, used: state.spent + state.reserved) { throw error }
      state.reserved = state.reserved + amount
      return Reservation(amount: amount)
    }
  }

  /// Reserves, waiting in line while only what other requests have reserved, and may give back, stands in the way.
  /// So whether a request is refused depends on what was spent, not on what happened to be on its way.
  /// - Throws: `ModelError.budget` as `reserve` does; `.cancelled`.
  public func reserveInTurn(requests: Int = 1, promptTokens: Int, completionTokens: Int, money: Double)
    async throws(ModelError) -> Reservation
  {
    let amount = Self.amount(requests, promptTokens, completionTokens, money)
    if let error = outOfTime { throw error }
    let number = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Result<Reservation, ModelError>? = state.withLock { state in
          if Task.isCancelled { return .failure(ModelError(.cancelled, "cancelled while waiting for the budget")) }
          if state.waiting.isEmpty, let answer = settleNow(amount, &state) { return answer }
          state.waiting.append(Waiter(number: number, amount: amount, continuation: continuation))
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0) }
      }
      waiter?.continuation.resume(
        returning: .failure(ModelError(.cancelled, "cancelled while waiting for the budget")))
    }
    return try result.get()
  }

  /// Gives the reservation back and books what was used: nothing for a request that was never sent.
  public func settle(_ reservation: Reservation, used: Spend) {
    let answered: [(Waiter, Result<Reservation, ModelError>)] = state.withLock { state in
      state.reserved.requests -= reservation.amount.requests
      state.reserved.promptTokens -= reservation.amount.promptTokens
      state.reserved.completionTokens -= reservation.amount.completionTokens
      state.reserved.money = state.reserved.requests == 0 ? 0 : state.reserved.money - reservation.amount.money
      state.spent = state.spent + used
      var answered: [(Waiter, Result<Reservation, ModelError>)] = []
      while let first = state.waiting.first, let answer = settleNow(first.amount, &state) {
        answered.append((state.waiting.removeFirst(), answer))
      }
      return answered
    }
    for (waiter, answer) in answered { waiter.continuation.resume(returning: answer) }
  }

  /// The answer if it is known now: reserved, or refused because what is spent alone leaves too little. Nil: wait.
  private func settleNow(_ amount: Spend, _ state: inout State) -> Result<Reservation, ModelError>? {
    if let error = shortage(of: amount, used: state.spent) { return .failure(error) }
    guard shortage(of: amount, used: state.spent + state.reserved) == nil else { return nil }
    state.reserved = state.reserved + amount
    return .success(Reservation(amount: amount))
  }

  private func shortage(of amount: Spend, used: Spend) -> ModelError? {
    if let cap = budget.requests, used.requests + amount.requests > cap {
      return Self.exhausted(
        .requests, left: "\(max(0, cap - used.requests))", of: "\(cap)", asked: "\(amount.requests)")
    }
    if let cap = budget.tokens, used.tokens + amount.tokens > cap {
      return Self.exhausted(.tokens, left: "\(max(0, cap - used.tokens))", of: "\(cap)", asked: "\(amount.tokens)")
    }
    if let cap = budget.money, used.money + amount.money > cap {
      return Self.exhausted(.money, left: "\(max(0, cap - used.money))", of: "\(cap)", asked: "\(amount.money)")
    }
    return nil
  }

  private var outOfTime: ModelError? {
    guard let cap = budget.seconds, seconds >= cap else { return nil }
    return ModelError(
      .budget, "the budget of \(cap) seconds is used up", cap: .time)
  }

  private static func amount(_ requests: Int, _ prompt: Int, _ completion: Int, _ money: Double) -> Spend {
    var amount = Spend()
    amount.requests = requests
    amount.promptTokens = prompt
    amount.completionTokens = completion
    amount.money = money
    return amount
  }

  private static func exhausted(_ kind: ModelError.Cap, left: String, of cap: String, asked: String) -> ModelError {
    ModelError(
      .budget, "the budget of \(cap) \(kind.rawValue) has \(left) left and the next request may need \(asked)",
      cap: kind)
  }
}
