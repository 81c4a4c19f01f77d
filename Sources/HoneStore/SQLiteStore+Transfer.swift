import GRDB
import HoneModel
import HoneOptimize
import HoneTrace

extension SQLiteStore {
  /// Writes a study as JSON Lines, one consistent state, a rollout at a time.
  /// - Parameter write: takes each line, without its line feed.
  /// - Throws: `notFound`; `io` with what `write` threw.
  public func export(_ study: String, write: @escaping @Sendable (String) throws -> Void) async throws(StoreError) {
    try await read { db in
      guard let definition = try Self.definition(of: study, db) else { throw Self.noStudy(study) }
      let id = try Self.id(of: study, db)
      var lines = 0
      func send(_ line: StudyLine) throws {
        lines += 1
        try write(line.text())
      }
      try send(.study(definition, seconds: Self.seconds(of: id, db)))
      try Self.eachEvent(of: id, db) { event in
        switch event {
        case .began(let trial, let proposal): try send(.began(trial: trial, proposal))
        case .completed, .failed: try send(.ended(Ending(event)))
        case .attempted(let attempt): try send(.attempted(attempt))
        }
      }
      let open = try Row.fetchAll(
        db,
        sql: """
          SELECT number, CASE state WHEN 'running' THEN 'was running when it was exported' ELSE
            \(Columns.text("reason")) END
          FROM trials WHERE study = ? AND state IN ('running', 'interrupted') ORDER BY number
          """, arguments: [id])
      for row in open { try send(.open(trial: try row.whole(0), reason: try row.text(1))) }
      try Self.eachRollout(of: id, trial: nil, split: nil, traces: true, db) { try send(.rollout($0)) }
      try Self.eachCall(of: id, limit: nil, db) { try send(.call($0)) }
      let documents = try Row.fetchAll(
        db, sql: "SELECT name, \(Columns.text("value")) FROM documents WHERE study = ? ORDER BY name", arguments: [id])
      for row in documents { try send(.document(name: try row.text(0), try row.json(1))) }
      try send(.end(lines: lines))
    }
  }

  /// Reads a study that `export` wrote, in one transaction: all of it or nothing. The document `imported` tells later
  /// readers where it came from.
  /// - Parameters:
  ///   - name: what it is called here; nil keeps its name.
  ///   - next: gives each line without its line feed, nil at the end.
  /// - Returns: The name it has here.
  /// - Throws: `cannotCreate` when a study of that name exists; `corrupt` naming the line; `foreign` for a newer format.
  public func importStudy(named name: String? = nil, next: @escaping @Sendable () throws -> String?)
    async throws(StoreError) -> String
  {
    let now = now()
    return try await write { db in
      var incoming = Import(name: name, now: now)
      while let text = try next() {
        if text.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) { continue }
        incoming.line += 1
        do {
          try incoming.take(StudyLine(text), db)
        } catch let error as DatabaseError {
          throw error
        } catch {
          throw incoming.wrong(error)
        }
      }
      return try incoming.end(db)
    }
  }
}

/// A study on its way in.
private struct Import {
  let name: String?
  let now: Double
  var study: (id: Int64, name: String, original: String)?
  var line = 0
  var seq = 0
  var isWhole = false
  var labels = Labels()

  init(name: String?, now: Double) {
    self.name = name
    self.now = now
  }

  mutating func take(_ content: StudyLine, _ db: Database) throws {
    if case .study(let definition, let seconds) = content {
      guard study == nil else { throw StoreError(.corrupt, "a second study begins") }
      try begin(definition, seconds: seconds, db)
      return
    }
    guard let id = study?.id, !isWhole else { throw StoreError(.corrupt, "the line stands outside a study") }
    switch content {
    case .study: break
    case .began(let trial, let proposal):
      try SQLiteStore.insert(proposal, study: id, number: trial, owner: nil, now: now, db)
      try event("began", trial, id, db)
    case .ended(let ending):
      try SQLiteStore.keepResult(of: ending.trial, study: id, db)
      try SQLiteStore.end(ending, study: id, now: now, db)
      guard db.changesCount == 1 else { throw StoreError(.corrupt, "trial \(ending.trial) has not begun") }
      try SQLiteStore.insertEvent(ending, study: id, seq: seq, db)
      seq += 1
    case .attempted(let attempt):
      try SQLiteStore.insert(attempt, study: id, seq: seq, db)
      seq += 1
    case .open(let trial, let reason):
      try db.execute(
        sql: "UPDATE trials SET state = 'interrupted', reason = ?, ended = ? WHERE study = ? AND number = ?",
        arguments: [try Columns.store(reason, db), now, id, trial])
    case .rollout(let rollout): try SQLiteStore.insert(rollout.stored, study: id, &labels, db)
    case .call(let call): try SQLiteStore.insert(call, study: id, now: now, db)
    case .document(let name, let value): try SQLiteStore.insertDocument(name, value, study: id, db)
    case .end(let lines):
      guard lines == line - 1 else { throw StoreError(.corrupt, "\(lines) lines were exported, \(line - 1) are here") }
      isWhole = true
    }
  }

  private mutating func event(_ kind: String, _ trial: Int, _ id: Int64, _ db: Database) throws {
    try SQLiteStore.insertEvent(kind, trial: trial, study: id, seq: seq, db)
    seq += 1
  }

  private mutating func begin(_ exported: StudyDefinition, seconds: Double, _ db: Database) throws {
    var definition = exported
    definition.name = name ?? exported.name
    guard try SQLiteStore.definition(of: definition.name, db) == nil else {
      throw StoreError(
        .cannotCreate, "a study called \(definition.name) exists already", hint: "give the imported one another name")
    }
    try SQLiteStore.insert(definition, created: now, db)
    let id = db.lastInsertedRowID
    study = (id, definition.name, exported.name)
    let owner = try SQLiteStore.id(of: .current, now: now, db)
    try db.execute(
      sql: "INSERT INTO sessions (study, owner, opened, closed, seconds) VALUES (?, ?, ?, ?, ?)",
      arguments: [id, owner, now, now, seconds.isFinite ? max(0, seconds) : 0])
  }

  func wrong(_ error: any Error) -> StoreError {
    if let error = error as? StoreError, error.kind != .corrupt { return error }
    return StoreError(
      .corrupt, "line \(max(line, 1)) of the export cannot be read: \(error)",
      hint: "export the study again; nothing was imported")
  }

  mutating func end(_ db: Database) throws -> String {
    guard let study, isWhole else {
      throw StoreError(
        .corrupt, "the export ends behind line \(line), before its last line",
        hint: "export the study again; nothing was imported")
    }
    try db.execute(
      sql:
        "UPDATE trials SET state = 'interrupted', reason = 'imported unfinished' WHERE study = ? AND state = 'running'",
      arguments: [study.id])
    try SQLiteStore.insertDocument(
      "imported", ["study": .string(study.original), "time": .double(now)], study: study.id, db)
    return study.name
  }
}
