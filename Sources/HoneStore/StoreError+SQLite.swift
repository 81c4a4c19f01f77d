import Foundation
import GRDB

extension StoreError {
  /// What an error from SQLite means for a person.
  init(_ error: any Error, path: String) {
    switch error {
    case let error as StoreError: self = error
    case let error as DatabaseError: self.init(sqlite: error, path: path)
    case let error as CocoaError: self.init(.io, "\(path): \(error.localizedDescription)")
    default: self.init(.io, "\(path): \(error)")
    }
  }

  private init(sqlite error: DatabaseError, path: String) {
    let why = error.message ?? error.resultCode.description
    switch error.resultCode {
    case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL:
      self.init(
        .busy, "\(path): another process has been writing for 30 seconds",
        hint: "wait for it to end and run the same command again")
    case .SQLITE_FULL: self = .full(path)
    case .SQLITE_IOERR where StoreFile.freeBytes(beside: path).map({ $0 < 131_072 }) ?? false: self = .full(path)
    case .SQLITE_NOTADB:
      self.init(
        .corrupt, "\(path): not a database (\(why))",
        hint: "name a file that hone has written, or a new one; if this was one, "
          + "`hone db recover NEW --db \(path)` saves what can be read")
    case .SQLITE_CORRUPT, .SQLITE_FORMAT, .SQLITE_ERROR, .SQLITE_CONSTRAINT, .SQLITE_MISMATCH:
      self = .corrupt(path, why)
    case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
      self.init(
        .permission, "\(path): may not be written (\(why))", hint: "check the owner and mode of file and folder")
    case .SQLITE_CANTOPEN:
      self.init(.cannotCreate, "\(path): cannot be opened (\(why))", hint: "check the path, its owner and its mode")
    default:
      self.init(.io, "\(path): \(why) (SQLite \(error.extendedResultCode.rawValue))", hint: "check the disk")
    }
  }

  static func full(_ path: String) -> StoreError {
    StoreError(
      .full, "\(path): the disk is full",
      hint: "free some space and run the same command again: it goes on where it stopped")
  }

  static func corrupt(_ path: String, _ why: String) -> StoreError {
    StoreError(
      .corrupt, "\(path): damaged (\(why))",
      hint: "`hone db recover NEW --db \(path)` saves what can be read")
  }
}
