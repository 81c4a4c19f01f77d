import HoneTrace

/// Where a text file stops to be UTF-8.
struct EncodingProblem: Hashable, Sendable {
  /// From 1.
  var line: Int
  /// From 1, in Unicode scalars.
  var column: Int
  /// The line, with replacement characters for what is no text; nil when the whole file is in another encoding.
  var source: String?

  /// The first byte that is not UTF-8; nil when all are. Linear.
  static func first(in bytes: [UInt8]) -> EncodingProblem? {
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      return EncodingProblem(line: 0, column: 0)
    }
    if String(validating: bytes, as: UTF8.self) != nil { return nil }
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let index = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
    var decoder = UTF8()
    var rest = lines[index].makeIterator()
    var column = 1
    while case .scalarValue = decoder.decode(&rest) { column += 1 }
    return EncodingProblem(line: index + 1, column: column, source: String(decoding: lines[index], as: UTF8.self))
  }

  func diagnostic(file: String) -> Diagnostic {
    Diagnostic(
      source == nil ? "is UTF-16, not UTF-8" : "the line is not valid UTF-8", file: file, line: line, column: column,
      hint: source == nil
        ? "convert it: iconv -f UTF-16 -t UTF-8"
        : "save the file as UTF-8; if it is Latin-1: iconv -f ISO-8859-1 -t UTF-8", source: source)
  }
}
