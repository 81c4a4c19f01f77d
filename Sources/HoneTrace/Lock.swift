import Foundation

/// A mutual-exclusion lock around a value, on a pthread mutex.
///
/// `Synchronization.Mutex` calls the futex directly on Linux, where ThreadSanitizer cannot see it and reports races that
/// are not there; a pthread mutex is understood.
@usableFromInline
package final class Lock<State>: @unchecked Sendable {
  @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
  // Behind a pointer, so that the compiler adds no exclusivity checks of its own: the mutex is the check.
  @usableFromInline let state: UnsafeMutablePointer<State>

  package init(_ state: State) {
    self.state = .allocate(capacity: 1)
    self.state.initialize(to: state)
    mutex = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    state.deinitialize(count: 1)
    state.deallocate()
    mutex.deallocate()
  }

  @inlinable @inline(__always)
  package func withLock<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state.pointee)
  }
}
