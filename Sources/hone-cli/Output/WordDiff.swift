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
    separateSpace()
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
  static func words(_ text: String) -> [String] {
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

  /// A word that only its space tells from the one in its place is the same word, and its space what changed.
  private mutating func separateSpace() {
    let old = parts
    parts = []
    for (index, part) in old.enumerated() {
      let other = part.change == .removed ? old.dropFirst(index + 1).first : index > 0 ? old[index - 1] : nil
      let isPair = other?.change == (part.change == .removed ? .added : .removed)
      let core = part.text.prefix(part.text.count - part.text.reversed().prefix(while: \.isWhitespace).count)
      guard part.change != .same, isPair, let other, !core.isEmpty, other.text.hasPrefix(core),
        other.text.dropFirst(core.count).allSatisfy(\.isWhitespace)
      else {
        add(part.change, part.text)
        continue
      }
      if part.change == .removed { add(.same, String(core)) }
      if core.count < part.text.count { add(part.change, String(part.text.dropFirst(core.count))) }
    }
  }

  /// Removed `[-so-]` and red, added `{+so+}` and green: the marks say it where no colour is seen.
  ///
  /// - Parameter isRaw: space that alone changed stays as it is.
  func rendered(colored: Bool, isRaw: Bool = false) -> String {
    parts.map { part in
      Self.marked(Printable.clean(isRaw ? part.text : Self.visible(part)), part.change, colored)
    }.joined()
  }

  /// Space that alone changed, made visible.
  static func visible(_ part: (change: Change, text: String)) -> String {
    guard part.change != .same, part.text.allSatisfy(\.isWhitespace) else { return part.text }
    return String(part.text.map { $0.isNewline ? "↵" : $0 == "\t" ? "⇥" : "·" })
  }

  static func marked(_ text: String, _ change: Change, _ colored: Bool) -> String {
    switch change {
    case .same: text
    case .removed: Style.removed.apply("[-\(text)-]", if: colored)
    case .added: Style.added.apply("{+\(text)+}", if: colored)
    }
  }
}
