import HoneTrace

/// A clock that never waits: whoever sleeps moves it on. For runs whose caps on time must be exact.
public final class SimulatedClock: Clock, Sendable {
  public typealias Instant = ContinuousClock.Instant
  private let state: Lock<Instant>
  private let start: Instant

  public init() {
    start = ContinuousClock.now
    state = Lock(start)
  }

  public var now: Instant { state.withLock { $0 } }
  public var minimumResolution: Duration { .nanoseconds(1) }

  /// Since it was made.
  public var seconds: Double {
    let (seconds, attoseconds) = start.duration(to: now).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }

  public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    try Task.checkCancellation()
    state.withLock { $0 = max($0, deadline) }
  }

  public func advance(by seconds: Double) { state.withLock { $0 = $0.advanced(by: .seconds(seconds)) } }
}
