import Foundation
import GRDB

/// What a recovery saved and what it could not.
public struct Recovery: Hashable, Codable, Sendable {
  public struct Table: Hashable, Codable, Sendable {
    public var name: String
    /// Rows written to the new file.
    public var saved: Int
    /// Rows that were read but made no sense, or belonged to something that is gone.
    public var dropped: Int
    /// Why the table could not be read from end to end; nil when it could.
    public var damage: String?
  }
  public var tables: [Table] = []
  /// Long texts that are gone; where they stood is now "[lost]".
  public var lostTexts = 0

  public var saved: Int { tables.reduce(0) { $0 + $1.saved } }
  public var isComplete: Bool { lostTexts == 0 && tables.allSatisfy { $0.dropped == 0 && $0.damage == nil } }
}

extension SQLiteStore {
  /// Saves what can be read of a damaged database into a new file, table by table.
  ///
  /// A table is read from its beginning until a damaged page stops it, and then from its end back to that page, so one
  /// bad page costs the rows on it. The damaged file is not changed.
  /// - Throws: `corrupt` when nothing at all can be read, `cannotCreate` when the new file is there already.
  public static func recover(from source: String, to target: String) async throws(StoreError) -> Recovery {
    try await offPool { () throws(StoreError) in
      let from = try StoreFile(source, mustExist: true)
      let to = try StoreFile(target, mustExist: false)
      guard access(to.path, F_OK) != 0 else {
        throw StoreError(.cannotCreate, "\(to.path): is there already", hint: "choose another name for the new file")
      }
      do {
        var lenient = Opened.configuration(readOnly: true)
        lenient.prepareDatabase { db in
          // With this switch SQLite works with as much of a damaged schema as it could read, behind one error.
          try db.execute(sql: "PRAGMA writable_schema = ON")
          _ = try? Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema")
        }
        let damaged = try DatabaseQueue(path: from.path, configuration: lenient)
        guard let writer = try Opened(writing: to).writer else { throw StoreFile.error(EIO, to.path) }
        let recovery = try damaged.unsafeRead { old in
          try writer.writeWithoutTransaction { new in
            try new.execute(sql: "PRAGMA foreign_keys = OFF")
            return try SQLiteStore.immediately(new) { new in try Salvage(old: old, new: new).run() }
          }
        }
        try writer.close()
        return recovery
      } catch {
        throw StoreError(error, path: from.path)
      }
    }.get()
  }
}

/// Copies rows from a damaged database to a sound one.
private struct Salvage {
  let old: Database
  let new: Database

  /// Tables in an order in which what a row belongs to comes first, with the columns of their keys.
  private static let tables: [(name: String, key: [String])] = [
    ("blobs", ["id"]), ("owners", ["id"]), ("labels", ["id"]), ("studies", ["id"]), ("sessions", ["id"]),
    ("trials", ["study", "number"]), ("attempts", ["study", "seq"]), ("events", ["study", "seq"]),
    ("rollouts", ["id"]), ("nodes", ["rollout", "seq"]), ("feedback", ["rollout", "seq"]), ("calls", ["id"]),
    ("documents", ["study", "name"]),
  ]

  func run() throws -> Recovery {
    var recovery = Recovery()
    for (name, key) in Self.tables { recovery.tables.append(try copy(name, key: key)) }
    guard recovery.saved > 0 else { throw StoreError(.corrupt, "nothing could be read from the damaged database") }
    recovery.lostTexts = try replaceLostTexts()
    try dropOrphans(&recovery)
    try closeGaps()
    return recovery
  }

  private func copy(_ name: String, key: [String]) throws -> Recovery.Table {
    var table = Recovery.Table(name: name, saved: 0, dropped: 0, damage: nil)
    guard let columns = try? new.columns(in: name).map(\.name) else { return table }
    let insert = try new.cachedStatement(
      sql: "INSERT OR IGNORE INTO \(name) (\(columns.joined(separator: ", "))) "
        + "VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))")
    for direction in ["ASC", "DESC"] {
      let order = key.map { "\($0) \(direction)" }.joined(separator: ", ")
      do {
        let rows = try Row.fetchCursor(
          old, sql: "SELECT \(columns.joined(separator: ", ")) FROM \(name) NOT INDEXED ORDER BY \(order)")
        while let row = try rows.next() {
          do {
            try insert.execute(arguments: StatementArguments(row.databaseValues))
            if new.changesCount > 0 { table.saved += 1 } else if direction == "ASC" { table.dropped += 1 }
          } catch let error as DatabaseError where error.resultCode != .SQLITE_FULL {
            table.dropped += 1
          }
        }
        return table
      } catch let error as DatabaseError where error.resultCode != .SQLITE_FULL {
        table.damage = table.damage ?? error.message ?? error.resultCode.description
      }
    }
    return table
  }

