import HoneTrace

/// Makes identical calls that run at the same time one call.
///
/// The work runs in a task of its own: a caller that is cancelled leaves at once, and the work is cancelled when the last
/// one has left.
final class SingleFlight: Sendable {
  typealias Answer = Result<ModelClient.Answer, ModelError>

  private struct Flight {
    var waiting: [Int: CheckedContinuation<Answer, Never>] = [:]
    var task: Task<Void, Never>?
  }

  private struct State {
    var flights: [String: Flight] = [:]
    var nextNumber = 0
  }

  private let state = Lock(State())

  func run(_ key: String, _ work: @escaping @Sendable () async -> Answer) async -> Answer {
    let number = state.withLock { state in
      state.nextNumber += 1
      return state.nextNumber
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isCancelled = state.withLock { state in
          if Task.isCancelled { return true }
          let isFirst = state.flights[key] == nil
          state.flights[key, default: Flight()].waiting[number] = continuation
          if isFirst { state.flights[key]?.task = Task { self.land(key, await work()) } }
          return false
        }
        if isCancelled { continuation.resume(returning: .failure(.cancelledCall)) }
      }
    } onCancel: {
      leave(key, number)
    }
  }

  private func land(_ key: String, _ answer: Answer) {
    let waiting = state.withLock { $0.flights.removeValue(forKey: key)?.waiting ?? [:] }
    for (_, continuation) in waiting.sorted(by: { $0.key < $1.key }) { continuation.resume(returning: answer) }
  }

  private func leave(_ key: String, _ number: Int) {
    let continuation = state.withLock { state in
      let continuation = state.flights[key]?.waiting.removeValue(forKey: number)
      // A cancelled flight lands like any other: it may have been paid for and is then stored.
      if continuation != nil, state.flights[key]?.waiting.isEmpty == true { state.flights[key]?.task?.cancel() }
      return continuation
    }
    continuation?.resume(returning: .failure(.cancelledCall))
  }
}

extension ModelError {
  static var cancelledCall: ModelError { ModelError(.cancelled, "the model call was cancelled") }
}
