import Foundation
import HoneModel
import HoneNumerics
import HoneOptimize
import HoneStore
import Testing

/// Many processes on one file, and processes that die.
@Suite("Processes") struct ProcessTests {
  @Test("eight processes start on one missing file, five times: nobody dies, nothing is lost")
  func startTogether() async throws {
    for _ in 0..<5 {
      let folder = try TemporaryFolder()
      let path = folder.file("new/study.db")
      let workers = try (0..<8).map { _ in try Worker(["work", path, "2"]) }
      let ends = workers.map { $0.end() }
      let died = ends.filter { !$0.succeeded }
      #expect(died.isEmpty, "\(died.flatMap(\.lines))")
      let finished = ends.flatMap { $0.lines.trials("finished") }
      #expect(finished.sorted() == Array(0..<16))
      let store = try await SQLiteStore(path: path)
      #expect(try await store.trials(of: "s").map(\.state) == Array(repeating: .complete, count: 16))
      #expect(try await store.check() == [])
    }
  }

  @Test("what a killed process was told is stored is there; what it left running is taken up")
  func kills() async throws {
    let seed: UInt64 = 20_250_101
    var random = RandomStream(seed: seed, name: "kills")
    let folder = try TemporaryFolder()
    let path = folder.file("study.db")
    var said: [String] = []
    for round in 0..<100 {
      let worker = try Worker(["loop", path])
      // Every fifth dies on its way up, the others at work.
      if round % 5 != 0 { worker.waitForOutput() }
      usleep(UInt32.random(in: 0...60_000, using: &random))
      worker.kill()
      said += worker.end().lines
      #expect(said.filter { $0.hasPrefix("error") } == [], "seed \(seed)")
      guard round % 10 == 9 else { continue }
      let store = try await SQLiteStore(path: path)
      #expect(try await store.check() == [], "seed \(seed), round \(round)")
      if try await store.definition(of: "s") == nil { continue }
      try await store.acquire("s", owner: .current)
      let running = try await store.trials(of: "s").filter { $0.state == .running }
      #expect(running == [])
      try await store.release("s", owner: .current, seconds: 0)
    }
    let store = try await SQLiteStore(path: path)
    let trials = try await store.trials(of: "s")
    let complete = Set(trials.filter { $0.state == .complete }.map(\.number))
    let rolled = Set(try await store.rollouts(of: "s", trial: nil, split: nil, traces: false).map(\.trial))
    let called = Set(try await store.calls(of: "s", limit: nil).map(\.key))
    #expect(said.trials("finished").count > 20, "too few acknowledged to say anything")
    #expect(said.trials("finished").count == Set(said.trials("finished")).count, "a trial ended twice")
    #expect(said.trials("finished").allSatisfy { complete.contains($0) })
    #expect(said.trials("rolled").allSatisfy { rolled.contains($0) })
    #expect(said.trials("called").allSatisfy { called.contains("call \($0)") })
    #expect(trials.map(\.number) == Array(0..<trials.count))
    // A trial begun twice would have been given to two processes.
    #expect(said.trials("began").count == Set(said.trials("began")).count)
  }
}
