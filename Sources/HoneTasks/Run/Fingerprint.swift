import Crypto
import Foundation
import Hone
import HoneModel
import HoneTrace

/// What decides a rollout beside its assignment, example and repeat, as one hash.
enum Fingerprint {
  static func of(_ task: TaskFile, endpoint: Endpoint?, embedding: Endpoint?, demonstrations: [Example]) -> String {
    var parts: [String: Value] = [
      "version": 1, "workflow": task.canonical["workflow"] ?? .null, "score": task.canonical["score"] ?? .null,
      "demonstrations": .array(demonstrations.map { ["id": .string($0.id), "fields": $0.fields] }),
      "files": .object(files(of: task).mapValues(Value.string)),
    ]
    if task.isSandboxed { parts["sandbox"] = 1 }
    if let endpoint { parts["model"] = name(of: endpoint) }
    if let embedding { parts["embedding"] = name(of: embedding) }
    return sha256(Value.object(parts).canonicalJSON)
  }

  private static func name(of endpoint: Endpoint) -> Value {
    ["api": .string(endpoint.api.rawValue), "name": .string(endpoint.model), "alias": .string(endpoint.alias)]
  }

  /// Hashes of the documents that are searched and of the files that commands name among their arguments, by the name they are
  /// given: a changed program is another workflow.
  private static func files(of task: TaskFile) -> [String: String] {
    var hashes: [String: String] = [:]
    func add(_ arguments: [Template], in directory: String) {
      for file in arguments.namedFiles(in: directory) {
        guard let bytes = try? SafePath.read(file.path, limit: 16 << 20) else { continue }
        hashes[file.name] = sha256(bytes)
      }
    }
    for spec in task.workflow.retrievals {
      if let bytes = try? SafePath.read(spec.documents, limit: Dataset.maxBytes) {
        hashes[spec.documents(from: task.directory)] = sha256(bytes)
      }
    }
    for spec in task.workflow.commands {
      add(spec.arguments, in: spec.directory ?? task.directory)
      for path in spec.sandbox?.read ?? [] {
        if let bytes = try? SafePath.read(path, limit: 16 << 20) { hashes[path] = sha256(bytes) }
      }
    }
    if case .command(let metric) = task.score.metric { add(metric.arguments, in: metric.directory ?? task.directory) }
    if case .jsonSchema(let schema) = task.score.metric { hashes["schema"] = sha256(schema.schema.canonicalJSON) }
    return hashes
  }
}

extension [Template] {
  /// The files that fixed arguments name, as they are written and where they are.
  func namedFiles(in directory: String) -> [(name: String, path: String)] {
    filter { $0.fields.isEmpty && $0.parameters.isEmpty }.compactMap { argument in
      let name = argument.source
      let path = name.hasPrefix("/") ? name : directory + "/" + name
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
        ? (name, path) : nil
    }
  }
}

/// SHA-256 in hexadecimal of a text's UTF-8 bytes.
func sha256(_ text: String) -> String { sha256(Array(text.utf8)) }

/// SHA-256 in hexadecimal.
func sha256(_ bytes: [UInt8]) -> String {
  SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
