/// What changed between two texts, word by word.
struct WordDiff: Sendable {
  enum Change: Sendable, Equatable { case same, removed, added }
  /// Neighbouring words of one kind are one part.
  private(set) var parts: [(change: Change, text: String)] = []

  /// Words between the first change and the last, of both texts, up to which they are compared word by word: the longest
  /// common subsequence takes time and room in the product of words and differences. Beyond it whole lines are compared,
  /// and beyond so many lines too all of it counts as changed.
  static let mostWords = 1_000

  init(_ old: String, _ new: String) {
    let (a, b) = (Self.words(old), Self.words(new))
    let head = zip(a, b).prefix { $0 == $1 }.count
    let (restA, restB) = (a.dropFirst(head), b.dropFirst(head))
    let tail = zip(restA.reversed(), restB.reversed()).prefix { $0 == $1 }.count
    for word in a.prefix(head) { add(.same, word) }
    compare(Array(restA.dropLast(tail)), Array(restB.dropLast(tail)))
    for word in a.suffix(tail) { add(.same, word) }
  }

  private mutating func compare(_ a: [String], _ b: [String]) {
    guard a.count + b.count > Self.mostWords else { return align(a, b) }
    let (x, y) = (Self.lines(a), Self.lines(b))
    guard x.count + y.count > Self.mostWords else { return align(x, y) }
    for line in x { add(.removed, line) }
    for line in y { add(.added, line) }
  }

  private mutating func align(_ a: [String], _ b: [String]) {
    let difference = b.difference(from: a)
    var removed = Set<Int>()
    var inserted = Set<Int>()
    for change in difference {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): inserted.insert(offset)
      }
    }
    var i = 0
    var j = 0
    while i < a.count || j < b.count {
      if i < a.count, removed.contains(i) {
        add(.removed, a[i])
        i += 1
      } else if j < b.count, inserted.contains(j) {
        add(.added, b[j])
        j += 1
      } else if i < a.count {
        add(.same, a[i])
        i += 1
        j += 1
      } else {
        break
      }
    }
  }

  private mutating func add(_ change: Change, _ text: String) {
    if parts.last?.change == change {
      parts[parts.count - 1].text += text
    } else {
      parts.append((change, text))
    }
  }

  /// Words with the space behind them; a line break is a word of its own.
  private static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word = ""
    for character in text {
      if character.isNewline {
        if !word.isEmpty { words.append(word) }
        words.append("\n")
        word = ""
      } else if character == " " {
        words.append(word + " ")
        word = ""
      } else {
        word.append(character)
      }
    }
    if !word.isEmpty { words.append(word) }
    return words
  }

  /// Each with the line break that ends it.
  private static func lines(_ words: [String]) -> [String] {
    words.reduce(into: [""]) { lines, word in
      lines[lines.count - 1] += word
      if word == "\n" { lines.append("") }
    }.filter { !$0.isEmpty }
  }

  /// Removed red, added green; without colour `[-removed-]` and `{+added+}`.
  func rendered(colored: Bool) -> String {
    parts.enumerated().map { index, part in
      var text = Printable.clean(part.text)
      // Colour alone would show the two as one word.
      let isReplaced = part.change == .removed && index + 1 < parts.count && parts[index + 1].change == .added
      if colored, isReplaced, text.last.map({ !$0.isWhitespace }) ?? false { text += " " }
      return Self.marked(text, part.change, colored)
    }.joined()
  }
  /// What stands around a change is shown by so many words on each side.
  private static let context = 3

  /// The changes alone on one line of at most `columns`: what is left out between them is shown by `…`, and at the end how
  /// many changed words there was no room for.
  func excerpt(columns: Int, colored: Bool) -> String {
    let whole = fitted(to: columns, colored: colored)
    guard whole.hidden > 0 else { return whole.line }
    // What " … 1,234 changed words more" takes.
    let cut = fitted(to: max(8, columns - 28), colored: colored)
    return cut.line + Style.faint.apply(" … \(Format.plural(cut.hidden, "changed word")) more", if: colored)
  }

  /// - Returns: the line, and how many changed words are not in it.
  private func fitted(to room: Int, colored: Bool) -> (line: String, hidden: Int) {
    var line = ""
    var used = 0
    var hidden = 0
    let marks = colored ? 0 : 4
    for (index, part) in parts.enumerated() {
      let text = Printable.line(part.text)
      guard part.change != .same else {
        let shown = Self.around(text, isFirst: index == 0, isLast: index == parts.count - 1)
        if used + Printable.width(shown) <= room {
          line += shown
          used += Printable.width(shown)
        }
        continue
      }
      // Of words that are replaced, both sides get room.
      let isReplaced = part.change == .removed && index + 1 < parts.count && parts[index + 1].change == .added
      let left = room - used - marks
      let most = isReplaced ? min(left, max(12, room * 2 / 5)) : left
      guard most >= min(4, Printable.width(text)) else {
        hidden += Self.count(text)
        continue
      }
      let shown = Printable.cut(text, to: most)
      if shown != text { hidden += Self.count(text) - max(0, Self.count(shown) - 1) }
      line += Self.marked(shown, part.change, colored)
      // Colour alone would show the two as one word.
      if colored, isReplaced, shown.last != " " { line += " " }
      used += Printable.width(shown) + marks + (colored && isReplaced ? 1 : 0)
    }
    return (line, hidden)
  }

  private static func count(_ text: String) -> Int { text.split(separator: " ").count }

  /// The words beside the changes of a stretch that stayed as it was.
  private static func around(_ text: String, isFirst: Bool, isLast: Bool) -> String {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    let kept = (isFirst ? 0 : context) + (isLast ? 0 : context)
    guard words.count > kept + 2 else { return text }
    let before = isFirst ? "" : words.prefix(context + 1).joined(separator: " ") + " "
    let after = isLast ? "" : " " + words.suffix(context + 1).joined(separator: " ")
    return before + "…" + after
  }

  private static func marked(_ text: String, _ change: Change, _ colored: Bool) -> String {
    switch change {
    case .same: text
    case .removed: colored ? Style.removed.apply(text, if: true) : "[-\(text)-]"
    case .added: colored ? Style.added.apply(text, if: true) : "{+\(text)+}"
    }
  }
}
