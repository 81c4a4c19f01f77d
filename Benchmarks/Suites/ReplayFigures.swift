import Foundation
import HoneTesting
import HoneTrace

/// What it takes the program to run a recorded study again: a small task in a simulated world, a thousand calls.
enum ReplayFigures {
  static func figures(hone: String) throws -> [Figure] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hone-replay-\(getpid())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    try rows(0..<40).write(toFile: path("train.jsonl"), atomically: true, encoding: .utf8)
    try rows(40..<133).write(toFile: path("validation.jsonl"), atomically: true, encoding: .utf8)
    let server = try WorldServer.start()
    defer { server.stop() }
    try task(server.base).write(toFile: path("task.yaml"), atomically: true, encoding: .utf8)
    _ = try CommandSuite.start(
      [hone, "tune", path("task.yaml"), "--record", path("calls.jsonl"), "--db", path("study.db"), "-q"])
    // The first line is the head.
    let calls = try String(contentsOfFile: path("calls.jsonl"), encoding: .utf8).split(separator: "\n").count - 1
    let runs = 7
    let tuned = try (0..<runs).map { run in
      let words = ["tune", path("task.yaml"), "--replay", path("calls.jsonl"), "--db", path("\(run).db"), "-q"]
      return try CommandSuite.start([hone] + words).cpu
    }
    let replayed = try (0..<runs).map { _ in
      try CommandSuite.start([hone, "replay", "replayed", "--db", path("study.db"), "-q"]).cpu
    }
    let how = "median of \(runs) runs of the program; user and system time of a study of \(calls) calls"
    return [
      Figure(
        name: "hone replay, a thousand calls", value: Measure.median(replayed), unit: "ms CPU", target: 100,
        how: "\(how), answered from its record and compared with it byte by byte"),
      Figure(
        name: "hone tune --replay, a thousand calls", value: Measure.median(tuned), unit: "ms CPU", target: 100,
        how: "\(how), from a cassette into a new database"),
      Figure(name: "hone replay, calls", value: Double(calls), unit: "calls", target: 1_000, better: .higher, how: how),
    ]
  }

  private static let world = SimulatedWorld.few

  private static func rows(_ rows: Range<Int>) -> String {
    rows.map { row in
      let fields: Value = [
        "id": .string("r\(row)"), "text": .string(world.text(row)), "label": .string(world.label(row)),
      ]
      return fields.canonicalJSON + "\n"
    }.joined()
  }

  private static func task(_ base: String) -> String {
    """
    version: 1
    study: replayed
    goal: { maximize: accuracy }
    model: { endpoint: "\(base)", name: \(world.name)/good/0, alias: simulated }
    data: { train: train.jsonl, validation: validation.jsonl }
    workflow:
      prompt:
        system: $instruction
        user: "{text}"
        temperature: 0.0
        max_tokens: 8
    parameters:
      instruction: { prompt: "\(SimulatedWorld.opening)", max_length: 2000 }
    score:
      exact_match: { output: label }
      feedback: "Expected {label}, got {output}."
    optimizer: { use: optoprime, minibatch: 8, screening: false, seed: 1 }
    budget: { trials: 10, parallel: 4 }
    """
  }
}
