import HoneModel
import HoneOptimize
import HoneTrace

/// One line of an exported study. `Documentation/Formats/store.md` describes the format.
enum StudyLine {
  case study(StudyDefinition, seconds: Double)
  case began(trial: Int, Proposal)
  case ended(Ending)
  case attempted(Attempt)
  /// A trial that has not ended: interrupted, or running when it was exported.
  case open(trial: Int, reason: String)
  case rollout(RolloutRecord)
  case call(CallRecord)
  /// Requests that brought nothing.
  case document(name: String, Value)
  /// The last line; without it the file was cut.
  case end(lines: Int)

  static let format = 1

  func text() throws -> String {
    var members: [String: Value]
    switch self {
    case .study(let definition, let seconds):
      members = [
        "line": "study", "format": .int(Self.format), "definition": try ValueEncoder.value(definition),
        "seconds": .double(seconds),
      ]
    case .began(let trial, let proposal):
      members = ["line": "began", "trial": .int(trial), "proposal": try ValueEncoder.value(proposal)]
    case .ended(let ending):
      members = ["line": .string(ending.state.rawValue), "trial": .int(ending.trial)]
      if let estimate = ending.estimate {
        members["estimate"] = try ValueEncoder.value(estimate)
        members["screened"] = .bool(ending.screened)
        members["outcomes"] = try ValueEncoder.value(ending.outcomes)
      } else {
        members["reason"] = .string(ending.reason)
        if let kind = ending.kind { members["kind"] = .string(kind.rawValue) }
      }
    case .attempted(let attempt): members = ["line": "attempted", "attempt": try ValueEncoder.value(attempt)]
    case .open(let trial, let reason):
      members = ["line": "interrupted", "trial": .int(trial), "reason": .string(reason)]
    case .rollout(let rollout): members = ["line": "rollout", "rollout": try ValueEncoder.value(rollout)]
    case .call(let call): members = ["line": "call", "call": try ValueEncoder.value(call)]
    case .document(let name, let value): members = ["line": "document", "name": .string(name), "value": value]
    case .end(let lines): members = ["line": "end", "lines": .int(lines)]
    }
    return try StoredJSON.text(.object(members))
  }

  /// - Throws: `DecodingError`, `StoreError` or `JSONError` when the line is not one of these.
  init(_ text: String) throws {
    let line = try Value.parse(json: text, maxDepth: StoredJSON.maxDepth)
    func decode<Result: Decodable>(_ key: String, _ type: Result.Type = Result.self) throws -> Result {
      try ValueDecoder.decode([String: Result].self, from: .object([key: line[key] ?? .null]))[key]
        ?? ValueDecoder.decode(type, from: .null)
    }
    switch line["line"]?.string {
    case "study":
      let format: Int = try decode("format")
      guard format == Self.format else {
        throw StoreError(.foreign, "the export has format \(format), this program reads \(Self.format)")
      }
      self = .study(try decode("definition"), seconds: try decode("seconds"))
    case "began": self = .began(trial: try decode("trial"), try decode("proposal"))
    case "complete":
      self = .ended(
        try Ending(
          .completed(
            trial: try decode("trial"), try decode("estimate"), screened: try decode("screened"),
            outcomes: try decode("outcomes"))))
    case "failed":
      // Lines of older versions have no kind.
      let kind: RolloutRecord.Failure.Kind? = try line["kind"].map { _ in try decode("kind") }
      self = .ended(try Ending(.failed(trial: try decode("trial"), reason: try decode("reason"), kind: kind)))
    case "attempted": self = .attempted(try decode("attempt"))
    case "interrupted": self = .open(trial: try decode("trial"), reason: try decode("reason"))
    case "rollout": self = .rollout(try decode("rollout"))
    case "call": self = .call(try decode("call"))
    case "document": self = .document(name: try decode("name"), line["value"] ?? .null)
    case "end": self = .end(lines: try decode("lines"))
    default: throw StoreError(.corrupt, "the line is none of an exported study")
    }
  }
}
