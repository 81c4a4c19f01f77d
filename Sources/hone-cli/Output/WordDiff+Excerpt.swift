/// The changes of a text on one line.
extension WordDiff {
  /// The changes with a few words beside them, on one line of at most `columns`. What stayed and is left out is shown by `…`;
  /// of changes that there is no room for, the number of words stands at the end. At least some of the first is shown.
  func excerpt(columns: Int, colored: Bool) -> String {
    let pieces = parts.map { Piece(change: $0.change, text: Printable.line(Self.visible($0))) }
    let whole = pieces.enumerated().map { index, piece in
      guard piece.change == .same else { return piece }
      return Piece(
        change: .same, text: Self.around(piece.text, isFirst: index == 0, isLast: index == pieces.count - 1))
    }
    var line = whole
    var tail = ""
    if whole.reduce(0, { $0 + $1.width }) > columns {
      let excerpt = Excerpt(pieces, columns: columns)
      (line, tail) = (excerpt.line, excerpt.tail)
    }
    return line.map { Self.marked($0.text, $0.change, colored) }.joined()
      + Style.faint.apply(tail, if: colored && !tail.isEmpty)
  }

  struct Piece {
    var change: Change
    var text: String

    var width: Int { Printable.width(text) + (change == .same ? 0 : 4) }
    var words: Int { text.split(separator: " ").count }
  }

  /// What stands around a change is shown by so many words on each side.
  fileprivate static let context = 3

  /// The words beside the changes of a stretch that stayed as it was.
  fileprivate static func around(_ text: String, isFirst: Bool, isLast: Bool) -> String {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    let kept = (isFirst ? 0 : context) + (isLast ? 0 : context)
    guard words.count > kept + 2 else { return text }
    let before = isFirst ? "" : words.prefix(context + 1).joined(separator: " ") + " "
    let after = isLast ? "" : " " + words.suffix(context + 1).joined(separator: " ")
    return before + "…" + after
  }
}

/// As many changes as there is room for, the first ones, and beside them as many words as there is room for then.
private struct Excerpt {
  typealias Piece = WordDiff.Piece

  private(set) var line: [Piece] = []
  /// ` … 12 words more`, on a short line ` … 12 more`, or empty.
  private(set) var tail = ""
  private var used = 0
  private var shown = 0

  init(_ pieces: [Piece], columns: Int) {
    guard let first = pieces.firstIndex(where: { $0.change != .same }) else {
      line = [Piece(change: .same, text: Printable.cut(pieces.map(\.text).joined(), to: columns))]
      return
    }
    let total = pieces.reduce(0) { $0 + ($1.change == .same ? 0 : max(1, $1.words)) }
    let last = pieces.lastIndex { $0.change != .same } ?? first
    let before = first > 0 ? pieces[0].text : ""
    let behind = last < pieces.count - 1 ? pieces[last + 1].text : ""
    // What "… " before and " …" behind take.
    let ends = (before.isEmpty ? 0 : 2) + (behind.isEmpty ? 0 : 2)
    let core = pieces[first...last].map { piece in
      piece.change == .same
        ? Piece(change: .same, text: WordDiff.around(piece.text, isFirst: false, isLast: false)) : piece
    }
    var room = columns - ends
    if core.reduce(0, { $0 + $1.width }) <= room {
      line = core
      used = core.reduce(0) { $0 + $1.width }
    } else {
      // Some words before the first change, and the number of what is left out, whatever it will be.
      let lead = Self.words(before, atEnd: true, columns: columns < 40 ? 0 : min(10, columns / 8))
      take(core, room: max(12, columns - Self.tail(total, columns).count - Printable.width(lead)))
      tail = Self.tail(total - shown, columns)
      room = columns - tail.count - (before.isEmpty ? 0 : 2)
    }
    let left = max(0, room - used)
    let lead = Self.words(before, atEnd: true, columns: tail.isEmpty && !behind.isEmpty ? left / 2 : left)
    if !lead.isEmpty { line.insert(Piece(change: .same, text: lead), at: 0) }
    guard tail.isEmpty else { return }
    let trail = Self.words(behind, atEnd: false, columns: left - max(0, Printable.width(lead) - 2))
    if !trail.isEmpty { line.append(Piece(change: .same, text: trail)) }
  }

  private static func tail(_ words: Int, _ columns: Int) -> String {
    words == 0 ? "" : " … \(columns < 50 ? Format.count(words) : Format.plural(words, "word")) more"
  }

  /// Changes from the first on, until one does not fit whole; of the first at least a part.
  private mutating func take(_ core: [Piece], room: Int) {
    var index = 0
    while index < core.count {
      let gap = core[index].change == .same ? core[index] : nil
      let begin = gap == nil ? index : index + 1
      let change = core[begin...].prefix { $0.change != .same }
      index = begin + change.count
      let left = room - used - (gap?.width ?? 0)
      let width = change.reduce(0) { $0 + $1.width }
      guard width <= left || begin == 0 || left >= 16 * change.count else { return }
      if let gap { line.append(gap) }
      used += gap?.width ?? 0
      var rest = left
      for (place, piece) in change.enumerated() {
        // Of words that are replaced, both sides get room.
        let other = place == 0 && change.count == 2 ? change[change.startIndex + 1].width : 0
        let most = max(5, rest - min(other, max(rest * 3 / 5, rest - piece.width)))
        let text = Self.cut(piece.text, to: most - 4)
        line.append(Piece(change: piece.change, text: text))
        used += Printable.width(text) + 4
        rest -= Printable.width(text) + 4
        shown += text == piece.text ? max(1, piece.words) : max(0, Piece(change: .same, text: text).words - 1)
      }
      if width > left { return }
    }
  }

  /// Cut between words, but for the first one.
  private static func cut(_ text: String, to columns: Int) -> String {
    let cut = Printable.cut(text, to: max(1, columns))
    guard cut != text, let space = cut.lastIndex(of: " "), space > cut.startIndex else { return cut }
    return cut[...space] + "…"
  }

  /// The words beside a change, at most three, and `…` where words are left out.
  private static func words(_ text: String, atEnd: Bool, columns: Int) -> String {
    guard !text.isEmpty else { return "" }
    let words = WordDiff.words(text)
    for count in stride(from: min(words.count, WordDiff.context), to: 0, by: -1) {
      let kept = (atEnd ? words.suffix(count) : words.prefix(count)).joined()
      guard Printable.width(kept) <= columns else { continue }
      if count == words.count { return kept }
      return atEnd ? "… " + kept : kept + (kept.last == " " ? "…" : " …")
    }
    return atEnd ? "… " : " …"
  }
}
