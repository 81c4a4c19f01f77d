import CCurl
import Foundation
import HoneTrace

/// One request on its way.
///
/// `phase` is shared under its lock; everything else belongs to the driver's thread once the transfer is queued, which is
/// why the class may be sent although the compiler cannot see it.
final class CurlTransfer: @unchecked Sendable {
  typealias Completion = CheckedContinuation<Result<HTTPReply, TransportError>, Never>

  enum Phase {
    /// Not handed to the driver yet.
    case new
    /// A cancel came first: the driver must never see it.
    case cancelled
    case queued(Completion)
    case done
  }

  let request: HTTPRequest
  let phase = Lock(Phase.new)

  // The driver's own.
  var number: UInt64 = 0
  var easy: UnsafeMutableRawPointer?
  var headerList: UnsafeMutablePointer<curl_slist>?
  var headers: [HTTPHeader] = []
  var headerBytes = 0
  var body: [UInt8] = []
  var tooLarge: String?
  var hasFirstByte = false
  /// How often libcurl was about to put the request on the wire.
  var sendings = 0
  let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

  init(_ request: HTTPRequest) {
    self.request = request
    errorText[0] = 0
  }

  deinit { errorText.deallocate() }

  /// Resumes the caller, once.
  func finish(_ result: Result<HTTPReply, TransportError>) {
    let waiting: Completion? = phase.withLock { phase in
      defer { phase = .done }
      if case .queued(let completion) = phase { return completion }
      return nil
    }
    waiting?.resume(returning: result)
  }

