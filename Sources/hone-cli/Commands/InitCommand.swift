import ArgumentParser
import Foundation
import HoneTrace

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Write a task file, with data, to start from.",
    discussion: """
      The templates `command` and `rag` tune small programs and run offline at once.
      The template `prompt` tunes a prompt and needs a model behind an OpenAI-compatible address.
      No file that exists is overwritten.
      """)

  @OptionGroup var global: GlobalOptions
  @Argument(
    help: ArgumentHelp("Folder to write into; made when it is not there.", valueName: "folder"), completion: .directory)
  var folder = "."
  @Option(help: "command, rag or prompt.") var template: TaskTemplate = .command

  func run() throws {
    let console = global.console()
    let files = template.files
    for file in files {
      let path = place(file.path)
      guard !FileManager.default.fileExists(atPath: path) else {
        throw Failure(
          .cannotCreate, "\(path) exists already, and nothing is overwritten",
          hint: "name another folder: hone init \(template.rawValue)-task")
      }
    }
    for file in files {
      let path = place(file.path)
      try FileWriting.makeFolder((path as NSString).deletingLastPathComponent)
      try FileWriting.create(path, file.text, mode: file.isProgram ? 0o755 : 0o644)
      if console.json {
        console.json("hone.created/1", ["path": .string(path)])
      } else {
        console.status("Created", "\(path)  \(file.purpose)")
      }
    }
    let task = Shell.quoted(place(TaskTemplate.taskName))
    if !console.json { console.next(["hone check \(task)", "hone tune \(task)"], asData: false) }
  }

  private func place(_ path: String) -> String {
    folder == "." ? path : (folder as NSString).appendingPathComponent(path)
  }
}

extension TaskTemplate: ExpressibleByArgument {}

/// A file that `hone init` writes.
struct TemplateFile: Sendable {
  var path: String
  var purpose: String
  var text: String
  var isProgram = false
}

/// What `hone init` can write.
enum TaskTemplate: String, CaseIterable, Sendable {
  case command, rag, prompt

  static let taskName = "task.yaml"

  var files: [TemplateFile] {
    switch self {
    case .command: Self.commandFiles
    case .rag: Self.ragFiles
    case .prompt: Self.promptFiles
    }
  }

  /// Rows of {"id", field: text, other: label} as JSON Lines.
  static func rows(_ field: String, _ label: String, prefix: String, _ rows: [(String, String)]) -> String {
    rows.enumerated().map { index, row in
      Value.object(["id": .string("\(prefix)\(index + 1)"), field: .string(row.0), label: .string(row.1)]).canonicalJSON
        + "\n"
    }.joined()
  }
}
