import Foundation
import GRDB
import HoneOptimize
import HoneTrace
import Testing

@testable import HoneStore

/// Older databases become newer ones whole, after a copy, or stay what they are.
@Suite("Migration") struct MigrationTests {
  private let next = Schema.migrations + ["ALTER TABLE studies ADD COLUMN label ANY; UPDATE studies SET label = name;"]

  private func made(_ folder: TemporaryFolder) async throws -> StoreFile {
    let store = try await SQLiteStore(path: folder.file("study.db"))
    try await Sample.fill(store)
    try store.close()
    return try StoreFile(store.path, mustExist: true)
  }

  @Test("an older database is brought up to date behind a copy of it")
  func older() async throws {
    let folder = try TemporaryFolder()
    let file = try await made(folder)
    let opened = try Opened(writing: file, migrations: next)
    let found = try await opened.reader.read { db in
      (
        try String.fetchOne(db, sql: "SELECT label FROM studies"), try Int.fetchOne(db, sql: "PRAGMA user_version"),
        try Int.fetchOne(db, sql: "SELECT count(*) FROM best_trials")
      )
    }
    #expect(found.0 == "s" && found.1 == next.count && found.2 == 1)
    // The copy is an ordinary database of the older schema.
    let copy = try await SQLiteStore(path: file.path + ".schema-\(Schema.migrations.count)")
    #expect(try await copy.trials(of: "s").count == 3)
    // This program now refuses the newer file.
    await #expect(throws: StoreError.self) { try await SQLiteStore(path: file.path) }
  }

  @Test("a database of any older schema opens and goes on")
  func everyOlder() async throws {
    for version in 1..<Schema.migrations.count {
      let folder = try TemporaryFolder()
      let file = try StoreFile(folder.file("study.db"), mustExist: false)
      _ = try Opened(writing: file, migrations: Array(Schema.migrations.prefix(version)))
      let store = try await SQLiteStore(path: file.path)
      try await Sample.fill(store)
      let open = try await store.trials(of: "s").first { $0.state == .complete }
      let trial = try #require(open).number
      let owner = Owner.current
      try await store.resume(trial: trial, study: "s", owner: owner)
      try await store.finish(.failed(trial: trial, reason: "broke on more examples"), study: "s")
      #expect(try await store.check() == [], "schema \(version)")
    }
  }

  @Test("a migration that fails changes nothing")
  func failing() async throws {
    let folder = try TemporaryFolder()
    let file = try await made(folder)
    #expect(throws: StoreError.self) {
      try Opened(writing: file, migrations: next + ["CREATE TABLE half (x); SELECT nonsense FROM nowhere;"])
    }
    let store = try await SQLiteStore(path: file.path)
    #expect(try await store.trials(of: "s").count == 3)
    #expect(try await store.check() == [])
  }

  @Test("every write is made safe from power loss, announcements of trials as well")
  func durability() async throws {
    let folder = try TemporaryFolder()
    let store = try await SQLiteStore(path: folder.file("study.db"))
    try await Sample.fill(store)
    let level = try await store.write { db in try Int.fetchOne(db, sql: "PRAGMA synchronous") }
    #expect(level == 2)
  }

  @Test("the views answer what people ask")
  func views() async throws {
    let folder = try TemporaryFolder()
    let store = try await SQLiteStore(path: folder.file("study.db"))
    try await Sample.fill(store)
    let counts = try await store.reader.read { db in
      try [
        "trial_scores", "best_trials", "running_trials", "proposal_attempts", "rollout_scores", "trace_nodes",
        "trace_edges", "trace_feedback", "llm_calls", "spending",
      ].map { try Int.fetchOne(db, sql: "SELECT count(*) FROM \($0)") }
    }
    #expect(counts == [3, 1, 0, 1, 3, 9, 9, 3, 2, 1])
    let edges = try await store.reader.read { db in
      try Row.fetchAll(
        db, sql: "SELECT source, target, position FROM trace_edges WHERE rollout = 1 ORDER BY target, position"
      ).map { [$0[0] as Int?, $0[1], $0[2]] }
    }
    #expect(edges == [[0, 1, 0], [1, 2, 0], [0, 2, 1]])
    let best = try await store.reader.read { db in
      try Row.fetchOne(db, sql: "SELECT study, trial, score, assignment, rank FROM best_trials")
        .map {
          [
            "\($0[0] as String? ?? "")", "\($0[1] as Int? ?? -1)", "\($0[2] as Double? ?? -1)", $0[3],
            "\($0[4] as Int? ?? 0)",
          ]
        }
    }
    #expect(best == ["s", "0", "0.5", "{\"k\":0}", "1"])
    let requests = try await store.reader.read { db in try Int.fetchOne(db, sql: "SELECT requests FROM spending") }
    #expect(requests == 4)
  }

  @Test("every long text has one place, and a removed study leaves none")
  func blobs() async throws {
    let folder = try TemporaryFolder()
    let store = try await SQLiteStore(path: folder.file("study.db"))
    try await Sample.fill(store)
    func blobs() async throws -> Int? {
      try await store.reader.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM blobs") }
    }
    // The study's optimizer, two replies, and one trace value that stands in three traces.
    #expect(try await blobs() == 4)
    try await store.remove("s")
    #expect(try await blobs() == 0)
  }
}

