import GRDB
import HoneOptimize
import HoneTrace

extension SQLiteStore {
  public func begin(_ proposals: [Proposal], attempts: [Attempt], study: String, owner: Owner) async throws(StoreError)
    -> [Int]
  {
    guard !proposals.isEmpty || !attempts.isEmpty else { return [] }
    let now = now()
    let numbers = try await write { db in
      var place = try Self.place(of: study, owner, now: now, db)
      for attempt in attempts {
        try Self.insert(attempt, study: place.study, seq: place.seq, db)
        place.seq += 1
      }
      for (offset, proposal) in proposals.enumerated() {
        let number = place.number + offset
        try Self.insert(proposal, study: place.study, number: number, owner: place.owner, now: now, db)
        try Self.insertEvent("began", trial: number, study: place.study, seq: place.seq, db)
        place.seq += 1
      }
      return Array(place.number..<place.number + proposals.count)
    }
    beat(for: owner)
    return numbers
  }

  /// Where the next trial of a study goes.
  private struct Place {
    var study: Int64
    var owner: Int64
    var seq: Int
    var number: Int
  }

  /// One question instead of three: it is asked for every trial.
  private static func place(of study: String, _ owner: Owner, now: Double, _ db: Database) throws -> Place {
    let find = try Prepared(
      """
      SELECT s.id, (SELECT max(seq) FROM events WHERE study = s.id), (SELECT max(number) FROM trials WHERE study = s.id),
        o.id, o.heartbeat
      FROM studies s LEFT JOIN owners o ON o.host = ? AND o.process = ? AND o.started = ? WHERE s.name = ?
      """, db)
    let key: [DatabaseValue] = [
      Columns.inline(owner.host), owner.process.databaseValue, owner.started.databaseValue, Columns.inline(study),
    ]
    let found = try find.first(key) { cells -> (place: Place, isFresh: Bool) in
      let place = Place(
        study: try cells.whole(0), owner: try cells.optionalWhole(3) ?? 0,
        seq: Int(try cells.optionalWhole(1) ?? -1) + 1, number: Int(try cells.optionalWhole(2) ?? -1) + 1)
      return (place, try cells.optionalReal(4).map { now - $0 <= Owner.heartbeat / 2 } ?? false)
    }
    guard let found else { throw noStudy(study) }
    var place = found.place
    if !found.isFresh { place.owner = try id(of: owner, now: now, db) }
    return place
  }

  static func insertEvent(_ kind: String, trial: Int?, study: Int64, seq: Int, _ db: Database) throws {
    let insert = try Prepared("INSERT INTO events (study, seq, kind, trial) VALUES (?, ?, ?, ?)", db)
    try insert.run([study.databaseValue, .whole(seq), kind.databaseValue, .whole(trial)])
  }

  /// What a failure is due to stands in the event's result; of a failure by the assignment there is none.
  static func insertEvent(_ ending: Ending, study: Int64, seq: Int, _ db: Database) throws {
    try insertEvent(
      ending.state == .complete ? "completed" : "failed", trial: ending.trial, study: study, seq: seq, db)
    guard let kind = ending.kind else { return }
    try setResult(["kind": .string(kind.rawValue)], study: study, seq: seq, db)
  }

  private static func setResult(_ result: Value, study: Int64, seq: Int, _ db: Database) throws {
    let update = try db.cachedStatement(sql: "UPDATE events SET result = ? WHERE study = ? AND seq = ?")
    try update.execute(arguments: [try Columns.store(result, db), study, seq])
  }

  static func insert(
    _ proposal: Proposal, study: Int64, number: Int, owner: Int64?, now: Double, _ db: Database
  ) throws {
    let insert = try Prepared(
      """
      INSERT INTO trials (study, number, state, assignment, origin, parent, note, owner, began)
      VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?)
      """, db)
    try insert.run([
      study.databaseValue, .whole(number), try Columns.store(.object(proposal.assignment.values), db),
      Columns.inline(proposal.origin), .whole(proposal.parent), try Columns.store(proposal.note, db),
      owner?.databaseValue ?? .null, now.databaseValue,
    ])
  }

  static func insert(_ attempt: Attempt, study: Int64, seq: Int, _ db: Database) throws {
    let insert = try db.cachedStatement(
      sql: """
        INSERT INTO attempts (study, seq, origin, outcome, rejections, suggestion, reasoning, calls)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """)
    try insert.execute(arguments: [
      study, seq, Columns.inline(attempt.origin), attempt.outcome.rawValue,
      try Columns.store(ValueEncoder.value(attempt.rejections), db), try Columns.store(attempt.suggestion, db),
      try Columns.store(attempt.reasoning, db), try Columns.store(StoredJSON.text(attempt.callKeys), db),
    ])
    try insertEvent("attempted", trial: nil, study: study, seq: seq, db)
    if let tokens = attempt.tokens { try setResult(["tokens": .int(tokens)], study: study, seq: seq, db) }
  }

