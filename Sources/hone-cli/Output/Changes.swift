import HoneOptimize
import HoneStore
import HoneTrace

/// What a trial changed: beside the trial it was made from, or beside the start.
struct Changes: Sendable {
  struct Change: Sendable {
    var parameter: String
    /// Nil: not active.
    var old: Value?
    var new: Value?

    /// Too long for two values on one line: compared word by word.
    var texts: (old: String, new: String)? {
      guard let old = old?.string, let new = new?.string else { return nil }
      let isLong = old.count + new.count > 60 || old.contains("\n") || new.contains("\n")
      return isLong ? (old: old, new: new) : nil
    }

    /// Two numbers that agree to 14 digits: what computing with logarithms leaves.
    var isRounding: Bool {
      guard let old = old?.number, let new = new?.number else { return false }
      return abs(old - new) <= 1e-14 * max(abs(old), abs(new))
    }

    /// `temperature 0.2 -> 0.7`, in any case on one line, each value of at most `columns`.
    func line(columns: Int = 40, colored: Bool = false) -> String {
      let shown = Format.pair(old, new, columns: (columns, columns))
      return Printable.line(parameter) + " " + Style.removed.apply(shown.old, if: colored) + " -> "
        + Style.added.apply(shown.new, if: colored) + (isRounding ? " (the same to 14 digits)" : "")
    }

    var asValue: Value {
      [
        "parameter": .string(parameter), "from": old ?? .null, "to": new ?? .null,
        "diff": texts.map { .string(WordDiff($0.old, $0.new).rendered(colored: false, isRaw: true)) } ?? .null,
      ]
    }
  }

  /// The trial it is compared with; nil: the start.
  let base: Int?
  /// By parameter, in the order of the space.
  let changes: [Change]

  init(from old: Assignment, to new: Assignment, base: Int?, space: Space) {
    self.base = base
    var names = space.parameters.map(\.name)
    // Of an earlier space.
    for name in Set(old.values.keys).union(new.values.keys).sorted() where !names.contains(name) { names.append(name) }
    changes = names.compactMap { name in
      old[name] == new[name] ? nil : Change(parameter: name, old: old[name], new: new[name])
    }
  }

  /// - Parameter trials: of the study; a parent that is not among them counts as none.
  init(of proposal: Proposal, among trials: [TrialRecord], space: Space) {
    let parent = proposal.parent.flatMap { number in trials.first { $0.number == number } }
    self.init(
      from: parent?.proposal.assignment ?? space.initial, to: proposal.assignment, base: parent?.number, space: space)
  }

  /// Numbers and choices as `temperature 0.2 -> 0.7`, of texts the names if asked for. What differs by rounding alone is
  /// left out.
  /// - Parameter columns: of a line; a longer item is cut.
  func items(namingTexts: Bool, columns: Int = .max) -> [String] {
    guard !changes.isEmpty else { return [base == nil ? "the start" : "unchanged"] }
    if changes.allSatisfy(\.isRounding) { return ["unchanged to 14 digits"] }
    return changes.compactMap { change in
      if change.isRounding { return nil }
      if change.texts != nil { return namingTexts ? Printable.cut(Printable.line(change.parameter), to: columns) : nil }
      let room = (columns - Printable.width(change.parameter) - 5) / 2
      return Printable.cut(change.line(columns: max(8, min(40, room))), to: columns)
    }
  }

  /// `head` and the items on one line of at most `columns`, or below it those that it has no room for.
  static func lines(_ head: String, _ items: [String], columns: Int) -> [String] {
    let whole = ([head] + items).joined(separator: "  ")
    guard Printable.width(whole) > columns else { return [whole] }
    return items.reduce(into: [Printable.cut(head, to: columns), ""]) { lines, item in
      let longer = lines[lines.count - 1].isEmpty ? item : lines[lines.count - 1] + "  " + item
      if Printable.width(longer) > columns {
        lines.append(item)
      } else {
        lines[lines.count - 1] = longer
      }
    }
  }

  /// Of texts the words that changed, a line of at most `columns` each. At most two lines, however many texts there are.
  func textLines(columns: Int, colored: Bool) -> [String] {
    let long = changes.compactMap { change in change.texts.map { (name: Printable.line(change.parameter), texts: $0) } }
    let shown = long.count > 2 ? 1 : long.count
    var lines = long.prefix(shown).map { name, texts in
      let name = Printable.cut(name, to: max(8, columns / 3))
      let room = columns - Printable.width(name) - 2
      return "\(name)  \(WordDiff(texts.old, texts.new).excerpt(columns: room, colored: colored))"
    }
    if shown < long.count {
      let names = long.dropFirst(shown).map(\.name).joined(separator: ", ")
      lines.append(Printable.cut("… and \(long.count - shown) texts more: \(names)", to: columns))
    }
    return lines
  }

  var asValue: Value { .array(changes.map(\.asValue)) }
}
