import Foundation
import HoneTrace

/// Lets writers of one database file in one after the other, in the order they came.
///
/// SQLite's own waiting is a polling loop and lets late comers pass: eight writers have seen waits of ten seconds. An
/// advisory `flock` on a side file queues them in the kernel and is given back when a process dies. SQLite's locks stay
/// underneath as the safety net.
final class WriteQueue: Sendable {
  let path: String
  /// Seconds a writer waits before it gives up.
  let budget: Double

  /// - Parameter path: of the database; the side file is `path-lock`.
  init(path: String, budget: Double = 30) {
    self.path = path + "-lock"
    self.budget = budget
  }

  /// The open side file, from the first turn on.
  private let file = Lock<Int32>(-1)

  deinit { file.withLock { if $0 >= 0 { close($0) } } }

  /// Runs `body` if it can be this writer's turn at once; nil: somebody else has it, and nothing was done.
  func turnIfFree<Result>(_ body: () throws -> Result) throws -> Result? {
    let own = try opened()
    guard flock(own, LOCK_EX | LOCK_NB) == 0 else { return nil }
    defer { flock(own, LOCK_UN) }
    return try body()
  }

  /// Runs `body` when it is this writer's turn. Blocks the thread: call it on a dispatch queue of the database.
  func turn<Result>(_ body: () throws -> Result) throws -> Result {
    let own = try opened()
    if flock(own, LOCK_EX | LOCK_NB) == 0 {
      defer { flock(own, LOCK_UN) }
      return try body()
    }
    // A turn that was waited for belongs to a descriptor of its own, so that one given up on cannot end a later one.
    let waited = try wait()
    defer { close(waited) }
    return try body()
  }

  private func wait() throws(StoreError) -> Int32 {
    let file = try openFile()
    // A blocking flock keeps its place in the kernel's queue but knows no timeout: it waits on a thread of its own, which
    // gives the turn back when nobody wants it any more.
    let outcome = Lock(Outcome.waiting)
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      while flock(file, LOCK_EX) != 0, errno == EINTR {}
      let isWanted = outcome.withLock { state in
        if state == .abandoned { return false }
        state = .taken
        return true
      }
      if isWanted { done.signal() } else { close(file) }
    }
    if done.wait(timeout: .now() + budget) == .success { return file }
    let isLate = outcome.withLock { state in
      if state == .taken { return true }
      state = .abandoned
      return false
    }
    if isLate { return file }
    throw StoreError(
      .busy, "\(path.dropLast(5)): other processes have been writing for \(Int(budget)) seconds",
      hint: "wait for them to end and run the same command again")
  }

  private enum Outcome { case waiting, taken, abandoned }

  private func opened() throws(StoreError) -> Int32 {
    try file.withLock { file throws(StoreError) in
      if file < 0 { file = try openFile() }
      return file
    }
  }

  private func openFile() throws(StoreError) -> Int32 {
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StoreFile.error(errno, path) }
    return file
  }
}
