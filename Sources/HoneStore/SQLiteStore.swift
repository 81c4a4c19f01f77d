import Foundation
import GRDB
import HoneModel
import HoneOptimize
import HoneTrace

/// Keeps studies in one SQLite file that many processes share.
///
/// Write-ahead logging with `synchronous = FULL`: what a method has returned from survives kill -9 and power loss. Every
/// write is part of one immediate transaction behind a queue in which writers keep their order. Readers never wait for writers.
public final class SQLiteStore: Store {
  /// The database's path: absolute, links resolved.
  public let path: String
  let reader: any DatabaseReader
  let writer: DatabasePool?
  let queue: WriteQueue
  let now: @Sendable () -> Double
  let held = Lock(Held())
  private let commits: GroupCommit?

  /// What this store has taken in hand: the studies it drives, and whose heartbeat it keeps up.
  struct Held {
    var studies: Set<String> = []
    var owners: [Owner] = []
    /// When the seconds of a study's session were last written.
    var booked: [String: Double] = [:]
    var heartbeat: Task<Void, Never>?
  }

  /// Opens the database, making the file (and its folder, if only that is missing) when there is none; an older schema
  /// is brought up to date after a backup beside it.
  ///
  /// - Parameters:
  ///   - readOnly: opens an existing database for reading only: beside a writer, or on a copy that cannot be written.
  ///   - now: seconds since 1970, for time stamps and heartbeats.
  /// - Throws: `foreign` for another program's database or a newer schema, which are left as they are; `corrupt`,
  ///   `cannotCreate`, `permission`, `networkFileSystem`, `full`, `busy`, `io`; `notFound` when read-only.
  public init(
    path: String, readOnly: Bool = false, now: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }
  ) async throws(StoreError) {
    let opened = await Self.offPool { () throws(StoreError) -> Opened in
      let file = try StoreFile(path, mustExist: readOnly)
      return readOnly ? try Opened(reading: file) : try Opened(writing: file)
    }
    let database = try opened.get()
    self.path = database.path
    reader = database.reader
    writer = database.writer
    queue = database.queue
    commits = database.writer.map { GroupCommit($0, database.queue, path: database.path) }
    self.now = now
  }

  deinit { held.withLock { $0.heartbeat?.cancel() } }

  /// Closes the database; every later call throws. Done by itself when the store is let go.
  public func close() throws(StoreError) {
    held.withLock { $0.heartbeat?.cancel() }
    do {
      // The last connection to close moves the write-ahead log into the file, which a reader cannot: they go first.
      writer?.releaseMemory()
      try reader.close()
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Runs blocking work on a thread that is not one of the few that run Swift's tasks.
  static func offPool<Success: Sendable>(_ body: @escaping @Sendable () throws(StoreError) -> Success) async
    -> Result<Success, StoreError>
  {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        do throws(StoreError) { continuation.resume(returning: .success(try body())) } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
  }

  /// One immediate transaction in this writer's turn, alone or joined with others of this process that come at the same
  /// time. It is not cancelled with the task: a result that has been paid for is stored even when the study is being
  /// stopped.
  ///
  /// - Parameter body: run a second time when a write that it was joined with fails.
  func write<Success: Sendable>(_ body: @escaping @Sendable (Database) throws -> Success) async throws(StoreError)
    -> Success
  {
    guard let commits else {
      throw StoreError(.permission, "\(path): opened for reading only", hint: "open it for writing")
    }
    if let result = commits.makeAtOnce(body) { return try result.get() }
    let success = Lock<Success?>(nil)
    let failure: StoreError? = await withCheckedContinuation { continuation in
      commits.make(
        GroupCommit.Job(
          run: { db in
            let made = try body(db)
            success.withLock { $0 = made }
          }, end: { continuation.resume(returning: $0) }))
    }
    if let failure { throw failure }
    guard let made = success.withLock({ $0 }) else { throw StoreError(.io, "\(path): a write was not made") }
    return made
  }

  static func immediately<Success>(_ db: Database, _ body: (Database) throws -> Success) throws -> Success {
    try db.cachedStatement(sql: "BEGIN IMMEDIATE TRANSACTION").execute()
    do {
      let result = try body(db)
      try db.cachedStatement(sql: "COMMIT TRANSACTION").execute()
      return result
    } catch {
      // SQLite has rolled back by itself after errors such as a full disk.
      if db.isInsideTransaction { try? db.rollback() }
      throw error
    }
  }

  /// Reads one consistent state.
  func read<Success: Sendable>(_ body: @escaping @Sendable (Database) throws -> Success) async throws(StoreError)
    -> Success
  {
    let path = path
    let result: Result<Success, StoreError> = await withCheckedContinuation { continuation in
      reader.asyncRead { access in
        do {
          continuation.resume(returning: .success(try body(access.get())))
        } catch {
          continuation.resume(returning: .failure(StoreError(error, path: path)))
        }
      }
    }
    return try result.get()
  }

  /// The study's row id.
  static func id(of study: String, _ db: Database) throws -> Int64 {
    let statement = try db.cachedStatement(sql: "SELECT id FROM studies WHERE name = ?")
    guard let id = try Int64.fetchOne(statement, arguments: [Columns.inline(study)]) else { throw noStudy(study) }
    return id
  }

  static func noStudy(_ study: String) -> StoreError {
    StoreError(.notFound, "no study is called \(study)", hint: "`hone list` names the studies there are")
  }
}
