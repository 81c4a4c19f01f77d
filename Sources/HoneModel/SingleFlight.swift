import HoneTrace

/// Makes identical calls that run at the same time one call.
///
/// The work runs in a task of its own. A caller that is cancelled leaves at once while others wait; the last one cancels
/// the work and waits for its end, so that a reply which is still kept is kept before its caller goes on.
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
    let continuation: CheckedContinuation<Answer, Never>? = state.withLock { state in
      guard let flight = state.flights[key], flight.waiting[number] != nil else { return nil }
      guard flight.waiting.count > 1 else {
        flight.task?.cancel()
        return nil
      }
      return state.flights[key]?.waiting.removeValue(forKey: number)
    }
    continuation?.resume(returning: .failure(.cancelledCall))
  }
}

extension ModelError {
  static var cancelledCall: ModelError { ModelError(.cancelled, "the model call was cancelled") }
}