  /// Sets what is the same for every request, once on a new handle.
  static func prepare(_ easy: UnsafeMutableRawPointer) {
    hone_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    hone_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
    hone_set_long(easy, CURLOPT_NOSIGNAL, 1)
    hone_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
    hone_set_string(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate")
    hone_set_long(easy, CURLOPT_LOW_SPEED_LIMIT, 1)
    hone_set_callback(easy, CURLOPT_WRITEFUNCTION, onBody)
    hone_set_callback(easy, CURLOPT_HEADERFUNCTION, onHeader)
  }

  /// Sets everything that belongs to the request, whatever the handle was used for before.
  func configure(_ easy: UnsafeMutableRawPointer, isLoopback: Bool) {
    self.easy = easy
    let me = Unmanaged.passUnretained(self).toOpaque()
    hone_set_string(easy, CURLOPT_URL, request.url)
    hone_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(request.connectTimeout))
    hone_set_long(easy, CURLOPT_TIMEOUT_MS, Self.milliseconds(request.totalTimeout))
    hone_set_long(easy, CURLOPT_LOW_SPEED_TIME, Int(max(1, request.firstByteTimeout.rounded(.up))))
    hone_set_pointer(easy, CURLOPT_PRIVATE, me)
    hone_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
    hone_set_pointer(easy, CURLOPT_WRITEDATA, me)
    hone_set_pointer(easy, CURLOPT_HEADERDATA, me)
    hone_set_before_request(easy, beforeRequest, me)
    // Without a proxy of its own, libcurl takes the one the environment names.
    hone_set_string(easy, CURLOPT_PROXY, isLoopback ? "" : nil)
    hone_set_long(easy, CURLOPT_PIPEWAIT, request.url.hasPrefix("https:") ? 1 : 0)
    for header in request.headers { headerList = curl_slist_append(headerList, "\(header.name): \(header.value)") }
    headerList = curl_slist_append(headerList, "Expect:")
    hone_set_pointer(easy, CURLOPT_HTTPHEADER, headerList)
    hone_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
    request.body.withUnsafeBytes { _ = hone_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, $0.baseAddress) }
  }

  /// Takes back what `configure` lent to the handle.
  func release(_ easy: UnsafeMutableRawPointer) {
    hone_set_pointer(easy, CURLOPT_PRIVATE, nil)
    hone_set_pointer(easy, CURLOPT_ERRORBUFFER, nil)
    hone_set_pointer(easy, CURLOPT_WRITEDATA, nil)
    hone_set_pointer(easy, CURLOPT_HEADERDATA, nil)
    hone_set_pointer(easy, CURLOPT_HTTPHEADER, nil)
    hone_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, nil)
    hone_set_before_request(easy, nil, nil)
    curl_slist_free_all(headerList)
    headerList = nil
    self.easy = nil
  }

  private static func milliseconds(_ seconds: Double) -> Int {
    seconds.isFinite ? Int(min(max(1, seconds * 1000), 1e9)) : 1_000_000_000
  }

  /// A body piece, decompressed. False aborts the transfer.
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    hasFirstByte = true
    guard body.count + bytes.count <= request.maxReplyBytes else {
      tooLarge = "the reply is larger than \(request.maxReplyBytes) bytes"
      return false
    }
    body.append(contentsOf: bytes)
    return true
  }

  /// One header line, the status line and interim replies included. False aborts the transfer.
  func receive(headerLine bytes: UnsafeRawBufferPointer) -> Bool {
    hasFirstByte = true
    headerBytes += bytes.count
    guard headerBytes <= request.maxHeaderBytes else {
      tooLarge = "the reply's headers are larger than \(request.maxHeaderBytes) bytes"
      return false
    }
    if bytes.starts(with: "HTTP/".utf8) {
      headers = []
    } else if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
      var (start, end) = (colon + 1, bytes.count)
      while start < end, Self.isSpace(bytes[start]) { start += 1 }
      while end > start, Self.isSpace(bytes[end - 1]) { end -= 1 }
      headers.append(HTTPHeader(Self.text(bytes[..<colon]), Self.text(bytes[start..<end])))
    }
    return true
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
    String(decoding: UnsafeRawBufferPointer(rebasing: bytes), as: UTF8.self)
  }

  /// What libcurl's result means.
  func result(_ code: CURLcode) -> Result<HTTPReply, TransportError> {
    guard let easy else { return .failure(TransportError(.cancelled, "cancelled", sent: false)) }
    if code == CURLE_OK {
      var status = 0
      hone_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
      return .success(HTTPReply(status: status, headers: headers, body: body))
    }
    let sent = wasSent
    if let tooLarge { return .failure(TransportError(.tooLarge, tooLarge, sent: sent)) }
    if code == CURLE_ABORTED_BY_CALLBACK, sendings > 1 {
      return .failure(TransportError(.connection, "the kept connection broke before the reply", sent: true))
    }
    let detail = errorText[0] == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: errorText)
    // A server that does not speak HTTP at all is taken for one of HTTP/0.9, which libcurl calls a wrong protocol.
    let kind = code == CURLE_UNSUPPORTED_PROTOCOL && sent ? .garbled : Self.kind(of: code)
    return .failure(TransportError(kind, detail, sent: sent))
  }

  /// Whether the request went out: libcurl notes when it is about to begin.
  var wasSent: Bool {
    guard let easy else { return false }
    var began: curl_off_t = 0
    hone_get_offset(easy, CURLINFO_PRETRANSFER_TIME_T, &began)
    return began > 0
  }

  private static func kind(of code: CURLcode) -> TransportError.Kind {
    switch code {
    case CURLE_OPERATION_TIMEDOUT: .timeout
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT: .invalidURL
    case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_WRITE_ERROR: .garbled
    case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_PEER_FAILED_VERIFICATION,
      CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS,
      CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CRL_BADFILE, CURLE_SSL_CLIENTCERT:
      .tls
    default: .connection
    }
  }
}

private let onBody: hone_data_callback = { data, size, count, context in
  guard let data, let context else { return 0 }
  let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
  let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
  return transfer.receive(bytes) ? size * count : 0
}

private let onHeader: hone_data_callback = { data, size, count, context in
  guard let data, let context else { return 0 }
  let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
  let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
  return transfer.receive(headerLine: bytes) ? size * count : 0
}

/// Called before each sending of the request. When a kept connection breaks before the reply, libcurl would send the same
/// POST again by itself; it may have been answered, and paid for, so that decision and its count are the caller's.
private let beforeRequest: curl_prereq_callback = { context, _, _, _, _ in
  guard let context else { return Int32(CURL_PREREQFUNC_ABORT) }
  let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
  transfer.sendings += 1
  return transfer.sendings == 1 ? Int32(CURL_PREREQFUNC_OK) : Int32(CURL_PREREQFUNC_ABORT)
}
