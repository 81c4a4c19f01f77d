import CFaults
import Foundation
import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// A process of its own that works on a store, for tests that start many of them and kill them.
///
/// `store-worker loop PATH`: drives the study `s` until it is killed.
/// `store-worker work PATH COUNT`: begins and finishes COUNT trials beside others.
/// `store-worker migrate PATH`: opens with a schema that does not exist yet.
/// The variable `HONE_FAULT` lets its disk fail (see CFaults); "untouched" at the end says that nothing did.
/// Every line on the output stands behind a call that has returned: it is acknowledged.

func say(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
}

func definition() -> StudyDefinition {
  let space = Space([ParameterSpec(name: "k", domain: .int(IntDomain(0...1_000_000)), initial: 0)])
  return StudyDefinition(
    name: "s", problem: Problem(space: space, objective: Objective(), seed: 1), fingerprint: "f", data: "d",
    optimizer: ["name": "random"])
}

func record(_ trial: Int) -> (rollout: RolloutRecord, call: CallRecord) {
  let text = Value.string(String(repeating: "trial \(trial) ", count: 60))
  let trace = Trace(
    nodes: [
      .init(kind: .input, name: "question", value: text), .init(kind: .step, name: "answer", inputs: [0], value: text),
    ], feedback: [Feedback(node: 1, text: "More of \(trial).")])
  let call = CallRecord(
    key: "call \(trial)", alias: "local", path: "chat/completions", request: text, repeat: 0, sample: 0, status: 200,
    response: text, usage: Usage(promptTokens: 1, completionTokens: 1), seconds: 0, attempts: 1, role: "workflow")
  let rollout = RolloutRecord(
    trial: trial, split: .validation, example: "e", repeat: 0, cacheKey: "\(trial)", score: 0.5,
    callKeys: ["call \(trial)"], trace: trace)
  return (rollout, call)
}

func finish(_ trial: Int, _ store: SQLiteStore) async throws {
  try await store.finish(
    .completed(trial: trial, Estimate(mean: 0.5, deviation: 0, count: 1), screened: false, outcomes: [:]), study: "s")
  say("finished \(trial)")
}

func one(_ number: Int, _ store: SQLiteStore) async throws {
  let proposal = Proposal(Assignment(["k": .int(number)]), origin: "random")
  for trial in try await store.begin([proposal], attempts: [], study: "s", owner: .current) {
    say("began \(trial)")
    let (rollout, call) = record(trial)
    try await store.archive(of: "s").append(call)
    say("called \(trial)")
    try await store.append(rollouts: [rollout], calls: [], study: "s")
    say("rolled \(trial)")
    try await finish(trial, store)
  }
}

do {
  let arguments = CommandLine.arguments
  if arguments[1] == "migrate" {
    let next =
      "ALTER TABLE studies ADD COLUMN label ANY; UPDATE studies SET label = name; UPDATE calls SET alias = key;"
    _ = try Opened(
      writing: StoreFile(arguments[2], mustExist: true), migrations: Schema.migrations + [next])
    if hone_fault_was_met() == 0 { say("untouched") }
    exit(0)
  }
  let store = try await SQLiteStore(path: arguments[2])
  _ = try await store.open(definition())
  switch arguments[1] {
  case "loop":
    try await store.acquire("s", owner: .current)
    say("acquired")
    for trial in try await store.trials(of: "s") where trial.state == .interrupted {
      try await store.resume(trial: trial.number, study: "s", owner: .current)
      try await finish(trial.number, store)
    }
    var number = 0
    while true {
      try await one(number, store)
      number += 1
    }
  default:
    for number in 0..<(Int(arguments[3]) ?? 0) { try await one(number, store) }
    try store.close()
    if hone_fault_was_met() == 0 { say("untouched") }
  }
} catch {
  say("error \((error as? StoreError)?.kind.rawValue ?? "untyped") \(error)")
  exit(1)
}
