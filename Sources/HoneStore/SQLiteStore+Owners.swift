import GRDB
import HoneTrace

extension SQLiteStore {
  public func acquire(_ study: String, owner: Owner) async throws(StoreError) {
    let (now, isHeld, path) = (now(), held.withLock { $0.studies.contains(study) }, path)
    try await write { db in
      let id = try Self.id(of: study, db)
      let me = try Self.id(of: owner, now: now, db)
      let lease = try Row.fetchOne(
        db,
        sql: """
          SELECT s.id, o.host, o.process, o.started, o.heartbeat FROM sessions s JOIN owners o ON o.id = s.owner
          WHERE s.study = ? AND s.closed IS NULL
          """, arguments: [id])
      if let lease {
        let holder = try Self.owner(lease, from: 1)
        let isAlive = holder == owner ? isHeld : holder.isAlive(silence: now - (try lease.real(4)))
        guard !isAlive else { throw Self.busy(study, holder, path) }
        // It was killed: it ran at least until its last heartbeat.
        try db.execute(
          sql: "UPDATE sessions SET closed = ?, seconds = max(seconds, ? - opened) WHERE id = ?",
          arguments: [now, min(now, try lease.real(4)), try lease.whole(0)])
      }
      try Self.interruptDead(study: id, claimant: owner, now: now, db)
      try db.execute(
        sql: "INSERT INTO sessions (study, owner, opened) VALUES (?, ?, ?)", arguments: [id, me, now])
    }
    held.withLock { _ = $0.studies.insert(study) }
    beat(for: owner)
  }

  /// Trials left `running` by an owner that is gone, or by an earlier run of the claimant itself, become `interrupted`.
  private static func interruptDead(study: Int64, claimant: Owner, now: Double, _ db: Database) throws {
    let owners = try Row.fetchAll(
      db,
      sql: """
        SELECT DISTINCT o.id, o.host, o.process, o.started, o.heartbeat FROM trials t LEFT JOIN owners o ON o.id = t.owner
        WHERE t.study = ? AND t.state = 'running'
        """, arguments: [study])
    for row in owners {
      let id = try row.optionalWhole(0)
      if id != nil {
        let owner = try Self.owner(row, from: 1)
        if owner != claimant, owner.isAlive(silence: now - (try row.real(4))) { continue }
      }
      try db.execute(
        sql: """
          UPDATE trials SET state = 'interrupted', reason = 'its process ended before the trial did', ended = ?
          WHERE study = ? AND state = 'running' AND owner IS ?
          """, arguments: [now, study, id])
    }
  }

  public func release(_ study: String, owner: Owner, seconds: Double) async throws(StoreError) {
    // Even when the write fails this process has let go, so that it can take the study again.
    held.withLock { _ = $0.studies.remove(study) }
    let now = now()
    try await write { db in
      try db.execute(
        sql: """
          UPDATE sessions SET closed = ?, seconds = ?
          WHERE study = ? AND closed IS NULL
            AND owner = (SELECT id FROM owners WHERE host = ? AND process = ? AND started = ?)
          """,
        arguments: [
          now, seconds.isFinite ? max(0, seconds) : 0, try Self.id(of: study, db), Columns.inline(owner.host),
          owner.process, owner.started,
        ])
    }
    await moveLog()
  }

  /// Seconds between two notes of how long a session has run.
  private static let bookingInterval = 0.5

  /// Whether the session's seconds should be written with what is written now. A killed session has no other record.
  func isTimeToBook(_ study: String, now: Double) -> Bool {
    held.withLock { held in
      guard held.studies.contains(study) else { return false }
      if let last = held.booked[study], abs(now - last) < Self.bookingInterval { return false }
      held.booked[study] = now
      return true
    }
  }

  static func bookSession(of study: Int64, now: Double, _ db: Database) throws {
    try db.execute(
      sql: "UPDATE sessions SET seconds = max(seconds, ? - opened) WHERE study = ? AND closed IS NULL",
      arguments: [now, study])
  }

  /// Moves what the write-ahead log holds into the file, as far as readers allow, so that a copy of the file alone is
  /// whole. Nothing depends on it.
  private func moveLog() async {
    guard let writer else { return }
    await withCheckedContinuation { continuation in
      writer.asyncWriteWithoutTransaction { db in
        _ = try? db.checkpoint(.passive)
        continuation.resume()
      }
    }
  }

  /// The owner's row id; makes the row if need be and notes that the owner is alive.
  static func id(of owner: Owner, now: Double, _ db: Database) throws -> Int64 {
    let find = try db.cachedStatement(
      sql: "SELECT id, heartbeat FROM owners WHERE host = ? AND process = ? AND started = ?")
    let key: StatementArguments = [Columns.inline(owner.host), owner.process, owner.started]
    if let row = try Row.fetchOne(find, arguments: key) {
      let id = Int64(try row.whole(0))
      if now - (try row.real(1)) > Owner.heartbeat / 2 {
        try db.execute(sql: "UPDATE owners SET heartbeat = ? WHERE id = ?", arguments: [now, id])
      }
      return id
    }
    try db.execute(
      sql: "INSERT INTO owners (host, process, started, heartbeat) VALUES (?, ?, ?, ?)", arguments: key + [now])
    return db.lastInsertedRowID
  }

  static func owner(_ row: Row, from index: Int) throws -> Owner {
    Owner(
      host: try row.text(index), process: Int32(truncatingIfNeeded: try row.whole(index + 1)),
      started: Int64(try row.whole(index + 2)))
  }

  static func busy(_ study: String, _ owner: Owner, _ path: String) -> StoreError {
    StoreError(
      .busy, "\(path): study \(study) is being run by \(owner)",
      hint: "wait for it to end, or stop it, and run the same command again")
  }

  /// Notes every 30 seconds, for processes on other hosts, that the owner is alive, as long as this store lives.
  func beat(for owner: Owner) {
    held.withLock { held in
      guard !held.owners.contains(owner) else { return }
      held.owners.append(owner)
      guard held.heartbeat == nil else { return }
      held.heartbeat = Task { [weak self] in
        while true {
          do { try await Task.sleep(for: .seconds(Owner.heartbeat)) } catch { return }
          guard let self else { return }
          // A beat that fails is followed by another; a store in trouble fails loudly elsewhere.
          try? await self.noteAlive()
        }
      }
    }
  }

  private func noteAlive() async throws(StoreError) {
    let (owners, now) = (held.withLock { $0.owners }, now())
    try await write { db in
      for owner in owners {
        try db.execute(
          sql: "UPDATE owners SET heartbeat = ? WHERE host = ? AND process = ? AND started = ?",
          arguments: [now, Columns.inline(owner.host), owner.process, owner.started])
      }
    }
  }
}
