import HoneTrace

/// One line: `{"key":"<64 hexadecimal digits>",` and the record's other members in canonical order. The key stands first
/// so that opening a file need not parse it.
enum CassetteLine {
  static let header: Value = ["hone": "cassette", "version": 1]
  private static let opening = Array("{\"key\":\"".utf8)
  private static let keyLength = 64

  /// With the line feed.
  static func encode(_ record: CallRecord) -> [UInt8] {
    var line = opening
    line += record.key.utf8
    line += "\",".utf8
    line += record.json.canonicalJSON.utf8.dropFirst()
    line.append(UInt8(ascii: "\n"))
    return line
  }

  /// The key, when the line has the shape `encode` gives it.
  static func key(_ line: ArraySlice<UInt8>) -> String? {
    let start = line.startIndex + opening.count
    let end = start + keyLength
    guard line.endIndex > end + 2, line.starts(with: opening), line.last == UInt8(ascii: "}"),
      line[end] == UInt8(ascii: "\""), line[end + 1] == UInt8(ascii: ",")
    else { return nil }
    let key = line[start..<end]
    guard key.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
    return String(decoding: key, as: UTF8.self)
  }

  static func decode(_ line: [UInt8], path: String, line number: Int) throws(CassetteError) -> CallRecord {
    let hint = "take the line out, or record the cassette anew"
    let value: Value
    do {
      value = try Value.parse(json: line)
    } catch {
      throw CassetteError(.corrupt, path: path, line: number, "not JSON: \(error)", hint: hint)
    }
    guard let key = value["key"]?.string else {
      throw CassetteError(.corrupt, path: path, line: number, "\"key\" is missing", hint: hint)
    }
    do {
      return try CallRecord(key: key, json: value)
    } catch {
      throw CassetteError(.corrupt, path: path, line: number, error.reason, hint: hint)
    }
  }
}
