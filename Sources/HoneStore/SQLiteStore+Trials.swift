import GRDB
import HoneOptimize
import HoneTrace

extension SQLiteStore {
  public func begin(_ proposals: [Proposal], attempts: [Attempt], study: String, owner: Owner) async throws(StoreError)
    -> [Int]
  {
    guard !proposals.isEmpty || !attempts.isEmpty else { return [] }
    let now = now()
    let numbers = try await write(survivesPowerLoss: false) { db in
      // One question instead of three: it is asked for every trial.
      let find = try db.cachedStatement(
        sql: """
          SELECT s.id, (SELECT max(seq) FROM events WHERE study = s.id), (SELECT max(number) FROM trials WHERE study = s.id),
            o.id, o.heartbeat
          FROM studies s LEFT JOIN owners o ON o.host = ? AND o.process = ? AND o.started = ? WHERE s.name = ?
          """)
      let row = try Row.fetchOne(
        find, arguments: [Columns.inline(owner.host), owner.process, owner.started, Columns.inline(study)])
      guard let row else { throw Self.noStudy(study) }
      let id = Int64(try row.whole(0))
      let isFresh = try row.optionalReal(4).map { now - $0 <= Owner.heartbeat / 2 } ?? false
      let me = isFresh ? Int64(try row.whole(3)) : try Self.id(of: owner, now: now, db)
      var seq = (try row.optionalWhole(1) ?? -1) + 1
      for attempt in attempts {
        try Self.insert(attempt, study: id, seq: seq, db)
        seq += 1
      }
      let first = (try row.optionalWhole(2) ?? -1) + 1
      for (offset, proposal) in proposals.enumerated() {
        try Self.insert(proposal, study: id, number: first + offset, owner: me, now: now, db)
        try Self.insertEvent("began", trial: first + offset, study: id, seq: seq, db)
        seq += 1
      }
      return Array(first..<first + proposals.count)
    }
    beat(for: owner)
    return numbers
  }

  static func insertEvent(_ kind: String, trial: Int?, study: Int64, seq: Int, _ db: Database) throws {
    let insert = try db.cachedStatement(sql: "INSERT INTO events (study, seq, kind, trial) VALUES (?, ?, ?, ?)")
    try insert.execute(arguments: [study, seq, kind, trial])
  }

  static func insert(
    _ proposal: Proposal, study: Int64, number: Int, owner: Int64?, now: Double, _ db: Database
  ) throws {
    let insert = try db.cachedStatement(
      sql: """
        INSERT INTO trials (study, number, state, assignment, origin, parent, note, owner, began)
        VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?)
        """)
    try insert.execute(arguments: [
      study, number, try Columns.store(.object(proposal.assignment.values), db), Columns.inline(proposal.origin),
      proposal.parent, try Columns.store(proposal.note, db), owner, now,
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
  }

  public func resume(trial: Int, study: String, owner: Owner) async throws(StoreError) {
    let (now, path) = (now(), path)
    try await write { db in
      let id = try Self.id(of: study, db)
      let me = try Self.id(of: owner, now: now, db)
      let row = try Row.fetchOne(
        db,
        sql: """
          SELECT t.state, o.host, o.process, o.started, o.heartbeat FROM trials t LEFT JOIN owners o ON o.id = t.owner
          WHERE t.study = ? AND t.number = ?
          """, arguments: [id, trial])
      guard let row else { throw Self.noTrial(trial, study) }
      switch try row.choice(0, TrialState.self) {
      case .interrupted: break
      case .running:
        let holder = try Self.owner(row, from: 1)
        if holder != owner, holder.isAlive(silence: now - (try row.real(4))) { throw Self.busy(study, holder, path) }
      case .complete, .failed: throw Self.hasEnded(trial, study)
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
      let find = try db.cachedStatement(
        sql: """
          SELECT s.id, t.state, (SELECT max(seq) FROM events WHERE study = s.id)
          FROM studies s LEFT JOIN trials t ON t.study = s.id AND t.number = ? WHERE s.name = ?
          """)
      guard let row = try Row.fetchOne(find, arguments: [ending.trial, Columns.inline(study)]) else {
        throw Self.noStudy(study)
      }
      guard try row.optionalText(1) != nil else { throw Self.noTrial(ending.trial, study) }
      let found = try row.choice(1, TrialState.self)
      guard found == .running || found == .interrupted else { return }
      let id = Int64(try row.whole(0))
      try Self.end(ending, study: id, now: now, db)
      let seq = (try row.optionalWhole(2) ?? -1) + 1
      try Self.insertEvent(
        ending.state == .complete ? "completed" : "failed", trial: ending.trial, study: id, seq: seq, db)
    }
  }

  static func end(_ ending: Ending, study: Int64, now: Double, _ db: Database) throws {
    let update = try db.cachedStatement(
      sql: """
        UPDATE trials SET state = ?, mean = ?, deviation = ?, count = ?, screened = ?, outcomes = ?, reason = ?, ended = ?
        WHERE study = ? AND number = ?
        """)
    try update.execute(arguments: [
      ending.state.rawValue, ending.estimate?.mean, ending.estimate?.deviation, ending.estimate?.count,
      ending.screened, try Columns.store(StoredJSON.text(ending.outcomes), db), try Columns.store(ending.reason, db),
      now, study, ending.trial,
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
          \(Columns.text("a.reasoning")), \(Columns.text("a.calls"))
        FROM events e LEFT JOIN trials t ON t.study = e.study AND t.number = e.trial
          LEFT JOIN attempts a ON a.study = e.study AND a.seq = e.seq
        WHERE e.study = ? ORDER BY e.seq
        """, arguments: [id])
    while let row = try rows.next() { try body(event(row)) }
  }

  private static func event(_ row: Row) throws -> Event {
    switch try row.text(0) {
    case "began": .began(trial: try row.whole(1), try proposal(row, from: 2))
    case "completed":
      .completed(
        trial: try row.whole(1),
        Estimate(mean: try row.real(6), deviation: try row.real(7), count: try row.whole(8)),
        screened: try row.flag(9), outcomes: try StoredJSON.outcomes(row.text(10)))
    case "failed": .failed(trial: try row.whole(1), reason: try row.text(11))
    default: .attempted(try attempt(row, from: 12))
    }
  }

  private static func attempt(_ row: Row, from index: Int) throws -> Attempt {
    do {
      return Attempt(
        origin: try row.text(index), outcome: try row.choice(index + 1, Attempt.Outcome.self),
        rejections: try ValueDecoder.decode([Rejection].self, from: row.json(index + 2)),
        suggestion: try row.json(index + 3), reasoning: try row.text(index + 4),
        callKeys: try StoredJSON.strings(row.text(index + 5)))
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
