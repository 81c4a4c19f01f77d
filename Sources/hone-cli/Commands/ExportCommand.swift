import ArgumentParser
import Foundation
import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a study to standard output.",
    discussion: """
      jsonl  everything: what `hone import` reads (Documentation/Formats/store.md)
      csv    one row a trial: its state, score and parameters
      """)

  enum Form: String, ExpressibleByArgument, CaseIterable { case jsonl, csv }

  @OptionGroup var global: GlobalOptions
  @OptionGroup var database: DatabaseOptions
  @Argument(help: "The study.") var study: String
  @Option(help: "jsonl or csv.") var format: Form = .jsonl

  func run() async throws {
    let console = global.console()
    let reader = try await StudyReader(database)
    let definition = try await reader.definition(of: study)
    switch format {
    case .jsonl: try await reader.store.export(study) { console.data($0) }
    case .csv:
      let names = definition.problem.space.parameters.map(\.name)
      console.data(
        CSV.row(["study", "trial", "state", "origin", "parent", "score", "deviation", "rollouts", "screened"] + names))
      for trial in try await reader.store.trials(of: study) {
        console.data(
          CSV.row(
            [
              study, String(trial.number), trial.state.rawValue, trial.proposal.origin,
              trial.proposal.parent.map(String.init) ?? "", (trial.estimate?.mean).map(Format.number) ?? "",
              (trial.estimate?.deviation).map(Format.number) ?? "", trial.estimate.map { String($0.count) } ?? "",
              String(trial.screened),
            ] + names.map { name in CSV.cell(trial.proposal.assignment[name]) }))
      }
    }
  }
}

/// Comma-separated values (RFC 4180).
enum CSV {
  static func row(_ cells: [String]) -> String { cells.map(quoted).joined(separator: ",") }

  /// A value as a cell. A text that a spreadsheet would run as a formula is led by an apostrophe.
  static func cell(_ value: Value?) -> String {
    guard let value else { return "" }
    guard let text = value.string else { return value.text }
    guard let first = text.first, "=+-@\t\r".contains(first) else { return text }
    return "'" + text
  }

  private static func quoted(_ cell: String) -> String {
    guard cell.unicodeScalars.contains(where: { "\",\n\r".unicodeScalars.contains($0) }) else { return cell }
    return "\"" + cell.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }
}

struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Read a study that `hone export` wrote.",
    discussion:
      "All of it is read or nothing. A study of the same name is not overwritten: give it another with --name.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var database: DatabaseOptions
  @Argument(help: ArgumentHelp("The file; - is standard input.", valueName: "file"), completion: .file()) var file:
    String
  @Option(help: ArgumentHelp("What the study is called here.", valueName: "study")) var name: String?

  func run() async throws {
    let console = global.console()
    let lines = try LineReader(path: file)
    let store = try await Database.writing(database.setting().value)
    let study = try await store.importStudy(named: name) { try lines.next() }
    guard let summary = try await store.studies().first(where: { $0.name == study }) else { return }
    if console.json {
      console.json("hone.study/1", summary.fields)
    } else {
      console.status(
        "Imported", "\(Printable.line(study)) with \(Format.plural(summary.trials, "trial")) into \(store.path)")
    }
  }
}

/// Reads a file a line at a time, however large it is.
final class LineReader: Sendable {
  private let state: Lock<State>
  private let path: String

  private struct State {
    var descriptor: Int32
    var buffer: [UInt8] = []
    var start = 0
    var isAtEnd = false
  }

  /// Longest line, in bytes.
  static let limit = 1 << 30

  /// - Throws: `Failure` 66, 74 or 77.
  init(path: String) throws(Failure) {
    self.path = path
    let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let number = errno
      let exit: Exit = number == ENOENT ? .missing : number == EACCES ? .permission : .io
      throw Failure(
        exit, "\(path): cannot be read: \(String(cString: strerror(number)))",
        hint: "check the path, its owner and its mode")
    }
    state = Lock(State(descriptor: descriptor))
  }

  deinit { close(state.withLock { $0.descriptor }) }

  /// The next line without its line feed, nil at the end.
  func next() throws -> String? {
    try state.withLock { state in
      while true {
        if let end = state.buffer[state.start...].firstIndex(of: UInt8(ascii: "\n")) {
          defer { state.start = end + 1 }
          return String(decoding: state.buffer[state.start..<end], as: UTF8.self)
        }
        guard !state.isAtEnd else {
          guard state.start < state.buffer.count else { return nil }
          defer { state.start = state.buffer.count }
          return String(decoding: state.buffer[state.start...], as: UTF8.self)
        }
        state.buffer.removeFirst(state.start)
        state.start = 0
        guard state.buffer.count < Self.limit else {
          throw Failure(
            .badInput, "\(path): a line is longer than 1 GiB",
            hint: "this is no export of a study: make one with hone export STUDY")
        }
        try fill(&state)
      }
    }
  }

  private func fill(_ state: inout State) throws {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(state.descriptor, &chunk, chunk.count)
    if count < 0 {
      if errno == EINTR { return }
      throw Failure(
        .io, "\(path): cannot be read: \(String(cString: strerror(errno)))", hint: "name a file, and check the disk")
    }
    state.isAtEnd = count == 0
    state.buffer += chunk[..<max(0, count)]
  }
}
