import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// A study's record of calls in front of its store: a call that is not there costs no read, and one that the store is yet
/// to be given is found already. A study has one driver at a time, so nobody else adds calls meanwhile.
final class KnownCalls: CallArchive {
  private struct State {
    var stored: Set<String>
    /// Of rollouts that wait to be stored.
    var waiting: [String: CallRecord] = [:]
  }

  private let archive: any CallArchive
  private let state: Lock<State>

  init(of study: String, in store: any Store) async throws(StoreError) {
    archive = store.archive(of: study)
    state = Lock(State(stored: try await store.callKeys(of: study)))
  }

  func call(for key: String) async throws -> CallRecord? {
    let (waiting, isStored) = state.withLock { ($0.waiting[key], $0.stored.contains(key)) }
    if let waiting { return waiting }
    return isStored ? try await archive.call(for: key) : nil
  }

  func append(_ record: CallRecord) async throws {
    try await archive.append(record)
    state.withLock { _ = $0.stored.insert(record.key) }
  }

  func calls(path: String, limit: Int) async throws -> [CallRecord] {
    try await archive.calls(path: path, limit: limit)
  }

  /// Calls that will be stored with their rollouts.
  func hold(_ records: [CallRecord]) {
    state.withLock { state in
      for record in records where !state.stored.contains(record.key) { state.waiting[record.key] = record }
    }
  }

  /// They are stored now.
  func noteStored(_ records: [CallRecord]) {
    state.withLock { state in
      for record in records {
        state.stored.insert(record.key)
        state.waiting[record.key] = nil
      }
    }
  }
}
