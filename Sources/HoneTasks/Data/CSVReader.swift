import HoneTrace

/// Reads comma-separated values by RFC 4180: quoted fields may hold commas, quotes (doubled) and line ends; the first row
/// names the columns. All values are texts. Linear.
struct CSVReader {
  let file: String
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private(set) var problems: [Diagnostic] = []

  init(_ bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  mutating func rows() -> [Row] {
    guard let header = record() else { return [] }
    let names = header.fields
    for (index, name) in names.enumerated() {
      if name.isEmpty {
        problem("column \(index + 1) has no name", line: header.line, hint: "the first row names the columns")
      } else if names[..<index].contains(name) {
        problem("the column \(quoted(name)) stands twice", line: header.line, hint: "give each column its own name")
      }
    }
    var rows: [Row] = []
    while let record = record() {
      if record.fields == [""] { continue }
      guard record.fields.count == names.count else {
        problem(
          "the row has \(record.fields.count) fields, the header has \(names.count)", line: record.line,
          hint: "put fields that hold commas or line ends into double quotes")
        continue
      }
      let values = zip(names, record.fields.map(Value.string))
      rows.append(Row(line: record.line, fields: Dictionary(values, uniquingKeysWith: { first, _ in first })))
    }
    return rows
  }

  private mutating func problem(_ message: String, line: Int, hint: String) {
    problems.append(Diagnostic(message, file: file, line: line, column: 1, hint: hint))
  }

  /// One record and its first line; nil at the end.
  private mutating func record() -> (line: Int, fields: [String])? {
    guard position < bytes.count else { return nil }
    let start = line
    var fields: [String] = []
    while true {
      fields.append(field())
      guard position < bytes.count else { return (start, fields) }
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: ",") { continue }
      if byte == UInt8(ascii: "\r"), position < bytes.count, bytes[position] == UInt8(ascii: "\n") { position += 1 }
      line += 1
      return (start, fields)
    }
  }

  /// A field; leaves `position` at the comma or line end behind it.
  private mutating func field() -> String {
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
      let start = position
      while position < bytes.count, !isEnd(bytes[position]) { position += 1 }
      let text = bytes[start..<position]
      if text.contains(UInt8(ascii: "\"")) {
        problem(
          "a quote stands inside a field that does not begin with one", line: line,
          hint: "quote the whole field, and double quotes in it")
      }
      return String(decoding: text, as: UTF8.self)
    }
    let start = line
    position += 1
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\"") {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return closed(text) }
        position += 1
      } else if byte == UInt8(ascii: "\n") {
        line += 1
      }
      text.append(byte)
    }
    problem("a quoted field is not closed", line: start, hint: "close it with a double quote")
    return String(decoding: text, as: UTF8.self)
  }

  /// Behind a closing quote only a comma or the line's end may stand.
  private mutating func closed(_ text: [UInt8]) -> String {
    if position < bytes.count, !isEnd(bytes[position]) {
      problem("text stands behind a closing quote", line: line, hint: "double the quotes inside a quoted field")
      while position < bytes.count, !isEnd(bytes[position]) { position += 1 }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private func isEnd(_ byte: UInt8) -> Bool { ",\r\n".utf8.contains(byte) }
}
