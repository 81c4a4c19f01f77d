import Foundation
import HoneTrace

extension TaskFile {
  /// The text of a task file in which every parameter starts at the assignment's value; the rest, comments included,
  /// stays as it was. Parameters the assignment does not name keep their start.
  ///
  /// - Parameter path: the task file that is copied.
  /// - Throws: `TaskFileError` when the file cannot be read, or lacks one of the parameters.
  public static func rewritten(path: String, with assignment: Assignment) throws(TaskFileError) -> String {
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
    let parameters = root.pairs?.first { $0.key.scalar == "parameters" }?.value
    var editor = TextEditor(source)
    for spec in task.space.parameters {
      guard let value = assignment[spec.name], value != spec.initial else { continue }
      guard let node = parameters?.pairs?.first(where: { $0.key.scalar == spec.name })?.value else {
        throw failed("the parameter \(spec.name) is not written out in the file")
      }
      editor.set(value, in: node, own: spec.domain.ownKey)
    }
    let isCRLF = bytes.contains(UInt8(ascii: "\r"))
    let text = editor.text(lineBreak: isCRLF ? "\r\n" : "\n")
    let directory = URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent().path
    let check = try parse(Array(text.utf8), path: path, directory: directory)
    let expected = task.space.initial.values.merging(assignment.values) { $1 }
    for spec in check.space.parameters where expected[spec.name].map({ $0 != spec.initial }) ?? false {
      throw failed("the value of \(spec.name) cannot be put in")
    }
    return text
  }
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
    guard let pairs = node.pairs, let first = pairs.first else { return }
    let isFlow = isFlow(node)
    let old = pairs.first { $0.key.scalar == "initial" } ?? own.flatMap { own in pairs.first { $0.key.scalar == own } }
    if let old {
      let indent = old.key.mark.column + 1
      edits.append(
        Edit(
          start: old.value.mark, end: end(of: old.value, key: old.key, isFlow: isFlow),
          text: Self.render(value, indent: isFlow ? nil : indent)))
    } else {
      let at = first.key.mark
      let tail = isFlow ? ", " : "\n" + String(repeating: " ", count: at.column - 1)
      edits.append(Edit(start: at, end: at, text: "initial: \(Self.render(value, indent: nil))\(tail)"))
    }
  }

  private func isFlow(_ node: YAMLNode) -> Bool {
    lines.indices.contains(node.mark.line - 1) && lines[node.mark.line - 1].dropFirst(node.mark.column - 1).first == "{"
  }

  /// Where the scalar's text ends: on its line when it stands there whole, else before the next line that is not indented
  /// deeper than its key.
  private func end(of node: YAMLNode, key: YAMLNode, isFlow: Bool) -> SourceMark {
    let mark = node.mark
    let line = lines[mark.line - 1]
    let first = line.dropFirst(mark.column - 1).first
    let isBlock = !isFlow && (first == "|" || first == ">")
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
