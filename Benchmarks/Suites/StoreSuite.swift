import Foundation
import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// Figures of the store: trials and traces a CPU second, bytes a step, and many processes on one file.
///
/// `hone-bench store work PATH COUNT` is one of those processes; `hone-bench store empty` measures the empty trials only.
enum StoreSuite {
  static func run() async throws -> [Figure] {
    let arguments = CommandLine.arguments.dropFirst(2)
    if arguments.first == "work" { try await work(Array(arguments.dropFirst())) }
    if arguments.first == "work-aloud", let path = arguments.dropFirst().first { try await StoreKills.work(path) }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hone-bench-\(getpid())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let empty = try await [emptyTrials(folder, tasks: 1), emptyTrials(folder, tasks: 4)] + inMemory()
    return arguments.first == "empty"
      ? empty : try await empty + traces(folder) + startTogether(folder) + writers(folder) + StoreKills.run(folder)
  }

  static func definition() -> StudyDefinition {
    let space = Space([
      ParameterSpec(name: "k", domain: .int(IntDomain(0...1_000_000)), initial: 0),
      ParameterSpec(name: "temperature", domain: .float(FloatDomain(0...2)), initial: 0.5),
    ])
    return StudyDefinition(
      name: "s", problem: Problem(space: space, objective: Objective(), seed: 1), fingerprint: "f", data: "d",
      optimizer: ["name": "random"])
  }

  static func beginAndFinish(_ number: Int, _ store: SQLiteStore, owner: Owner) async throws -> [Int] {
    let proposal = Proposal(Assignment(["k": .int(number), "temperature": 0.5]), origin: "random")
    let trials = try await store.begin([proposal], attempts: [], study: "s", owner: owner)
    for trial in trials {
      try await store.finish(
        .completed(trial: trial, Estimate(mean: 0.5, deviation: 0, count: 1), screened: false, outcomes: [:]),
        study: "s")
    }
    return trials
  }

