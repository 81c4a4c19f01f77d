import Foundation
import HoneTrace

/// Reads where each record of a cassette stands. Linear in the file's size, in pieces of 1 MiB.
enum CassetteLoader {
  struct Loaded {
    var entries: [Cassette.Entry] = []
    var index: [String: Int] = [:]
    var nextLine = 2
    var warnings: [String] = []
  }

  static func load(_ file: CassetteFile, writable: Bool) throws(CassetteError) -> Loaded {
    guard writable else { return try scan(file, writable: false) }
    return try file.locked { () throws(CassetteError) in try scan(file, writable: true) }
  }

  private static func scan(_ file: CassetteFile, writable: Bool) throws(CassetteError) -> Loaded {
    let size = try file.size()
    var loaded = Loaded()
    var number = 0
    var start = 0
    var rest: [UInt8] = []
    var position = 0
    while position < size {
      let piece = try file.read(offset: position, count: min(1 << 20, size - position))
      position += piece.count
      let bytes = rest.isEmpty ? piece : rest + piece
      var lineStart = 0
      while let end = lineFeed(in: bytes, from: lineStart) {
        number += 1
        try add(bytes[lineStart..<end], number: number, offset: start + lineStart, file.path, &loaded)
        lineStart = end + 1
      }
      start += lineStart
      rest = Array(bytes[lineStart...])
    }
    if !rest.isEmpty { try mend(rest, number: number + 1, offset: start, file, writable, &loaded) }
    if number == 0, rest.isEmpty || !loaded.warnings.isEmpty {
      guard writable else { throw CassetteError(.foreign, path: file.path, "the file is empty: not a cassette") }
      try writeHeader(file)
      number = 1
    }
    loaded.nextLine = max(number + (rest.isEmpty || !loaded.warnings.isEmpty ? 0 : 1), 1) + 1
    return loaded
  }

  private static func lineFeed(in bytes: [UInt8], from start: Int) -> Int? {
    bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress, start < buffer.count,
        let hit = memchr(base + start, 0x0a, buffer.count - start)
      else { return nil }
      return UnsafeRawPointer(hit) - base
    }
  }

  private static func add(
    _ line: ArraySlice<UInt8>, number: Int, offset: Int, _ path: String, _ loaded: inout Loaded
  ) throws(CassetteError) {
    guard number > 1 else { return try checkHeader(Array(line), path) }
    guard !line.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) else { return }
    let key: String
    if let found = CassetteLine.key(line) {
      key = found
    } else {
      key = try CassetteLine.decode(Array(line), path: path, line: number).key
    }
    // The last line of a key counts: it was recorded anew.
    loaded.index[key] = loaded.entries.count
    loaded.entries.append(Cassette.Entry(line: number, offset: offset, length: line.count))
  }

  /// The end of the file without a line feed: a whole record is kept, a torn one is cut off.
  private static func mend(
    _ rest: [UInt8], number: Int, offset: Int, _ file: CassetteFile, _ writable: Bool, _ loaded: inout Loaded
  ) throws(CassetteError) {
    let isWhole: Bool
    if number == 1 {
      isWhole = (try? Value.parse(json: rest)) == CassetteLine.header
      // A file that is not even the beginning of a header is somebody else's.
      guard isWhole || CassetteLine.header.canonicalJSON.utf8.starts(with: rest) else {
        return try checkHeader(rest, file.path)
      }
    } else {
      isWhole = (try? CassetteLine.decode(rest, path: file.path, line: number)) != nil
    }
    guard isWhole else {
      loaded.warnings.append(
        "cassette \(file.path), line \(number): the last line is torn (\(rest.count) bytes) and was left out")
      if writable { try file.truncate(to: offset) }
      return
    }
    if number > 1 { try add(rest[...], number: number, offset: offset, file.path, &loaded) }
    if writable { try file.appendUnlocked([0x0a]) }
  }

  private static func checkHeader(_ line: [UInt8], _ path: String) throws(CassetteError) {
    let header = try? Value.parse(json: line)
    guard header?["hone"]?.string == "cassette" else {
      throw CassetteError(.foreign, path: path, line: 1, "not a Hone cassette: its first line is no header")
    }
    guard header?["version"]?.int == 1 else {
      throw CassetteError(
        .foreign, path: path, line: 1,
        "version \(header?["version"]?.text ?? "none"), and this program reads version 1",
        hint: "use a newer hone")
    }
  }

  private static func writeHeader(_ file: CassetteFile) throws(CassetteError) {
    try file.appendUnlocked(Array((CassetteLine.header.canonicalJSON + "\n").utf8))
  }
}
