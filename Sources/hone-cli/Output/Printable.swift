/// Text from outside (model output, data rows, file names) made harmless for a terminal.
enum Printable {
  /// Without control characters (escape sequences cannot start), bidirectional overrides and invisible marks.
  /// Line breaks and tabs stay. Joiners stay, as words and emoji need them. Linear in the length.
  static func clean(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isDangerous) else { return text }
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars where !isDangerous(scalar) { scalars.append(scalar) }
    return String(scalars)
  }

  /// As `clean`, on one line: line breaks are shown as `\n`, runs of spaces as one.
  static func line(_ text: String) -> String {
    var out = ""
    var space = false
    for character in clean(text) {
      if character.isNewline {
        out += space ? "\\n" : " \\n"
        space = false
        continue
      }
      if character.isWhitespace {
        if !space { out.append(" ") }
        space = true
      } else {
        if out.hasSuffix("\\n") && !space { out.append(" ") }
        out.append(character)
        space = false
      }
    }
    return out
  }

  private static func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0a: false
    case 0..<0x20, 0x7f..<0xa0: true
    case 0x200b, 0x200e, 0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff: true
    case 0xe0000...0xe007f: true
    default: false
    }
  }

  /// Columns the text takes in a terminal: combining marks none, East Asian wide characters and emoji two.
  static func width(_ text: String) -> Int {
    text.reduce(0) { $0 + width($1) }
  }

  static func width(_ character: Character) -> Int {
    guard let scalar = character.unicodeScalars.first else { return 0 }
    if scalar.isASCII { return 1 }
    switch scalar.value {
    case 0x0300...0x036f, 0x200c...0x200d, 0xfe00...0xfe0f: return 0
    case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60,
      0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
      return 2
    default: return scalar.properties.isEmojiPresentation ? 2 : 1
    }
  }

  /// Cut to `columns`, the cut shown by `…`.
  static func cut(_ text: String, to columns: Int) -> String {
    guard columns > 0 else { return "" }
    guard width(text) > columns else { return text }
    var out = ""
    var used = 0
    for character in text {
      let next = width(character)
      if used + next > columns - 1 { break }
      out.append(character)
      used += next
    }
    return out + "…"
  }

  /// Broken between words so that no line is longer than `columns`; the lines after the first begin with `indent` spaces.
  /// Colours take no room. A word that is longer than a line stays whole.
  static func wrapped(_ text: String, to columns: Int, indent: Int) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      var out = ""
      var used = 0
      var rest = line
      while !rest.isEmpty {
        let gap = rest.prefix { $0 == " " }
        let word = rest.dropFirst(gap.count).prefix { $0 != " " }
        rest = rest.dropFirst(gap.count + word.count)
        let width = shownWidth(word)
        if used + gap.count + width > columns, used > indent {
          out += "\n" + String(repeating: " ", count: indent) + word
          used = indent + width
        } else {
          out += gap + word
          used += gap.count + width
        }
      }
      return out
    }.joined(separator: "\n")
  }

  /// Columns without escape sequences.
  private static func shownWidth(_ text: Substring) -> Int {
    var columns = 0
    var isEscape = false
    for character in text {
      if character == "\u{1b}" {
        isEscape = true
      } else if isEscape {
        isEscape = character != "m"
      } else {
        columns += width(character)
      }
    }
    return columns
  }

  /// Padded with spaces on the left or the right to `columns`.
  static func pad(_ text: String, to columns: Int, right: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, columns - width(text)))
    return right ? space + text : text + space
  }
}
