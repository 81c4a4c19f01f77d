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
    let find = try Prepared(
      "SELECT id, failure FROM rollouts WHERE study = ? AND trial = ? AND split = ? AND example = ? AND repeat = ?", db)
    let key: [DatabaseValue] = [
      study.databaseValue, .whole(rollout.trial), .whole(number(rollout.split)), Columns.inline(rollout.example),
      .whole(rollout.repeat),
    ]
    let known = try find.first(key) { row in (id: try row.whole(0), isFailed: !row.isNull(1)) }
    if let known {
      guard known.isFailed else { return }
      try db.execute(sql: "DELETE FROM rollouts WHERE id = ?", arguments: [known.id])
    }
    let insert = try Prepared(
      """
      INSERT INTO rollouts (id, study, trial, split, example, repeat, cache_key, score, feedback, output, outcomes,
        failure, failure_message, requests, prompt_tokens, completion_tokens, estimated_tokens, money, calls, seconds,
        traced)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """, db)
    try insert.run([known?.id.databaseValue ?? .null] + key + cells(rollout, db))
    if let trace = rollout.trace { try Self.insert(trace, rollout: db.lastInsertedRowID, &labels, db) }
  }

  private static func cells(_ rollout: RolloutRecord, _ db: Database) throws -> [DatabaseValue] {
    let spend = rollout.spend
    return [
      Columns.inline(rollout.cacheKey), .real(rollout.score), try Columns.store(rollout.feedback, db),
      try Columns.store(rollout.output, db), try Columns.store(StoredJSON.text(rollout.outcomes), db),
      rollout.failure?.kind.rawValue.databaseValue ?? .null,
      try rollout.failure.map { try Columns.store($0.message, db) } ?? .null, .whole(spend.requests),
      .whole(spend.promptTokens), .whole(spend.completionTokens), .whole(spend.estimatedTokens), .real(spend.money),
      try Columns.store(StoredJSON.text(rollout.callKeys), db), .real(rollout.seconds),
      (rollout.trace != nil).databaseValue,
    ]
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
    let find = try Prepared(
      """
      SELECT \(columns) FROM rollouts
      WHERE study = ?1 AND (?2 IS NULL OR trial = ?2) AND (?3 IS NULL OR split = ?3) ORDER BY trial, split, id
      """, db)
    try find.each([id.databaseValue, .whole(trial), .whole(split.map(number))]) { row in
      try body(rollout(row, traces: traces, db))
    }
  }

  public func rollout(cacheKey: String) async throws(StoreError) -> RolloutRecord? {
    try await read { db in
      let find = try Prepared(
        """
        SELECT \(Self.columns) FROM rollouts
        WHERE cache_key = ? AND failure IS NULL AND score IS NOT NULL ORDER BY id LIMIT 1
        """, db)
      return try find.first([Columns.inline(cacheKey)]) { row in try Self.rollout(row, traces: true, db) }
    }
  }

  private static func rollout(_ row: Prepared.Cells, traces: Bool, _ db: Database) throws -> RolloutRecord {
    let split = try row.int(2)
    guard splits.indices.contains(split) else { throw StoreError(.corrupt, "a rollout's split is \(split)") }
    var spend = Spend()
    spend.requests = try row.int(12)
    spend.promptTokens = try row.int(13)
    spend.completionTokens = try row.int(14)
    spend.estimatedTokens = try row.int(15)
    spend.money = try row.real(16)
    let failure = try row.optionalText(10).map { _ in
      RolloutRecord.Failure(try row.choice(10, RolloutRecord.Failure.Kind.self), try row.text(11))
    }
    let isTraced = try row.flag(19)
    return RolloutRecord(
      trial: try row.int(1), split: splits[split], example: try row.text(3), repeat: try row.int(4),
      cacheKey: try row.text(5), score: try row.optionalReal(6), feedback: try row.text(7), output: try row.json(8),
      outcomes: try StoredJSON.outcomes(row.text(9)), failure: failure, spend: spend,
      callKeys: try StoredJSON.strings(row.text(17)), seconds: try row.real(18),
      trace: traces && isTraced ? try trace(of: row.whole(0), db) : nil)
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
