extension Domain {
  /// The exact typed value this domain holds for `value`, or why there is none.
  ///
  /// A value of another type is taken only where nothing is lost ("0.5" for a float, 3.0 for an int, "False" for a bool,
  /// "[3, 4]" for a list among the choices). Numbers are snapped to the step; out of range they are refused, or moved to
  /// the edge when the domain says `clip`. Accepting an accepted value gives the same value. Linear in the text's length.
  public func accept(_ value: Value) throws(Rejection) -> Value {
    switch self {
    case .float(let domain): .double(try domain.accept(value))
    case .int(let domain): .int(try domain.accept(value))
    case .bool: .bool(try Self.acceptBool(value))
    case .categorical(let choices), .ordinal(let choices): try Self.accept(value, among: choices)
    case .text(let domain): .string(try domain.accept(value))
    case .code(let domain): .string(try domain.accept(value))
    }
  }

  private static func acceptBool(_ value: Value) throws(Rejection) -> Bool {
    switch value {
    case .bool(let value): return value
    case .string(let text):
      let word = text.trimmed
      if word.isEmpty { throw Rejection.empty(value, expected: "true or false") }
      if word.lowercased() == "true" { return true }
      if word.lowercased() == "false" { return false }
    case .null: throw Rejection.empty(value, expected: "true or false")
    default: break
    }
    throw Rejection(.wrongType, "\(value.shown) is not true or false")
  }

  private static func accept(_ value: Value, among choices: [Value]) throws(Rejection) -> Value {
    let key = value.canonicalJSON
    if let choice = choices.first(where: { $0.canonicalJSON == key }) { return choice }
    if case .string(let text) = value {
      let word = text.trimmed
      // A string stands for a choice when it is that choice's text, or its JSON: "8", "[3, 4]", "False".
      if let choice = choices.first(where: { $0.string == word }) { return choice }
      let isPythonWord = ["True", "False", "None"].contains(word)
      let json = isPythonWord ? (word == "None" ? "null" : word.lowercased()) : word
      if let parsed = try? Value.parse(json: json) {
        let parsedKey = parsed.canonicalJSON
        if let choice = choices.first(where: { $0.canonicalJSON == parsedKey }) { return choice }
      }
      if word.isEmpty { throw Rejection.empty(value, expected: Domain.listed(choices)) }
    }
    if value.isNull { throw Rejection.empty(value, expected: Domain.listed(choices)) }
    throw Rejection(.notAChoice, "\(value.shown) is none of the choices: \(Domain.listed(choices))")
  }

  /// Choices for a message or a prompt, at most 30 of them.
  static func listed(_ choices: [Value]) -> String {
    let shown = choices.prefix(30).map(\.shown).joined(separator: ", ")
    return choices.count > 30 ? "\(shown), and \(choices.count - 30) more" : shown
  }
}

extension FloatDomain {
  func accept(_ value: Value) throws(Rejection) -> Double {
    let number = try value.acceptNumber(expected: constraint)
    let double: Double
    switch number {
    case .int(let whole):
      guard let exact = Double(exactly: whole) else {
        throw Rejection(.notLossless, "\(number.shown) has more digits than a float keeps")
      }
      double = exact
    case .double(let real): double = real
    default: throw Rejection(.wrongType, "\(value.shown) is not a number")
    }
    guard double.isFinite else { throw Rejection(.notFinite, "\(value.shown) is not a finite number") }
    guard clip || (lower <= double && double <= upper) else {
      throw Rejection(.outOfRange, "\(value.shown) is outside \(lower.shown) to \(upper.shown)")
    }
    // Adding 0 turns -0 into 0, so that equal values have equal keys.
    return snapped(min(max(double, lower), upper)) + 0
  }

  /// The nearest point of the grid; the value itself when there is no step.
  func snapped(_ value: Double) -> Double {
    guard let step, step > 0 else { return value }
    return gridPoint(min(((value - lower) / step).rounded(), Double(gridCount(step) - 1)), step)
  }

  /// Points on the grid, at least 1. A step that falls just short of `upper` by rounding still reaches it.
  func gridCount(_ step: Double) -> Int {
    let steps = ((upper - lower) / step + 1e-9).rounded(.down)
    return steps >= 0x1p53 ? Int(0x1p53) : max(0, Int(steps)) + 1
  }

