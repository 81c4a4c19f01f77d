import Foundation
import Hone
import HoneModel
import HoneTasks

/// A task with every setting decided, and where each was decided.
struct ResolvedTask: Sendable {
  struct Entry: Sendable {
    var name: String
    var value: String
    var origin: String
  }

  static let defaultParallel = 4

  var task: TaskFile
  /// In the order they are explained.
  var settings: [Entry]
  var environment: [String: String]

  /// The model's address, name and key, as entries. A key is named by its source only.
  func endpointSettings() throws(ModelError) -> [Entry] {
    guard let endpoint = try task.endpoint(environment: environment) else { return [] }
    let file = (task.path as NSString).lastPathComponent
    func origin(_ names: [String], isWritten: Bool) -> String {
      names.first { environment[$0]?.isEmpty == false } ?? (isWritten ? file : "default")
    }
    let provider = endpoint.api == .openAI ? "OPENAI" : "ANTHROPIC"
    var entries = [
      Entry(
        name: "endpoint", value: endpoint.place,
        origin: origin(["HONE_ENDPOINT", "\(provider)_BASE_URL"], isWritten: task.model?.endpoint != nil)),
      Entry(name: "model", value: endpoint.model, origin: origin(["HONE_MODEL"], isWritten: task.model?.name != nil)),
    ]
    // Only an endpoint on this machine is asked without the key that is named.
    let unset = if case .optionalEnvironment = endpoint.key { "not set" } else { "NOT SET" }
    switch endpoint.key {
    case .none: entries.append(Entry(name: "key", value: "none", origin: "default"))
    case .environment(let name), .optionalEnvironment(let name):
      let isSet = environment[name]?.isEmpty == false
      entries.append(Entry(name: "key", value: isSet ? "set" : unset, origin: name))
    case .file(let path): entries.append(Entry(name: "key", value: "file", origin: path))
    }
    return entries
  }
}

extension Endpoint {
  /// The address without user, password and query, which may hold secrets.
  var place: String {
    guard var parts = URLComponents(string: base) else { return "an address that is no URL" }
    parts.user = nil
    parts.password = nil
    parts.query = nil
    parts.fragment = nil
    return parts.string ?? "an address that is no URL"
  }
}