  /// Texts whose blob is gone are marked as lost, in the form their column has.
  private func replaceLostTexts() throws -> Int {
    let forms = [
      "inputs": "[]", "calls": "[]", "rejections": "[]", "outcomes": "{}", "assignment": "{}", "output": "\"[lost]\"",
      "value": "\"[lost]\"", "suggestion": "\"[lost]\"", "request": "\"[lost]\"", "response": "\"[lost]\"",
      "optimizer": "\"[lost]\"", "settings": "\"[lost]\"",
    ]
    var lost = 0
    for (table, columns) in Schema.blobColumns {
      for column in columns where column != "problem" {
        try new.execute(
          sql: """
            UPDATE \(table) SET \(column) = ?
            WHERE typeof(\(column)) = 'integer' AND \(column) NOT IN (SELECT id FROM blobs)
            """, arguments: [forms[column] ?? "[lost]"])
        lost += new.changesCount
      }
    }
    return lost
  }

  /// Rows of studies, trials and rollouts that are gone.
  private func dropOrphans(_ recovery: inout Recovery) throws {
    func drop(_ table: String, where condition: String) throws {
      try new.execute(sql: "DELETE FROM \(table) WHERE \(condition)")
      guard let index = recovery.tables.firstIndex(where: { $0.name == table }) else { return }
      recovery.tables[index].saved -= new.changesCount
      recovery.tables[index].dropped += new.changesCount
    }
    // Without its problem a study is nothing: its space says what its values mean.
    try drop("studies", where: "typeof(problem) = 'integer' AND problem NOT IN (SELECT id FROM blobs)")
    for table in ["sessions", "trials", "attempts", "events", "rollouts", "calls", "documents"] {
      try drop(table, where: "study NOT IN (SELECT id FROM studies)")
    }
    try drop("sessions", where: "owner NOT IN (SELECT id FROM owners)")
    try new.execute(sql: "UPDATE trials SET owner = NULL WHERE owner NOT IN (SELECT id FROM owners)")
    try drop("nodes", where: "rollout NOT IN (SELECT id FROM rollouts) OR label NOT IN (SELECT id FROM labels)")
    try drop("feedback", where: "rollout NOT IN (SELECT id FROM rollouts)")
    try drop("events", where: "kind = 'attempted' AND (study, seq) NOT IN (SELECT study, seq FROM attempts)")
    try drop("events", where: "kind <> 'attempted' AND (study, trial) NOT IN (SELECT study, number FROM trials)")
    try drop("attempts", where: "(study, seq) NOT IN (SELECT study, seq FROM events)")
  }

  /// Numbers the events without gaps again, and gives every ended trial its last event back.
  private func closeGaps() throws {
    try new.execute(
      sql: """
        INSERT INTO events (study, seq, kind, trial)
          SELECT study, 1000000000 + number * 2, 'began', number FROM trials t
          WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.study = t.study AND e.trial = t.number AND e.kind = 'began');
        INSERT INTO events (study, seq, kind, trial)
          SELECT study, 1000000001 + number * 2, CASE state WHEN 'complete' THEN 'completed' ELSE 'failed' END, number
          FROM trials t WHERE state IN ('complete', 'failed') AND NOT EXISTS
            (SELECT 1 FROM events e WHERE e.study = t.study AND e.trial = t.number AND e.kind <> 'began');
        CREATE TEMP TABLE renumbered AS SELECT study, seq AS old, row_number()
          OVER (PARTITION BY study ORDER BY seq) - 1 AS new FROM events;
        CREATE UNIQUE INDEX temp.renumbered_old ON renumbered (study, old);
        UPDATE events SET seq = -1 - (SELECT new FROM renumbered r WHERE r.study = events.study AND r.old = seq);
        UPDATE events SET seq = -1 - seq;
        UPDATE attempts SET seq = -1 - (SELECT new FROM renumbered r WHERE r.study = attempts.study AND r.old = seq);
        UPDATE attempts SET seq = -1 - seq;
        DROP TABLE renumbered;
        """)
  }
}
