import Foundation
import HoneStore
import HoneTasks
import HoneTrace

/// The task file a study was run from, kept beside the study.
struct TaskSource: Sendable {
  static let document = "task"

  /// Absolute.
  var path: String
  /// Everything the file says.
  var canonical: Value
  /// The model's name, which the environment may have given.
  var model: String?

  init(_ task: TaskFile, model: String?) {
    self.model = model
    path = URL(fileURLWithPath: task.path).standardizedFileURL.path
    canonical = task.canonical
  }

  private init?(_ value: Value) {
    guard let path = value["path"]?.string, let canonical = value["task"] else { return nil }
    self.path = path
    self.canonical = canonical
    model = value["model"]?.string
  }

  var asValue: Value { ["path": .string(path), "task": canonical, "model": model.asValue] }

  static func stored(in store: any Store, study: String) async throws(StoreError) -> TaskSource? {
    guard try await store.definition(of: study) != nil else { return nil }
    return try await store.document(document, study: study).flatMap { TaskSource($0) }
  }

  /// What differs, with the path of each difference: `optimizer.seed`.
  func changes(to other: TaskSource) -> [(path: String, from: Value?, to: Value?)] {
    Self.changes(canonical, other.canonical, at: "")
  }

  private static func changes(_ a: Value?, _ b: Value?, at path: String) -> [(path: String, from: Value?, to: Value?)] {
    guard a != b else { return [] }
    guard let x = a?.object, let y = b?.object else { return [(path, a, b)] }
    return Set(x.keys).union(y.keys).sorted().flatMap { key in
      changes(x[key], y[key], at: path.isEmpty ? key : "\(path).\(key)")
    }
  }
}
