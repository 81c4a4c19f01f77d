/// One header line.
public struct HTTPHeader: Hashable, Sendable {
  public var name: String
  public var value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// One POST and the bounds within which it must be answered.
public struct HTTPRequest: Sendable {
  public var url: String
  public var headers: [HTTPHeader]
  public var body: [UInt8]
  /// Seconds.
  public var connectTimeout: Double
  public var firstByteTimeout: Double
  public var totalTimeout: Double
  /// Most bytes of the reply's body, after decompression.
  public var maxReplyBytes: Int
  /// Most bytes of all header lines.
  public var maxHeaderBytes: Int

  public init(
    url: String, headers: [HTTPHeader], body: [UInt8], connectTimeout: Double = 5, firstByteTimeout: Double = 60,
    totalTimeout: Double = 120, maxReplyBytes: Int = 8 << 20, maxHeaderBytes: Int = 64 << 10
  ) {
    self.url = url
    self.headers = headers
    self.body = body
    self.connectTimeout = connectTimeout
    self.firstByteTimeout = firstByteTimeout
    self.totalTimeout = totalTimeout
    self.maxReplyBytes = maxReplyBytes
    self.maxHeaderBytes = maxHeaderBytes
  }
}

/// What the server said, whatever its status.
public struct HTTPReply: Sendable {
  public var status: Int
  public var headers: [HTTPHeader]
  public var body: [UInt8]

  public init(status: Int, headers: [HTTPHeader] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// The first header of this name, in any case.
  public func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name }?.value
  }
}

/// Why no whole reply came.
public struct TransportError: Error, Hashable, Sendable {
  public enum Kind: String, Sendable {
    /// Refused, reset, DNS, closed in mid-body.
    case connection
    case timeout
    case tls
    /// Headers or body over their cap.
    case tooLarge
    /// Not HTTP, or a body that does not decompress.
    case garbled
    case invalidURL
    case cancelled
  }
  public var kind: Kind
  public var message: String
  /// True when the request may have reached the server, so that it may be charged for.
  public var sent: Bool

  public init(_ kind: Kind, _ message: String, sent: Bool) {
    self.kind = kind
    self.message = message
    self.sent = sent
  }
}

/// Sends one request. Redirects, retries and meaning are the caller's business.
public protocol Transport: Sendable {
  func send(_ request: HTTPRequest) async throws(TransportError) -> HTTPReply
}
