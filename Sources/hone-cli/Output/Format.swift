import Foundation
import HoneTrace

/// Numbers as people read them. No locale: the same everywhere.
enum Format {
  /// `1,240`.
  static func count(_ value: Int) -> String {
    var digits = String(value.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    groups.insert(digits, at: 0)
    return (value < 0 ? "-" : "") + groups.joined(separator: ",")
  }

  /// A score or another measured figure: three decimals below 10, from there four digits, and from 1,000 on whole numbers;
  /// four significant digits when it is tiny.
  static func score(_ value: Double) -> String {
    switch abs(value) {
    case 0, 0.001..<10: fixed(value, 3)
    case 10..<100: fixed(value, 2)
    case 100..<1000: fixed(value, 1)
    case 1000..<1e15: amount(value)
    default: String(format: "%.4g", value)
    }
  }

  /// What lies between two figures: nothing when they agree to 14 digits, for then it is what adding in another order
  /// leaves. A small one has one digit.
  static func difference(_ value: Double, between a: Double = 0, and b: Double = 0) -> String {
    let size = abs(value)
    if size <= 1e-14 * max(abs(a), abs(b)) { return fixed(0, 3) }
    if size >= 0.001 || size == 0 { return score(value) }
    return size < 0.00005 ? String(format: "%.1g", value) : fixed(value, 4)
  }

  /// A gain, with its sign.
  static func gain(_ value: Double, between a: Double = 0, and b: Double = 0) -> String {
    let text = difference(value, between: a, and: b)
    return text.hasPrefix("-") ? text : "+" + text
  }

  static func fixed(_ value: Double, _ decimals: Int) -> String {
    let text = String(format: "%.\(decimals)f", value)
    // No "-0.000".
    return text.hasPrefix("-") && !text.contains { $0 >= "1" && $0 <= "9" } ? String(text.dropFirst()) : text
  }

  /// An amount of any size: `0.125`, `41.5`, `1,172`.
  static func amount(_ value: Double) -> String {
    abs(value) >= 1000 && abs(value) < 1e15 ? count(Int(value.rounded())) : String(format: "%.4g", value)
  }

  /// Shortest exact form.
  static func number(_ value: Double) -> String { Value.double(value).canonicalJSON }

  /// `40 ms`, `2.1 s`, `6 min 11 s`, `2 h 3 min`.
  static func duration(_ seconds: Double) -> String {
    if seconds < 0.95, seconds > 0 { return "\(max(1, Int((seconds * 1000).rounded()))) ms" }
    if seconds < 60 { return fixed(seconds, 1).replacingOccurrences(of: ".0", with: "") + " s" }
    let whole = Int(min(seconds, 1e15).rounded())
    if whole < 3600 { return "\(whole / 60) min" + (whole % 60 == 0 ? "" : " \(whole % 60) s") }
    return "\(whole / 3600) h" + (whole % 3600 / 60 == 0 ? "" : " \(whole % 3600 / 60) min")
  }

  static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

  /// A probability, `0.98`; never 0 or 1, for data show neither.
  static func share(_ p: Double) -> String {
    p < 0.0005 ? "< 0.001" : p > 0.9995 ? "> 0.999" : String(format: "%.3g", p)
  }

  /// `1 trial`, `2 trials`.
  static func plural(_ count: Int, _ noun: String) -> String { "\(self.count(count)) \(noun)\(count == 1 ? "" : "s")" }

  /// p = 0.004, p < 0.001.
  static func probability(_ p: Double) -> String { p < 0.001 ? "p < 0.001" : "p = \(String(format: "%.2g", p))" }

  /// The smallest gains that the data can show; nil for too few rows.
  static func gains(validation: Double?, test: Double?) -> String? {
    guard let validation else { return nil }
    let more = test.map { " and \(fixed($0, 2)) on the test" } ?? ""
    return "gains of about \(fixed(validation, 2)) on validation\(more), four times in five, for scores from 0 to 1"
  }

  /// In place of them, of a task without data.
  static let noRows = "one number a trial, no rows: no interval can be given"

  /// A parameter's value on one line.
  static func value(_ value: Value, columns: Int = 40) -> String {
    switch value {
    case .double(let number): digits(number, 4)
    case .string(let text):
      Printable.cut(Printable.line(text.trimmingCharacters(in: .whitespacesAndNewlines)), to: columns)
    default: Printable.cut(Printable.line(value.text), to: columns)
    }
  }

  /// So many significant digits, and all of those before the point.
  private static func digits(_ number: Double, _ count: Int) -> String {
    let size = abs(number)
    let whole = size >= 1 && size < 1e15 ? Int(log10(size)) + 1 : 0
    return String(format: "%.\(max(count, whole))g", number)
  }

  /// Two values of a parameter, each on one line, with as many digits or as much text as tells them apart.
  static func pair(_ old: Value?, _ new: Value?, columns: (old: Int, new: Int) = (40, 40), none: String = "inactive")
    -> (old: String, new: String)
  {
    let shown = (
      old: old.map { value($0, columns: columns.old) } ?? none, new: new.map { value($0, columns: columns.new) } ?? none
    )
    guard shown.old == shown.new, let old, let new, old != new else { return shown }
    if let a = old.number, let b = new.number {
      // 17 digits tell any two apart.
      let count = (5...17).first { digits(a, $0) != digits(b, $0) } ?? 17
      return (digits(a, count), digits(b, count))
    }
    // In quotes, where also a space is seen, from shortly before the first difference on.
    let (a, b) = (Printable.clean(old.canonicalJSON), Printable.clean(new.canonicalJSON))
    let same = zip(a, b).prefix { $0 == $1 }.count
    func part(_ text: String, _ columns: Int) -> String {
      guard Printable.width(text) > columns else { return text }
      let left = max(0, min(same - columns / 3, text.count - columns + 1))
      return Printable.cut((left > 0 ? "…" : "") + text.dropFirst(left), to: columns)
    }
    return (part(a, columns.old), part(b, columns.new))
  }
}

/// Columns of text, as wide as their widest cell. The last one is cut to the terminal.
struct TextTable {
  private var rows: [[String]] = []
  private let right: Set<Int>
  private let header: [String]

  /// - Parameter right: columns of figures, set flush right.
  init(_ header: [String], right: Set<Int> = []) {
    self.header = header
    self.right = right
  }

  mutating func add(_ cells: [String]) { rows.append(cells) }

  func lines(columns: Int, colored: Bool) -> [String] {
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { Printable.width($0[column]) }.max() ?? 0 }
    return all.enumerated().map { index, cells in
      var line = ""
      for (column, cell) in cells.enumerated() {
        let isLast = column == cells.count - 1
        line +=
          isLast && !right.contains(column)
          ? cell : Printable.pad(cell, to: widths[column], right: right.contains(column))
        if !isLast { line += "  " }
      }
      line = Printable.cut(line, to: columns)
      while line.last == " " { line.removeLast() }
      return index == 0 ? Style.faint.apply(line, if: colored) : line
    }
  }
}
