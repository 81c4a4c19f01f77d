import HoneTrace

/// One row of a data file.
struct Row: Sendable {
  /// From 1; a CSV row may span lines, this is its first.
  var line: Int
  var fields: [String: Value]
}
