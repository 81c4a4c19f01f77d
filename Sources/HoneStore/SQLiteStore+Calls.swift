import GRDB
import HoneModel
import HoneTrace

extension SQLiteStore {
  public func archive(of study: String) -> any CallArchive { StudyArchive(store: self, study: study) }

  public func calls(of study: String, limit: Int?) async throws(StoreError) -> [CallRecord] {
    try await read { db in
      var calls: [CallRecord] = []
      try Self.eachCall(of: Self.id(of: study, db), limit: limit, db) { calls.append($0) }
      return calls
    }
  }

  static func eachCall(of id: Int64, limit: Int?, _ db: Database, _ body: (CallRecord) throws -> Void) throws {
    let rows = try Row.fetchCursor(
      db, sql: "SELECT \(columns) FROM calls WHERE study = ? ORDER BY id LIMIT ?",
      arguments: [id, limit.map { max(0, $0) } ?? -1])
    while let row = try rows.next() { try body(call(row)) }
  }

  func call(_ key: String, study: String) async throws(StoreError) -> CallRecord? {
    try await read { db in
      let find = try db.cachedStatement(sql: "SELECT \(Self.columns) FROM calls WHERE study = ? AND key = ?")
      return try Row.fetchOne(find, arguments: [try Self.id(of: study, db), Columns.inline(key)]).map(Self.call)
    }
  }

  func calls(path: String, limit: Int, study: String) async throws(StoreError) -> [CallRecord] {
    try await read { db in
      try Row.fetchAll(
        db, sql: "SELECT \(Self.columns) FROM calls WHERE study = ? AND path = ? ORDER BY id LIMIT ?",
        arguments: [try Self.id(of: study, db), Columns.inline(path), max(0, limit)]
      ).map(Self.call)
    }
  }

  func append(_ call: CallRecord, study: String) async throws(StoreError) {
    let now = now()
    try await write { db in try Self.insert(call, study: Self.id(of: study, db), now: now, db) }
  }

  static func insert(_ call: CallRecord, study: Int64, now: Double, _ db: Database) throws {
    let find = try db.cachedStatement(sql: "SELECT id FROM calls WHERE study = ? AND key = ?")
    if try Int64.fetchOne(find, arguments: [study, Columns.inline(call.key)]) != nil { return }
    let insert = try db.cachedStatement(
      sql: """
        INSERT INTO calls (study, key, alias, path, role, repeat, sample, status, request, response, prompt_tokens,
          completion_tokens, cost, estimated, seconds, attempts, made)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    try insert.execute(arguments: [
      study, Columns.inline(call.key), Columns.inline(call.alias), Columns.inline(call.path), Columns.inline(call.role),
      call.repeat, call.sample, call.status, try Columns.store(call.request, db), try Columns.store(call.response, db),
      call.usage.promptTokens, call.usage.completionTokens, call.usage.cost, call.usage.estimated, call.seconds,
      call.attempts, now,
    ])
  }

  private static let columns = """
    key, alias, path, \(Columns.text("request")), repeat, sample, status, \(Columns.text("response")), prompt_tokens,
    completion_tokens, cost, estimated, seconds, attempts, role
    """

  private static func call(_ row: Row) throws -> CallRecord {
    CallRecord(
      key: try row.text(0), alias: try row.text(1), path: try row.text(2), request: try row.json(3),
      repeat: try row.whole(4), sample: try row.whole(5), status: try row.whole(6), response: try row.json(7),
      usage: Usage(
        promptTokens: try row.whole(8), completionTokens: try row.whole(9), cost: try row.optionalReal(10),
        estimated: try row.flag(11)),
      seconds: try row.real(12), attempts: try row.whole(13), role: try row.text(14))
  }

  public func spend(of study: String) async throws(StoreError) -> Spend {
    try await read { db in try Self.spend(of: Self.id(of: study, db), db) }
  }

  static func spend(of id: Int64, _ db: Database) throws -> Spend {
    let calls = try db.cachedStatement(sql: "SELECT \(sums) FROM calls WHERE study = ?")
    return try Row.fetchOne(calls, arguments: [id]).map { try spend($0) } ?? Spend()
  }

  public func spendByRole(of study: String) async throws(StoreError) -> [String: Spend] {
    try await read { db in
      let calls = try db.cachedStatement(
        sql: """
          SELECT \(Self.sums), CASE path WHEN 'embeddings' THEN 'embedding' ELSE role END AS asker
          FROM calls WHERE study = ? GROUP BY asker
          """)
      return try Row.fetchAll(calls, arguments: [Self.id(of: study, db)]).reduce(into: [:]) { roles, row in
        roles[try row.text(5)] = try Self.spend(row)
      }
    }
  }

  private static let sums = """
    ifnull(sum(attempts), 0), ifnull(sum(prompt_tokens), 0), ifnull(sum(completion_tokens), 0),
    ifnull(sum(CASE estimated WHEN 1 THEN prompt_tokens + completion_tokens END), 0), total(cost)
    """

  private static func spend(_ row: Row) throws -> Spend {
    var spend = Spend()
    spend.requests = try row.whole(0)
    spend.promptTokens = try row.whole(1)
    spend.completionTokens = try row.whole(2)
    spend.estimatedTokens = try row.whole(3)
    spend.money = try row.real(4)
    return spend
  }
}

/// A study's calls, as the endpoint client looks them up and adds to them.
struct StudyArchive: CallArchive {
  let store: SQLiteStore
  let study: String

  func call(for key: String) async throws -> CallRecord? { try await store.call(key, study: study) }
  func append(_ record: CallRecord) async throws { try await store.append(record, study: study) }
  func calls(path: String, limit: Int) async throws -> [CallRecord] {
    try await store.calls(path: path, limit: limit, study: study)
  }
}
