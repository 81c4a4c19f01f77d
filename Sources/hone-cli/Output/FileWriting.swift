import Foundation

/// Files and folders that commands make, with errors that name the path and the exit code that fits.
enum FileWriting {
  /// - Throws: `Failure` 73, 74 or 77.
  static func makeFolder(_ path: String) throws(Failure) {
    guard !path.isEmpty else { return }
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw failure(path, number: (error as NSError).underlyingNumber, "cannot make the folder")
    }
  }

  /// Makes a new file, or fails when one is there. A file that could not be written whole is removed again.
  static func create(_ path: String, _ text: String, mode: mode_t = 0o600) throws(Failure) {
    try write(path, text, flags: O_CREAT | O_EXCL | O_WRONLY, mode: mode)
  }

  /// Writes beside the file and renames, so that the old one stays whole until the new one is.
  static func replace(_ path: String, _ text: String, mode: mode_t = 0o600) throws(Failure) {
    let temporary = path + ".new-\(getpid())"
    try write(temporary, text, flags: O_CREAT | O_TRUNC | O_WRONLY, mode: mode)
    guard rename(temporary, path) == 0 else {
      let number = errno
      unlink(temporary)
      throw failure(path, number: number, "cannot write")
    }
  }

  private static func write(_ path: String, _ text: String, flags: Int32, mode: mode_t) throws(Failure) {
    let descriptor = open(path, flags | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw failure(path, number: errno, "cannot create") }
    var number = Console.write(text, to: descriptor)
    if number == 0, fsync(descriptor) != 0, errno != EINVAL { number = errno }
    close(descriptor)
    guard number == 0 else {
      unlink(path)
      throw failure(path, number: number, "cannot write")
    }
  }

  private static func failure(_ path: String, number: Int32, _ what: String) -> Failure {
    let reason = number == 0 ? "" : ": " + String(cString: strerror(number))
    switch number {
    case EACCES, EPERM:
      return Failure(.permission, "\(path): \(what)\(reason)", hint: "choose a folder you may write to")
    case EROFS: return Failure(.cannotCreate, "\(path): \(what)\(reason)", hint: "choose a folder on a writable disk")
    case ENOSPC, EDQUOT, EIO:
      return Failure(.io, "\(path): \(what)\(reason)", hint: "make room on the disk and run it again")
    default:
      return Failure(
        .cannotCreate, "\(path): \(what)\(reason)", hint: "choose another path; its folder has to be there")
    }
  }
}

extension NSError {
  fileprivate var underlyingNumber: Int32 {
    if domain == NSPOSIXErrorDomain { return Int32(code) }
    return (userInfo[NSUnderlyingErrorKey] as? NSError)?.underlyingNumber ?? 0
  }
}

/// Words of a command line that is shown to be copied.
enum Shell {
  static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-/:@%+=,".contains($0)) }
    return isPlain ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }
}
