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

  /// All calls of a study with null for their requests: what it takes to answer them again, at half the cost.
  package func replies(of study: String) async throws(StoreError) -> [CallRecord] {
    try await read { db in
      let find = try Prepared("SELECT \(Self.columns("'null'")) FROM calls WHERE study = ? ORDER BY id", db)
      var calls: [CallRecord] = []
      try find.each([Self.id(of: study, db).databaseValue]) { calls.append(try Self.call($0)) }
      return calls
    }
  }

  static func eachCall(of id: Int64, limit: Int?, _ db: Database, _ body: (CallRecord) throws -> Void) throws {
    let find = try Prepared("SELECT \(columns()) FROM calls WHERE study = ? ORDER BY id LIMIT ?", db)
    try find.each([id.databaseValue, .whole(limit.map { max(0, $0) } ?? -1)]) { try body(call($0)) }
  }

  public func callKeys(of study: String) async throws(StoreError) -> Set<String> {
    try await read { db in
      var keys: Set<String> = []
      try Prepared("SELECT key FROM calls WHERE study = ?", db).each([Self.id(of: study, db).databaseValue]) {
        keys.insert(try $0.text(0))
      }
      return keys
    }
  }

  func call(_ key: String, study: String) async throws(StoreError) -> CallRecord? {
    try await read { db in
      try Prepared("SELECT \(Self.columns()) FROM calls WHERE study = ? AND key = ?", db)
        .first([Self.id(of: study, db).databaseValue, Columns.inline(key)], Self.call)
    }
  }

  func calls(path: String, limit: Int, study: String) async throws(StoreError) -> [CallRecord] {
    try await read { db in
      let find = try Prepared(
        "SELECT \(Self.columns()) FROM calls WHERE study = ? AND path = ? ORDER BY id LIMIT ?", db)
      var calls: [CallRecord] = []
      try find.each([Self.id(of: study, db).databaseValue, Columns.inline(path), .whole(max(0, limit))]) {
        calls.append(try Self.call($0))
      }
      return calls
    }
  }

  func append(_ call: CallRecord, study: String) async throws(StoreError) {
    let now = now()
    try await write { db in try Self.insert(call, study: Self.id(of: study, db), now: now, db) }
  }

  static func insert(_ call: CallRecord, study: Int64, now: Double, _ db: Database) throws {
    let find = try Prepared("SELECT id FROM calls WHERE study = ? AND key = ?", db)
    let key = Columns.inline(call.key)
    if try find.first([study.databaseValue, key], { _ in true }) != nil { return }
    let insert = try Prepared(
      """
      INSERT INTO calls (study, key, alias, path, role, repeat, sample, status, request, response, prompt_tokens,
        completion_tokens, cost, estimated, seconds, attempts, made)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """, db)
    try insert.run([
      study.databaseValue, key, Columns.inline(call.alias), Columns.inline(call.path), Columns.inline(call.role),
      .whole(call.repeat), .whole(call.sample), .whole(call.status), try Columns.store(call.request, db),
      try Columns.store(call.response, db), .whole(call.usage.promptTokens), .whole(call.usage.completionTokens),
      .real(call.usage.cost), call.usage.estimated.databaseValue, .real(call.seconds), .whole(call.attempts),
      .real(now),
    ])
  }

  private static func columns(_ request: String = Columns.text("request")) -> String {
    """
    key, alias, path, \(request), repeat, sample, status, \(Columns.text("response")), prompt_tokens,
    completion_tokens, cost, estimated, seconds, attempts, role
    """
  }

  private static func call(_ row: Prepared.Cells) throws -> CallRecord {
    CallRecord(
      key: try row.text(0), alias: try row.text(1), path: try row.text(2), request: try row.json(3),
      repeat: try row.int(4), sample: try row.int(5), status: try row.int(6), response: try row.json(7),
      usage: Usage(
        promptTokens: try row.int(8), completionTokens: try row.int(9), cost: try row.optionalReal(10),
        estimated: try row.flag(11)),
      seconds: try row.real(12), attempts: try row.int(13), role: try row.text(14))
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
