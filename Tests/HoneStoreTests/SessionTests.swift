import HoneStore
import HoneTesting
import HoneTrace
import Testing

/// How long sessions ran, also those that were killed.
@Suite("Sessions") struct SessionTests {
  @Test func aKilledSessionCountsUntilItsLastWrite() async throws {
    let folder = try TemporaryFolder()
    let time = Lock(1_000.0)
    let clock: @Sendable () -> Double = { time.withLock { $0 } }
    let killed = try await SQLiteStore(path: folder.file("s.db"), now: clock)
    _ = try await killed.open(Sample.definition)
    try await killed.acquire("s", owner: StoreConformance.deadOwner)
    for (second, example) in [(1_003.0, "a"), (1_003.1, "b"), (1_007, "c")] {
      time.withLock { $0 = second }
      try await killed.append(rollouts: [Sample.rollout(0, example)], calls: [], study: "s")
    }
    // Not released. Another process goes on an hour later.
    time.withLock { $0 = 5_000 }
    let next = try await SQLiteStore(path: folder.file("s.db"), now: clock)
    try await next.acquire("s", owner: .current)
    #expect(try await next.seconds(of: "s") == 7)
    // What the session says of itself replaces the notes that were made on the way.
    time.withLock { $0 = 5_010 }
    try await next.append(rollouts: [Sample.rollout(0, "d")], calls: [], study: "s")
    try await next.release("s", owner: .current, seconds: 9.5)
    #expect(try await next.seconds(of: "s") == 16.5)
  }
}
