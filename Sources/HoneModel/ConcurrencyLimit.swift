import HoneTrace

/// How many requests may be on their way at once. Additive increase, multiplicative decrease (Chiu and Jain 1989): the
/// limit halves when the server says it is overloaded and grows by one for every limit's worth of good replies.
///
/// First come, first served. Thread-safe.
final class ConcurrencyLimit: Sendable {
  enum Signal {
    case good, overloaded
    /// Says nothing about load.
    case neutral
  }

  private struct State {
    var limit: Double
    var inFlight = 0
    var epoch = 0
    var waiting: [(number: Int, continuation: CheckedContinuation<Int?, Never>)] = []
    var nextNumber = 0
  }

  private let state: Lock<State>
  private let maximum: Double

  init(_ maximum: Int) {
    self.maximum = Double(max(1, maximum))
    state = Lock(State(limit: Double(max(1, maximum))))
  }

  /// The present limit.
  var limit: Int { state.withLock { Int($0.limit) } }

  /// Waits for a place. Nil: the task was cancelled; otherwise the place's epoch, to be handed back with it.
  func acquire() async -> Int? {
    let number = state.withLock { state in
      state.nextNumber += 1
      return state.nextNumber
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Int?? = state.withLock { state in
          if Task.isCancelled { return .some(nil) }
          if state.waiting.isEmpty, state.inFlight < Int(state.limit) {
            state.inFlight += 1
            return .some(state.epoch)
          }
          state.waiting.append((number, continuation))
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0) }
      }
      waiter?.continuation.resume(returning: nil)
    }
  }

  /// Gives the place back with what was learned. A burst of refusals of one epoch halves the limit once.
  func release(epoch: Int, _ signal: Signal) {
    let admitted: [(CheckedContinuation<Int?, Never>, Int)] = state.withLock { state in
      state.inFlight -= 1
      switch signal {
      case .good: state.limit = min(maximum, state.limit + 1 / state.limit)
      case .overloaded where epoch == state.epoch:
        state.limit = max(1, state.limit / 2)
        state.epoch += 1
      case .overloaded, .neutral: break
      }
      var admitted: [(CheckedContinuation<Int?, Never>, Int)] = []
      while !state.waiting.isEmpty, state.inFlight < Int(state.limit) {
        state.inFlight += 1
        admitted.append((state.waiting.removeFirst().continuation, state.epoch))
      }
      return admitted
    }
    for (continuation, epoch) in admitted { continuation.resume(returning: epoch) }
  }
}
