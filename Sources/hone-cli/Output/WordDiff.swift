/// What changed between two texts, word by word.
struct WordDiff: Sendable {
  enum Change: Sendable, Equatable { case same, removed, added }
  /// Neighbouring words of one kind are one part.
  private(set) var parts: [(change: Change, text: String)] = []

  /// O((n + m) d) in words and differences.
  init(_ old: String, _ new: String) {
    let a = Self.words(old)
    let b = Self.words(new)
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

  /// Removed red, added green; without colour `[-removed-]` and `{+added+}`.
  func rendered(colored: Bool) -> String {
    parts.enumerated().map { index, part in
      var text = Printable.clean(part.text)
      // Colour alone would show the two as one word.
      let isReplaced = part.change == .removed && index + 1 < parts.count && parts[index + 1].change == .added
      if colored, isReplaced, text.last.map({ !$0.isWhitespace }) ?? false { text += " " }
      return switch part.change {
      case .same: text
      case .removed: colored ? Style.removed.apply(text, if: true) : "[-\(text)-]"
      case .added: colored ? Style.added.apply(text, if: true) : "{+\(text)+}"
      }
    }.joined()
  }
}
