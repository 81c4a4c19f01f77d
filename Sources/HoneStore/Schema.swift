import GRDB

/// The database's tables and views, and how older ones become the newest.
package enum Schema {
  /// `PRAGMA application_id`: "HONE". A database with another one belongs to another program.
  static let applicationID: Int64 = 0x484f_4e45

  /// Migration number n (from 1) makes schema n from n - 1; the newest schema's number, `PRAGMA user_version`, is their
  /// count. Released ones are never changed.
  package static let migrations: [String] = [tables, measuredAgain]

  /// Brings the database to the newest schema, in the transaction the caller has begun, and makes the views anew.
  static func migrate(_ db: Database, from version: Int, by migrations: [String]) throws {
    guard version < migrations.count else { return }
    for migration in migrations.dropFirst(version) { try db.execute(sql: migration) }
    for name in try String.fetchAll(db, sql: "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name") {
      try db.execute(sql: "DROP VIEW \(name.quotedDatabaseIdentifier)")
    }
    try db.execute(sql: views)
    try db.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(migrations.count)")
  }

  private static let tables = """
    CREATE TABLE blobs (
      id INTEGER PRIMARY KEY,
      sha256 BLOB NOT NULL UNIQUE,
      content ANY NOT NULL
    ) STRICT;
    CREATE TABLE owners (
      id INTEGER PRIMARY KEY,
      host ANY NOT NULL, process INTEGER NOT NULL, started INTEGER NOT NULL,
      heartbeat REAL NOT NULL,
      UNIQUE (host, process, started)
    ) STRICT;
    CREATE TABLE studies (
      id INTEGER PRIMARY KEY,
      name ANY NOT NULL UNIQUE,
      metric ANY NOT NULL,
      direction TEXT NOT NULL CHECK (direction IN ('maximize', 'minimize')),
      problem ANY NOT NULL, fingerprint ANY NOT NULL, data ANY NOT NULL, optimizer ANY NOT NULL, settings ANY NOT NULL,
      created REAL NOT NULL
    ) STRICT;
    CREATE TABLE sessions (
      id INTEGER PRIMARY KEY,
      study INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
      owner INTEGER NOT NULL REFERENCES owners (id),
      opened REAL NOT NULL, closed REAL,
      seconds REAL NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX sessions_open ON sessions (study) WHERE closed IS NULL;
    CREATE INDEX sessions_study ON sessions (study);
    CREATE TABLE trials (
      study INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
      number INTEGER NOT NULL CHECK (number >= 0),
      state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'failed', 'interrupted')),
      assignment ANY NOT NULL, origin ANY NOT NULL, parent INTEGER, note ANY NOT NULL,
      mean REAL, deviation REAL, count INTEGER,
      screened INTEGER NOT NULL DEFAULT 0 CHECK (screened IN (0, 1)),
      outcomes ANY NOT NULL DEFAULT '{}',
      reason ANY NOT NULL DEFAULT '',
      owner INTEGER REFERENCES owners (id),
      began REAL NOT NULL, ended REAL,
      PRIMARY KEY (study, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE attempts (
      study INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
      seq INTEGER NOT NULL,
      origin ANY NOT NULL, outcome TEXT NOT NULL,
      rejections ANY NOT NULL, suggestion ANY NOT NULL, reasoning ANY NOT NULL, calls ANY NOT NULL,
      PRIMARY KEY (study, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE events (
      study INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
      seq INTEGER NOT NULL,
      kind TEXT NOT NULL CHECK (kind IN ('began', 'completed', 'failed', 'attempted')),
      trial INTEGER,
      PRIMARY KEY (study, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE rollouts (
      id INTEGER PRIMARY KEY,
      study INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
      trial INTEGER NOT NULL,
      split INTEGER NOT NULL CHECK (split IN (0, 1, 2)),
      example ANY NOT NULL, repeat INTEGER NOT NULL,
      cache_key ANY NOT NULL,
      score REAL, feedback ANY NOT NULL, output ANY NOT NULL, outcomes ANY NOT NULL,
      failure TEXT, failure_message ANY,
      requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
      estimated_tokens INTEGER NOT NULL, money REAL NOT NULL,
      calls ANY NOT NULL, seconds REAL NOT NULL,
      traced INTEGER NOT NULL CHECK (traced IN (0, 1)),
      UNIQUE (study, trial, split, example, repeat)
    ) STRICT;
    CREATE INDEX rollouts_cache ON rollouts (cache_key) WHERE failure IS NULL;
    CREATE TABLE labels (
      id INTEGER PRIMARY KEY,
      name ANY NOT NULL, doc ANY,
      UNIQUE (name, doc)
    ) STRICT;
    CREATE TABLE nodes (
      rollout INTEGER NOT NULL REFERENCES rollouts (id) ON DELETE CASCADE,
      seq INTEGER NOT NULL,
      kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 4),
      label INTEGER NOT NULL REFERENCES labels (id),
      inputs ANY, value ANY NOT NULL, parent INTEGER,
      PRIMARY KEY (rollout, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE feedback (
      rollout INTEGER NOT NULL REFERENCES rollouts (id) ON DELETE CASCADE,
      seq INTEGER NOT NULL,
      node INTEGER NOT NULL, text ANY NOT NULL, score REAL,
      PRIMARY KEY (rollout, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE calls (
      id INTEGER PRIMARY KEY,
      study INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
      key ANY NOT NULL,
      alias ANY NOT NULL, path ANY NOT NULL, role ANY NOT NULL,
      repeat INTEGER NOT NULL, sample INTEGER NOT NULL, status INTEGER NOT NULL,
      request ANY NOT NULL, response ANY NOT NULL,
      prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost REAL,
      estimated INTEGER NOT NULL CHECK (estimated IN (0, 1)),
      seconds REAL NOT NULL, attempts INTEGER NOT NULL,
      made REAL NOT NULL,
      UNIQUE (study, key)
    ) STRICT;
    CREATE TABLE documents (
      study INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
      name ANY NOT NULL, value ANY NOT NULL,
      PRIMARY KEY (study, name)
    ) STRICT, WITHOUT ROWID;
    """

  /// What a trial's completion said before the trial was measured on more examples; the newest stands in `trials`.
  private static let measuredAgain = "ALTER TABLE events ADD COLUMN result ANY;"
}
