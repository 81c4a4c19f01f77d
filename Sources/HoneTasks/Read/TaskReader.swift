import Foundation
import HoneTrace

/// Turns a YAML document into a task file, collecting everything that is wrong with it on the way.
///
/// One file a section of the task file extends it: `TaskReader+Model`, `+Data`, `+Workflow`, `+Steps`, `+Parameters`, `+Score`,
/// `+Optimizer`. A section that cannot be read gives nil and the diagnostics say why.
struct TaskReader {
  let source: YAMLSource
  /// Absolute path of the folder the task file is in.
  let directory: String
  var diagnostics: [Diagnostic] = []
  var fieldUses: [FieldUse] = []
  var programUses: [ProgramUse] = []
  /// Parameters in the order they are declared, with their places.
  var parameters: [String: SourceMark] = [:]
  var usedParameters: Set<String> = []
  /// Lines that may hold a key pasted by mistake: no message shows them.
  private var hiddenLines: Set<Int> = []
  /// The steps of the workflow as they stand, whole or not; none when it has one prompt or command.
  var stepNodes: [YAMLNode] = []
  /// The number of the step that is being read.
  var step = 0
  /// Whose outputs may be read where the reader is.
  var stepScope = StepScope.any
  var documentUses: [DocumentUse] = []
  var fitUses: [Diagnostic] = []
  var pathUses: [PathUse] = []

  init(source: YAMLSource, directory: String) {
    self.source = source
    self.directory = directory
  }

  /// The errors in the order they stand in the file.
  var errors: [Diagnostic] {
    let errors = diagnostics.filter { $0.severity == .error }
    let order = errors.indices.sorted { a, b in
      (errors[a].line, errors[a].column, a) < (errors[b].line, errors[b].column, b)
    }
    return order.map { index in
      var error = errors[index]
      if hiddenLines.contains(error.line) { error.source = nil }
      return error
    }
  }

  // MARK: - Saying what is wrong

  mutating func fail(_ message: String, at node: YAMLNode, hint: String? = nil) {
    diagnostics.append(diagnostic(message, at: node, hint: hint))
  }

  /// For values that may hold a key: the line itself is not shown.
  mutating func failHidden(_ message: String, at node: YAMLNode, hint: String? = nil) {
    hiddenLines.insert(node.mark.line)
    fail(message, at: node, hint: hint)
  }

  mutating func warn(_ message: String, at node: YAMLNode, hint: String? = nil) {
    diagnostics.append(diagnostic(message, at: node, hint: hint, severity: .warning))
  }

  func diagnostic(_ message: String, at node: YAMLNode, hint: String?, severity: Diagnostic.Severity = .error)
    -> Diagnostic
  {
    Diagnostic(
      message, file: source.file, line: node.mark.line, column: node.mark.column,
      length: source.length(at: node.mark, of: node), hint: hint, source: source.line(node.mark.line),
      severity: severity)
  }

  // MARK: - Mappings

  /// The members of a mapping by key. Keys that are not in the list are errors that name the nearest one.
  mutating func members(_ node: YAMLNode, of name: String, keys: [String]) -> [String: YAMLNode]? {
    guard let pairs = node.pairs else {
      let name = name.isEmpty ? "the file" : name
      fail("\(name): expected a mapping, found \(node.found)", at: node, hint: "its keys are \(list(keys))")
      return nil
    }
    var members: [String: YAMLNode] = [:]
    for (key, value) in pairs {
      let text = key.scalar ?? ""
      if keys.contains(text) {
        members[text] = value
      } else {
        unknown(key, text, in: name, keys: keys)
      }
    }
    return members
  }

  private mutating func unknown(_ node: YAMLNode, _ key: String, in name: String, keys: [String]) {
    let place = name.isEmpty ? "" : "\(name): "
    if TaskRunner.soundsSecret(key) { hiddenLines.insert(node.mark.line) }
    let hint = Nearest.name(to: key, among: keys).map { "did you mean \($0)?" } ?? "the keys here are \(list(keys))"
    fail("\(place)unknown key \(quoted(key))", at: node, hint: hint)
  }

  /// "a, b and c"
  func list(_ names: [String]) -> String {
    names.count < 2 ? names.joined() : names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
  }

  // MARK: - Scalars

  /// The text of a scalar. A plain number or bool counts as the text it is written as.
  mutating func text(_ node: YAMLNode?, _ name: String) -> String? {
    guard let node else { return nil }
    guard let text = node.scalar, !node.value.isNull else {
      fail("\(name): expected text, found \(node.found)", at: node)
      return nil
    }
    return text
  }

  /// Text with at least one character.
  mutating func name(_ node: YAMLNode?, _ name: String) -> String? {
    guard let node, let text = text(node, name) else { return nil }
    guard !text.allSatisfy(\.isWhitespace) else {
      fail("\(name): expected text, found nothing", at: node)
      return nil
    }
    return text
  }

  mutating func int(_ node: YAMLNode?, _ name: String, in range: ClosedRange<Int> = 0...Int.max) -> Int? {
    guard let node else { return nil }
    guard let value = Self.wholeNumber(node.value) else {
      fail("\(name): expected a whole number, found \(node.found)", at: node)
      return nil
    }
    guard range.contains(value) else {
      let bounds =
        range.upperBound == .max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
      fail("\(name): \(value) is out of range, expected \(bounds)", at: node)
      return nil
    }
    return value
  }

  /// A whole number, also when it is written as `1e3`.
  static func wholeNumber(_ value: Value) -> Int? {
    if case .double(let double) = value { return Int(exactly: double) }
    return value.int
  }

