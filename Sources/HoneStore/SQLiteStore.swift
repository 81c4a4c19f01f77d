import Foundation
import GRDB
import HoneModel
import HoneOptimize
import HoneTrace

/// Keeps studies in one SQLite file that many processes share.
///
/// Write-ahead logging with `synchronous = FULL`: what a method has returned from survives kill -9 and power loss. Every
/// write is one immediate transaction behind a queue in which writers keep their order. Readers never wait for writers.
public final class SQLiteStore: Store {
  /// The database's path: absolute, links resolved.
  public let path: String
  let reader: any DatabaseReader
  let writer: DatabasePool?
  let queue: WriteQueue
  let now: @Sendable () -> Double
  let held = Lock(Held())
  private let durability = Durability()

  /// What this store has taken in hand: the studies it drives, and whose heartbeat it keeps up.
  struct Held {
    var studies: Set<String> = []
    var owners: [Owner] = []
    var heartbeat: Task<Void, Never>?
  }

  /// How far the writer's connection is made safe: FULL from power loss, too, NORMAL from the death of processes.
  private final class Durability: Sendable {
    private let isFull = Lock(true)

    /// Call it outside a transaction. The pragma works when it is prepared, so its statement is not cached.
    func set(_ full: Bool, _ db: Database) throws {
      try isFull.withLock { isFull in
        guard isFull != full else { return }
        try db.makeStatement(sql: full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL").execute()
        isFull = full
      }
    }
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

  /// One immediate transaction in this writer's turn. It is not cancelled with the task: a result that has been paid
  /// for is stored even when the study is being stopped.
  ///
  /// - Parameter survivesPowerLoss: false leaves the transaction to be made safe from power loss by the next one that
  ///   is, which is all that an announcement without a result needs; it survives kill -9 all the same.
  func write<Success: Sendable>(
    survivesPowerLoss: Bool = true, _ body: @escaping @Sendable (Database) throws -> Success
  ) async throws(StoreError) -> Success {
    guard let writer else {
      throw StoreError(.permission, "\(path): opened for reading only", hint: "open it for writing")
    }
    let (queue, path, durability) = (queue, path, durability)
    // A task of its own would do, too; going straight to the database's queue costs half the thread hops.
    let result: Result<Success, StoreError> = await withCheckedContinuation { continuation in
      writer.asyncWriteWithoutTransaction { db in
        do {
          let success = try queue.turn {
            try durability.set(survivesPowerLoss, db)
            return try Self.immediately(db, body)
          }
          continuation.resume(returning: .success(success))
        } catch {
          continuation.resume(returning: .failure(StoreError(error, path: path)))
        }
      }
    }
    return try result.get()
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
