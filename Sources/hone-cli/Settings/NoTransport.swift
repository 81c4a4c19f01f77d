import HoneModel

/// Opens no socket: whatever would be sent is an error.
struct NoTransport: Transport {
  func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPReply {
    throw TransportError(.cancelled, "a replay sends nothing", sent: false)
  }
}