  mutating func double(_ node: YAMLNode?, _ name: String, in range: ClosedRange<Double>? = nil) -> Double? {
    guard let node else { return nil }
    guard let value = node.value.number else {
      fail("\(name): expected a number, found \(node.found)", at: node)
      return nil
    }
    guard value.isFinite else {
      fail("\(name): expected a finite number, found \(node.scalar ?? "")", at: node)
      return nil
    }
    if let range, !range.contains(value) {
      let upper = range.upperBound == .greatestFiniteMagnitude ? " or more" : " to \(number(range.upperBound))"
      fail("\(name): \(number(value)) is out of range, expected \(number(range.lowerBound))\(upper)", at: node)
      return nil
    }
    return value
  }

  /// As people write it: 1 rather than 1.0.
  func number(_ value: Double) -> String { Value.double(value).canonicalJSON }

  mutating func bool(_ node: YAMLNode?, _ name: String) -> Bool? {
    guard let node else { return nil }
    guard let value = node.value.bool else {
      let word = node.scalar?.lowercased() ?? ""
      let hint = ["yes", "on", "y", "no", "off", "n"].contains(word) ? "yes, no, on and off are text in YAML 1.2" : nil
      fail("\(name): expected true or false, found \(node.found)", at: node, hint: hint)
      return nil
    }
    return value
  }

  /// One of a few words.
  mutating func choice(_ node: YAMLNode?, _ name: String, _ choices: [String]) -> String? {
    guard let node, let text = text(node, name) else { return nil }
    guard choices.contains(text) else {
      let hint = Nearest.name(to: text, among: choices).map { "did you mean \($0)?" }
      fail("\(name): expected one of \(choices.joined(separator: ", ")), found \(quoted(text))", at: node, hint: hint)
      return nil
    }
    return text
  }

  mutating func elements(_ node: YAMLNode?, _ name: String) -> [YAMLNode]? {
    guard let node else { return nil }
    guard let elements = node.elements else {
      fail("\(name): expected a list, found \(node.found)", at: node, hint: "a list is written [a, b]")
      return nil
    }
    return elements
  }

  mutating func texts(_ node: YAMLNode?, _ name: String) -> [String]? {
    guard let elements = elements(node, name) else { return nil }
    return elements.compactMap { text($0, name) }
  }

  /// Seconds from `500ms`, `60s`, `30m`, `2h` or a bare number of seconds.
  mutating func duration(_ node: YAMLNode?, _ name: String) -> Double? {
    guard let node else { return nil }
    guard let text = node.scalar, let seconds = Self.seconds(text), seconds.isFinite, seconds > 0 else {
      fail(
        "\(name): expected a time, found \(node.found)", at: node,
        hint: "a time is a number with ms, s, m, h or d, such as 60s")
      return nil
    }
    return seconds
  }

  static func seconds(_ text: String) -> Double? {
    for (suffix, factor) in [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)]
    where text.hasSuffix(suffix) {
      return YAMLNode.resolve(String(text.dropLast(suffix.count))).number.map { $0 * factor }
    }
    return YAMLNode.resolve(text).number
  }

  // MARK: - Paths

  /// A path of the file, made absolute; see `SafePath.resolve`.
  mutating func path(_ node: YAMLNode?, _ name: String) -> String? {
    guard let node, let text = self.name(node, name) else { return nil }
    guard !text.unicodeScalars.contains("\0") else {
      fail("\(name): a path may not hold a NUL character", at: node)
      return nil
    }
    do throws(PathError) {
      let path = try SafePath.resolve(text, in: directory)
      pathUses.append(PathUse(node: node, path: path))
      return path
    } catch {
      fail("\(name): \(error.message)", at: node, hint: error.hint)
      return nil
    }
  }

  // MARK: - Templates

  /// Text with `{field}` and `$name`; every `$name` must be a parameter.
  mutating func template(_ node: YAMLNode?, _ name: String, fields: Bool = true) -> Template? {
    guard let node, let text = text(node, name) else { return nil }
    let template = Template(text)
    for parameter in template.parameters { use(parameter, at: node, name) }
    if fields {
      for field in template.fields { noteField(field, at: node, name) }
    }
    return template
  }

  mutating func noteField(_ field: String, at node: YAMLNode, _ name: String) {
    guard !isStepOutput(field, at: node, name) else { return }
    let message = "\(name): the data has no field \(quoted(field))"
    fieldUses.append(
      FieldUse(name: field, diagnostic: diagnostic(message, at: node, hint: nil), steps: readableSteps))
  }

  mutating func use(_ parameter: String, at node: YAMLNode, _ name: String) {
    usedParameters.insert(parameter)
    guard parameters[parameter] == nil else { return }
    let names = parameters.keys.sorted()
    let hint =
      Nearest.name(to: parameter, among: names).map { "did you mean $\($0)?" }
      ?? "declare it under parameters:, or write $$\(parameter) for the text $\(parameter)"
    fail("\(name): there is no parameter $\(parameter)", at: node, hint: hint)
  }

  /// A fixed value or a parameter: `0.2` or `$temperature`.
  mutating func setting(
    _ node: YAMLNode?, _ name: String, check: (inout TaskReader, YAMLNode, String) -> Value?
  ) -> Setting? {
    guard let node else { return nil }
    if let text = node.scalar, case let template = Template(text), let parameter = template.parameters.first,
      template.parts.count == 1
    {
      use(parameter, at: node, name)
      return .parameter(parameter)
    }
    return check(&self, node, name).map { .value($0) }
  }
}
