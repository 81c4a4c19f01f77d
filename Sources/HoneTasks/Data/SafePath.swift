import Foundation

/// Why a path of a task file is not used.
struct PathError: Error, Hashable, Sendable {
  var message: String
  var hint: String?
}

/// Resolves the paths of a task file, and refuses those that name something else than they seem to.
enum SafePath {
  /// The absolute path of `path`, which starts at `directory` when it is relative.
  ///
  /// A path that leads elsewhere must show it: by `..` or by being absolute. A link that leads a path which looks like one
  /// inside the folder out of it is refused, since what it reads may be sent to a model.
  static func resolve(_ path: String, in directory: String) throws(PathError) -> String {
    if path.hasPrefix("/") { return URL(fileURLWithPath: path).standardizedFileURL.path }
    let root = real(directory)
    let plain = URL(fileURLWithPath: root + "/" + path).standardizedFileURL.path
    let target = real(plain)
    guard !isInside(plain, root) || isInside(target, root) else {
      throw PathError(
        message: "\(quoted(path)) leads out of the task file's folder through a link",
        hint: "name its target: \(target)")
    }
    return plain
  }

  /// From a folder to a path, both absolute, over `..`; the path itself when they share nothing.
  static func relative(_ path: String, to folder: String) -> String {
    let (names, above) = (path.split(separator: "/"), folder.split(separator: "/"))
    let shared = zip(names, above).prefix { $0 == $1 }.count
    guard shared > 0 else { return path }
    let text = (Array(repeating: "..", count: above.count - shared) + names.dropFirst(shared)).joined(separator: "/")
    return text.isEmpty ? "." : text
  }

  /// With every symbolic link on the way followed. Parts that do not exist stand as they are.
  static func real(_ path: String) -> String {
    var known = path
    var rest: [String] = []
    while known != "/", !known.isEmpty {
      if let resolved = realpath(known, nil) {
        defer { free(resolved) }
        return ([String(cString: resolved)] + rest.reversed()).joined(separator: "/")
      }
      rest.append((known as NSString).lastPathComponent)
      known = (known as NSString).deletingLastPathComponent
    }
    return path
  }

  private static func isInside(_ path: String, _ root: String) -> Bool {
    path == root || path.hasPrefix(root.hasSuffix("/") ? root : root + "/")
  }

  /// Reads a regular file of at most `limit` bytes.
  ///
  /// A device, a pipe or a socket is refused before it is opened, so that reading cannot hang or never end.
  static func read(_ path: String, limit: Int) throws(FileReadError) -> [UInt8] {
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileReadError(path: path, code: errno) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw FileReadError(path: path, code: EISDIR)
    default: throw FileReadError(path: path, code: 0)
    }
    guard status.st_size <= limit else { throw FileReadError(path: path, code: EFBIG, limit: limit) }
    // Non-blocking, should the path have become a pipe since.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileReadError(path: path, code: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(status.st_size))
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Foundation.read(descriptor, &buffer, buffer.count)
      guard count >= 0 else {
        if errno == EINTR { continue }
        throw FileReadError(path: path, code: errno)
      }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
      guard bytes.count <= limit else { throw FileReadError(path: path, code: EFBIG, limit: limit) }
    }
  }
}

/// Why a file could not be read.
struct FileReadError: Error, Hashable, Sendable {
  var path: String
  /// The system's error number; 0 when it is no regular file.
  var code: Int32
  var limit = 0

  var isMissing: Bool { code == ENOENT || code == ENOTDIR }

  /// The path and the reason, for a message that stands at another place than the file itself.
  var message: String { "\(path) \(reason)" }

  /// Why, to stand behind the path.
  var reason: String {
    switch code {
    case 0: "is a device, a pipe or a socket, not a file"
    case ENOENT, ENOTDIR: "does not exist"
    case EISDIR: "is a folder"
    case EACCES, EPERM: "may not be read by you"
    case EFBIG: "has more than \(limit) bytes"
    default: "cannot be read: \(String(cString: strerror(code)))"
    }
  }

  /// What to do about it.
  var hint: String {
    switch code {
    case 0: "save what it gives to a file, and name that"
    case ENOENT, ENOTDIR: "check the path"
    case EISDIR: "name a file in it"
    case EACCES, EPERM: "check the owner and mode of the file and its folders"
    case EFBIG: "use a smaller file"
    default: "check the disk"
    }
  }

  var kind: TaskFileError.Kind {
    switch code {
    case ENOENT, ENOTDIR: .missing
    case EACCES, EPERM: .permission
    case 0, EISDIR, EFBIG: .invalid
    default: .io
    }
  }
}