  public func resume(trial: Int, study: String, owner: Owner) async throws(StoreError) {
    let (now, path) = (now(), path)
    try await write { db in
      let id = try Self.id(of: study, db)
      let me = try Self.id(of: owner, now: now, db)
      let row = try Row.fetchOne(
        db,
        sql: """
          SELECT t.state, o.host, o.process, o.started, o.heartbeat, t.screened FROM trials t LEFT JOIN owners o ON o.id = t.owner
          WHERE t.study = ? AND t.number = ?
          """, arguments: [id, trial])
      guard let row else { throw Self.noTrial(trial, study) }
      switch try row.choice(0, TrialState.self) {
      case .interrupted: break
      case .running:
        let holder = try Self.owner(row, from: 1)
        if holder != owner, holder.isAlive(silence: now - (try row.real(4))) { throw Self.busy(study, holder, path) }
      case .complete:
        if try row.flag(5) { throw Self.hasEnded(trial, study) }
      case .failed: throw Self.hasEnded(trial, study)
      }
      try db.execute(
        sql: """
          UPDATE trials SET state = 'running', owner = ?, reason = '', ended = NULL WHERE study = ? AND number = ?
          """, arguments: [me, id, trial])
    }
    beat(for: owner)
  }

  public func finish(_ event: Event, study: String) async throws(StoreError) {
    let ending = try Ending(event)
    let now = now()
    try await write { db in
      let find = try Prepared(
        """
        SELECT s.id, t.state, (SELECT max(seq) FROM events WHERE study = s.id), t.mean
        FROM studies s LEFT JOIN trials t ON t.study = s.id AND t.number = ? WHERE s.name = ?
        """, db)
      let found = try find.first([.whole(ending.trial), Columns.inline(study)]) { cells in
        guard !cells.isNull(1) else { throw Self.noTrial(ending.trial, study) }
        return (
          id: try cells.whole(0), state: try cells.choice(1, TrialState.self),
          seq: Int(try cells.optionalWhole(2) ?? -1) + 1, isMeasured: !cells.isNull(3)
        )
      }
      guard let found else { throw Self.noStudy(study) }
      guard found.state == .running || found.state == .interrupted else { return }
      if found.isMeasured { try Self.keepResult(of: ending.trial, study: found.id, db) }
      try Self.end(ending, study: found.id, now: now, db)
      try Self.insertEvent(ending, study: found.id, seq: found.seq, db)
    }
  }

  /// Moves what a trial was measured to be from `trials`, where the new result goes, to its event.
  static func keepResult(of trial: Int, study: Int64, _ db: Database) throws {
    let row = try Row.fetchOne(
      db,
      sql: """
        SELECT mean, deviation, count, \(Columns.text("outcomes")) FROM trials
        WHERE study = ? AND number = ? AND mean IS NOT NULL
        """, arguments: [study, trial])
    guard let row else { return }
    let result: Value = [
      "mean": .double(try row.real(0)), "deviation": .double(try row.real(1)), "count": .int(try row.whole(2)),
      "outcomes": try row.json(3),
    ]
    try db.execute(
      sql: "UPDATE events SET result = ? WHERE study = ? AND trial = ? AND kind = 'completed' AND result IS NULL",
      arguments: [try Columns.store(result, db), study, trial])
  }

  static func end(_ ending: Ending, study: Int64, now: Double, _ db: Database) throws {
    let update = try Prepared(
      """
      UPDATE trials SET state = ?, mean = ?, deviation = ?, count = ?, screened = ?, outcomes = ?, reason = ?, ended = ?
      WHERE study = ? AND number = ?
      """, db)
    try update.run([
      ending.state.rawValue.databaseValue, .real(ending.estimate?.mean), .real(ending.estimate?.deviation),
      .whole(ending.estimate?.count), ending.screened.databaseValue,
      try Columns.store(StoredJSON.text(ending.outcomes), db), try Columns.store(ending.reason, db),
      now.databaseValue, study.databaseValue, .whole(ending.trial),
    ])
  }

  public func interrupt(trials: [Int], reason: String, study: String) async throws(StoreError) {
    let now = now()
    try await write { db in
      let id = try Self.id(of: study, db)
      for trial in trials {
        try db.execute(
          sql: """
            UPDATE trials SET state = 'interrupted', reason = ?, ended = ?
            WHERE study = ? AND number = ? AND state = 'running'
            """, arguments: [try Columns.store(reason, db), now, id, trial])
      }
    }
  }

  public func events(of study: String) async throws(StoreError) -> [Event] {
    try await read { db in
      var events: [Event] = []
      try Self.eachEvent(of: Self.id(of: study, db), db) { events.append($0) }
      return events
    }
  }

