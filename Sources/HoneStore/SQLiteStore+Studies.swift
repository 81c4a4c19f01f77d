import GRDB
import HoneModel
import HoneOptimize
import HoneTrace

extension SQLiteStore {
  public func open(_ definition: StudyDefinition) async throws(StoreError) -> StudyDefinition {
    if let stored = try await self.definition(of: definition.name) { return stored }
    let created = now()
    return try await write { db in
      if let stored = try Self.definition(of: definition.name, db) { return stored }
      try Self.insert(definition, created: created, db)
      return definition
    }
  }

  static func insert(_ definition: StudyDefinition, created: Double, _ db: Database) throws {
    let objective = definition.problem.objective
    try db.execute(
      sql: """
        INSERT INTO studies (name, metric, direction, problem, fingerprint, data, optimizer, settings, created)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        Columns.inline(definition.name), Columns.inline(objective.metric), objective.direction.rawValue,
        try Columns.store(ValueEncoder.value(definition.problem), db), Columns.inline(definition.fingerprint),
        Columns.inline(definition.data), try Columns.store(definition.optimizer, db),
        try Columns.store(definition.settings, db), created,
      ])
  }

  public func redefine(_ definition: StudyDefinition) async throws(StoreError) {
    try await write { db in
      let id = try Self.id(of: definition.name, db)
      let objective = definition.problem.objective
      try db.execute(
        sql: """
          UPDATE studies SET metric = ?, direction = ?, problem = ?, fingerprint = ?, data = ?, optimizer = ?, settings = ?
          WHERE id = ?
          """,
        arguments: [
          Columns.inline(objective.metric), objective.direction.rawValue,
          try Columns.store(ValueEncoder.value(definition.problem), db), Columns.inline(definition.fingerprint),
          Columns.inline(definition.data), try Columns.store(definition.optimizer, db),
          try Columns.store(definition.settings, db), id,
        ])
    }
  }

  public func definition(of study: String) async throws(StoreError) -> StudyDefinition? {
    try await read { db in try Self.definition(of: study, db) }
  }

  static func definition(of study: String, _ db: Database) throws -> StudyDefinition? {
    let statement = try db.cachedStatement(
      sql: """
        SELECT \(Columns.text("problem")), fingerprint, data, \(Columns.text("optimizer")), \(Columns.text("settings"))
        FROM studies WHERE name = ?
        """)
    guard let row = try Row.fetchOne(statement, arguments: [Columns.inline(study)]) else { return nil }
    let problem: Problem
    do {
      problem = try ValueDecoder.decode(Problem.self, from: row.json(0))
    } catch let error as DecodingError {
      throw StoreError(.corrupt, "the stored problem of \(study) cannot be read: \(error)")
    }
    return StudyDefinition(
      name: study, problem: problem, fingerprint: try row.text(1), data: try row.text(2), optimizer: try row.json(3),
      settings: try row.json(4))
  }

  public func studies() async throws(StoreError) -> [StudySummary] {
    try await read { db in
      let names = try Row.fetchAll(db, sql: "SELECT name FROM studies").map { row in try row.text(0) }
      return try names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.compactMap { name in
        try Self.summary(of: name, db)
      }
    }
  }

  private static func summary(of study: String, _ db: Database) throws -> StudySummary? {
    guard let definition = try definition(of: study, db) else { return nil }
    let id = try id(of: study, db)
    let counts = try db.cachedStatement(
      sql: """
        SELECT count(*), count(*) FILTER (WHERE state = 'complete'), count(*) FILTER (WHERE state = 'failed'),
          count(*) FILTER (WHERE state = 'running') FROM trials WHERE study = ?
        """)
    guard let row = try Row.fetchOne(counts, arguments: [id]) else { return nil }
    let objective = definition.problem.objective
    let best = try Row.fetchOne(
      db,
      sql: """
        SELECT number, mean FROM trials WHERE study = ? AND state = 'complete' AND screened = 0 AND mean IS NOT NULL
          AND 2 * count >= (SELECT max(count) FROM trials WHERE study = ? AND state = 'complete')
        ORDER BY mean \(objective.direction == .maximize ? "DESC" : "ASC"), number LIMIT 1
        """, arguments: [id, id])
    return StudySummary(
      name: study, objective: objective, trials: try row.whole(0), complete: try row.whole(1), failed: try row.whole(2),
      running: try row.whole(3), best: try best?.real(1), bestTrial: try best?.whole(0), spend: try spend(of: id, db),
      seconds: try seconds(of: id, db))
  }

  public func remove(_ study: String) async throws(StoreError) {
    try await write { db in
      let id = try Self.id(of: study, db)
      try db.execute(sql: "DELETE FROM studies WHERE id = ?", arguments: [id])
      try Schema.dropUnusedBlobs(db)
    }
    held.withLock { _ = $0.studies.remove(study) }
  }

  public func seconds(of study: String) async throws(StoreError) -> Double {
    try await read { db in try Self.seconds(of: Self.id(of: study, db), db) }
  }

  static func seconds(of id: Int64, _ db: Database) throws -> Double {
    let sum = try db.cachedStatement(sql: "SELECT total(seconds) FROM sessions WHERE study = ?")
    return try Row.fetchOne(sum, arguments: [id])?.real(0) ?? 0
  }

  public func setDocument(_ name: String, _ value: Value, study: String) async throws(StoreError) {
    try await write { db in try Self.insertDocument(name, value, study: Self.id(of: study, db), db) }
  }

  static func insertDocument(_ name: String, _ value: Value, study: Int64, _ db: Database) throws {
    try db.execute(
      sql: """
        INSERT INTO documents (study, name, value) VALUES (?, ?, ?)
        ON CONFLICT (study, name) DO UPDATE SET value = excluded.value
        """, arguments: [study, Columns.inline(name), try Columns.store(value, db)])
  }

  public func document(_ name: String, study: String) async throws(StoreError) -> Value? {
    try await read { db in
      try Row.fetchOne(
        db, sql: "SELECT \(Columns.text("value")) FROM documents WHERE study = ? AND name = ?",
        arguments: [try Self.id(of: study, db), Columns.inline(name)])?.json(0)
    }
  }
}
