import Foundation

/// Where a database lies: looked at before SQLite sees it, so that what is wrong with a path is said plainly.
///
/// The file itself is never opened and closed here once it exists: closing any descriptor of a file drops the POSIX locks
/// that SQLite holds on it elsewhere in the process.
package struct StoreFile {
  /// Absolute, links resolved: all processes that mean one file agree on its side files.
  let path: String

  var folder: String { (path as NSString).deletingLastPathComponent }

  /// - Throws: `cannotCreate`, `permission`, `networkFileSystem`, or `notFound` when the file must be there and is not.
  package init(_ path: String, mustExist: Bool) throws(StoreError) {
    guard !path.isEmpty, !path.utf8.contains(0) else { throw StoreError(.cannotCreate, "the database's path is empty") }
    let folder = try Self.folder(of: path, create: !mustExist)
    let name = (path as NSString).lastPathComponent
    self.path = try Self.resolve("\(folder == "/" ? "" : folder)/\(name)", mustExist: mustExist)
    try Self.refuseNetwork(self.folder, path)
  }

  private static func folder(of path: String, create: Bool) throws(StoreError) -> String {
    let parent = (path as NSString).deletingLastPathComponent
    let folder = parent.isEmpty ? "." : parent
    var info = stat()
    if stat(folder, &info) != 0 {
      guard create else { throw StoreError(.notFound, "\(path): no such file") }
      // Only one level: a longer missing path is rather a typing error.
      guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw error(errno, folder) }
      chmod(folder, 0o700)
    } else if info.st_mode & S_IFMT != S_IFDIR {
      throw StoreError(.cannotCreate, "\(folder): not a folder", hint: "choose another path for the database")
    }
    guard let real = realpath(folder, nil) else { throw error(errno, folder) }
    defer { Foundation.free(real) }
    return String(cString: real)
  }

  private static func resolve(_ path: String, mustExist: Bool) throws(StoreError) -> String {
    var info = stat()
    guard lstat(path, &info) == 0 else {
      if errno == ENOENT, !mustExist { return path }
      throw errno == ENOENT
        ? StoreError(.notFound, "\(path): no such file", hint: "`hone tune` makes it") : error(errno, path)
    }
    if info.st_mode & S_IFMT == S_IFLNK {
      guard let real = realpath(path, nil) else {
        throw StoreError(.cannotCreate, "\(path): a link to nothing", hint: "remove the link or make its target")
      }
      defer { Foundation.free(real) }
      return try resolve(String(cString: real), mustExist: mustExist)
    }
    switch info.st_mode & S_IFMT {
    case S_IFREG: return path
    case S_IFDIR: throw StoreError(.cannotCreate, "\(path): a folder, not a database", hint: "name a file in it")
    default: throw StoreError(.cannotCreate, "\(path): not a regular file", hint: "choose another path")
    }
  }

  /// Checks that file and folder may be written: SQLite would open a file it may not write for reading only.
  func checkWritable() throws(StoreError) {
    guard access(folder, W_OK | X_OK) == 0 else {
      var error = Self.error(errno, folder)
      if access(path, F_OK) != 0 { error.hint = "put the database into a folder you may write to: --db PATH" }
      throw error
    }
    guard access(path, F_OK) != 0 || access(path, R_OK | W_OK) == 0 else { throw Self.error(errno, path) }
  }

  /// Makes the empty file, readable and writable by its owner only, whatever the umask. Call it in the writers' turn.
  func createIfMissing() throws(StoreError) {
    guard access(path, F_OK) != 0 else { return }
    try Self.make(path)
    syncFolder()
  }

  /// Makes an empty file of mode 0600.
  static func make(_ path: String) throws(StoreError) {
    let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw error(errno, path) }
    fchmod(file, 0o600)
    close(file)
  }

  /// The path, with a number behind it when something is there already.
  static func free(_ path: String) -> String {
    var candidate = path
    var number = 1
    while access(candidate, F_OK) == 0 {
      number += 1
      candidate = "\(path).\(number)"
    }
    return candidate
  }

  func syncFolder() {
    let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { return }
    fsync(file)
    close(file)
  }

  /// Bytes in the file; 0 when it is missing.
  static func size(_ path: String) -> Int {
    var info = stat()
    return stat(path, &info) == 0 ? Int(info.st_size) : 0
  }

  /// Bytes an ordinary user may still write beside the file.
  static func freeBytes(beside path: String) -> Int? {
    var info = statvfs()
    guard statvfs((path as NSString).deletingLastPathComponent, &info) == 0 else { return nil }
    return Int(info.f_bavail) * Int(info.f_frsize)
  }

  static func error(_ code: Int32, _ path: String) -> StoreError {
    let why = String(cString: strerror(code))
    switch code {
    case EACCES, EPERM:
      return StoreError(.permission, "\(path): \(why)", hint: "check the owner and mode of file and folder")
    case ENOSPC, EDQUOT: return .full(path)
    case EROFS: return StoreError(.permission, "\(path): \(why)", hint: "copy the database to a disk that is writable")
    case ENOENT, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG:
      return StoreError(.cannotCreate, "\(path): \(why)", hint: "make the folder first, or choose another path")
    default: return StoreError(.io, "\(path): \(why)")
    }
  }

  /// Refuses file systems that machines share: neither SQLite's locks nor its shared memory hold there.
  private static func refuseNetwork(_ folder: String, _ path: String) throws(StoreError) {
    #if os(Linux)
      var info = stat()
      guard stat(folder, &info) == 0 else { throw error(errno, folder) }
      let device = UInt64(info.st_dev)
      // The numbers glibc's major() and minor() take out of a device id.
      let major = (device >> 8) & 0xfff | (device >> 32) & ~0xfff
      let minor = device & 0xff | (device >> 12) & ~0xff
      guard let mounts = FileManager.default.contents(atPath: "/proc/self/mountinfo"),
        let type = fileSystem(ofDevice: "\(major):\(minor)", mounts: String(decoding: mounts, as: UTF8.self)),
        isNetwork(type)
      else { return }
      throw StoreError(
        .networkFileSystem,
        "\(path): lies on a network file system (\(type)), where a database cannot be locked safely",
        hint: "keep the database on a local disk, such as under /var/tmp, and copy it when the study is done")
    #endif
  }

  /// The type of the file system with this device number, from the text of /proc/self/mountinfo: its third field is the
  /// number, the first one behind " - " the type.
  static func fileSystem(ofDevice device: String, mounts: String) -> String? {
    for line in mounts.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count > 6, fields[2] == device, let dash = fields.firstIndex(of: "-") else { continue }
      return fields.dropFirst(dash + 1).first.map(String.init)
    }
    return nil
  }

  /// True for file systems that other machines write too. FUSE counts as one, except the kind that containers of
  /// ordinary users stand on.
  static func isNetwork(_ type: String) -> Bool {
    let names: Set = [
      "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "lustre", "gpfs", "9p", "gfs2", "ocfs2",
      "glusterfs", "beegfs", "pvfs2", "fuse", "virtiofs",
    ]
    return names.contains(type) || type.hasPrefix("fuse.") && type != "fuse.fuse-overlayfs"
  }
}
