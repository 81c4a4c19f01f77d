import Foundation

/// The few POSIX socket calls the fault server needs, with the differences between systems in one place.
enum Sockets {
  #if os(Linux)
    private static let stream = Int32(SOCK_STREAM.rawValue)
    private static let noSignal = Int32(MSG_NOSIGNAL)
    private static let peek = Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)
  #else
    private static let stream = SOCK_STREAM
    private static let noSignal = Int32(0)
    private static let peek = MSG_PEEK | MSG_DONTWAIT
  #endif

  /// A listening socket on a free loopback port.
  static func listen() throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, stream, 0)
    guard descriptor >= 0 else { throw failure() }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(descriptor, pointer, length) == 0 && Foundation.listen(descriptor, 1024) == 0
          && getsockname(descriptor, pointer, &length) == 0
      }
    }
    guard isBound else {
      let error = failure()
      close(descriptor)
      throw error
    }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }

  private static func failure() -> POSIXError { POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }

  /// False when the other side has gone.
  static func send(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    var done = 0
    while done < bytes.count {
      let sent = bytes.withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done, noSignal)
      }
      if sent < 0, errno == EINTR { continue }
      guard sent > 0 else { return false }
      done += sent
    }
    return true
  }

  /// Appends what has come. False at the end.
  static func receive(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Bool {
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = recv(descriptor, &piece, piece.count, 0)
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { return false }
      buffer += piece[..<got]
      return true
    }
  }

  /// Waits; true as soon as the other side has closed.
  static func hasLeft(_ descriptor: Int32, milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, milliseconds) > 0 else { return false }
    var byte: UInt8 = 0
    let got = recv(descriptor, &byte, 1, peek)
    if got > 0 { usleep(useconds_t(milliseconds) * 1000) }
    return got == 0 || got < 0 && errno != EAGAIN && errno != EINTR
  }

  static func resetOnClose(_ descriptor: Int32) {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Foundation.linger>.size))
  }
}
