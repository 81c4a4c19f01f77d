import Foundation
import GRDB
import HoneTrace

/// Makes this process's writes: one after the other, and those that come while another is being made together.
///
/// Each is made safe from power loss by an fsync, which is most of what it costs; writes that wait for the one under way
/// share a transaction and so an fsync. Nobody is told that a write is stored before it is.
final class GroupCommit: Sendable {
  /// A write that waits: what it does, and whom it tells how it went.
  struct Job: Sendable {
    let run: @Sendable (Database) throws -> Void
    let end: @Sendable (StoreError?) -> Void
  }

  private struct State {
    var isBusy = false
    var waiting: [Job] = []
  }

  /// Most writes in one transaction, so that other processes get their turn.
  private static let most = 64

  private let writer: DatabasePool
  private let queue: WriteQueue
  private let path: String
  private let state = Lock(State())

  init(_ writer: DatabasePool, _ queue: WriteQueue, path: String) {
    self.writer = writer
    self.queue = queue
    self.path = path
  }

  /// Makes the write at once, on this thread, if nobody is writing; nil: somebody is, and nothing was done.
  ///
  /// Waking another thread for it and being woken by that costs as much CPU as the transaction itself. At most one thread
  /// waits for the disk in this way.
  func makeAtOnce<Success>(_ body: (Database) throws -> Success) -> Result<Success, StoreError>? {
    let isFree = state.withLock { state in
      if state.isBusy { return false }
      state.isBusy = true
      return true
    }
    guard isFree else { return nil }
    defer { rest() }
    do {
      let success = try writer.writeWithoutTransaction { db in
        try queue.turnIfFree { try SQLiteStore.immediately(db, body) }
      }
      return success.map { .success($0) }
    } catch {
      return .failure(StoreError(error, path: path))
    }
  }

  /// Makes the write behind the one under way, together with others that wait, on the database's own thread.
  func make(_ job: Job) {
    let isFirst = state.withLock { state in
      state.waiting.append(job)
      defer { state.isBusy = true }
      return !state.isBusy
    }
    if isFirst { makeWaiting() }
  }

  private func rest() {
    let isDone = state.withLock { state in
      state.isBusy = !state.waiting.isEmpty
      return !state.isBusy
    }
    if !isDone { makeWaiting() }
  }

  private func makeWaiting() {
    writer.asyncWriteWithoutTransaction { db in
      while let jobs = self.next() { self.make(jobs, db) }
    }
  }

  private func next() -> [Job]? {
    state.withLock { state in
      if state.waiting.isEmpty {
        state.isBusy = false
        return nil
      }
      let jobs = Array(state.waiting.prefix(Self.most))
      state.waiting.removeFirst(jobs.count)
      return jobs
    }
  }

  private func make(_ jobs: [Job], _ db: Database) {
    do {
      let failures = try queue.turn { try make(inTurn: jobs, db) }
      for (job, failure) in zip(jobs, failures) { job.end(failure) }
    } catch {
      let failure = StoreError(error, path: path)
      for job in jobs { job.end(failure) }
    }
  }

  /// All in one transaction; when one of them fails, each in its own, so that it fails alone.
  private func make(inTurn jobs: [Job], _ db: Database) throws -> [StoreError?] {
    var hasBegun = false
    do {
      try SQLiteStore.immediately(db) { db in
        hasBegun = true
        for job in jobs { try job.run(db) }
      }
      return jobs.map { _ in nil }
    } catch {
      guard hasBegun, jobs.count > 1 else { throw error }
    }
    return jobs.map { job in
      do {
        try SQLiteStore.immediately(db, job.run)
        return nil
      } catch {
        return StoreError(error, path: path)
      }
    }
  }
}
