import HoneTrace

/// Explains why a request is not in a cassette: the nearest recorded one and the first JSON path where they differ.
enum NearestCall {
  /// Recorded requests looked at.
  static let limit = 256

  static func explain(
    _ wanted: (alias: String, path: String, body: Value, repeat: Int, sample: Int), among records: [CallRecord]
  ) -> String {
    guard !records.isEmpty else { return "no request of \(wanted.path) is recorded at all" }
    let text = Array(wanted.body.canonicalJSON.utf8)
    let nearest = records.map { record in
      (record, distance(text, Array(record.request.canonicalJSON.utf8)) + (record.alias == wanted.alias ? 0 : 1))
    }.min { a, b in (a.1, a.0.sample, a.0.key) < (b.1, b.0.sample, b.0.key) }
    guard let record = nearest?.0 else { return "" }
    let name = "the nearest recorded request \(record.key.prefix(12))"
    if let difference = difference(record.request, wanted.body, at: "$") {
      return "\(name) differs at \(difference)"
    }
    if record.alias != wanted.alias {
      return "\(name) is the same, but of endpoint \"\(record.alias)\", not \"\(wanted.alias)\""
    }
    return "\(name) is the same, but repeat \(record.repeat), sample \(record.sample) is recorded "
      + "and repeat \(wanted.repeat), sample \(wanted.sample) is asked for"
  }

  /// The share of bytes outside a common beginning and end, 0 (equal) to 1. Linear.
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Double {
    let shorter = min(a.count, b.count)
    let longer = max(a.count, b.count)
    var head = 0
    while head < shorter, a[head] == b[head] { head += 1 }
    var tail = 0
    while tail < shorter - head, a[a.count - 1 - tail] == b[b.count - 1 - tail] { tail += 1 }
    return longer == 0 ? 0 : Double(longer - head - tail) / Double(longer)
  }

  /// The first difference in document order: "$.messages[1].content: recorded …, asked …".
  static func difference(_ recorded: Value?, _ asked: Value?, at path: String) -> String? {
    if recorded == asked || recorded?.number != nil && recorded?.number == asked?.number { return nil }
    switch (recorded, asked) {
    case (.object(let old)?, .object(let new)?):
      for key in Set(old.keys).union(new.keys).sorted() {
        if let found = difference(old[key], new[key], at: "\(path).\(key)") { return found }
      }
      return nil
    case (.array(let old)?, .array(let new)?):
      for index in 0..<max(old.count, new.count) {
        let pair = (old.indices.contains(index) ? old[index] : nil, new.indices.contains(index) ? new[index] : nil)
        if let found = difference(pair.0, pair.1, at: "\(path)[\(index)]") { return found }
      }
      return nil
    default:
      let (old, new) = excerpts(recorded, asked)
      return "\(path): recorded \(old), asked \(new)"
    }
  }

  /// Both sides around the place where they part, short enough to read.
  private static func excerpts(_ recorded: Value?, _ asked: Value?) -> (String, String) {
    guard let recorded, let asked else {
      return (
        recorded.map { shorten($0.canonicalJSON, from: 0) } ?? "nothing",
        asked.map { shorten($0.canonicalJSON, from: 0) } ?? "nothing"
      )
    }
    let (old, new) = (recorded.canonicalJSON, asked.canonicalJSON)
    let same = zip(old, new).prefix { $0 == $1 }.count
    return (shorten(old, from: max(0, same - 20)), shorten(new, from: max(0, same - 20)))
  }

  private static func shorten(_ text: String, from start: Int) -> String {
    let rest = text.dropFirst(start)
    return (start > 0 ? "…" : "") + rest.prefix(60) + (rest.count > 60 ? "…" : "")
  }
}
