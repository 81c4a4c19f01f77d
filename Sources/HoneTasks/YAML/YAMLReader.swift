import HoneTrace
import Yams

/// Reads a YAML 1.2 document within bounds, so that no file, however made, can take long or much memory.
enum YAMLReader {
  static let maxBytes = 1 << 20
  static let maxDepth = 64
  /// Nodes after aliases are put in the place of what they stand for.
  static let maxNodes = 50_000
  static let maxAnchors = 8
  static let maxAliases = 32

  /// - Throws: the first thing that makes the text no YAML; later ones cannot be told from its effects.
  static func read(_ bytes: [UInt8], file: String) throws(Diagnostic) -> (root: YAMLNode, source: YAMLSource) {
    var bytes = bytes
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes.removeFirst(3) }
    guard bytes.count <= maxBytes else {
      throw Diagnostic(
        "the file has \(bytes.count) bytes; a task file may have \(maxBytes)", file: file, line: 0, column: 0,
        hint: "put data into data files and name them under data:")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw invalidUTF8(bytes, file: file) }
    let source = YAMLSource(file: file, text: text)
    try scan(bytes, source: source)
    guard let root = try compose(text, source: source) else {
      throw Diagnostic(
        "the file is empty", file: file, line: 0, column: 0, hint: "hone init writes a task file to start from")
    }
    var budget = maxNodes
    let node = try convert(root, source: source, depth: 0, budget: &budget)
    return (node, source)
  }

  private static func invalidUTF8(_ bytes: [UInt8], file: String) -> Diagnostic {
    var line = 1
    for part in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      if String(validating: part, as: UTF8.self) == nil {
        let column = String(decoding: part, as: UTF8.self).unicodeScalars.prefix { $0 != "\u{fffd}" }.count + 1
        return Diagnostic(
          "the line is not valid UTF-8", file: file, line: line, column: column, hint: "save the file as UTF-8")
      }
      line += 1
    }
    return Diagnostic("the file is not valid UTF-8", file: file, line: 0, column: 0, hint: "save the file as UTF-8")
  }

  /// Bounds that must hold before the parser, which recurses and expands, sees the text. It looks at characters only, so
  /// it counts brackets, anchors and aliases in texts too; the limits leave room for that.
  private static func scan(_ bytes: [UInt8], source: YAMLSource) throws(Diagnostic) {
    var counts = ScanCounts()
    var mark = SourceMark(line: 1, column: 1)
    var leading = true
    var previous = UInt8(ascii: "\n")
    for (index, byte) in bytes.enumerated() {
      if byte == UInt8(ascii: "\n") {
        mark = SourceMark(line: mark.line + 1, column: 0)
        leading = true
      }
      if byte & 0xc0 != 0x80 { mark.column += 1 }
      let next = index + 1 < bytes.count ? bytes[index + 1] : UInt8(ascii: "\n")
      if let problem = counts.see(byte, previous: previous, next: next, leading: leading, column: mark.column) {
        throw Diagnostic(
          problem.message, file: source.file, line: mark.line, column: max(1, mark.column), hint: problem.hint,
          source: source.line(mark.line))
      }
      if !" \n-?:".utf8.contains(byte) { leading = false }
      previous = byte
    }
    if counts.anchors > 0, counts.anchors > maxAnchors || counts.aliases > maxAliases {
      throw Diagnostic(
        "\(counts.anchors) anchors (&name) and \(counts.aliases) aliases (*name); at most \(maxAnchors) and \(maxAliases)"
          + " are read", file: source.file, line: 0, column: 0, hint: "write repeated parts out")
    }
  }

  private static func compose(_ text: String, source: YAMLSource) throws(Diagnostic) -> Node? {
    do {
      let parser = try Parser(yaml: text, resolver: .basic, constructor: .default, encoding: .utf8)
      return try parser.singleRoot()
    } catch {
      throw diagnostic(for: error, source: source)
    }
  }

  private static func diagnostic(for error: any Error, source: YAMLSource) -> Diagnostic {
    func make(_ problem: String, _ mark: SourceMark, _ context: YamlError.Context?) -> Diagnostic {
      let place = SourceMark(line: min(mark.line, max(1, source.lines.count)), column: mark.column)
      let context = context.map { " (\($0.text) on line \($0.mark.line))" } ?? ""
      return Diagnostic(
        "not valid YAML: \(problem)\(context)", file: source.file, line: place.line, column: place.column,
        hint: hint(for: problem), source: source.line(place.line))
    }
    func place(_ mark: Mark) -> SourceMark { SourceMark(line: mark.line, column: mark.column) }
    switch error as? YamlError {
    case .scanner(let context?, let problem, _, _) where problem.contains("unexpected end"):
      // The end of the file says nothing; where the text began does.
      return make("\(context.text), which does not end", place(context.mark), nil)
    case .scanner(let context, let problem, let mark, _): return make(problem, place(mark), context)
    case .parser(let context, let problem, let mark, _): return make(problem, place(mark), context)
    case .reader(let problem, let offset, _, let yaml): return make(problem, mark(at: offset ?? 0, in: yaml), nil)
    case .composer(_, let problem, let mark, _): return make(problem, place(mark), nil)
    case .duplicatedKeysInMapping(let names, let context):
      return duplicate(names.sorted().first ?? "", first: context.mark, source: source)
    default:
      return Diagnostic("not valid YAML: \(error)", file: source.file, line: 0, column: 0)
    }
  }

  private static func mark(at offset: Int, in text: String) -> SourceMark {
    let before = text.prefix(offset)
    let line = before.count(where: \.isNewline) + 1
    let column = before.reversed().prefix { !$0.isNewline }.count + 1
    return SourceMark(line: line, column: column)
  }

  /// The parser gives the mark of the first of two equal keys; the second is looked for below it in the same column.
  private static func duplicate(_ name: String, first: Mark, source: YAMLSource) -> Diagnostic {
    var second = SourceMark(line: first.line, column: first.column)
    let scalars = Array((source.line(first.line) ?? "").unicodeScalars)
    let wanted = Array("\(name):".unicodeScalars)
    let behind = (first.column..<max(first.column, scalars.count)).first { scalars[$0...].starts(with: wanted) }
    if let behind {
      second.column = behind + 1
    } else {
      for number in (first.line + 1)..<(max(source.lines.count, first.line) + 2) {
        guard let line = source.line(number) else { break }
        let rest = line.unicodeScalars.dropFirst(first.column - 1)
        let blank = line.unicodeScalars.prefix(first.column - 1).allSatisfy { $0 == " " }
        if blank, rest.starts(with: wanted) {
          second.line = number
          break
        }
      }
    }
    return Diagnostic(
      "the key \(quoted(name)) stands twice in one mapping; it is first on line \(first.line)", file: source.file,
      line: second.line, column: second.column, length: name.unicodeScalars.count, hint: "remove one of the two",
      source: source.line(second.line))
  }

  private static func hint(for problem: String) -> String? {
    if problem.contains("tab") || problem.contains("cannot start any token") {
      return "indent with spaces, and put text that holds any of : # { } [ ] & * ! | > @ ` into quotes"
    }
    if problem.contains("mapping values are not allowed") { return "put text that holds ': ' into quotes" }
    if problem.contains("quoted scalar") { return "close the quote" }
    if problem.contains("control characters") { return "remove the character, or write it as \\x.. in double quotes" }
    if problem.contains("undefined alias") { return "put text that begins with * into quotes" }
    if problem.contains("another document") { return "a task file is one document: remove the line ---" }
    return nil
  }

  private static func convert(_ node: Node, source: YAMLSource, depth: Int, budget: inout Int) throws(Diagnostic)
    -> YAMLNode
  {
    let mark = node.mark.map { SourceMark(line: $0.line, column: $0.column) } ?? SourceMark(line: 1, column: 1)
    func fail(_ message: String, _ hint: String? = nil) -> Diagnostic {
      Diagnostic(
        message, file: source.file, line: mark.line, column: mark.column, hint: hint, source: source.line(mark.line))
    }
    budget -= 1
    guard budget > 0 else { throw fail("more than \(maxNodes) values once aliases are put in", "write fewer") }
    guard depth <= maxDepth else { throw fail("nested deeper than \(maxDepth)") }
    switch node {
    case .scalar(let scalar):
      try check(tag: scalar.tag, fail: fail)
      return YAMLNode(content: .scalar(scalar.string, plain: scalar.style == .plain), mark: mark)
    case .sequence(let sequence):
      try check(tag: sequence.tag, fail: fail)
      var elements: [YAMLNode] = []
      for element in sequence {
        elements.append(try convert(element, source: source, depth: depth + 1, budget: &budget))
      }
      return YAMLNode(content: .sequence(elements), mark: mark)
    case .mapping(let mapping):
      try check(tag: mapping.tag, fail: fail)
      return try convert(mapping, mark: mark, source: source, depth: depth, budget: &budget)
    case .alias:
      throw fail("an alias stands where a value is expected")
    }
  }

  private static func convert(
    _ mapping: Node.Mapping, mark: SourceMark, source: YAMLSource, depth: Int, budget: inout Int
  ) throws(Diagnostic) -> YAMLNode {
    var pairs: [(key: YAMLNode, value: YAMLNode)] = []
    var seen: Set<String> = []
    for (key, value) in mapping {
      let key = try convert(key, source: source, depth: depth + 1, budget: &budget)
      func fail(_ message: String, _ hint: String) -> Diagnostic {
        Diagnostic(
          message, file: source.file, line: key.mark.line, column: key.mark.column,
          length: source.length(at: key.mark, of: key), hint: hint, source: source.line(key.mark.line))
      }
      guard let name = key.scalar else { throw fail("a key must be text, this is \(key.found)", "put it into quotes") }
      if name == "<<" { throw fail("merge keys (<<) are not read", "write the keys out") }
      guard seen.insert(name).inserted else {
        throw fail("the key \(quoted(name)) stands twice in one mapping", "remove one of the two")
      }
      pairs.append((key, try convert(value, source: source, depth: depth + 1, budget: &budget)))
    }
    return YAMLNode(content: .mapping(pairs), mark: mark)
  }

  private static func check(tag: Tag, fail: (String, String?) -> Diagnostic) throws(Diagnostic) {
    let name = tag.description
    // An untagged node has the empty tag; quotes give `str`.
    let plain = ["", "!", Tag.Name.str.rawValue, Tag.Name.seq.rawValue, Tag.Name.map.rawValue]
    guard plain.contains(name) else { throw fail("the tag \(quoted(name)) is not read", "leave the tag away") }
  }
}

/// What `YAMLReader.scan` counts.
private struct ScanCounts {
  var brackets = 0
  var anchors = 0
  var aliases = 0

  /// What is wrong with the byte, if anything.
  mutating func see(_ byte: UInt8, previous: UInt8, next: UInt8, leading: Bool, column: Int)
    -> (message: String, hint: String?)?
  {
    switch byte {
    case 0: return ("a NUL character", "task files are text")
    case UInt8(ascii: "["), UInt8(ascii: "{"):
      brackets += 1
      if brackets > 1000 { return ("more than 1000 brackets are open", "close them, or put long texts into files") }
    case UInt8(ascii: "]"), UInt8(ascii: "}"): brackets = max(0, brackets - 1)
    case UInt8(ascii: "&"), UInt8(ascii: "*"):
      let starts = " \t\n\r[{,:-?".utf8.contains(previous)
      guard starts, !" \t\n\r".utf8.contains(next) else { return nil }
      if byte == UInt8(ascii: "&") { anchors += 1 } else { aliases += 1 }
    default: break
    }
    if leading, column > 1000 { return ("the line begins deeper than column 1000", "indent by two spaces a level") }
    return nil
  }
}