@Suite("Owners and files") struct OwnerTests {
  @Test func identity() {
    let me = Owner.current
    #expect(me == Owner.current)
    #expect(me.started > 0)
    #expect(me.isAlive(silence: 1e9), "on one host a silent process is known to live")
    #expect(!Owner(host: me.host, process: me.process, started: me.started - 1).isAlive(silence: 0), "id used again")
    #expect(!Owner(host: me.host, process: 99_999_999, started: 1).isAlive(silence: 0))
    let far = Owner(host: "elsewhere", process: 1, started: 1)
    #expect(far.isAlive(silence: 119) && !far.isAlive(silence: 121))
    #expect(far.isAlive(silence: -3_600), "a clock set back kills nobody")
  }

  @Test func networkFileSystems() {
    let mounts = """
      24 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
      60 24 0:52 / /mnt/nfs\\040share rw shared:2 - nfs4 server:/x rw
      61 24 0:53 / /mnt/s rw - fuse.sshfs host:/ rw
      """
    #expect(StoreFile.fileSystem(ofDevice: "0:52", mounts: mounts) == "nfs4")
    #expect(StoreFile.fileSystem(ofDevice: "0:53", mounts: mounts) == "fuse.sshfs")
    #expect(StoreFile.fileSystem(ofDevice: "9:9", mounts: mounts) == nil)
    for type in ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph"] { #expect(StoreFile.isNetwork(type)) }
    for type in ["ext4", "xfs", "btrfs", "overlay", "tmpfs", "fuseblk", "zfs", "fuse.fuse-overlayfs"] {
      #expect(!StoreFile.isNetwork(type))
    }
  }

  @Test("a writer that waits too long is told so, and its late turn is given back")
  func queue() throws {
    let folder = try TemporaryFolder()
    let first = WriteQueue(path: folder.file("x"), budget: 30)
    let second = WriteQueue(path: folder.file("x"), budget: 0.05)
    try first.turn {
      let error = #expect(throws: StoreError.self) { try second.turn {} }
      #expect(error?.kind == .busy)
    }
    try WriteQueue(path: folder.file("x"), budget: 5).turn {}
  }

  @Test("values come back as they were, int and double told apart")
  func storedJSON() throws {
    for value: Value in [
      .double(2), .int(2), .double(-0.0), .double(1e300), .double(1e-7), .double(0.1), .int(.max), .int(.min),
      "\u{0}\"\\\n é",
      [.double(1), 1, [:], []], ["b": .null, "a": true],
    ] {
      let text = try StoredJSON.text(value)
      #expect(try StoredJSON.value(text) == value)
      #expect(try StoredJSON.text(StoredJSON.value(text)) == text)
    }
    #expect(try StoredJSON.text(.array([.double(.nan), .double(-.infinity)])) == "[\"nan\",\"-inf\"]")
    var deep = Value.null
    for _ in 0..<600 { deep = [deep] }
    #expect(throws: StoreError.self) { try StoredJSON.text(deep) }
  }
}
