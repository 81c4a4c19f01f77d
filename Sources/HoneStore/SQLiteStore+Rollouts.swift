import GRDB
import HoneModel
import HoneOptimize
import HoneTrace

extension SQLiteStore {
  public func append(rollouts: [RolloutRecord], calls: [CallRecord], study: String) async throws(StoreError) {
    guard !rollouts.isEmpty || !calls.isEmpty else { return }
    let now = now()
    let isBooking = isTimeToBook(study, now: now)
    try await write { db in
      let id = try Self.id(of: study, db)
      if isBooking { try Self.bookSession(of: id, now: now, db) }
      for call in calls { try Self.insert(call, study: id, now: now, db) }
      var labels = Labels()
      for rollout in rollouts { try Self.insert(rollout.stored, study: id, &labels, db) }
    }
  }

  static func insert(_ rollout: RolloutRecord, study: Int64, _ labels: inout Labels, _ db: Database) throws {
    let find = try db.cachedStatement(
      sql: """
        SELECT id, failure FROM rollouts WHERE study = ? AND trial = ? AND split = ? AND example = ? AND repeat = ?
        """)
    let key: StatementArguments = [
      study, rollout.trial, number(rollout.split), Columns.inline(rollout.example), rollout.repeat,
    ]
    var id: Int64?
    if let row = try Row.fetchOne(find, arguments: key) {
      guard try row.optionalText(1) != nil else { return }
      id = Int64(try row.whole(0))
      try db.execute(sql: "DELETE FROM rollouts WHERE id = ?", arguments: [id])
    }
    let insert = try db.cachedStatement(
      sql: """
        INSERT INTO rollouts (id, study, trial, split, example, repeat, cache_key, score, feedback, output, outcomes,
          failure, failure_message, requests, prompt_tokens, completion_tokens, estimated_tokens, money, calls, seconds,
          traced)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    try insert.execute(arguments: try arguments(rollout, id: id, key: key, db))
    if let trace = rollout.trace { try Self.insert(trace, rollout: db.lastInsertedRowID, &labels, db) }
  }

  private static func arguments(_ rollout: RolloutRecord, id: Int64?, key: StatementArguments, _ db: Database) throws
    -> StatementArguments
  {
    let spend = rollout.spend
    let all: StatementArguments = [
      Columns.inline(rollout.cacheKey), rollout.score, try Columns.store(rollout.feedback, db),
      try Columns.store(rollout.output, db), try Columns.store(StoredJSON.text(rollout.outcomes), db),
      rollout.failure?.kind.rawValue,
      try rollout.failure.map { try Columns.store($0.message, db) }, spend.requests, spend.promptTokens,
      spend.completionTokens,
      spend.estimatedTokens, spend.money, try Columns.store(StoredJSON.text(rollout.callKeys), db), rollout.seconds,
      rollout.trace != nil,
    ]
    return [id] + key + all
  }

  static func number(_ split: Split) -> Int {
    switch split {
    case .train: 0
    case .validation: 1
    case .test: 2
    }
  }

  private static let splits: [Split] = [.train, .validation, .test]

  private static let columns = """
    id, trial, split, example, repeat, cache_key, score, \(Columns.text("feedback")), \(Columns.text("output")),
    \(Columns.text("outcomes")), failure, \(Columns.text("failure_message")), requests, prompt_tokens,
    completion_tokens, estimated_tokens, money, \(Columns.text("calls")), seconds, traced
    """

  public func rollouts(of study: String, trial: Int?, split: Split?, traces: Bool) async throws(StoreError)
    -> [RolloutRecord]
  {
    try await read { db in
      var rollouts: [RolloutRecord] = []
      try Self.eachRollout(of: Self.id(of: study, db), trial: trial, split: split, traces: traces, db) {
        rollouts.append($0)
      }
      return rollouts
    }
  }

  static func eachRollout(
    of id: Int64, trial: Int?, split: Split?, traces: Bool, _ db: Database, _ body: (RolloutRecord) throws -> Void
  ) throws {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT \(columns) FROM rollouts
        WHERE study = ?1 AND (?2 IS NULL OR trial = ?2) AND (?3 IS NULL OR split = ?3) ORDER BY trial, split, id
        """, arguments: [id, trial, split.map(number)])
    while let row = try rows.next() { try body(rollout(row, traces: traces, db)) }
  }

  public func rollout(cacheKey: String) async throws(StoreError) -> RolloutRecord? {
    try await read { db in
      let statement = try db.cachedStatement(
        sql: """
          SELECT \(Self.columns) FROM rollouts
          WHERE cache_key = ? AND failure IS NULL AND score IS NOT NULL ORDER BY id LIMIT 1
          """)
      return try Row.fetchOne(statement, arguments: [Columns.inline(cacheKey)])
        .map { row in try Self.rollout(row, traces: true, db) }
    }
  }

  private static func rollout(_ row: Row, traces: Bool, _ db: Database) throws -> RolloutRecord {
    let split = try row.whole(2)
    guard splits.indices.contains(split) else { throw StoreError(.corrupt, "a rollout's split is \(split)") }
    var spend = Spend()
    spend.requests = try row.whole(12)
    spend.promptTokens = try row.whole(13)
    spend.completionTokens = try row.whole(14)
    spend.estimatedTokens = try row.whole(15)
    spend.money = try row.real(16)
    let failure = try row.optionalText(10).map { _ in
      RolloutRecord.Failure(try row.choice(10, RolloutRecord.Failure.Kind.self), try row.text(11))
    }
    let isTraced = try row.flag(19)
    return RolloutRecord(
      trial: try row.whole(1), split: splits[split], example: try row.text(3), repeat: try row.whole(4),
      cacheKey: try row.text(5), score: try row.optionalReal(6), feedback: try row.text(7), output: try row.json(8),
      outcomes: try StoredJSON.outcomes(row.text(9)), failure: failure, spend: spend,
      callKeys: try StoredJSON.strings(row.text(17)), seconds: try row.real(18),
      trace: traces && isTraced ? try trace(of: Int64(row.whole(0)), db) : nil)
  }
}

extension RolloutRecord {
  /// The rollout as every store keeps it: a score that is not finite is a failure whoever hands it over, and an outcome
  /// that is not finite is left out and named in the feedback.
  var stored: RolloutRecord {
    var record = self
    if let score, !score.isFinite {
      record.score = nil
      record.failure = failure ?? Failure(.score, "the score is not finite (\(score))")
    }
    let bad = outcomes.filter { !$0.value.isFinite }.keys.sorted()
    if !bad.isEmpty {
      for name in bad { record.outcomes[name] = nil }
      record.feedback += "\n[outcome not finite, left out: \(bad.joined(separator: ", "))]"
    }
    return record
  }
}
