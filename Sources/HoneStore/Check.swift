import Crypto
import Foundation
import GRDB
import HoneTrace

extension SQLiteStore {
  /// Looks for damage: SQLite's own integrity check, then what must hold between the rows.
  /// - Returns: One sentence a problem, none when the database is sound.
  public func check() async throws(StoreError) -> [String] {
    try await read { db in
      var problems = try Row.fetchAll(db, sql: "PRAGMA integrity_check").compactMap { row in
        let text = try row.text(0)
        return text == "ok" ? nil : text
      }
      for row in try Row.fetchAll(db, sql: "PRAGMA foreign_key_check") {
        problems.append("table \(try row.text(0)): row \(try row.optionalWhole(1) ?? 0) belongs to nothing")
      }
      for rule in Self.rules {
        for row in try Row.fetchAll(db, sql: rule.sql) { problems.append("\(rule.problem): \(try row.text(0))") }
      }
      return problems + (try Self.damagedBlobs(db))
    }
  }

  private static let rules: [(problem: String, sql: String)] = [
    (
      "a study's trial numbers have gaps",
      "SELECT s.name FROM studies s JOIN trials t ON t.study = s.id GROUP BY s.id HAVING max(t.number) + 1 <> count(*)"
    ),
    (
      "a study's events have gaps",
      "SELECT s.name FROM studies s JOIN events e ON e.study = s.id GROUP BY s.id HAVING max(e.seq) + 1 <> count(*)"
    ),
    (
      "a complete trial has no score",
      """
      SELECT s.name || ', trial ' || t.number FROM trials t JOIN studies s ON s.id = t.study
      WHERE t.state = 'complete' AND (t.mean IS NULL OR t.deviation IS NULL OR t.count IS NULL)
      """
    ),
    (
      "an event names a trial that is not there",
      """
      SELECT s.name || ', event ' || e.seq FROM events e JOIN studies s ON s.id = e.study
      LEFT JOIN trials t ON t.study = e.study AND t.number = e.trial
      WHERE e.kind <> 'attempted' AND t.number IS NULL
      """
    ),
    (
      "a trial has no event for its state",
      """
      SELECT s.name || ', trial ' || t.number FROM trials t JOIN studies s ON s.id = t.study
      LEFT JOIN (SELECT study, trial, count(*) AS ends FROM events WHERE kind IN ('completed', 'failed')
        GROUP BY study, trial) e ON e.study = t.study AND e.trial = t.number
      WHERE t.state IN ('complete', 'failed') AND e.ends IS NULL
        OR t.state IN ('running', 'interrupted') AND t.mean IS NULL AND e.ends IS NOT NULL
      """
    ),
    (
      "an earlier result of a trial is missing",
      """
      SELECT s.name || ', trial ' || e.trial FROM events e JOIN studies s ON s.id = e.study
      WHERE e.kind = 'completed' AND e.result IS NULL AND EXISTS (SELECT 1 FROM events l
        WHERE l.study = e.study AND l.trial = e.trial AND l.kind IN ('completed', 'failed') AND l.seq > e.seq)
      """
    ),
    (
      "a trace node has an input that does not stand before it",
      """
      SELECT 'rollout ' || rollout || ', node ' || target FROM trace_edges
      WHERE typeof(source) <> 'integer' OR source < 0 OR source >= target
      """
    ),
    (
      "a long text is missing",
      "SELECT 'blob ' || id FROM (\(Schema.usedBlobs)) "
        + "WHERE id NOT IN (SELECT id FROM blobs) GROUP BY id"
    ),
  ]

  private static func damagedBlobs(_ db: Database) throws -> [String] {
    let rows = try Row.fetchCursor(db, sql: "SELECT id, sha256, content FROM blobs ORDER BY id")
    var problems: [String] = []
    while let row = try rows.next() {
      let digest = Data(SHA256.hash(data: Data(try row.text(2).utf8)))
      let stored: DatabaseValue = row[1]
      if stored != digest.databaseValue {
        problems.append("a long text is not what was stored: blob \(try row.whole(0))")
      }
    }
    return problems
  }
}
