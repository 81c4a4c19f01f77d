/// Seconds since it was made, on any clock.
package struct Stopwatch: Sendable {
  private let elapsed: @Sendable () -> Duration

  package init(_ clock: any Clock<Duration>) {
    func start<C: Clock<Duration>>(_ clock: C) -> @Sendable () -> Duration {
      let beginning = clock.now
      return { beginning.duration(to: clock.now) }
    }
    elapsed = start(clock)
  }

  package var seconds: Double {
    let (seconds, attoseconds) = elapsed().components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
