import Foundation

/// The file under a cassette: reads anywhere, appends whole lines under a lock that other processes honour.
final class CassetteFile: Sendable {
  let path: String
  private let descriptor: Int32

  init(path: String, writable: Bool) throws(CassetteError) {
    self.path = path
    let flags = writable ? O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC : O_RDONLY | O_CLOEXEC
    descriptor = open(path, flags, 0o600)
    guard descriptor >= 0 else { throw Self.error(errno, path, "cannot be opened") }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw CassetteError(.foreign, path: path, "not a regular file")
    }
    // A file that is written to holds prompts: nobody else's business, whatever made it.
    if writable { fchmod(descriptor, 0o600) }
  }

  deinit { close(descriptor) }

  func size() throws(CassetteError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.error(errno, path, "cannot be read") }
    return Int(status.st_size)
  }

  func read(offset: Int, count: Int, line: Int? = nil) throws(CassetteError) -> [UInt8] {
    var done = 0
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while done < count {
        let got = pread(descriptor, buffer.baseAddress.map { $0 + done }, count - done, off_t(offset + done))
        if got < 0, errno == EINTR { continue }
        if got < 0 { code = errno }
        if got <= 0 { break }
        done += got
      }
      initialized = done
    }
    guard code == 0 else { throw Self.error(code, path, "cannot be read") }
    guard done == count else {
      throw CassetteError(.corrupt, path: path, line: line, "the file became shorter while it was open")
    }
    return bytes
  }

  /// Appends and syncs under the lock. Returns the offset of the first byte.
  func append(_ bytes: [UInt8]) throws(CassetteError) -> Int {
    try locked { () throws(CassetteError) in try appendUnlocked(bytes) }
  }

  /// As `append`, for a caller that holds the lock.
  @discardableResult
  func appendUnlocked(_ bytes: [UInt8]) throws(CassetteError) -> Int {
    let start = try size()
    var done = 0
    while done < bytes.count {
      let wrote = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done) }
      if wrote < 0, errno == EINTR { continue }
      guard wrote > 0 else {
        let code = errno
        // Half a line must not stand before the next one.
        ftruncate(descriptor, off_t(start))
        throw Self.error(code, path, "cannot be written")
      }
      done += wrote
    }
    guard fsync(descriptor) == 0 else { throw Self.error(errno, path, "cannot be written") }
    return start
  }

  func truncate(to length: Int) throws(CassetteError) {
    guard ftruncate(descriptor, off_t(length)) == 0 else { throw Self.error(errno, path, "cannot be shortened") }
  }

  /// Holds other processes off while `body` runs.
  func locked<Result>(_ body: () throws(CassetteError) -> Result) throws(CassetteError) -> Result {
    while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
    defer { flock(descriptor, LOCK_UN) }
    return try body()
  }

  private static func error(_ code: Int32, _ path: String, _ what: String) -> CassetteError {
    let reason = "\(what): \(String(cString: strerror(code)))"
    return switch code {
    case ENOENT:
      CassetteError(.notFound, path: path, reason, hint: "check the path, or record one (mode record)")
    case EACCES, EPERM, EROFS: CassetteError(.permission, path: path, reason, hint: "check the file's owner and mode")
    case ENOSPC, EDQUOT: CassetteError(.full, path: path, reason, hint: "free some space; nothing recorded is lost")
    default: CassetteError(.io, path: path, reason)
    }
  }
}
