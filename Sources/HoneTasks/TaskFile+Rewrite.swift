import Foundation
import HoneTrace

extension TaskFile {
  /// The text of a task file in which every parameter starts at the assignment's value; the rest, comments included,
  /// stays as it was. Parameters the assignment does not name keep their start.
  ///
  /// - Parameters:
  ///   - path: the task file that is copied.
  ///   - target: where the copy will be, when that is elsewhere: its relative paths then start there, and its commands run
  ///     where they did.
  ///   - study: the name of the copy's study; nil: the same.
  /// - Throws: `TaskFileError` when the file cannot be read, or lacks one of the parameters.
  public static func rewritten(
    path: String, with assignment: Assignment, for target: String? = nil, study: String? = nil
  ) throws(TaskFileError) -> String {
    let task = try load(path: path)
    let failed = { (message: String) in
      TaskFileError([Diagnostic(message, file: path, line: 0, column: 0, hint: "write the values in by hand")])
    }
    let bytes: [UInt8]
    let source: YAMLSource
    let root: YAMLNode
    do {
      bytes = try SafePath.read(path, limit: YAMLReader.maxBytes)
      (root, source) = try YAMLReader.read(bytes, file: path)
    } catch {
      throw failed("cannot be read again")
    }
    let parameters = root["parameters"]
    var editor = TextEditor(source)
    for spec in task.space.parameters {
      guard let value = assignment[spec.name], value != spec.initial else { continue }
      guard let node = parameters?[spec.name] else {
        throw failed("the parameter \(spec.name) is not written out in the file")
      }
      editor.set(value, in: node, own: spec.domain.ownKey)
    }
    if let study, study != task.study { editor.set(study, of: "study", in: root) }
    let folder = URL(fileURLWithPath: target ?? path).standardizedFileURL.deletingLastPathComponent().path
    let paths = editor.move(task, root, to: folder)
    let isCRLF = bytes.contains(UInt8(ascii: "\r"))
    let text = editor.text(lineBreak: isCRLF ? "\r\n" : "\n")
    let check = try parse(Array(text.utf8), path: target ?? path, directory: folder)
    let expected = task.space.initial.values.merging(assignment.values) { $1 }
    for spec in check.space.parameters where expected[spec.name].map({ $0 != spec.initial }) ?? false {
      throw failed("the value of \(spec.name) cannot be put in")
    }
    guard check.study == study ?? task.study else { throw failed("the name of the study cannot be put in") }
    guard Set(check.pathUses.map(\.path)).isSuperset(of: paths) else {
      throw failed("its paths cannot be written for another folder")
    }
    return text
  }
}

extension YAMLNode {
  fileprivate subscript(key: String) -> YAMLNode? { pairs?.first { $0.key.scalar == key }?.value }
}

extension Domain {
  /// The key that holds the start when there is no `initial`; nil when only `initial` does.
  fileprivate var ownKey: String? {
    switch self {
    case .text(let text): text.role == .demonstrations ? "demonstrations" : "prompt"
    case .bool: "bool"
    case .code(let code): code.alternatives.isEmpty ? "code" : nil
    default: nil
    }
  }
}

/// Replaces scalars of a YAML text in place.
private struct TextEditor {
  private let source: YAMLSource
  private let lines: [[Unicode.Scalar]]
  private var edits: [Edit] = []

  private struct Edit {
    var start: SourceMark
    /// One past the last scalar; in a later line for blocks.
    var end: SourceMark
    var text: String
  }

  init(_ source: YAMLSource) {
    self.source = source
    lines = source.lines.map { Array($0.unicodeScalars) }
  }

  mutating func set(_ value: Value, in node: YAMLNode, own: String?) {
    guard let pairs = node.pairs else { return }
    let isFlow = isFlow(node)
    let old = pairs.first { $0.key.scalar == "initial" } ?? own.flatMap { own in pairs.first { $0.key.scalar == own } }
    if let old {
      let end = end(of: old.value, key: old.key, isFlow: isFlow)
      // What stands behind it, a comment, would become part of a block.
      let isLast = lines[end.line - 1].dropFirst(end.column - 1).allSatisfy { $0 == " " }
      let indent = isFlow || !isLast ? nil : old.key.mark.column + 1
      edits.append(Edit(start: place(of: old.value), end: end, text: Self.render(value, indent: indent)))
    } else {
      insert("initial: \(Self.render(value, indent: nil))", into: node)
    }
  }

  /// A name in the place of the one that stands there.
  mutating func set(_ name: String, of key: String, in node: YAMLNode) {
    guard let pair = node.pairs?.first(where: { $0.key.scalar == key }) else { return }
    let end = end(of: pair.value, key: pair.key, isFlow: isFlow(node))
    edits.append(Edit(start: place(of: pair.value), end: end, text: name))
  }

