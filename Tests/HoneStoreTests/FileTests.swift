import Foundation
import GRDB
import HoneOptimize
import HoneStore
import HoneTrace
import Testing

/// What a person's disk can offer instead of a good place for a database.
@Suite("Files", .serialized) struct FileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The kind of error that opening gives; nil when it opens.
  private func opening(_ path: String, readOnly: Bool = false) async -> StoreError.Kind? {
    do throws(StoreError) {
      _ = try await SQLiteStore(path: path, readOnly: readOnly)
      return nil
    } catch {
      #expect(!error.message.isEmpty)
      return error.kind
    }
  }

  @Test("a missing folder is made, for its owner only, whatever the umask")
  func modes() async throws {
    let old = umask(0)
    defer { umask(old) }
    let path = folder.file("inner/study.db")
    let store = try await SQLiteStore(path: path)
    _ = try await store.open(Sample.definition)
    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
    #expect(try mode(folder.file("inner")) == 0o700)
    for suffix in ["", "-wal", "-shm", "-lock"] { #expect(try mode(path + suffix) == 0o600, "\(suffix)") }
    try await store.backup(to: folder.file("copy.db"))
    #expect(try mode(folder.file("copy.db")) == 0o600)
  }

  @Test("places where no database can be are refused")
  func places() async throws {
    #expect(await opening(folder.file("a/b/study.db")) == .cannotCreate)
    #expect(await opening(folder.path) == .cannotCreate)
    #expect(await opening("") == .cannotCreate)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link.db"), withDestinationPath: folder.file("nothing.db"))
    #expect(await opening(folder.file("link.db")) == .cannotCreate)
    #expect(await opening("/dev/full") == .cannotCreate)
    #expect(await opening(folder.file("missing.db"), readOnly: true) == .notFound)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["link.db"], "nothing is left behind")
  }

  @Test("a link to a database and the database share their side files")
  func links() async throws {
    let store = try await SQLiteStore(path: folder.file("study.db"))
    try FileManager.default.createSymbolicLink(atPath: folder.file("link.db"), withDestinationPath: store.path)
    let linked = try await SQLiteStore(path: folder.file("link.db"))
    #expect(linked.path == store.path)
  }

  @Test("another program's database, a newer one and none at all are left as they are")
  func foreign() async throws {
    let queue = try DatabaseQueue(path: folder.file("foreign.db"))
    try await queue.write { db in try db.execute(sql: "CREATE TABLE t (x)") }
    try queue.close()
    let store = try await SQLiteStore(path: folder.file("newer.db"))
    _ = try await store.open(Sample.definition)
    try store.close()
    let newer = try DatabaseQueue(path: folder.file("newer.db"))
    try await newer.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA user_version = 999; PRAGMA wal_checkpoint(TRUNCATE)")
    }
    try newer.close()
    try Data("name,score\na,1\n".utf8).write(to: URL(fileURLWithPath: folder.file("table.csv")))
    let expected: [(String, StoreError.Kind)] = [
      ("foreign.db", .foreign), ("newer.db", .foreign), ("table.csv", .corrupt),
    ]
    for (name, kind) in expected {
      let before = try Data(contentsOf: URL(fileURLWithPath: folder.file(name)))
      #expect(await opening(folder.file(name)) == kind, "\(name)")
      #expect(await opening(folder.file(name), readOnly: true) == kind, "\(name)")
      #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file(name))) == before, "\(name)")
    }
  }

  @Test("an empty file becomes a database")
  func empty() async throws {
    _ = FileManager.default.createFile(atPath: folder.file("study.db"), contents: Data())
    let store = try await SQLiteStore(path: folder.file("study.db"))
    _ = try await store.open(Sample.definition)
  }

  @Test("durability is what was asked for, and the schema carries our name")
  func settings() async throws {
    let store = try await SQLiteStore(path: folder.file("study.db"))
    try store.close()
    let queue = try DatabaseQueue(path: store.path)
    let found = try await queue.read { db in
      (
        try String.fetchOne(db, sql: "PRAGMA journal_mode"), try Int.fetchOne(db, sql: "PRAGMA application_id"),
        try Int.fetchOne(db, sql: "PRAGMA user_version")
      )
    }
    #expect(found.0 == "wal" && found.1 == 0x484f_4e45 && found.2 == Schema.migrations.count)
  }

  @Test("a reader beside a writer sees what is committed and cannot write")
  func readOnly() async throws {
    let writer = try await SQLiteStore(path: folder.file("study.db"))
    try await Sample.fill(writer)
    let reader = try await SQLiteStore(path: folder.file("study.db"), readOnly: true)
    #expect(try await reader.trials(of: "s") == (try await writer.trials(of: "s")))
    await #expect(throws: StoreError.self) { try await reader.setDocument("x", 1, study: "s") }
    try await writer.setDocument("x", 1, study: "s")
    #expect(try await reader.document("x", study: "s") == 1)
  }

  @Test("concurrent readers see a transaction whole or not at all")
  func isolation() async throws {
    let store = try await SQLiteStore(path: folder.file("study.db"))
    _ = try await store.open(Sample.definition)
    let other = try await SQLiteStore(path: folder.file("study.db"), readOnly: true)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for round in 0..<30 {
          let rollouts = (0..<5).map { Sample.rollout(round, "\($0)") }
          try await store.append(rollouts: rollouts, calls: [], study: "s")
        }
      }
      for reader in [store, other] {
        group.addTask {
          for _ in 0..<60 {
            let counts = Dictionary(
              grouping: try await reader.rollouts(of: "s", trial: nil, split: nil, traces: true), by: \.trial)
            #expect(counts.values.allSatisfy { $0.count == 5 && $0.allSatisfy { $0.trace == Sample.trace } })
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("a file on a read-only disk can be read")
  func readOnlyDisk() async throws {
    let store = try await SQLiteStore(path: folder.file("study.db"))
    try await Sample.fill(store)
    try store.close()
    try Mount.tmpfs(at: folder.file("disk"), size: "4m") { disk in
      try FileManager.default.copyItem(atPath: store.path, toPath: "\(disk)/study.db")
    }
    guard Mount.isMounted(folder.file("disk")) else { return }
    defer { Mount.unmount(folder.file("disk")) }
    try Mount.run("mount", "-o", "remount,ro", folder.file("disk"))
    let copy = try await SQLiteStore(path: folder.file("disk/study.db"), readOnly: true)
    #expect(try await copy.trials(of: "s").count == 3)
    #expect(await opening(folder.file("disk/study.db")) == .permission)
    #expect(await opening(folder.file("disk/other.db")) == .permission)
    let old = await #expect(throws: StoreError.self) { try await SQLiteStore(path: folder.file("disk/study.db")) }
    #expect(old?.hint == "copy the database to a disk that is writable")
    // There is nothing to copy yet.
    let new = await #expect(throws: StoreError.self) { try await SQLiteStore(path: folder.file("disk/other.db")) }
    #expect(new?.hint == "put the database into a folder you may write to: --db PATH")
  }

  @Test("a full disk is a typed error; nothing acknowledged is lost and the study goes on when there is room")
  func fullDisk() async throws {
    let disk = folder.file("disk")
    try Mount.tmpfs(at: disk, size: "2m") { _ in }
    guard Mount.isMounted(disk) else { return }
    defer { Mount.unmount(disk) }
    let store = try await SQLiteStore(path: "\(disk)/study.db")
    _ = try await store.open(Sample.definition)
    var acknowledged: [Int] = []
    var found: StoreError?
    while found == nil, acknowledged.count < 20_000 {
      do throws(StoreError) {
        try await store.append(rollouts: [Sample.rollout(acknowledged.count, "e")], calls: [], study: "s")
        acknowledged.append(acknowledged.count)
      } catch {
        found = error
      }
    }
    #expect(found?.kind == .full)
    #expect(found?.message.contains(store.path) ?? false)
    #expect(try await store.rollouts(of: "s", trial: nil, split: nil, traces: true).map(\.trial) == acknowledged)
    #expect(try await store.check() == [])
    try Mount.run("mount", "-o", "remount,size=8m", disk)
    try await store.append(rollouts: [Sample.rollout(acknowledged.count, "e")], calls: [], study: "s")
    let all = try await store.rollouts(of: "s", trial: nil, split: nil, traces: false)
    #expect(all.count == acknowledged.count + 1)
  }
}
