import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// A small study with everything in it.
enum Sample {
  static var definition: StudyDefinition {
    let space = Space([ParameterSpec(name: "k", domain: .int(IntDomain(0...100)), initial: 0)])
    return StudyDefinition(
      name: "s", problem: Problem(space: space, objective: Objective(), seed: 1), fingerprint: "f", data: "d",
      optimizer: ["name": "random", "about": .string(String(repeating: "long ", count: 100))])
  }

  static let trace = Trace(
    nodes: [
      .init(kind: .parameter, name: "k", value: 3),
      .init(kind: .step, name: "answer", inputs: [0], value: .string(String(repeating: "text ", count: 80)), doc: "D."),
      .init(kind: .failure, name: "score", inputs: [1, 0], value: .double(2)),
    ], feedback: [Feedback(node: 2, text: "More.", score: 0.5)])

  static func rollout(_ trial: Int, _ example: String) -> RolloutRecord {
    RolloutRecord(
      trial: trial, split: .validation, example: example, repeat: 0, cacheKey: "\(trial)/\(example)", score: 0.5,
      feedback: "good", output: ["n": .double(1)], outcomes: ["ms": 2], callKeys: ["c\(trial)"], trace: trace)
  }

  static func call(_ key: String) -> CallRecord {
    CallRecord(
      key: key, alias: "local", path: "chat/completions", request: ["t": .double(0)], repeat: 0, sample: 0, status: 200,
      response: .string(String(repeating: key, count: 300)),
      usage: Usage(promptTokens: 3, completionTokens: 4, cost: 1),
      seconds: 0.5, attempts: 2, role: "workflow")
  }

  /// Three trials: complete, failed, interrupted; rollouts, calls, an attempt, a document, 2 s.
  static func fill(_ store: any Store) async throws {
    _ = try await store.open(definition)
    try await store.acquire("s", owner: .current)
    let attempt = Attempt(
      origin: "optoprime", outcome: .rejected, rejections: [Rejection(.outOfRange, parameter: "k", "too large")],
      suggestion: ["k": 999], reasoning: "because", callKeys: ["c0"])
    let proposals = (0..<3).map { Proposal(Assignment(["k": .int($0)]), origin: "random", parent: nil, note: "n") }
    _ = try await store.begin(proposals, attempts: [attempt], study: "s", owner: .current)
    try await store.append(
      rollouts: [rollout(0, "a"), rollout(0, "b"), rollout(1, "a")], calls: [call("c0"), call("c1")], study: "s")
    try await store.finish(
      .completed(
        trial: 0, Estimate(mean: 0.5, deviation: 0.1, count: 2), screened: false, outcomes: ["ms": 2]), study: "s")
    try await store.finish(.failed(trial: 1, reason: "workflow"), study: "s")
    try await store.interrupt(trials: [2], reason: "stopped", study: "s")
    try await store.setDocument("report", ["score": .double(1)], study: "s")
    try await store.release("s", owner: .current, seconds: 2)
  }
}
