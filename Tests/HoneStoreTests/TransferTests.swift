import Foundation
import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace
import Testing

/// A study leaves as lines and comes back the same.
@Suite("Export and import") struct TransferTests {
  private final class Lines: Sendable {
    private let lines: Lock<[String]>
    init(_ lines: [String] = []) { self.lines = Lock(lines) }
    func append(_ line: String) { lines.withLock { $0.append(line) } }
    func next() -> String? { lines.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    var all: [String] { lines.withLock { $0 } }
  }

  private func exported(_ store: SQLiteStore, _ study: String = "s") async throws -> [String] {
    let lines = Lines()
    try await store.export(study) { lines.append($0) }
    return lines.all
  }

  @Test func roundTrip() async throws {
    let folder = try TemporaryFolder()
    let store = try await SQLiteStore(path: folder.file("a.db"))
    try await Sample.fill(store)
    let lines = try await exported(store)
    let other = try await SQLiteStore(path: folder.file("b.db"))
    let source = Lines(lines)
    #expect(try await other.importStudy { source.next() } == "s")
    #expect(try await other.definition(of: "s") == Sample.definition)
    #expect(try await other.events(of: "s") == (try await store.events(of: "s")))
    #expect(try await other.trials(of: "s") == (try await store.trials(of: "s")))
    #expect(
      try await other.rollouts(of: "s", trial: nil, split: nil, traces: true)
        == (try await store.rollouts(of: "s", trial: nil, split: nil, traces: true)))
    #expect(try await other.calls(of: "s", limit: nil) == (try await store.calls(of: "s", limit: nil)))
    #expect(try await other.spend(of: "s") == (try await store.spend(of: "s")))
    #expect(try await other.seconds(of: "s") == 2)
    #expect(try await other.document("report", study: "s") == ["score": .double(1)])
    #expect(try await other.document("imported", study: "s")?["study"] == "s")
    #expect(try await other.check() == [])
    let again = Lines(lines)
    #expect(try await other.importStudy(named: "t") { again.next() } == "t")
    #expect(try await other.studies().map(\.name) == ["s", "t"])
  }

  @Test("a bad export is refused whole, naming the line")
  func bad() async throws {
    let folder = try TemporaryFolder()
    let store = try await SQLiteStore(path: folder.file("a.db"))
    try await Sample.fill(store)
    let lines = try await exported(store)
    let other = try await SQLiteStore(path: folder.file("b.db"))
    var cases: [(lines: [String], part: String)] = [
      (Array(lines.dropLast()), "before its last line"), ([], "before its last line"),
      (["{}"] + lines, "line 1"), (Array(lines.dropFirst()), "line 1"), (lines + [lines[0]], "second study"),
    ]
    for index in lines.indices {
      var cut = lines
      cut[index] = String(cut[index].dropLast(3))
      cases.append((cut, "line \(index + 1) "))
      var missing = lines
      missing.remove(at: index)
      cases.append((missing, ""))
    }
    for (lines, part) in cases {
      let source = Lines(lines)
      do {
        _ = try await other.importStudy { source.next() }
        Issue.record("taken: \(part)")
      } catch {
        #expect(error.kind == .corrupt && (part.isEmpty || error.message.contains(part)), "\(error)")
      }
      #expect(try await other.studies() == [])
    }
    #expect(try await other.check() == [])
  }

  @Test("a study of that name is not overwritten")
  func taken() async throws {
    let folder = try TemporaryFolder()
    let store = try await SQLiteStore(path: folder.file("a.db"))
    try await Sample.fill(store)
    let source = Lines(try await exported(store))
    await #expect(throws: StoreError.self) { try await store.importStudy { source.next() } }
  }

  @Test("a copy holds the same")
  func backup() async throws {
    let folder = try TemporaryFolder()
    let store = try await SQLiteStore(path: folder.file("a.db"))
    try await Sample.fill(store)
    try await store.backup(to: folder.file("b.db"))
    let copy = try await SQLiteStore(path: folder.file("b.db"))
    #expect(try await exported(copy) == (try await exported(store)))
    await #expect(throws: StoreError.self) { try await store.backup(to: folder.file("b.db")) }
    await #expect(throws: StoreError.self) { try await store.backup(to: folder.file("no/where/b.db")) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains("part") } == [])
  }
}
