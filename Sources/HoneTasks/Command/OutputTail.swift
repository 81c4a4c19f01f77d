/// Keeps the beginning and the end of a stream, whatever its length, in bounded memory.
struct OutputTail: Sendable {
  /// Bytes kept at each end.
  let limit: Int
  private var head: [UInt8] = []
  private var ring: [UInt8] = []
  private var start = 0
  /// Bytes seen.
  private(set) var count = 0

  init(limit: Int = 512 * 1024) { self.limit = limit }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    count += bytes.count
    var rest = bytes[...]
    if head.count < limit {
      let part = rest.prefix(limit - head.count)
      head.append(contentsOf: part)
      rest = rest.dropFirst(part.count)
    }
    guard !rest.isEmpty else { return }
    rest = rest.suffix(limit)
    if ring.count < limit {
      let part = rest.prefix(limit - ring.count)
      ring.append(contentsOf: part)
      rest = rest.dropFirst(part.count)
    }
    // The ring is full: the oldest bytes are replaced, to its end and then from its beginning.
    let first = min(rest.count, limit - start)
    ring.replaceSubrange(start..<(start + first), with: rest.prefix(first))
    ring.replaceSubrange(0..<(rest.count - first), with: rest.dropFirst(first))
    start = (start + rest.count) % limit
  }

  mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

  /// Bytes left out in the middle.
  var dropped: Int { count - head.count - ring.count }

  /// The text, with the cut shown; bytes that are no UTF-8 become U+FFFD.
  var text: String {
    let tail = ring[start...] + ring[..<start]
    guard dropped > 0 else { return String(decoding: head + tail, as: UTF8.self) }
    return String(decoding: head, as: UTF8.self) + "\n[... \(dropped) bytes left out ...]\n"
      + String(decoding: tail, as: UTF8.self)
  }

  /// The last lines, without empty ones at the end.
  func lastLines(_ number: Int) -> String {
    var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    while lines.last?.allSatisfy(\.isWhitespace) == true { lines.removeLast() }
    return lines.suffix(number).joined(separator: "\n")
  }
}
