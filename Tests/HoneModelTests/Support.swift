import Foundation
import HoneTesting
import HoneTrace
import Testing

@testable import HoneModel

/// A clock that never waits: sleeping moves it on and is noted.
final class InstantClock: Clock, Sendable {
  typealias Instant = ContinuousClock.Instant
  private let state: Lock<(now: Instant, slept: [Double])> = Lock((ContinuousClock.now, []))

  var now: Instant { state.withLock { $0.now } }
  var minimumResolution: Duration { .nanoseconds(1) }
  /// Seconds of each sleep, in order.
  var slept: [Double] { state.withLock { $0.slept } }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    try Task.checkCancellation()
    state.withLock { state in
      let (seconds, attoseconds) = state.now.duration(to: deadline).components
      state.slept.append(Double(seconds) + Double(attoseconds) * 1e-18)
      state.now = max(state.now, deadline)
    }
  }

  func advance(by seconds: Double) { state.withLock { $0.now = $0.now.advanced(by: .seconds(seconds)) } }
}

/// Keeps calls in memory.
final class MemoryArchive: CallArchive {
  private let records = Lock<[CallRecord]>([])
  var all: [CallRecord] { records.withLock { $0 } }
  func call(for key: String) async throws -> CallRecord? { all.first { $0.key == key } }
  func append(_ record: CallRecord) async throws {
    records.withLock { records in
      if !records.contains(where: { $0.key == record.key }) { records.append(record) }
    }
  }
  func calls(path: String, limit: Int) async throws -> [CallRecord] {
    Array(all.filter { $0.path == path }.prefix(limit))
  }
}

/// One endpoint on a fault server, one client on libcurl, and a clock that does not wait.
final class Bench {
  let server: FaultServer
  let clock = InstantClock()
  let client: ModelClient

  /// The deadlines are far: a loaded machine may take seconds to schedule an answer. Tests of a deadline give their own.
  init(
    resetsAtAccept: Bool = false, api: Endpoint.API = .openAI, connectTimeout: Double = 60,
    firstByteTimeout: Double = 120, totalTimeout: Double = 240, maxConcurrent: Int = 4,
    key: String? = "sk-test-0123456789",
    _ script: @escaping @Sendable (FaultServer.Request) -> [FaultServer.Action]
  ) throws {
    server = try FaultServer(resetsAtAccept: resetsAtAccept, script)
    let endpoint = Endpoint(
      base: server.base, api: api, model: "m", key: key == nil ? .none : .environment("TEST_KEY"),
      connectTimeout: connectTimeout, firstByteTimeout: firstByteTimeout, totalTimeout: totalTimeout,
      maxConcurrent: maxConcurrent)
    client = Bench.client(endpoint, clock: clock, key: key)
  }

  deinit { server.stop() }

  static func client(
    _ endpoint: Endpoint, transport: any Transport = CurlTransport(), clock: any Clock<Duration> = InstantClock(),
    key: String? = "sk-test-0123456789", now: Date = Date(timeIntervalSince1970: 784_111_777)
  ) -> ModelClient {
    ModelClient(
      endpoint, transport: transport, clock: clock, seed: 1, secrets: Secrets(),
      environment: key.map { ["TEST_KEY": $0] } ?? [:], policy: RetryPolicy(), session: 7, now: { now })
  }

  func chat(_ prompt: String = "hello", maxTokens: Int = 16) async throws(ModelError) -> ChatReply {
    try await client.chat(ChatRequest([ChatMessage(.user, prompt)], maxTokens: maxTokens))
  }

  /// The error a chat ends with; records an issue when it ends well.
  func error(_ prompt: String = "hello", _ location: SourceLocation = #_sourceLocation) async -> ModelError? {
    do throws(ModelError) {
      let reply = try await chat(prompt)
      Issue.record("expected an error, got \(reply)", sourceLocation: location)
      return nil
    } catch {
      return error
    }
  }
}

func fixture(_ name: String) throws -> [UInt8] {
  let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil))
  return Array(try Data(contentsOf: url))
}

/// A directory that is gone afterwards.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hone-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try await body(folder.path)
}
