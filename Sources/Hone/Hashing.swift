import Crypto
import HoneModel
import HoneTrace

/// Hashes that name rollouts and data: SHA-256 in hex over canonical JSON.
enum Hashing {
  static func hex(_ text: String) -> String {
    CallKey.hex(SHA256.hash(data: Array(text.utf8)))
  }

  /// The rollout cache's key.
  static func rollout(fingerprint: String, assignment: Assignment, example: Example, repeat: Int) -> String {
    hex(
      Value.object([
        "fingerprint": .string(fingerprint), "assignment": .object(assignment.values), "example": example.fields,
        "repeat": .int(`repeat`),
      ]).canonicalJSON)
  }

  static func data(_ data: DataSplits) -> String {
    func rows(_ examples: [Example]) -> Value { .array(examples.map { [.string($0.id), $0.fields] }) }
    return hex(
      Value.object(["train": rows(data.train), "validation": rows(data.validation), "test": rows(data.test)])
        .canonicalJSON)
  }
}
