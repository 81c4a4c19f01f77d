import Foundation

/// Files and folders that commands make, with errors that name the path and the exit code that fits.
enum FileWriting {
  /// Makes the folder and those above it that are missing.
  /// - Throws: `Failure` 73, 74 or 77.
  static func makeFolder(_ path: String) throws(Failure) {
    guard !path.isEmpty, !isFolder(path), mkdir(path, 0o777) != 0 else { return }
    var number = errno
    let parent = (path as NSString).deletingLastPathComponent
    if number == ENOENT, !parent.isEmpty, parent != path {
      try makeFolder(parent)
      number = mkdir(path, 0o777) == 0 ? 0 : errno
    }
    guard number == 0 || isFolder(path) else { throw failure(path, number: number, "cannot make the folder") }
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
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

/// Words of a command line that is shown to be copied.
enum Shell {
  static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-/:@%+=,".contains($0)) }
    return isPlain ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }
}
