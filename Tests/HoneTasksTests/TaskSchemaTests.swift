import Foundation
import Hone
import HoneOptimize
import HoneTrace
import Testing

@testable import HoneTasks

/// The shipped schema and the reader must say the same.
struct TaskSchemaTests {
  static func schema() throws -> Value {
    try Value.parse(
      json: [UInt8](Data(contentsOf: packageRoot.appending(path: "Documentation/Formats/task.schema.json"))))
  }

  static func yaml(_ path: URL) throws -> Value {
    try YAMLReader.read([UInt8](try Data(contentsOf: path)), file: "task.yaml").root.value
  }

  @Test func theSchemaAcceptsWhatTheReaderAccepts() throws {
    let schema = try JSONSchema(try Self.schema())
    let files = ["prompt", "rag", "forest", "steps", "shots"].map { URL(fileURLWithPath: fixture("forms/\($0).yaml")) }
    let shipped = try ["tasks", "Benchmarks/Live"].flatMap { folder in
      try FileManager.default.contentsOfDirectory(
        at: packageRoot.appending(path: folder), includingPropertiesForKeys: nil
      ).filter { $0.pathExtension == "yaml" }
    }
    #expect(shipped.count >= 11)
    for file in files + shipped {
      #expect(schema.problems(with: try Self.yaml(file)) == [], "\(file.lastPathComponent)")
    }
    for file in shipped {
      let data = try TaskFile.load(path: file.path).loadData()
      #expect(!data.validation.isEmpty, "\(file.lastPathComponent)")
    }
  }

  /// What only the reader can know: bounds against each other, names against declarations, paths, URLs.
  static let beyondSchema: Set<String> = [
    "bounds-crossed", "goal-both", "goal-neither", "score-no-metric", "score-two-metrics", "score-json-for-prompt",
    "score-bad-regex", "score-constraint", "endpoint-no-url", "endpoint-whole-path", "endpoint-with-password",
    "no-data", "data-same-file", "data-split-sum", "data-test-no-validation", "prompt-no-user", "parameter-unknown",
    "bounds-infinite", "log-from-zero", "log-and-scale", "initial-outside", "initial-text", "step-too-large",
    "temperature-text-parameter", "when-unknown", "when-later", "forbidden-unknown", "prompt-drops-placeholder",
    "prompt-extra-placeholder", "prompt-too-long", "optimizer-without-settings", "command-unknown-file",
    "command-reads-no-data", "command-batch-without-file",
    "schema-keyword", "sandbox-secret", "outcome-of-prompt", "outcome-is-score", "cost-and-outcomes",
    "llambo-without-model", "optoprime-without-model", "outcome-misspelt", "constraint-misspelt", "cost-of-prompt",
    "step-name-twice", "step-reads-later", "step-reads-itself", "step-named-as-parameter", "step-called-output",
    "method-parameter", "dense-without-embedding", "top-k-parameter-zero", "demonstrations-read-step",
    "score-names-step", "text-holds-later-step", "steps-read-no-data", "steps-json-score", "outcome-of-steps",
    "bandit-endless", "constrained-without", "demonstrations-not-lines", "demonstrations-from-number",
    "demonstrations-unread-field",
  ]

  @Test(arguments: WrongFileTests.names)
  func theSchemaRefusesWhatItCan(_ name: String) throws {
    guard let value = try? Self.yaml(WrongFileTests.folder.appending(path: "\(name).yaml")) else { return }
    let isRefused = !(try JSONSchema(try Self.schema())).problems(with: value).isEmpty
    #expect(isRefused == !Self.beyondSchema.contains(String(name.dropFirst(3))))
  }

  /// The reader lists its keys when it meets one that is far from all of them.
  @Test(arguments: [
    ("", "qqqqqqqq: 1"), ("goal", "goal: { qqqqqqqq: 1 }"), ("data", "data: { qqqqqqqq: 1 }"),
    ("budget", "budget: { qqqqqqqq: 1 }"), ("score", "score: { qqqqqqqq: 1 }"),
  ])
  func theKeysAreTheSame(_ key: String, _ text: String) throws {
    let schema = try Self.schema()
    let properties = key.isEmpty ? schema["properties"] : schema["properties"]?[key]?["properties"]
    let error = #expect(throws: TaskFileError.self) {
      try TaskFile.parse([UInt8](text.utf8), path: "task.yaml", directory: "/")
    }
    let hint = try #require(error?.diagnostics.first { $0.message.contains("qqqqqqqq") }?.hint)
    let listed = hint.replacing("the keys here are ", with: "").replacing(" and ", with: ", ").components(
      separatedBy: ", ")
    #expect(Set(listed) == Set((properties?.object ?? [:]).keys))
  }

  /// The names and settings are the catalog's, in the reader and in the schema.
  @Test func theOptimizersAreTheSame() throws {
    let schema = try #require(try Self.schema()["properties"]?["optimizer"]?["properties"]?.object)
    #expect(schema["use"]?["enum"]?.array?.compactMap(\.string) == OptimizerCatalog.names)
    let general: Set = ["use", "model", "minibatch", "screening", "scheduler", "seed"]
    let own = Set(OptimizerCatalog.names.flatMap(OptimizerCatalog.settingNames(of:)))
    #expect(Set(schema.keys) == general.union(own))
    let page = try String(contentsOf: packageRoot.appending(path: "Documentation/Formats/task.md"), encoding: .utf8)
    for name in OptimizerCatalog.names + own { #expect(page.contains("`\(name)`"), "\(name)") }
    for name in OptimizerCatalog.names {
      let text = "optimizer: { use: \(name), qqqqqqqq: 1 }"
      let error = #expect(throws: TaskFileError.self) {
        try TaskFile.parse([UInt8](text.utf8), path: "task.yaml", directory: "/")
      }
      let hint = try #require(error?.diagnostics.first { $0.message.contains("qqqqqqqq") }?.hint)
      let listed = hint.replacing("the keys here are ", with: "").replacing(" and ", with: ", ").components(
        separatedBy: ", ")
      #expect(Set(listed) == general.union(OptimizerCatalog.settingNames(of: name)))
    }
  }

  @Test func theSchedulersAreTheSame() throws {
    let key = try #require(try Self.schema()["properties"]?["optimizer"]?["properties"]?["scheduler"])
    let forms = try #require(key["anyOf"]?.array)
    #expect(forms.first?["enum"]?.array?.compactMap(\.string) == SchedulerCatalog.names)
    let properties = try #require(forms.last?["properties"]?.object)
    #expect(properties["use"]?["enum"]?.array?.compactMap(\.string) == SchedulerCatalog.names)
    let own = Set(SchedulerCatalog.names.flatMap(SchedulerCatalog.settingNames(of:)))
    #expect(Set(properties.keys) == own.union(["use"]))
    let page = try String(contentsOf: packageRoot.appending(path: "Documentation/Formats/task.md"), encoding: .utf8)
    for name in SchedulerCatalog.names + own { #expect(page.contains("`\(name)`"), "\(name)") }
  }
}