  /// `lower + k step`, rounded to the decimals that `lower` and `step` are written with: 0.3, not 0.30000000000000004.
  func gridPoint(_ k: Double, _ step: Double) -> Double {
    var power = 1.0
    for _ in 0...12 {
      let low = lower * power
      let width = step * power
      if abs(low - low.rounded()) < 1e-6, abs(width - width.rounded()) < 1e-6, width.rounded() >= 1 {
        return min(upper, (low.rounded() + k * width.rounded()) / power)
      }
      power *= 10
    }
    return min(upper, lower + k * step)
  }
}

extension IntDomain {
  func accept(_ value: Value) throws(Rejection) -> Int {
    let number = try value.acceptNumber(expected: constraint)
    let whole: Int
    switch number {
    case .int(let exact): whole = exact
    case .double(let real):
      guard real.isFinite else { throw Rejection(.notFinite, "\(value.shown) is not a finite number") }
      guard let exact = Int(exactly: real) else {
        let isWhole = real == real.rounded()
        throw Rejection(
          isWhole ? .outOfRange : .notLossless,
          isWhole ? "\(value.shown) is outside \(lower) to \(upper)" : "\(value.shown) is not a whole number")
      }
      whole = exact
    default: throw Rejection(.wrongType, "\(value.shown) is not a whole number")
    }
    guard clip || (lower <= whole && whole <= upper) else {
      throw Rejection(.outOfRange, "\(value.shown) is outside \(lower) to \(upper)")
    }
    return snapped(min(max(whole, lower), upper))
  }

  /// The nearest point of the grid, the upper one of two equally near; `value` must be in the range.
  func snapped(_ value: Int) -> Int {
    let step = UInt(max(1, step))
    // Exact for any two ints: the distance fits an unsigned word.
    let offset = UInt(bitPattern: value &- lower)
    let last = UInt(bitPattern: upper &- lower) / step
    let below = offset / step
    let k = offset % step >= step - step / 2 ? min(below + 1, last) : below
    return lower &+ Int(bitPattern: k &* step)
  }

  /// Points on the grid, saturating.
  var gridCount: Int {
    let last = UInt(bitPattern: upper &- lower) / UInt(max(1, step))
    return last >= UInt(Int.max) ? Int.max : Int(last) + 1
  }
}

extension TextDomain {
  func accept(_ value: Value) throws(Rejection) -> String {
    guard let text = value.string else {
      if value.isNull { throw Rejection.empty(value, expected: constraint) }
      throw Rejection(.wrongType, "\(value.shown) is not a text")
    }
    if minLength > 0, text.trimmed.isEmpty { throw Rejection.empty(value, expected: constraint) }
    try Rejection.refuseControls(in: text)
    let length = text.count
    guard length >= minLength else {
      throw Rejection(.tooShort, "the text has \(length) characters; at least \(minLength) are needed")
    }
    guard length <= maxLength else {
      throw Rejection(.tooLong, "the text has \(length) characters; at most \(maxLength) are allowed")
    }
    try checkPlaceholders(of: text)
    if let pattern {
      guard let regex = try? Regex(pattern) else {
        throw Rejection(.patternMismatch, "the pattern \(pattern) is not a regular expression")
      }
      guard (try? regex.wholeMatch(in: text)) != nil else {
        throw Rejection(.patternMismatch, "\(value.shown) does not match the pattern \(pattern)")
      }
    }
    if role == .demonstrations, Demonstrations(lines: text) == nil {
      throw Rejection(
        .malformed, "\(value.shown) does not hold one {\"inputs\": {...}, \"output\": \"...\"} a line")
    }
    return text
  }

  private func checkPlaceholders(of text: String) throws(Rejection) {
    let found = Self.placeholders(in: text)
    for name in placeholders where !found.contains(name) {
      throw Rejection(.missingPlaceholder, "the placeholder {\(name)} must stay in the text")
    }
    guard let optionalPlaceholders else { return }
    for name in found where !placeholders.contains(name) && !optionalPlaceholders.contains(name) {
      let allowed = (placeholders + optionalPlaceholders).map { "{\($0)}" }.joined(separator: ", ")
      throw Rejection(
        .unknownPlaceholder,
        "{\(name.prefix(60))} is no placeholder of this text; "
          + (allowed.isEmpty ? "it has none" : "it may use \(allowed)"))
    }
  }

