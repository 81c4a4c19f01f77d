import Dispatch
import Foundation
import HoneTrace
import Logging

/// Recorded calls in a file of JSON Lines, to be answered again without a network. `Documentation/Formats/cassette.md`
/// describes it.
///
/// Opening reads the keys only; a record is read when it is asked for. Appending writes and syncs in batches and returns
/// when the record is safe. Several processes may append to one file; each sees what was there when it opened it.
public final class Cassette: CallArchive {
  struct Entry: Sendable {
    let line: Int
    let offset: Int
    let length: Int
  }

  struct State {
    var entries: [Entry] = []
    var index: [String: Int] = [:]
    var pending: [Pending] = []
    var isWriting = false
    var nextLine: Int
  }

  struct Pending {
    let key: String
    let line: [UInt8]
    let continuation: CheckedContinuation<Result<Void, CassetteError>, Never>
  }

  public let path: String
  /// What was found wrong and mended on opening: a torn last line.
  public let warnings: [String]
  private let file: CassetteFile
  private let isWritable: Bool
  private let state: Lock<State>
  private let queue = DispatchQueue(label: "hone.cassette")

  /// - Parameters:
  ///   - writable: false never touches the file, and wants it to be there. True makes it, readable by its owner only.
  ///   - logger: is told the warnings too; nil for a caller that shows them itself.
  /// - Throws: `CassetteError` naming the line, when a line is damaged or the file is no cassette.
  public init(path: String, writable: Bool = true, logger: Logger? = Logger(label: "hone.cassette"))
    throws(CassetteError)
  {
    self.path = path
    isWritable = writable
    file = try CassetteFile(path: path, writable: writable)
    let loaded = try CassetteLoader.load(file, writable: writable)
    warnings = loaded.warnings
    state = Lock(State(entries: loaded.entries, index: loaded.index, nextLine: loaded.nextLine))
    for warning in warnings { logger?.warning("\(warning)") }
  }

  /// Number of different keys.
  public var count: Int { state.withLock { $0.index.count } }

  public func call(for key: String) async throws -> CallRecord? {
    guard let entry = state.withLock({ state in state.index[key].map { state.entries[$0] } }) else { return nil }
    return try read(entry)
  }

  public func calls(path wanted: String, limit: Int) async throws -> [CallRecord] {
    var found: [CallRecord] = []
    // Bounded: records of other paths are read past, but not for ever.
    for entry in state.withLock({ Array($0.entries.prefix(4 * limit)) }) {
      let record = try read(entry)
      if record.path == wanted { found.append(record) }
      if found.count == limit { break }
    }
    return found
  }

  /// Every record in the order of the file, the newest of each key; reads all of it.
  public func all() throws(CassetteError) -> [CallRecord] {
    let entries = state.withLock { state in state.index.values.sorted().map { state.entries[$0] } }
    return try entries.map { entry throws(CassetteError) in try read(entry) }
  }

  public func append(_ record: CallRecord) async throws {
    if state.withLock({ $0.index[record.key] != nil }) { return }
    try await write(record)
  }

  public func replace(_ record: CallRecord) async throws { try await write(record) }

  private func read(_ entry: Entry) throws(CassetteError) -> CallRecord {
    let line = try file.read(offset: entry.offset, count: entry.length, line: entry.line)
    return try CassetteLine.decode(line, path: path, line: entry.line)
  }

  private func write(_ record: CallRecord) async throws(CassetteError) {
    guard isWritable else { throw CassetteError(.readOnly, path: path, "it was opened for reading only") }
    let line = CassetteLine.encode(record)
    let result = await withCheckedContinuation { continuation in
      let isFirst = state.withLock { state in
        state.pending.append(Pending(key: record.key, line: line, continuation: continuation))
        defer { state.isWriting = true }
        return !state.isWriting
      }
      if isFirst { queue.async { self.flush() } }
    }
    try result.get()
  }

  /// Writes everything that waits with one sync, again while more came meanwhile.
  private func flush() {
    while true {
      let batch = state.withLock { state in
        defer { state.pending = [] }
        if state.pending.isEmpty { state.isWriting = false }
        return state.pending
      }
      guard !batch.isEmpty else { return }
      let result: Result<Int, CassetteError>
      do throws(CassetteError) {
        result = .success(try file.append(batch.flatMap(\.line)))
      } catch {
        result = .failure(error)
      }
      if case .success(var offset) = result {
        state.withLock { state in
          for item in batch {
            state.index[item.key] = state.entries.count
            state.entries.append(Entry(line: state.nextLine, offset: offset, length: item.line.count - 1))
            state.nextLine += 1
            offset += item.line.count
          }
        }
      }
      for item in batch { item.continuation.resume(returning: result.map { _ in }) }
    }
  }
}
