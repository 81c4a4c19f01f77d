import CCurl

/// HTTP on libcurl: connections are kept and shared, HTTP/2 is spoken over TLS where the server can.
///
/// One thread owns the multi handle and every easy handle; requests and cancellations reach it through a queue. Ending
/// the last reference ends the thread.
public final class CurlTransport: Transport {
  private let driver: CurlDriver

  public init() {
    driver = CurlDriver()
    driver.start()
  }

  deinit { driver.stop() }

  /// - Throws: `TransportError`; `.cancelled` when the task was cancelled, before or after the request was queued.
  public func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPReply {
    let transfer = CurlTransfer(request)
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { driver.add(transfer, $0) }
    } onCancel: {
      driver.cancel(transfer)
    }
    return try result.get()
  }
}
