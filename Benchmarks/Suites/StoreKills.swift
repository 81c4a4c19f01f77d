import Foundation
import HoneNumerics
import HoneStore

/// A working process killed a hundred times: what it was told is stored must be there, and nothing may stay `running`.
enum StoreKills {
  /// Begins and ends trials for ever, telling each that is acknowledged at once.
  static func work(_ path: String) async throws -> Never {
    let store = try await SQLiteStore(path: path)
    _ = try await store.open(StoreSuite.definition())
    for number in 0... {
      for trial in try await StoreSuite.beginAndFinish(number, store, owner: .current) {
        FileHandle.standardOutput.write(Data("\(trial)\n".utf8))
      }
    }
    exit(0)
  }

  static func run(_ folder: String) async throws -> [Figure] {
    let path = "\(folder)/kills.db"
    var random = RandomStream(seed: 1, name: "kills")
    var acknowledged: Set<Int> = []
    for _ in 0..<100 {
      let (process, output) = (Process(), Pipe())
      process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      process.arguments = ["store", "work-aloud", path]
      process.standardOutput = output
      try process.run()
      usleep(UInt32.random(in: 5_000...100_000, using: &random))
      kill(process.processIdentifier, SIGKILL)
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      // A line without its end was not acknowledged.
      let whole = text[..<(text.lastIndex(of: "\n") ?? text.startIndex)]
      acknowledged.formUnion(whole.split(separator: "\n").compactMap { Int($0) })
    }
    let store = try await SQLiteStore(path: path)
    try await store.acquire("s", owner: .current)
    let trials = try await store.trials(of: "s")
    let complete = Set(trials.filter { $0.state == .complete }.map(\.number))
    let how = "100 kill -9 after 5 to 100 ms each; \(acknowledged.count) trials acknowledged, \(trials.count) begun"
    return [
      Figure(
        name: "acknowledged trials lost by 100 kill -9", value: Double(acknowledged.subtracting(complete).count),
        unit: "trials", target: 0, peer: "optuna 5.0.0, 25 kills: 0 of 68", how: how),
      Figure(
        name: "trials left running after the next start", value: Double(trials.count { $0.state == .running }),
        unit: "trials", target: 0, peer: "optuna 5.0.0, 25 kills: 24", how: how),
    ]
  }
}
