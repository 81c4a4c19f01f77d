import Foundation
import GRDB
import HoneTrace
import Testing

@testable import HoneStore

/// Writes that come at the same time share a transaction; each is told alone how it went.
@Suite("Group commit") struct GroupCommitTests {
  private struct Refused: Error {}

  /// Writes every number under its name, all at once, while the first one holds the others up; those in `refused` throw
  /// behind their insertion. Gives the transaction's number each stood in and the numbers that failed.
  private func writeTogether(_ count: Int, refused: Set<Int>, _ store: SQLiteStore) async throws -> (
    transactions: [Int: Int], failed: Set<Int>
  ) {
    let transactions = Lock([Int: Int]())
    let begun = Lock(0)
    let failed = try await withThrowingTaskGroup(of: Int?.self, returning: Set<Int>.self) { group in
      for number in 0..<count {
        group.addTask {
          do throws(StoreError) {
            try await store.write { db in
              // The first write waits until the others have come, or nearly all could be made alone.
              if begun.withLock({
                $0 += 1
                return $0
              }) == 1 {
                usleep(200_000)
              }
              try db.execute(sql: "INSERT INTO made (number) VALUES (?)", arguments: [number])
              if refused.contains(number) { throw Refused() }
              let transaction = try Int.fetchOne(db, sql: "UPDATE tick SET at = at + 1 RETURNING at") ?? 0
              transactions.withLock { $0[number] = transaction }
            }
            return nil
          } catch { return number }
        }
      }
      var failed: Set<Int> = []
      for try await number in group { if let number { failed.insert(number) } }
      return failed
    }
    return (transactions.withLock { $0 }, failed)
  }

  private func made(_ folder: TemporaryFolder) async throws -> SQLiteStore {
    let store = try await SQLiteStore(path: folder.file("study.db"))
    try await store.write { db in
      try db.execute(sql: "CREATE TABLE made (number INTEGER PRIMARY KEY); CREATE TABLE tick (at INTEGER)")
      try db.execute(sql: "INSERT INTO tick VALUES (0)")
    }
    return store
  }

  @Test("all that are acknowledged are there, once")
  func together() async throws {
    let folder = try TemporaryFolder()
    let store = try await made(folder)
    let result = try await writeTogether(40, refused: [], store)
    #expect(result.failed.isEmpty)
    #expect(result.transactions.count == 40)
    let stored = try await store.reader.read { db in try Int.fetchAll(db, sql: "SELECT number FROM made ORDER BY 1") }
    #expect(stored == Array(0..<40))
  }

  @Test("one that fails takes no other with it and leaves nothing")
  func failing() async throws {
    let folder = try TemporaryFolder()
    let store = try await made(folder)
    let refused: Set = [3, 17, 39]
    let result = try await writeTogether(40, refused: refused, store)
    #expect(result.failed == refused)
    let stored = try await store.reader.read { db in try Int.fetchAll(db, sql: "SELECT number FROM made ORDER BY 1") }
    #expect(stored == (0..<40).filter { !refused.contains($0) })
    // What was made twice because of them counts once.
    let ticks = try await store.reader.read { db in try Int.fetchOne(db, sql: "SELECT at FROM tick") }
    #expect(ticks == 37)
  }

  @Test("a turn that cannot be had fails all that wait for it, and the next write works")
  func busy() async throws {
    let folder = try TemporaryFolder()
    let file = try StoreFile(folder.file("x.db"), mustExist: false)
    let opened = try Opened(writing: file)
    let pool = try #require(opened.writer)
    let commits = GroupCommit(pool, WriteQueue(path: file.path, budget: 0.05), path: file.path)
    let ends = Lock([StoreError.Kind?]())
    let done = DispatchSemaphore(value: 0)
    try WriteQueue(path: file.path).turn {
      #expect(commits.makeAtOnce { _ in 1 } == nil, "somebody else has the turn")
      for _ in 0..<3 {
        commits.make(
          GroupCommit.Job(
            run: { _ in Issue.record("nothing may run") },
            end: { failure in
              ends.withLock { $0.append(failure?.kind) }
              done.signal()
            }))
      }
      for _ in 0..<3 { done.wait() }
    }
    #expect(ends.withLock { $0 } == [.busy, .busy, .busy])
    var result: Result<Int, StoreError>?
    // The thread that failed the others may still be on its way out.
    while result == nil { result = commits.makeAtOnce { _ in 7 } }
    #expect(result == .success(7))
  }
}