  /// Names of the placeholders in a text, each once, in order. A placeholder is `{name}`: an ASCII letter or underscore,
  /// then letters, digits or underscores; other text in braces is no placeholder. Linear.
  public static func placeholders(in text: String) -> [String] {
    var names: [String] = []
    var seen: Set<String> = []
    var name: [UInt8]?
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "{"): name = []
      case UInt8(ascii: "}"):
        if let bytes = name, !bytes.isEmpty {
          let text = String(decoding: bytes, as: UTF8.self)
          if seen.insert(text).inserted { names.append(text) }
        }
        name = nil
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
        name?.append(byte)
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        if name?.isEmpty == true { name = nil } else { name?.append(byte) }
      default: name = nil
      }
    }
    return names
  }
}

extension CodeDomain {
  /// Names of the alternatives, sorted.
  public var names: [String] { alternatives.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

  func accept(_ value: Value) throws(Rejection) -> String {
    guard let text = value.string else {
      if value.isNull { throw Rejection.empty(value, expected: constraint) }
      throw Rejection(.wrongType, "\(value.shown) is not a text")
    }
    if text.trimmed.isEmpty { throw Rejection.empty(value, expected: constraint) }
    guard alternatives.isEmpty else {
      guard alternatives[text.trimmed] != nil else {
        let listed = Domain.listed(names.map(Value.string))
        throw Rejection(.notAChoice, "\(value.shown) is none of the alternatives: \(listed)")
      }
      return text.trimmed
    }
    try Rejection.refuseControls(in: text)
    guard text.count <= maxLength else {
      throw Rejection(.tooLong, "the code has \(text.count) characters; at most \(maxLength) are allowed")
    }
    return text
  }
}

extension Value {
  /// The value as `.int` or `.double`: itself, or a string that is exactly one JSON number.
  fileprivate func acceptNumber(expected: String) throws(Rejection) -> Value {
    switch self {
    case .int, .double: return self
    case .null: throw Rejection.empty(self, expected: expected)
    case .string(let text):
      let word = text.trimmed
      if word.isEmpty { throw Rejection.empty(self, expected: expected) }
      let bare = word.hasPrefix("-") || word.hasPrefix("+") ? String(word.dropFirst()) : word
      if ["nan", "inf", "infinity"].contains(bare.lowercased()) {
        throw Rejection(.notFinite, "\(shown) is not a finite number")
      }
      if let parsed = try? Value.parse(json: word), parsed.number != nil { return parsed }
    default: break
    }
    throw Rejection(.wrongType, "\(shown) is not a number; expected \(expected)")
  }

  /// The value for a message: canonical JSON, cut to 80 characters.
  package var shown: String {
    // A long text is cut before it is rendered, so that a message costs nothing.
    let json = string.map { Value.string(String($0.prefix(81))).canonicalJSON } ?? canonicalJSON
    return json.count > 80 ? "\(json.prefix(77))..." : json
  }
}

extension Double {
  /// The number as a person writes it: whole numbers without a point, small ones without an exponent.
  var shown: String { decimal }
}

extension String {
  /// Without the white space around it.
  var trimmed: String {
    guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace }) else {
      return ""
    }
    return String(self[first...last])
  }
}

extension Rejection {
  static func empty(_ value: Value, expected: String) -> Rejection {
    Rejection(.empty, "\(value.shown) is no value; expected \(expected)")
  }

  /// Control characters but tab and line ends: they cannot be shown, and NUL cannot be passed to a command.
  static func refuseControls(in text: String) throws(Rejection) {
    for scalar in text.unicodeScalars {
      let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
      guard isControl, ![0x09, 0x0a, 0x0d].contains(scalar.value) else { continue }
      throw Rejection(.malformed, "the text holds the control character U+\(String(scalar.value, radix: 16))")
    }
  }
}
