import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// What every `Store` must do, as checks that need no test framework.
///
/// ```swift
/// @Test(arguments: StoreConformance.checks)
/// func conforms(_ check: StoreConformance.Check) async throws { try await check.run(MyStore()) }
/// ```
/// A check is given an empty store and throws a `Violation` that names what does not hold.
public enum StoreConformance {
  public struct Check: Sendable, CustomStringConvertible {
    public let name: String
    public let run: @Sendable (any Store) async throws -> Void
    public var description: String { name }
  }

  public struct Violation: Error, CustomStringConvertible {
    public let description: String
  }

  public static let checks: [Check] = studyChecks + trialChecks + rolloutChecks + callChecks

  /// A process that ended long ago: its host is this one, its id is free or used by a later process.
  public static let deadOwner = Owner(host: Owner.current.host, process: 1, started: -1)

  static func expect(_ holds: Bool, _ what: String) throws(Violation) {
    if !holds { throw Violation(description: what) }
  }

  static func expectEqual<Content: Equatable>(_ found: Content, _ expected: Content, _ what: String) throws(Violation) {
    if found != expected { throw Violation(description: "\(what): found \(found), expected \(expected)") }
  }

  static func expectError(
    _ kind: StoreError.Kind, _ what: String, _ body: () async throws -> Void
  ) async throws(Violation) {
    do {
      try await body()
    } catch let error as StoreError where error.kind == kind {
      return
    } catch {
      throw Violation(description: "\(what): threw \(error) instead of \(kind)")
    }
    throw Violation(description: "\(what): did not throw \(kind)")
  }

  static func definition(_ name: String, direction: Objective.Direction = .maximize) -> StudyDefinition {
    let space = Space([
      ParameterSpec(name: "temperature", domain: .float(FloatDomain(0...2)), initial: .double(1)),
      ParameterSpec(name: "k", domain: .int(IntDomain(1...9)), initial: 3),
      ParameterSpec(name: "prompt", domain: .text(TextDomain(placeholders: ["text"])), initial: "Sort {text}."),
    ])
    return StudyDefinition(
      name: name, problem: Problem(space: space, objective: Objective(direction: direction), seed: UInt64.max),
      fingerprint: "f", data: "d", optimizer: ["name": "random", "rate": .double(2)], settings: ["minibatch": 16])
  }

  static func proposal(_ k: Int, note: String = "") -> Proposal {
    Proposal(
      Assignment(["temperature": .double(Double(k)), "k": .int(k), "prompt": .string("Sort {text}\n\u{0}\"é\" \(k).")]),
      origin: "random", parent: k > 0 ? 0 : nil, note: note)
  }

  static func completed(_ trial: Int, _ mean: Double, screened: Bool = false) -> Event {
    .completed(
      trial: trial, Estimate(mean: mean, deviation: 0.25, count: 4), screened: screened, outcomes: ["tokens": 12.5])
  }

  static func attempt(_ outcome: Attempt.Outcome) -> Attempt {
    Attempt(
      origin: "optoprime", outcome: outcome,
      rejections: [Rejection(.outOfRange, parameter: "k", "12 is over 9"), Rejection(.malformed, "no object")],
      suggestion: ["k": 12, "temperature": .double(3)], reasoning: String(repeating: "because ", count: 100),
      callKeys: ["a", "b"])
  }

  static func call(_ key: String, attempts: Int = 1, cost: Double? = 0.5) -> CallRecord {
    CallRecord(
      key: key, alias: "local", path: "chat/completions", request: ["messages": ["hello"], "temperature": .double(1)],
      repeat: 0, sample: 2, status: 200, response: ["text": .string(String(repeating: "x", count: 5_000))],
      usage: Usage(promptTokens: 10, completionTokens: 5, cost: cost, estimated: cost == nil), seconds: 0.25,
      attempts: attempts, role: "workflow")
  }

  static func rollout(
    _ trial: Int, _ split: Split, _ example: String, score: Double? = 0.5, failure: RolloutRecord.Failure? = nil,
    trace: Trace? = nil
  ) -> RolloutRecord {
    var spend = Spend()
    spend.add(Usage(promptTokens: 10, completionTokens: 5, cost: 0.5))
    return RolloutRecord(
      trial: trial, split: split, example: example, repeat: 0, cacheKey: "\(trial)/\(split)/\(example)", score: score,
      feedback: "wanted \(example)", output: ["label": .string(example), "p": .double(1)], outcomes: ["ms": 3],
      failure: failure, spend: spend, callKeys: ["a"], seconds: 0.125, trace: trace)
  }

  /// Every kind of node, repeated and missing inputs, long and odd values, two feedbacks on one node.
  static func trace(_ text: String) -> Trace {
    Trace(
      nodes: [
        .init(kind: .parameter, name: "k", value: 3), .init(kind: .input, name: "question", value: .string(text)),
        .init(kind: .constant, name: "", value: .double(2)),
        .init(
          kind: .step, name: "retrieve", inputs: [1, 0, 1], value: [1, .null, .double(-0.5)], doc: "Finds passages."),
        .init(kind: .step, name: "retrieve", inputs: [], value: true, doc: nil, parent: 3),
        .init(kind: .failure, name: "answer", inputs: Array(repeating: 3, count: 300), value: "boom\u{0}", parent: 4),
      ],
      feedback: [
        Feedback(node: 5, text: "Say more.", score: 0.5), Feedback(node: 5, text: text),
        Feedback(node: 3, text: "", score: -1),
      ])
  }
}
