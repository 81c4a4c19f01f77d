import GRDB

extension Schema {
  /// Columns that may hold a blob's id.
  static let blobColumns: [(table: String, columns: [String])] = [
    ("studies", ["problem", "optimizer", "settings"]),
    ("trials", ["assignment", "note", "outcomes", "reason"]),
    ("events", ["result"]),
    ("attempts", ["rejections", "suggestion", "reasoning", "calls"]),
    ("rollouts", ["feedback", "output", "outcomes", "failure_message", "calls"]),
    ("nodes", ["inputs", "value"]),
    ("feedback", ["text"]),
    ("calls", ["request", "response"]),
    ("documents", ["value"]),
  ]

  /// SQL that lists every blob id in use, with repetitions.
  static var usedBlobs: String {
    blobColumns.flatMap { table, columns in
      columns.map { "SELECT \($0) AS id FROM \(table) WHERE typeof(\($0)) = 'integer'" }
    }.joined(separator: " UNION ALL ")
  }

  static func dropUnusedBlobs(_ db: Database) throws {
    try db.execute(sql: "DELETE FROM blobs WHERE id NOT IN (\(usedBlobs))")
  }
}
