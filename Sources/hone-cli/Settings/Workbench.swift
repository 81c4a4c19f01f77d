import Foundation
import Hone
import HoneModel
import HoneTasks

/// Everything a study of a task file is run with.
struct Workbench: Sendable {
  let task: TaskFile
  let data: DataSplits
  let runner: TaskRunner
  /// The model under tuning; nil for commands that use none.
  let endpoint: Endpoint?
  let proposer: (any ChatModel)?

  /// - Parameter transport: what requests are sent through; made only when the task has a model.
  init(
    _ resolved: ResolvedTask, data: DataSplits, transport: () -> any Transport = { CurlTransport() }
  ) throws {
    task = resolved.task
    let environment = resolved.environment
    let endpoint = try task.endpoint(environment: environment)
    let embedding = try task.embeddingEndpoint(environment: environment)
    let proposerEndpoint = try Self.proposerEndpoint(of: task, environment: environment)
    var secrets = Secrets(of: environment)
    for base in [endpoint?.base, proposerEndpoint?.base, embedding?.base] { base.map { secrets.add(queryOf: $0) } }
    // What the file says is stored, proposed and sent as it stands: a secret in it cannot be kept out of all that.
    guard secrets.redact(task.canonical) == task.canonical else {
      throw Failure(
        .configuration, "\(task.path): holds the value of a secret variable of the environment",
        hint: "remove it from the file; a key is named, as in key: { env: OPENAI_API_KEY }")
    }
    let data = data.redacted(by: secrets)
    self.data = data
    let needsNone = endpoint == nil && proposerEndpoint == nil && embedding == nil
    let shared = needsNone ? nil : transport()
    func client(_ endpoint: Endpoint) -> ModelClient? {
      shared.map {
        ModelClient(
          endpoint, transport: $0, seed: resolved.task.optimizer.seed, secrets: secrets, environment: environment)
      }
    }
    let model = endpoint.flatMap(client)
    self.endpoint = endpoint
    proposer = proposerEndpoint == endpoint ? model : proposerEndpoint.flatMap(client)
    runner = TaskRunner(
      task, train: data.train, endpoint: endpoint, model: model, embedding: embedding,
      embedder: embedding.flatMap(client), environment: environment, secrets: secrets)
  }

  /// Nil when the task names no model at all: numbers are then searched without words.
  private static func proposerEndpoint(of task: TaskFile, environment: [String: String]) throws(ModelError) -> Endpoint?
  {
    guard task.optimizer.model != nil || task.model != nil else {
      guard task.workflow.asksModel else { return nil }
      return try task.proposerEndpoint(environment: environment)
    }
    return try task.proposerEndpoint(environment: environment)
  }
}

extension Secrets {
  /// Values of variables whose names say that they are secret. Paths of files that exist are no secrets.
  init(of environment: [String: String]) {
    self.init()
    let words = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"]
    for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
      let upper = name.uppercased()
      guard words.contains(where: upper.contains), !FileManager.default.fileExists(atPath: value) else { continue }
      add(name: name, value: value)
    }
  }

  /// Values in a URL's query: some servers take their key there.
  mutating func add(queryOf url: String) {
    for item in URLComponents(string: url)?.queryItems ?? [] {
      if let value = item.value { add(name: item.name, value: value) }
    }
  }
}

extension DataSplits {
  /// Rows in which secrets are replaced: they reach prompts, traces and exports.
  fileprivate func redacted(by secrets: Secrets) -> DataSplits {
    guard !secrets.isEmpty else { return self }
    func rows(_ examples: [Example]) -> [Example] {
      examples.map { Example(id: secrets.redact($0.id), fields: secrets.redact($0.fields)) }
    }
    return DataSplits(train: rows(train), validation: rows(validation), test: rows(test))
  }
}
