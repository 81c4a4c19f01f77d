import Crypto
import Foundation
import HoneNumerics
import HoneTrace

/// Reads data files: JSON Lines, JSON (a list of rows, or an object with `examples`), CSV.
///
/// The format is told by the name's end (`.jsonl`, `.ndjson`, `.json`, `.csv`). UTF-8, with or without a byte order mark, lines
/// ending in LF or CRLF. Empty lines are passed over; any other line that is no row is an error with its number.
enum Dataset {
  static let maxBytes = 1 << 30
  private static let maxProblems = 20

  static func read(_ path: String) throws(DataError) -> [Row] {
    var bytes: [UInt8]
    do throws(FileReadError) {
      bytes = try SafePath.read(path, limit: maxBytes)
    } catch {
      let hint = error.isMissing ? "check the path under data: in the task file" : error.hint
      throw DataError(
        kind: error.kind, diagnostics: [Diagnostic(error.reason, file: path, line: 0, column: 0, hint: hint)])
    }
    if let problem = EncodingProblem.first(in: bytes) {
      throw DataError(kind: .invalid, diagnostics: [problem.diagnostic(file: path)])
    }
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes.removeFirst(3) }
    let name = path.lowercased()
    var problems: [Diagnostic] = []
    var rows: [Row] = []
    if name.hasSuffix(".jsonl") || name.hasSuffix(".ndjson") {
      rows = jsonLines(bytes, path, &problems)
    } else if name.hasSuffix(".json") {
      rows = json(bytes, path, &problems)
    } else if name.hasSuffix(".csv") {
      var reader = CSVReader(bytes, file: path)
      rows = reader.rows()
      problems = reader.problems
    } else {
      problems = [
        Diagnostic(
          "the format is not known", file: path, line: 0, column: 0, hint: "name it .jsonl, .json or .csv")
      ]
    }
    if rows.isEmpty, problems.isEmpty {
      problems = [Diagnostic("there are no rows", file: path, line: 0, column: 0, hint: "put at least one row into it")]
    }
    guard problems.isEmpty else { throw DataError(kind: .invalid, diagnostics: capped(problems, path)) }
    return rows
  }

  private static func capped(_ problems: [Diagnostic], _ path: String) -> [Diagnostic] {
    guard problems.count > maxProblems else { return problems }
    let rest = Diagnostic("and \(problems.count - maxProblems) more", file: path, line: 0, column: 0)
    return problems.prefix(maxProblems) + [rest]
  }

  private static let rowHint =
    "write each row as an object: {\"text\": \"Where is my parcel?\", \"label\": \"delivery\"}"

  private static func jsonLines(_ bytes: [UInt8], _ path: String, _ problems: inout [Diagnostic]) -> [Row] {
    var rows: [Row] = []
    for (index, slice) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      if slice.allSatisfy({ " \t\r".utf8.contains($0) }) { continue }
      do throws(JSONError) {
        let value = try Value.parse(json: Array(slice))
        if let fields = value.object {
          rows.append(Row(line: index + 1, fields: fields))
        } else {
          problems.append(
            Diagnostic(
              "a row is a JSON object, found \(kind(value))", file: path, line: index + 1, column: 1,
              length: text(slice).unicodeScalars.count, hint: rowHint, source: text(slice)))
        }
      } catch {
        problems.append(problem(error, slice, path, line: index + 1))
      }
    }
    return rows
  }

  private static func problem(_ error: JSONError, _ line: ArraySlice<UInt8>, _ path: String, line number: Int)
    -> Diagnostic
  {
    let before = String(decoding: line.prefix(error.offset), as: UTF8.self)
    return Diagnostic(
      "not valid JSON: \(error.reason)", file: path, line: number, column: before.unicodeScalars.count + 1,
      hint: "a line of a .jsonl file holds one whole JSON object", source: text(line))
  }

  private static func text(_ line: ArraySlice<UInt8>) -> String {
    String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
  }

  private static func json(_ bytes: [UInt8], _ path: String, _ problems: inout [Diagnostic]) -> [Row] {
    let document: Value
    do throws(JSONError) {
      document = try Value.parse(json: bytes)
    } catch {
      let before = bytes.prefix(error.offset)
      let line = before.count { $0 == UInt8(ascii: "\n") } + 1
      let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      let column = String(decoding: before[start...], as: UTF8.self).unicodeScalars.count + 1
      problems.append(
        Diagnostic(
          "not valid JSON: \(error.reason)", file: path, line: line, column: column,
          hint: "a .json file holds one list of rows; rows on lines of their own belong into a .jsonl file"))
      return []
    }
    guard let list = document.array ?? document["examples"]?.array ?? document["data"]?.array else {
      problems.append(
        Diagnostic(
          "expected a list of rows, found \(kind(document))", file: path, line: 1, column: 1,
          hint: "write [ {...}, {...} ], or an object with examples"))
      return []
    }
    var rows: [Row] = []
    for (index, element) in list.enumerated() {
      if let fields = element.object {
        rows.append(Row(line: index + 1, fields: fields))
      } else {
        problems.append(
          Diagnostic(
            "row \(index + 1) is no JSON object, found \(kind(element)): \(excerpt(element))", file: path, line: 0,
            column: 0, hint: rowHint))
      }
    }
    return rows
  }

  private static func excerpt(_ value: Value) -> String {
    let text = value.canonicalJSON
    return text.count > 80 ? text.prefix(80) + "…" : text
  }

  private static func kind(_ value: Value) -> String {
    switch value {
    case .null: "null"
    case .bool: "a bool"
    case .int, .double: "a number"
    case .string: "text"
    case .array: "a list"
    case .object: "an object"
    }
  }
}
