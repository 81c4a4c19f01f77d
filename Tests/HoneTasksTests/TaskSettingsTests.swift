import Foundation
import Hone
import HoneModel
import HoneTrace
import Testing

@testable import HoneTasks

struct TaskSettingsTests {
  func triage() throws -> TaskFile {
    try TaskFile.load(path: packageRoot.appending(path: "tasks/ticket-triage.yaml").path)
  }

  @Test func theEnvironmentStandsAboveTheFile() throws {
    let task = try triage()
    let plain = try #require(try task.endpoint(environment: [:]))
    #expect(plain.base == "http://127.0.0.1:18080/v1")
    #expect(plain.alias == "qwen2.5-coder-0.5b-instruct")
    #expect(plain.key == .none)
    #expect(plain.totalTimeout == 120)
    let openAI = ["OPENAI_BASE_URL": "https://a/v1", "OPENAI_API_KEY": "k"]
    let moved = try #require(try task.endpoint(environment: openAI))
    #expect(moved.base == "https://a/v1" && moved.key == .environment("OPENAI_API_KEY"))
    #expect(moved.alias == plain.alias && moved.model == plain.model)
    let own = openAI.merging(["HONE_ENDPOINT": "https://b/v1", "HONE_MODEL": "m", "HONE_API_KEY": "h"]) { $1 }
    let named = try #require(try task.endpoint(environment: own))
    #expect(named.base == "https://b/v1" && named.model == "m" && named.key == .environment("HONE_API_KEY"))
  }

  @Test func aProvidersKeyGoesNowhereElse() throws {
    let task = try triage()
    #expect(try task.endpoint(environment: ["OPENAI_API_KEY": "k"])?.key == Endpoint.KeySource.none)
    let away = ["OPENAI_API_KEY": "k", "HONE_ENDPOINT": "https://elsewhere/v1"]
    #expect(try task.endpoint(environment: away)?.key == Endpoint.KeySource.none)
  }

  /// A server on this machine seldom wants a key; another one is never asked without the key that is named.
  @Test(arguments: [
    ("http://127.0.0.1:8080/v1", true), ("http://localhost:1/v1", true), ("http://[::1]:1/v1", true),
    ("http://127.0.0.1.evil.example/v1", false), ("https://example.org/v1", false),
  ])
  func aMissingKeyMattersElsewhereAlone(_ base: String, _ isLocal: Bool) throws {
    var task = try triage()
    task.model?.endpoint = base
    task.model?.key = .environment("SOME_KEY")
    let named = Endpoint.KeySource.environment("SOME_KEY")
    let unset = isLocal ? Endpoint.KeySource.optionalEnvironment("SOME_KEY") : named
    #expect(try task.endpoint(environment: [:])?.key == unset)
    #expect(try task.endpoint(environment: ["SOME_KEY": ""])?.key == unset)
    #expect(try task.endpoint(environment: ["SOME_KEY": "k"])?.key == named)
  }

  /// Said by `check` already, and not as a key that is missing.
  @Test(arguments: ["HONE_ENDPOINT", "OPENAI_BASE_URL"], ["127.0.0.1:8080/v1", "http://", "ftp://a/v1", "http://a:x"])
  func anAddressThatIsNoneNamesItsVariable(_ name: String, _ value: String) throws {
    let task = try triage()
    let error = #expect(throws: ModelError.self) { try task.endpoint(environment: [name: value]) }
    #expect(error?.kind == .configuration)
    #expect(error?.message == "the environment variable \(name) holds no base URL")
  }

  @Test func anEndlessEstimateIsNone() throws {
    var task = try triage()
    task.budget = Budget(trials: Int.max)
    #expect(task.estimate(try task.loadData()).cost(trials: .max) == nil)
  }

  @Test func aModelThatNobodyNamesIsAnError() throws {
    var task = try triage()
    task.model = nil
    #expect(throws: ModelError.self) { try task.endpoint(environment: [:]) }
    #expect(
      try task.endpoint(environment: ["OPENAI_API_KEY": "k", "HONE_MODEL": "m"])?.base == "https://api.openai.com/v1")
  }

  @Test func changesAreNamedByKeyAndSorted() throws {
    let before: Value = ["budget": ["trials": 10], "score": ["repeats": 1], "model": ["endpoint": "a", "alias": "x"]]
    let after: Value = ["budget": ["trials": 20, "time": "1h"], "score": ["repeats": 1.0], "model": ["endpoint": "b"]]
    let changes = TaskFile.changes(from: before, to: after)
    #expect(
      changes.map(\.description) == [
        "+ budget.time: \"1h\"", "budget.trials: 10 -> 20", "- model.alias: \"x\"", "model.endpoint: \"a\" -> \"b\"",
      ])
    #expect(changes.map(\.isCompatible) == [true, true, false, true])
    #expect(TaskFile.changes(from: before, to: before).isEmpty)
  }

  @Test func layoutAndCommentsAreNoChange() throws {
    let a = try TaskFile.load(path: fixture("forms/forest.yaml"))
    let text = try String(contentsOfFile: fixture("forms/forest.yaml"), encoding: .utf8)
    let b = try TaskFile.parse(
      [UInt8]((text + "# end\n").replacing("[2, 32]", with: "[ 2,  32 ]").utf8), path: "x", directory: "/")
    #expect(TaskFile.changes(from: a.canonical, to: b.canonical).isEmpty)
  }

  @Test func theEstimateOfARun() throws {
    var task = try triage()
    let data = try task.loadData()
    task.budget = Budget(trials: 10)
    let estimate = task.estimate(data)
    #expect(estimate.trials == 10)
    #expect(estimate.rolloutsPerTrial == 64)
    #expect(estimate.testRollouts == 318)
    let cost = try #require(estimate.cost(trials: 10))
    #expect(cost.rollouts == 64 + 9 * (64 + 16) + 318)
    // A text takes one request, or with its repair two.
    #expect(cost.requests == cost.rollouts + 9 && estimate.requestsPerAsk == 1...2)
    let tokens = estimate.tokensPerRollout
    // In the middle eight worked examples are shown, each of some ten tokens.
    #expect(tokens.lowerBound < 100 && tokens.upperBound > tokens.lowerBound + 80, "\(tokens)")
    #expect(cost.tokens == cost.rollouts * ((tokens.lowerBound + tokens.upperBound) / 2) + 9 * 4000)
    #expect(estimate.cost(trials: 0) == CostEstimate.Cost())
  }

  @Test func templatesFillWhatTheyKnow() {
    let template = Template("a {x} $y $$z {{x}} {\"k\": {}} $5 {x y} $y_1.")
    #expect(template.fields == ["x"])
    #expect(template.parameters == ["y", "y_1"])
    #expect(
      template.fill(field: { "<\($0) $y>" }, parameter: { "(\($0) {x})" })
        == "a <x $y> (y {x}) $z {x} {\"k\": {}} $5 {x y} (y_1 {x}).")
    #expect(Template(String(repeating: "{", count: 200_000)).parts.count == 1)
  }

  @Test func outputsAreKeptAtBothEnds() {
    var tail = OutputTail(limit: 10)
    for piece in ["0123456789abc", "defgh", "ijklmnopqrstuvwxyz", "!"] { tail.append(Array(piece.utf8)) }
    #expect(tail.text == "0123456789\n[... 17 bytes left out ...]\nrstuvwxyz!")
    #expect(tail.count == 37)
    var short = OutputTail(limit: 10)
    short.append(Array("0123456789abc".utf8))
    #expect(short.text == "0123456789abc")
    #expect(short.lastLines(1) == "0123456789abc")
  }
}
