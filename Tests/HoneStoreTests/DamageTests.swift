import Foundation
import HoneNumerics
import HoneOptimize
import HoneStore
import HoneTrace
import Testing

/// Databases that a disk or a person has damaged: a typed error or a correct answer, never a crash.
@Suite("Damage") struct DamageTests {
  /// Bytes of a closed database with many rollouts.
  private func sound(_ folder: TemporaryFolder, trials: Int = 40) async throws -> [UInt8] {
    let store = try await SQLiteStore(path: folder.file("sound.db"))
    try await Sample.fill(store)
    for trial in 2..<trials {
      try await store.append(
        rollouts: [Sample.rollout(trial, "e")], calls: [Sample.call("k\(trial)")], study: "s")
    }
    try store.close()
    return Array(try Data(contentsOf: URL(fileURLWithPath: store.path)))
  }

  /// Opens, reads everything, writes; any error must be a `StoreError` with something to say.
  private func use(_ path: String, _ what: String) async {
    do throws(StoreError) {
      let store = try await SQLiteStore(path: path)
      _ = try await store.studies()
      _ = try await store.events(of: "s")
      _ = try await store.trials(of: "s")
      _ = try await store.rollouts(of: "s", trial: nil, split: nil, traces: true)
      _ = try await store.calls(of: "s", limit: nil)
      _ = try await store.check()
      try await store.setDocument("x", 1, study: "s")
    } catch {
      #expect(!error.message.isEmpty, "\(what)")
      #expect([.corrupt, .foreign, .io, .notFound].contains(error.kind), "\(what): \(error.kind) \(error)")
    }
  }

  private func write(_ bytes: [UInt8], _ path: String) throws {
    for suffix in ["-wal", "-shm", "-lock"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  @Test("flipped bytes", arguments: [UInt64](0..<4))
  func flipped(_ group: UInt64) async throws {
    let folder = try TemporaryFolder()
    let bytes = try await sound(folder)
    for round in 0..<50 {
      let seed = group * 1_000 + UInt64(round)
      var random = RandomStream(seed: seed, name: "flip")
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...200, using: &random) {
        // Every second round spares the first pages, where nearly any flip is noticed at once.
        let first = round % 2 == 0 ? 0 : 16_384
        damaged[Int.random(in: first..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let path = folder.file("flipped.db")
      try write(damaged, path)
      await use(path, "seed \(seed)")
    }
  }

  @Test("cut anywhere")
  func truncated() async throws {
    let folder = try TemporaryFolder()
    let bytes = try await sound(folder)
    for round in 0..<50 {
      let path = folder.file("cut.db")
      try write(Array(bytes.prefix(bytes.count * round / 50 + round % 7)), path)
      await use(path, "cut \(round)")
    }
  }

  @Test("a write-ahead log that is foreign or gone")
  func log() async throws {
    let folder = try TemporaryFolder()
    let bytes = try await sound(folder)
    let path = folder.file("log.db")
    try write(bytes, path)
    try Data(repeating: 0x5a, count: 100_000).write(to: URL(fileURLWithPath: path + "-wal"))
    await use(path, "foreign log")
    #expect(try await SQLiteStore(path: path).trials(of: "s").count == 3)
  }

  @Test("recovery saves all of a sound file and nearly all beside one bad page")
  func recovery() async throws {
    let folder = try TemporaryFolder()
    let bytes = try await sound(folder, trials: 400)
    let whole = try await SQLiteStore.recover(from: folder.file("sound.db"), to: folder.file("whole.db"))
    #expect(whole.isComplete, "\(whole)")
    let copy = try await SQLiteStore(path: folder.file("whole.db"))
    let rollouts = try await copy.rollouts(of: "s", trial: nil, split: nil, traces: true)
    #expect(rollouts.count == 401 && rollouts.allSatisfy { $0.trace == Sample.trace })
    #expect(try await copy.check() == [])
    var (best, rounds) = (0, 0)
    for round in 0..<20 {
      var random = RandomStream(seed: UInt64(round), name: "page")
      var damaged = bytes
      // Any page behind the schema's.
      let page = Int.random(in: 12..<bytes.count / 4_096, using: &random)
      for index in 0..<4_096 { damaged[page * 4_096 + index] = UInt8.random(in: 0...255, using: &random) }
      try write(damaged, folder.file("page.db"))
      let target = folder.file("saved\(round).db")
      let saved = try await SQLiteStore.recover(from: folder.file("page.db"), to: target)
      rounds += 1
      if Double(saved.saved) >= 0.95 * Double(whole.saved) { best += 1 }
      let store = try await SQLiteStore(path: target)
      _ = try await store.studies()
      #expect(try await store.check() == [], "page \(page)")
    }
    // A page of an inner node costs more than its own rows; most pages are leaves.
    #expect(best >= rounds * 8 / 10, "\(best) of \(rounds)")
  }
}
