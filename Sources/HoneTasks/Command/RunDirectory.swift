import Foundation

/// A fresh folder for one run of a command, readable by its owner alone, removed when the run is over.
struct RunDirectory: Sendable {
  let path: String

  struct Failure: Error, Hashable, Sendable { var message: String }

  init(under parent: String = FileManager.default.temporaryDirectory.path) throws(Failure) {
    var template = Array("\(parent)/hone-run-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure(message: "no folder for the run can be made in \(parent): \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Writes a file only its owner can read. - Returns: its path.
  func write(_ name: String, _ text: String) throws(Failure) -> String {
    try write(name, Array(text.utf8), mode: 0o600)
  }

  /// Writes a file with these permissions. - Returns: its path.
  func write(_ name: String, _ bytes: [UInt8], mode: mode_t) throws(Failure) -> String {
    let file = "\(path)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw failure(file) }
    defer { close(descriptor) }
    var bytes = bytes[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure(file) }
      bytes = bytes.dropFirst(count)
    }
    return file
  }

  private func failure(_ file: String) -> Failure {
    Failure(message: "\(file) cannot be written: \(String(cString: strerror(errno)))")
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
