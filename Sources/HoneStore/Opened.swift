import Foundation
import GRDB

/// An open database whose schema is ours and up to date.
package struct Opened: Sendable {
  var path: String
  var reader: any DatabaseReader
  var writer: DatabasePool?
  var queue: WriteQueue

  /// - Parameter migrations: other than the program's own in tests only.
  package init(writing file: StoreFile, migrations: [String] = Schema.migrations) throws(StoreError) {
    try file.checkWritable()
    path = file.path
    queue = WriteQueue(path: file.path)
    do {
      let pool = try queue.turn { () throws -> DatabasePool in
        try file.createIfMissing()
        let version = try Self.inspect(file, newest: migrations.count)
        if version > 0, version < migrations.count { try Self.backUp(file, version: version) }
        let pool = try DatabasePool(path: file.path, configuration: Self.configuration())
        // GRDB lowers it to NORMAL when it turns the write-ahead log on, so it is set behind that and read back.
        try pool.writeWithoutTransaction { db in
          try db.execute(sql: "PRAGMA synchronous = FULL")
          let (synchronous, journal) = (
            try Int.fetchOne(db, sql: "PRAGMA synchronous"), try String.fetchOne(db, sql: "PRAGMA journal_mode")
          )
          guard synchronous == 2, journal == "wal" else {
            throw StoreError(
              .io,
              "\(file.path): SQLite will not write durably here (synchronous \(synchronous ?? -1), "
                + "journal \(journal ?? "none"))", hint: "keep the database on a local disk")
          }
          try SQLiteStore.immediately(db) { db in try Schema.migrate(db, from: version, by: migrations) }
        }
        return pool
      }
      reader = pool
      writer = pool
    } catch {
      throw StoreError(error, path: file.path)
    }
  }

  init(reading file: StoreFile) throws(StoreError) {
    guard access(file.path, R_OK) == 0 else { throw StoreFile.error(errno, file.path) }
    path = file.path
    queue = WriteQueue(path: file.path)
    do {
      let newest = Schema.migrations.count
      let version = try Self.inspect(file, newest: newest)
      guard version == newest else {
        throw StoreError(
          .foreign, "\(file.path): schema \(version) is older than this program's \(newest)",
          hint: "open it once for writing, which brings it up to date after a backup")
      }
      reader = try Self.readOnly(file)
    } catch {
      throw StoreError(error, path: file.path)
    }
  }

  static func configuration(readOnly: Bool = false) -> Configuration {
    var configuration = Configuration()
    configuration.readonly = readOnly
    configuration.busyMode = .timeout(30)
    configuration.journalMode = readOnly ? .default : .wal
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
    }
    return configuration
  }

  /// A connection that only reads. Where the write-ahead log's side files cannot be made, as on a copy on a read-only
  /// disk, and there is no log to read, the file is read as it stands.
  static func readOnly(_ file: StoreFile) throws -> DatabaseQueue {
    do {
      let queue = try DatabaseQueue(path: file.path, configuration: configuration(readOnly: true))
      _ = try queue.read { db in try Int.fetchOne(db, sql: "PRAGMA schema_version") }
      return queue
    } catch let error as DatabaseError
      where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode) && StoreFile.size(file.path + "-wal") == 0
    {
      let name = file.path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? file.path
      return try DatabaseQueue(path: "file:\(name)?immutable=1", configuration: configuration(readOnly: true))
    }
  }

  /// The schema's number, 0 for an empty file, without changing anything.
  /// - Throws: `foreign` for another program's database and for a newer schema.
  static func inspect(_ file: StoreFile, newest: Int) throws -> Int {
    if StoreFile.size(file.path) == 0, StoreFile.size(file.path + "-wal") == 0 { return 0 }
    let queue = try readOnly(file)
    let (application, version, tables) = try queue.read { db in
      (
        try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0,
        try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0,
        try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
      )
    }
    try queue.close()
    if application == 0, version == 0, tables == 0 { return 0 }
    guard application == Schema.applicationID, version > 0 else {
      throw StoreError(
        .foreign, "\(file.path): a database of another program", hint: "choose another path for the study")
    }
    guard version <= newest else {
      throw StoreError(
        .foreign, "\(file.path): made by a newer hone (schema \(version), this program knows \(newest))",
        hint: "update hone; the file was not changed")
    }
    return version
  }

  /// Copies the database beside itself before it is migrated, to `path.schema-N`. An older such copy is kept; the copy has
  /// its name only when it is whole.
  static func backUp(_ file: StoreFile, version: Int) throws {
    let copy = StoreFile.free("\(file.path).schema-\(version)")
    let partial = "\(file.path).schema-\(version)-partial"
    for suffix in ["", "-journal"] { unlink(partial + suffix) }
    let source = try readOnly(file)
    try StoreFile.make(partial)
    let target = try DatabaseQueue(path: partial)
    try source.backup(to: target)
    try target.close()
    try source.close()
    guard rename(partial, copy) == 0 else { throw StoreFile.error(errno, copy) }
    file.syncFolder()
  }
}
