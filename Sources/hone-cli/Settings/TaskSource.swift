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
}
