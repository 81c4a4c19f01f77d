import Foundation
import GRDB
import HoneStore
import Testing

/// A disk that fails at the first, the second, the third ... operation until a run meets no fault any more.
@Suite("Disk faults") struct FaultTests {
  /// Removes a database with everything that belongs to it.
  private func clear(_ folder: TemporaryFolder) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      try FileManager.default.removeItem(atPath: folder.file(name))
    }
  }

  private static let kinds = [("eio", 2), ("full", 5), ("short", 5), ("kill", 4)]

  @Test("a typed error or a clean death, and everything acknowledged is there", arguments: kinds)
  func working(_ kind: String, _ stride: Int) async throws {
    let folder = try TemporaryFolder()
    var (number, errors, fulls) = (1, 0, 0)
    while number < 1_000 {
      try clear(folder)
      let path = folder.file("study.db")
      let end = try Worker(["work", path, "2"], fault: "\(kind):\(number)").end()
      let what = "\(kind) at operation \(number): \(end.lines)"
      #expect(!end.crashed || kind == "kill", "\(what)")
      if !end.succeeded, kind != "kill" {
        errors += 1
        let word = end.lines.last?.split(separator: " ").dropFirst().first
        // Where its shared memory cannot be made, SQLite does not say why.
        #expect(word == "io" || word == "full" && kind != "eio", "\(what)")
        if word == "full" { fulls += 1 }
      }
      // The disk is sound again.
      let store = try await SQLiteStore(path: path)
      #expect(try await store.check() == [], "\(what)")
      let isKnown = try await store.definition(of: "s") != nil
      let trials = isKnown ? try await store.trials(of: "s") : []
      let complete = Set(trials.filter { $0.state == .complete }.map(\.number))
      #expect(end.lines.trials("began").allSatisfy { trials.indices.contains($0) }, "\(what)")
      #expect(end.lines.trials("finished").allSatisfy { complete.contains($0) }, "\(what)")
      try store.close()
      if end.lines.last == "untouched" { break }
      number += stride
    }
    #expect(number > 30, "too few operations to say anything")
    #expect(number < 1_000, "no run was without a fault")
    #expect(errors > 5 || kind == "kill", "the faults were not met")
    #expect(fulls > 2 || kind == "eio" || kind == "kill", "a full disk was not called so")
  }

  @Test("a process killed at any write of a migration leaves the old database or the new one")
  func migrating() async throws {
    let folder = try TemporaryFolder()
    let sound = try TemporaryFolder()
    let made = try await SQLiteStore(path: sound.file("study.db"))
    try await Sample.fill(made)
    try made.close()
    let newest = Schema.migrations.count
    var (number, old, new) = (1, 0, 0)
    while number < 1_000 {
      try clear(folder)
      let path = folder.file("study.db")
      try FileManager.default.copyItem(atPath: made.path, toPath: path)
      let end = try Worker(["migrate", path], fault: "kill:\(number)").end()
      #expect(end.crashed || end.lines.last == "untouched" || end.succeeded, "\(number): \(end.lines)")
      let queue = try DatabaseQueue(path: path)
      let version = try await queue.read { db in try Int.fetchOne(db, sql: "PRAGMA user_version") }
      if version == newest + 1 {
        new += 1
        let labels = try await queue.read { db in
          try String.fetchAll(db, sql: "SELECT label FROM studies WHERE (SELECT count(*) FROM best_trials) = 1")
        }
        #expect(labels == ["s"], "\(number)")
        let copy = try await SQLiteStore(path: path + ".schema-\(newest)", readOnly: true)
        #expect(try await copy.trials(of: "s").count == 3, "\(number)")
        try queue.close()
      } else {
        old += 1
        #expect(version == newest, "\(number)")
        try queue.close()
        let store = try await SQLiteStore(path: path)
        #expect(try await store.trials(of: "s").count == 3, "\(number)")
        #expect(try await store.check() == [], "\(number)")
        try store.close()
        // A copy that has its name is whole.
        if FileManager.default.fileExists(atPath: path + ".schema-\(newest)") {
          let copy = try await SQLiteStore(path: path + ".schema-\(newest)", readOnly: true)
          #expect(try await copy.trials(of: "s").count == 3, "\(number)")
        }
      }
      if end.lines.last == "untouched" { break }
      number += 2
    }
    #expect(old > 5 && new > 0, "\(old) old, \(new) new")
    #expect(number < 1_000, "no run was without a fault")
  }
}
