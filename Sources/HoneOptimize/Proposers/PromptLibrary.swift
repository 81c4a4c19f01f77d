import Foundation
import HonePrompts
import HoneTrace

/// The prompt templates of the proposers: those built in, each replaced by a file of the user's where there is one.
public struct PromptLibrary: Configured, Hashable, Sendable {
  private var templates: [String: PromptTemplate]

  /// The templates built in.
  public init() {
    templates = EmbeddedPrompts.templates.mapValues(PromptTemplate.init)
  }

  /// The templates built in, replaced by the files `NAME.txt` of a folder.
  /// - Throws: when the folder or a file cannot be read, a `.txt` file has no template's name, or a template uses a
  ///   placeholder that the built-in one does not know.
  public init(folder: String) throws(PromptError) {
    self.init()
    let files: [String]
    do {
      files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".txt") }.sorted()
    } catch {
      throw PromptError("the prompt folder \(folder) cannot be read", hint: "name a folder that holds NAME.txt files")
    }
    for file in files {
      let path = "\(folder)/\(file)"
      guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8) else {
        throw PromptError("the prompt template \(path) cannot be read as UTF-8 text")
      }
      do {
        try replace(String(file.dropLast(4)), with: text)
      } catch {
        throw PromptError("\(path): \(error.message)", hint: error.hint)
      }
    }
  }

  /// Names of the templates, sorted.
  public var names: [String] { templates.keys.sorted() }

  /// The text of a template.
  public subscript(name: String) -> String? { templates[name]?.text }

  /// Replaces a template.
  /// - Throws: when there is none of this name, or the text uses a placeholder that the built-in one does not know.
  public mutating func replace(_ name: String, with text: String) throws(PromptError) {
    guard templates[name] != nil, let embedded = EmbeddedPrompts.templates[name] else {
      let hint = Nearest.name(to: name, among: names).map { "did you mean \($0)?" }
      throw PromptError("\(name) is no prompt template", hint: hint ?? "there are \(names.joined(separator: ", "))")
    }
    let allowed = PromptLibrary.placeholders[name] ?? TextDomain.placeholders(in: embedded)
    for placeholder in TextDomain.placeholders(in: text) where !allowed.contains(placeholder) {
      let near = Nearest.name(to: placeholder, among: allowed).map { "did you mean {\($0)}? " } ?? ""
      throw PromptError(
        "the template \(name) uses {\(placeholder)}, which it is not given",
        hint: near + "it may use \(allowed.map { "{\($0)}" }.joined(separator: ", "))")
    }
    templates[name] = PromptTemplate(text)
  }

  /// The templates that were replaced.
  public var settingsDocument: Value {
    let replaced = templates.filter { $0.value.text != EmbeddedPrompts.templates[$0.key] }
    return replaced.isEmpty ? .null : .object(replaced.mapValues { .string($0.text) })
  }

  /// What each template is given; a template need not use all of it.
  static let placeholders: [String: [String]] = [
    "alphaopt-system": ["boundary"],
    "alphaopt-learn": ["boundary", "count", "examples", "format", "library", "objective", "score", "values"],
    "alphaopt-apply": [
      "boundary", "constraints", "examples", "format", "insights", "names", "objective", "refuted", "score", "values",
    ],
    "evoprompt-system": ["boundary"],
    "evoprompt-vary": ["best", "boundary", "constraints", "format", "names", "objective"],
    "evoprompt-ga": ["best", "boundary", "constraints", "first", "format", "names", "objective", "second"],
    "evoprompt-de": ["base", "best", "boundary", "constraints", "first", "format", "names", "objective", "second"],
    "forest-system": ["boundary"],
    "forest-seed": ["boundary", "constraints", "examples", "format", "names", "objective", "score", "seeds"],
    "forest-scatter": [
      "boundary", "constraints", "count", "examples", "format", "names", "objective", "score", "scouting", "values",
    ],
    "forest-expand": [
      "boundary", "constraints", "direction", "examples", "format", "names", "objective", "score", "scouting", "values",
    ],
    "gepa-system": ["boundary"],
    "gepa-user": [
      "boundary", "constraints", "examples", "format", "names", "objective", "score", "values",
    ],
    "mipro-system": ["boundary"],
    "mipro-observe": ["boundary", "examples", "format", "length", "notes", "objective"],
    "mipro-propose": [
      "attempts", "boundary", "constraints", "failures", "format", "names", "notes", "objective", "program", "score",
      "successes", "tip", "values",
    ],
    "mipro-repair": ["reasons", "format"],
    "mipro-tips": [],
    "opro-system": ["boundary"],
    "opro-user": [
      "attempts", "boundary", "constraints", "examples", "format", "names", "objective", "score",
    ],
    "textgrad-system": ["boundary"],
    "textgrad-backward": ["boundary", "feedback", "format", "inputs", "names", "objective", "output", "step"],
    "textgrad-update": ["boundary", "constraints", "feedback", "format", "names", "objective", "values"],
    "llambo-system": ["boundary"],
    "llambo-start": ["objective", "score", "parameters", "count", "format"],
    "llambo-candidates": ["boundary", "objective", "score", "parameters", "history", "count", "target", "format"],
    "llambo-predict": [
      "boundary", "objective", "score", "parameters", "history", "configurations", "count", "format",
    ],
    "llambo-classify": [
      "boundary", "objective", "score", "parameters", "history", "configurations", "count", "format",
    ],
    "llambo-repair": ["reasons", "format"],
    "optoprime-system": ["boundary", "format", "names"],
    "optoprime-user": [
      "boundary", "code", "documentation", "inputs", "others", "outputs", "attempts", "variables", "constraints",
      "score",
      "feedback", "objective", "names", "format",
    ],
    "optoprime-repair": ["reasons", "names", "format"],
  ]

  /// The template with its placeholders filled; values are never looked into for further placeholders.
  func render(_ name: String, _ values: [String: String]) -> String { templates[name]?.render(values) ?? "" }
}

/// A text with `{placeholders}`.
struct PromptTemplate: Hashable, Sendable {
  let text: String

  init(_ text: String) { self.text = text }

  /// Fills the placeholders that have a value and leaves all other braces as they are. One pass, linear.
  func render(_ values: [String: String]) -> String {
    var out = ""
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      out += rest[..<open]
      rest = rest[open...]
      // A name is short; looking no further keeps a text of many braces linear.
      if let close = rest.prefix(80).firstIndex(of: "}"),
        let value = values[String(rest[rest.index(after: open)..<close])]
      {
        out += value
        rest = rest[rest.index(after: close)...]
      } else {
        out.append("{")
        rest = rest.dropFirst()
      }
    }
    return out + rest
  }
}

/// What is wrong with a user's prompt templates.
public struct PromptError: Error, Hashable, Sendable, CustomStringConvertible {
  public var message: String
  /// What to do about it.
  public var hint: String?

  public init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }

  public var description: String { hint.map { "\(message) (\($0))" } ?? message }
}
