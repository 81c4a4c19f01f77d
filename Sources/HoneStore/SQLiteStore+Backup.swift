import Foundation
import GRDB

extension SQLiteStore {
  /// Copies the database as it stands into a new file of mode 0600, beside readers and writers.
  /// - Throws: `cannotCreate` when something is there already; nothing half-made is left.
  public func backup(to target: String) async throws(StoreError) {
    let (reader, path) = (reader, path)
    try await Self.offPool { () throws(StoreError) in
      let file = try StoreFile(target, mustExist: false)
      guard access(file.path, F_OK) != 0 else {
        throw StoreError(.cannotCreate, "\(file.path): is there already", hint: "choose another name for the copy")
      }
      try file.checkWritable()
      let part = StoreFile.free(file.path + ".part")
      do {
        try StoreFile.make(part)
        let copy = try DatabaseQueue(path: part)
        try reader.backup(to: copy)
        try copy.close()
        guard rename(part, file.path) == 0 else { throw StoreFile.error(errno, file.path) }
        file.syncFolder()
      } catch {
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(part + suffix) }
        throw StoreError(error, path: StoreFile.freeBytes(beside: part) == 0 ? file.path : path)
      }
    }.get()
  }
}
