import HoneOptimize
import HoneTrace

extension RolloutRecord {
  /// Without the seconds it took, which no replay takes again.
  var untimed: RolloutRecord {
    var record = self
    record.seconds = 0
    return record
  }

  /// The length of its texts and values as JSON, without the names of members.
  var bytes: Int {
    let texts = [example, cacheKey, feedback, failure?.message ?? ""] + callKeys + (trace?.feedback ?? []).map(\.text)
    let nodes = (trace?.nodes ?? []).reduce(0) { $0 + $1.name.utf8.count + $1.value.bytes }
    return texts.reduce(output.bytes + nodes) { $0 + $1.utf8.count }
  }
}

extension Value {
  /// The length of its texts and numbers as JSON, without the names of members.
  var bytes: Int {
    switch self {
    case .string(let text): text.utf8.count
    case .array(let elements): elements.reduce(0) { $0 + $1.bytes }
    case .object(let members): members.reduce(0) { $0 + $1.value.bytes }
    default: canonicalJSON.utf8.count
    }
  }
}

extension Array {
  /// Nil behind the end.
  subscript(at index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