  /// Relative paths start at another folder, and commands run where they did.
  /// - Returns: all paths that the text then names.
  mutating func move(_ task: TaskFile, _ root: YAMLNode, to folder: String) -> [String] {
    let (old, new) = (SafePath.real(task.directory), SafePath.real(folder))
    func written(_ path: String) -> String {
      let text = SafePath.relative(path, to: new)
      // A link on the way, which only an absolute path may take.
      let isSame = (try? SafePath.resolve(text, in: new)) == path
      return Self.path(isSame ? text : path)
    }
    // Not a file whose text the winner's replaces.
    let kept = task.pathUses.filter { use in
      !edits.contains { $0.start <= use.node.mark && use.node.mark < $0.end }
    }
    guard old != new else { return kept.map(\.path) }
    // One that an alias names twice stands once.
    for use in kept where use.node.scalar?.hasPrefix("/") == false {
      let start = place(of: use.node)
      guard !edits.contains(where: { $0.start == start }) else { continue }
      let end = SourceMark(line: start.line, column: start.column + source.length(at: start, of: use.node))
      edits.append(Edit(start: start, end: end, text: written(use.path)))
    }
    let workflow = root["workflow"]
    let commands = [workflow, root["score"]].compactMap(\.self) + (workflow?["steps"]?.elements ?? [])
    for node in commands where node["command"] != nil && node["directory"] == nil {
      insert("directory: \(written(old))", into: node)
    }
    return kept.map(\.path)
  }

  /// A path as it may stand in any place.
  private static func path(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy {
      $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "._-/".unicodeScalars.contains($0))
    }
    let isText = !text.hasPrefix("-") && YAMLNode.resolve(text).string != nil
    return isPlain && isText ? text : quoted(text)
  }

  /// A key before the first one of a mapping.
  private mutating func insert(_ pair: String, into node: YAMLNode) {
    guard let at = node.pairs?.first?.key.mark else { return }
    let tail = isFlow(node) ? ", " : "\n" + String(repeating: " ", count: at.column - 1)
    edits.append(Edit(start: at, end: at, text: pair + tail))
  }

  private func isFlow(_ node: YAMLNode) -> Bool {
    lines.indices.contains(node.mark.line - 1) && lines[node.mark.line - 1].dropFirst(node.mark.column - 1).first == "{"
  }

  /// Where a value begins, behind its anchor.
  private func place(of node: YAMLNode) -> SourceMark {
    let mark = node.mark
    guard lines.indices.contains(mark.line - 1) else { return mark }
    let rest = lines[mark.line - 1].dropFirst(mark.column - 1)
    guard rest.first == "&" else { return mark }
    let name = rest.prefix { $0 != " " }.count
    return SourceMark(line: mark.line, column: mark.column + name + rest.dropFirst(name).prefix { $0 == " " }.count)
  }

  /// Where the scalar's text ends: on its line when it stands there whole, else before the next line that is not indented
  /// deeper than its key.
  private func end(of node: YAMLNode, key: YAMLNode, isFlow: Bool) -> SourceMark {
    let mark = place(of: node)
    let line = lines[mark.line - 1]
    let first = line.dropFirst(mark.column - 1).first
    // As a block a mapping stands, too: { file: PATH } on lines of its own.
    let isBlock = !isFlow && (first == "|" || first == ">" || node.pairs != nil && first != "{")
    let length = source.length(at: mark, of: node)
    let isOneLine = !isBlock && (isFlow || !continues(after: mark.line, key: key))
    if isOneLine { return SourceMark(line: mark.line, column: mark.column + length) }
    var last = mark.line
    for index in mark.line..<lines.count {
      let indent = lines[index].prefix { $0 == " " }.count
      let isEmpty = indent == lines[index].count
      if !isEmpty, indent < key.mark.column { break }
      if !isEmpty { last = index + 1 }
    }
    return SourceMark(line: last, column: lines[last - 1].count + 1)
  }

  private func continues(after line: Int, key: YAMLNode) -> Bool {
    guard lines.indices.contains(line) else { return false }
    let indent = lines[line].prefix { $0 == " " }.count
    return indent < lines[line].count && indent >= key.mark.column && lines[line].dropFirst(indent).first != "#"
  }

  /// A text of several lines as a block when `indent` is given and the block keeps it exactly, else in quotes.
  private static func render(_ value: Value, indent: Int?) -> String {
    guard let text = value.string else { return value.canonicalJSON }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let isPlain = lines.allSatisfy { line in
      line.first != " " && line.last != " "
        && line.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0xa0).contains($0.value) && $0.value < 0x2028 }
    }
    guard let indent, lines.count > 1, isPlain, lines.first?.isEmpty == false, lines.last?.isEmpty == false else {
      return quoted(text)
    }
    let space = String(repeating: " ", count: indent)
    return "|-\n" + lines.map { $0.isEmpty ? "" : space + $0 }.joined(separator: "\n")
  }

  /// JSON's quotes are YAML's, which wants a few more characters escaped.
  private static func quoted(_ text: String) -> String {
    var out = String.UnicodeScalarView()
    for scalar in Value.string(text).canonicalJSON.unicodeScalars {
      switch scalar.value {
      case 0x7f...0xa0, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff:
        let hex = String(scalar.value, radix: 16)
        out.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - hex.count))\(hex)".unicodeScalars)
      default: out.append(scalar)
      }
    }
    return String(out)
  }

  func text(lineBreak: String) -> String {
    var lines = lines
    for edit in edits.sorted(by: { $0.start > $1.start }) {
      let head = lines[edit.start.line - 1].prefix(edit.start.column - 1)
      let tail = lines[edit.end.line - 1].dropFirst(edit.end.column - 1)
      let middle = edit.text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0.unicodeScalars) }
      var replacement = middle
      replacement[0] = Array(head) + middle[0]
      replacement[replacement.count - 1] += Array(tail)
      lines.replaceSubrange((edit.start.line - 1)...(edit.end.line - 1), with: replacement)
    }
    return lines.map { line in
      var text = String.UnicodeScalarView()
      text.append(contentsOf: line)
      return String(text)
    }.joined(separator: lineBreak)
  }
}