  private static func emptyTrials(_ folder: String, tasks: Int) async throws -> Figure {
    let store = try await SQLiteStore(path: "\(folder)/empty\(tasks).db")
    _ = try await store.open(definition())
    let owner = Owner.current
    let each = 2_000 / tasks
    let seconds = try await Measure.cpu {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<tasks {
          group.addTask {
            for number in 0..<each { _ = try await beginAndFinish(number, store, owner: owner) }
          }
        }
        try await group.waitForAll()
      }
    }
    return Figure(
      name: "empty trials a CPU second, \(tasks) at a time", value: Double(each * tasks) / seconds,
      unit: "trials/s CPU", target: 3_500, better: .higher,
      how: "begin + finish, both acknowledged behind an fsync (WAL, FULL); median of 5 x 2,000, release")
  }

  /// The same on a disk in memory: what the store itself takes, without the kernel's work for an fsync.
  private static func inMemory() async throws -> [Figure] {
    let folder = "/dev/shm/hone-bench-\(getpid())"
    guard mkdir(folder, 0o700) == 0 else { return [] }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var figure = try await emptyTrials(folder, tasks: 1)
    figure.name += ", disk in memory"
    figure.target = nil
    return [figure]
  }

  private static func traces(_ folder: String) async throws -> [Figure] {
    let path = "\(folder)/traces.db"
    let store = try await SQLiteStore(path: path)
    _ = try await store.open(definition())
    let count = 50
    let before = size(path)
    var number = 0
    let seconds = try await Measure.cpu {
      for _ in 0..<count {
        try await store.append(rollouts: [rollout(number)], calls: [], study: "s")
        number += 1
      }
    }
    try store.close()
    let bytes = Double(size(path) - before) / Double(number * 1_000)
    return [
      Figure(
        name: "a trace of 1,000 steps stored", value: seconds / Double(count) * 1_000, unit: "ms CPU", target: 10,
        how: "one transaction, 2 inputs and a 20-byte value a step; median of 5 x 50, release"),
      Figure(
        name: "bytes a step", value: bytes, unit: "B", target: nil,
        peer: "prototype on GRDB, node and 2 edge rows: 99 B",
        how: "file size over 250 traces of 1,000 steps"),
    ]
  }

  private static func rollout(_ number: Int) -> RolloutRecord {
    let nodes = (0..<1_000).map { seq in
      Trace.Node(
        kind: .step, name: "step \(seq % 20)", inputs: seq < 2 ? [] : [seq - 1, seq - 2],
        value: .string("value \(number) \(seq)"))
    }
    return RolloutRecord(
      trial: number, split: .train, example: "e", repeat: 0, cacheKey: "\(number)", score: 0.5,
      trace: Trace(nodes: nodes, feedback: [Feedback(node: 999, text: "More.")]))
  }

  private static func size(_ path: String) -> Int {
    ["", "-wal"].reduce(0) { sum, suffix in
      let attributes = try? FileManager.default.attributesOfItem(atPath: path + suffix)
      return sum + ((attributes?[.size] as? Int) ?? 0)
    }
  }

  // MARK: Many processes

  private static func work(_ arguments: [String]) async throws -> Never {
    var lines: [String] = []
    do {
      let store = try await SQLiteStore(path: arguments[0])
      _ = try await store.open(definition())
      let clock = ContinuousClock()
      for number in 0..<(Int(arguments[1]) ?? 0) {
        let start = clock.now
        let trials = try await beginAndFinish(number, store, owner: .current)
        let waited = (clock.now - start) / .milliseconds(1)
        for trial in trials { lines.append("\(trial) \(waited)") }
      }
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(1)
    }
    print(lines.joined(separator: "\n"))
    exit(0)
  }

  /// Runs processes side by side; gives how many died, every trial number told, and the longest wait in milliseconds.
  private static func together(_ count: Int, _ path: String, trials: Int) throws -> (
    died: Int, numbers: [Int], longest: Double
  ) {
    var processes: [(process: Process, output: Pipe)] = []
    for _ in 0..<count {
      let (process, output) = (Process(), Pipe())
      process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      process.arguments = ["store", "work", path, "\(trials)"]
      process.standardOutput = output
      try process.run()
      processes.append((process, output))
    }
    var result = (died: 0, numbers: [Int](), longest: 0.0)
    for (process, output) in processes {
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      if process.terminationStatus != 0 { result.died += 1 }
      for line in text.split(separator: "\n") {
        let fields = line.split(separator: " ").compactMap { Double($0) }
        guard fields.count == 2 else { continue }
        result.numbers.append(Int(fields[0]))
        result.longest = max(result.longest, fields[1])
      }
    }
    return result
  }

  private static func startTogether(_ folder: String) async throws -> [Figure] {
    var (died, lost) = (0, 0)
    for run in 0..<5 {
      let path = "\(folder)/start\(run).db"
      let result = try together(8, path, trials: 1)
      died += result.died
      lost += 8 - Set(try await completed(path)).intersection(result.numbers).count
    }
    return [
      Figure(
        name: "processes dead at start", value: Double(died), unit: "of 40", target: 0,
        peer: "optuna 5.0.0 on SQLite: 12 of 40", how: "5 runs of 8 processes on one missing file"),
      Figure(
        name: "trials lost at start", value: Double(lost), unit: "of 40", target: 0,
        how: "5 runs of 8 processes on one missing file"),
    ]
  }

  private static func writers(_ folder: String) async throws -> [Figure] {
    let path = "\(folder)/writers.db"
    let result = try together(8, path, trials: 200)
    let stored = Set(try await completed(path))
    let wrong = 1_600 - stored.intersection(result.numbers).count + result.died
    return [
      Figure(
        name: "trials lost, doubled or refused by 8 writers", value: Double(wrong), unit: "of 1,600", target: 0,
        peer: "optuna 5.0.0 on SQLite: 1 of 320; WAL with BEGIN: 1,400 of 1,600",
        how: "8 processes x 200 begin + finish on one file"),
      Figure(
        name: "longest wait of 8 writers", value: result.longest, unit: "ms wall", target: 5_000,
        peer: "without the queue: 5,700 to 10,300", how: "longest begin + finish of the 1,600"),
    ]
  }

  private static func completed(_ path: String) async throws -> [Int] {
    try await SQLiteStore(path: path, readOnly: true).trials(of: "s").filter { $0.state == .complete }.map(\.number)
  }
}
