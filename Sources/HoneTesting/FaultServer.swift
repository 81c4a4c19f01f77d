import Foundation
import HoneModel
import HoneTrace

/// A loopback HTTP server that misbehaves as told: for tests of everything that speaks to an endpoint.
///
/// Each request is answered with a list of actions on the raw socket, so any fault can be made: delays, drips, resets,
/// wrong lengths, floods. One thread a connection; connections are kept alive unless an action ends them.
public final class FaultServer: Sendable {
  /// A request as it came.
  public struct Request: Sendable {
    public let method: String
    public let path: String
    public let headers: [HTTPHeader]
    public let body: [UInt8]
    /// From 0, in the order of arrival.
    public let number: Int
    /// The how-many-th connection it came on, from 0.
    public let connection: Int
    /// Seconds since the server began.
    public let seconds: Double

    public func header(_ name: String) -> String? {
      headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The body as JSON, null when it is none.
    public var json: Value { (try? Value.parse(json: body)) ?? .null }
  }

  /// One thing done to the connection.
  public enum Action: Sendable {
    case send([UInt8])
    case pause(seconds: Double)
    /// One byte at a time.
    case drip([UInt8], interval: Double)
    /// Many equal bytes.
    case flood(UInt8, count: Int)
    /// Says nothing until the client leaves or the server stops.
    case hang
    /// Closes in order.
    case close
    /// Closes with a reset.
    case reset
  }

  private struct State {
    var listener: Int32 = -1
    var connections: [Int: Int32] = [:]
    var accepted = 0
    var requests: [Request] = []
    var seen = 0
    var isStopped = false
  }

  public let port: Int
  private let script: @Sendable (Request) -> [Action]
  private let resetsAtAccept: Bool
  private let keepsRequests: Bool
  private let state: Lock<State>
  private let start = DispatchTime.now().uptimeNanoseconds

  /// - Parameters:
  ///   - resetsAtAccept: every connection is reset before a byte is read.
  ///   - keepsRequests: false for long runs, where `requests` would grow without end.
  ///   - script: what to do with a request; called on the connection's thread.
  /// - Throws: `POSIXError` when no socket can be had.
  public init(
    resetsAtAccept: Bool = false, keepsRequests: Bool = true, _ script: @escaping @Sendable (Request) -> [Action]
  ) throws {
    self.script = script
    self.resetsAtAccept = resetsAtAccept
    self.keepsRequests = keepsRequests
    let (listener, port) = try Sockets.listen()
    self.port = port
    state = Lock(State(listener: listener))
    Thread { [self] in accept(listener) }.start()
  }

  /// `http://127.0.0.1:PORT/v1`.
  public var base: String { "http://127.0.0.1:\(port)/v1" }
  public var requests: [Request] { state.withLock { $0.requests } }
  /// Connections accepted so far.
  public var connections: Int { state.withLock { $0.accepted } }

  /// Closes everything. Call it at the end of a test: a running server keeps its threads.
  public func stop() {
    state.withLock { state in
      guard !state.isStopped else { return }
      state.isStopped = true
      shutdown(state.listener, Int32(SHUT_RDWR))
      for descriptor in state.connections.values { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
  }

  private var isStopped: Bool { state.withLock { $0.isStopped } }

  private func accept(_ listener: Int32) {
    while !isStopped {
      let descriptor = Foundation.accept(listener, nil, nil)
      guard descriptor >= 0 else { break }
      let number = state.withLock { state in
        defer { state.accepted += 1 }
        state.connections[state.accepted] = descriptor
        return state.accepted
      }
      if resetsAtAccept {
        end(descriptor, number, withReset: true)
      } else {
        let thread = Thread { [self] in serve(descriptor, number) }
        thread.stackSize = 256 << 10
        thread.start()
      }
    }
    close(listener)
  }

  private func serve(_ descriptor: Int32, _ connection: Int) {
    var buffer: [UInt8] = []
    while let request = read(descriptor, connection, &buffer) {
      for action in script(request) {
        switch action {
        case .send(let bytes): guard Sockets.send(descriptor, bytes) else { return end(descriptor, connection) }
        case .pause(let seconds): wait(descriptor, seconds)
        case .drip(let bytes, let interval):
          for byte in bytes {
            guard Sockets.send(descriptor, [byte]), !isStopped else { return end(descriptor, connection) }
            wait(descriptor, interval)
          }
        case .flood(let byte, let count):
          let piece = [UInt8](repeating: byte, count: 1 << 16)
          for offset in stride(from: 0, to: count, by: piece.count) {
            guard Sockets.send(descriptor, Array(piece.prefix(count - offset))) else {
              return end(descriptor, connection)
            }
          }
        case .hang:
          wait(descriptor, .infinity)
          return end(descriptor, connection)
        case .close: return end(descriptor, connection)
        case .reset: return end(descriptor, connection, withReset: true)
        }
      }
    }
    end(descriptor, connection)
  }

  /// The next request; nil when the client has left or sends something else.
  private func read(_ descriptor: Int32, _ connection: Int, _ buffer: inout [UInt8]) -> Request? {
    let blank = Array("\r\n\r\n".utf8)
    var headEnd: Int?
    while headEnd == nil {
      headEnd = buffer.indices.first { buffer[$0...].starts(with: blank) }
      if headEnd == nil, !Sockets.receive(descriptor, &buffer) { return nil }
    }
    let lines = String(decoding: buffer.prefix(headEnd ?? 0), as: UTF8.self).components(separatedBy: "\r\n")
    let first = (lines.first ?? "").split(separator: " ").map(String.init)
    let headers = lines.dropFirst().compactMap { line -> HTTPHeader? in
      guard let colon = line.firstIndex(of: ":") else { return nil }
      return HTTPHeader(
        String(line[..<colon]), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
    }
    let length = headers.first { $0.name.lowercased() == "content-length" }.flatMap { Int($0.value) } ?? 0
    let end = (headEnd ?? 0) + blank.count + length
    while buffer.count < end { if !Sockets.receive(descriptor, &buffer) { return nil } }
    let body = Array(buffer[(end - length)..<end])
    buffer.removeFirst(end)
    guard first.count >= 2 else { return nil }
    return state.withLock { state in
      let now = DispatchTime.now().uptimeNanoseconds
      let request = Request(
        method: first[0], path: first[1], headers: headers, body: body, number: state.seen,
        connection: connection, seconds: Double(now - start) / 1e9)
      state.seen += 1
      if keepsRequests { state.requests.append(request) }
      return request
    }
  }

  /// Waits, but not for a client that has left.
  private func wait(_ descriptor: Int32, _ seconds: Double) {
    let limit = min(seconds, 3600)
    let due = DispatchTime.now().uptimeNanoseconds + UInt64(max(0, limit) * 1e9)
    while !isStopped {
      let now = DispatchTime.now().uptimeNanoseconds
      guard now < due else { return }
      let milliseconds = Int32(min(50, (due - now) / 1_000_000 + 1))
      if Sockets.hasLeft(descriptor, milliseconds: milliseconds) { return }
    }
  }

  private func end(_ descriptor: Int32, _ connection: Int, withReset: Bool = false) {
    state.withLock { _ = $0.connections.removeValue(forKey: connection) }
    if withReset { Sockets.resetOnClose(descriptor) }
    close(descriptor)
  }
}