  static func eachEvent(of id: Int64, _ db: Database, _ body: (Event) throws -> Void) throws {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT e.kind, e.trial, \(Columns.text("t.assignment")), t.origin, t.parent, \(Columns.text("t.note")),
          t.mean, t.deviation, t.count, t.screened, \(Columns.text("t.outcomes")), \(Columns.text("t.reason")),
          a.origin, a.outcome, \(Columns.text("a.rejections")), \(Columns.text("a.suggestion")),
          \(Columns.text("a.reasoning")), \(Columns.text("a.calls")), \(Columns.text("e.result"))
        FROM events e LEFT JOIN trials t ON t.study = e.study AND t.number = e.trial
          LEFT JOIN attempts a ON a.study = e.study AND a.seq = e.seq
        WHERE e.study = ? ORDER BY e.seq
        """, arguments: [id])
    while let row = try rows.next() { try body(event(row)) }
  }

  private static func event(_ row: Row) throws -> Event {
    switch try row.text(0) {
    case "began": .began(trial: try row.whole(1), try proposal(row, from: 2))
    case "completed": try completion(row)
    case "failed":
      .failed(trial: try row.whole(1), reason: try row.text(11), kind: try row.optionalText(18).flatMap(failureKind))
    default: .attempted(try attempt(row, from: 12))
    }
  }

  private static func failureKind(_ result: String) throws -> RolloutRecord.Failure.Kind? {
    try StoredJSON.value(result)["kind"]?.string.flatMap(RolloutRecord.Failure.Kind.init)
  }

  private static func completion(_ row: Row) throws -> Event {
    let trial = try row.whole(1)
    guard let text = try row.optionalText(18) else {
      return .completed(
        trial: trial, Estimate(mean: try row.real(6), deviation: try row.real(7), count: try row.whole(8)),
        screened: try row.flag(9), outcomes: try StoredJSON.outcomes(row.text(10)))
    }
    let result = try StoredJSON.value(text)
    guard let mean = result["mean"]?.number, let deviation = result["deviation"]?.number,
      let count = result["count"]?.int, let outcomes = result["outcomes"]?.object
    else { throw StoreError(.corrupt, "an earlier result of trial \(trial) cannot be read") }
    return .completed(
      trial: trial, Estimate(mean: mean, deviation: deviation, count: count), screened: false,
      outcomes: outcomes.compactMapValues(\.number))
  }

  private static func attempt(_ row: Row, from index: Int) throws -> Attempt {
    do {
      return Attempt(
        origin: try row.text(index), outcome: try row.choice(index + 1, Attempt.Outcome.self),
        rejections: try ValueDecoder.decode([Rejection].self, from: row.json(index + 2)),
        suggestion: try row.json(index + 3), reasoning: try row.text(index + 4),
        callKeys: try StoredJSON.strings(row.text(index + 5)),
        tokens: try row.optionalText(18).flatMap { try StoredJSON.value($0)["tokens"]?.int })
    } catch let error as DecodingError {
      throw StoreError(.corrupt, "stored rejections cannot be read: \(error)")
    }
  }

  private static func proposal(_ row: Row, from index: Int) throws -> Proposal {
    Proposal(
      Assignment(try row.json(index).object ?? [:]), origin: try row.text(index + 1),
      parent: try row.optionalWhole(index + 2), note: try row.text(index + 3))
  }

  public func trials(of study: String) async throws(StoreError) -> [TrialRecord] {
    try await read { db in
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT number, state, \(Columns.text("assignment")), origin, parent, \(Columns.text("note")),
            mean, deviation, count, screened, \(Columns.text("outcomes")), \(Columns.text("reason"))
          FROM trials WHERE study = ? ORDER BY number
          """, arguments: [try Self.id(of: study, db)])
      var trials: [TrialRecord] = []
      while let row = try rows.next() {
        let mean = try row.optionalReal(6)
        trials.append(
          TrialRecord(
            number: try row.whole(0), state: try row.choice(1, TrialState.self),
            proposal: try Self.proposal(row, from: 2),
            estimate: try mean.map { Estimate(mean: $0, deviation: try row.real(7), count: try row.whole(8)) },
            screened: try row.flag(9), outcomes: try StoredJSON.outcomes(row.text(10)), reason: try row.text(11)))
      }
      return trials
    }
  }

  static func noTrial(_ trial: Int, _ study: String) -> StoreError {
    StoreError(.notFound, "study \(study) has no trial \(trial)", hint: "`hone status` lists its trials")
  }

  static func hasEnded(_ trial: Int, _ study: String) -> StoreError {
    StoreError(.notFound, "trial \(trial) of study \(study) has ended and cannot go on")
  }
}
