import ArgumentParser
import Foundation
import Hone
import HoneModel
import HoneStore
import HoneTasks
import HoneTrace

struct TuneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune", abstract: "Tune a task; run it again to go on where it stopped.",
    discussion: """
      A budget or data that can decide nothing is refused with code 65 before anything is sent: --force insists.

      A study that exists goes on, and nothing is paid for twice. When the task file has changed in more than its budget \
      and a space that only grew, the changes are shown and the command ends with code 65: --fresh removes the study and begins again.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var options: TaskOptions
  @OptionGroup var database: DatabaseOptions

  @Flag(help: "Remove the study of this name and begin again.") var fresh = false

  @Option(
    help: ArgumentHelp("Answer every request from this cassette; send nothing.", valueName: "cassette"),
    completion: .file())
  var replay: String?

  @Option(
    help: ArgumentHelp("Send every request and record it in this cassette.", valueName: "cassette"), completion: .file()
  )
  var record: String?

  @Option(
    help: ArgumentHelp("Answer what this cassette knows; send and record the rest.", valueName: "cassette"),
    completion: .file())
  var auto: String?

  @Flag(help: "Exit 1 when the winner is not shown to be better than the start on the sealed test.")
  var requireImprovement = false

  func validate() throws {
    if [replay, record, auto].count(where: { $0 != nil }) > 1 {
      throw ValidationError("--replay, --record and --auto exclude each other")
    }
  }

  func run() async throws {
    let console = global.console()
    var resolved = try options.resolved()
    for warning in resolved.task.warnings where !console.json {
      console.message(warning.rendered(colored: console.terminal.hasColor))
    }
    let data = try resolved.task.loadData()
    try resolved.task.decidability(data).gate(options, console)
    try await resolved.task.checkSandbox(environment: resolved.environment)
    try resolved.task.checkPrograms(environment: resolved.environment)
    let (cassette, mode) = try openCassette(console)
    var bench = try Workbench(resolved, data: data)
    let setting = database.setting()
    let store = try await Database.writing(setting.value)
    let study = resolved.task.study
    if fresh, try await store.definition(of: study) != nil {
      try await store.remove(study)
      console.status("Removed", "study \(Printable.line(study)) (--fresh)", .warn)
    }
    if let space = try await store.definition(of: study)?.problem.space {
      resolved.task = resolved.task.keepingStarts(of: space)
      bench = try Workbench(resolved, data: data)
    }
    try await checkChanges(resolved, store, console)
    let session = TuneSession(
      resolved: resolved, bench: bench, store: store, database: setting, options: options, kept: kept, console: console)
    try await session.run(cassette: cassette, mode: mode, requireImprovement: requireImprovement)
  }

  /// What a command that goes on with the study keeps beside budget and database.
  private var kept: [String] {
    [("--record", record), ("--auto", auto)].flatMap { name, path in path.map { [name, $0] } ?? [] }
      + (requireImprovement ? ["--require-improvement"] : [])
  }

  private func openCassette(_ console: Console) throws(CassetteError) -> (Cassette?, CassetteMode) {
    let pairs: [(String?, CassetteMode)] = [(replay, .replay), (record, .record), (auto, .auto)]
    for (path, mode) in pairs {
      guard let path else { continue }
      let cassette = try Cassette(path: path, writable: mode != .replay, logger: nil)
      for warning in cassette.warnings { console.warning(warning) }
      return (cassette, mode)
    }
    return (nil, .off)
  }

  /// Results of two different tasks cannot be compared: only what decides no result may change.
  private func checkChanges(_ resolved: ResolvedTask, _ store: SQLiteStore, _ console: Console) async throws {
    let study = resolved.task.study
    guard let old = try await TaskSource.stored(in: store, study: study) else { return }
    let space = try await store.definition(of: study)?.problem.space
    let isWider = space.map { resolved.task.space.widens($0) } ?? false
    let changes = TaskFile.changes(from: old.canonical, to: resolved.task.canonical).filter { change in
      let isOfSpace = change.key.hasPrefix("parameters.") || change.key.hasPrefix("forbidden")
      return !change.isCompatible && !(isWider && isOfSpace)
    }
    guard !changes.isEmpty else { return }
    let colored = console.terminal.hasColor
    for change in changes {
      let shown = Format.pair(change.before, change.after, columns: (200, 200), none: "not there")
      let (from, to) = (Style.removed.apply(shown.old, if: colored), Style.added.apply(shown.new, if: colored))
      console.status("Changed", "\(change.key)  \(from) -> \(to)", .warn)
    }
    throw Failure(
      .badInput, "\(resolved.task.path): the task is no longer the one that study \"\(study)\" was begun with",
      hint:
        "undo the change, give the task another study name, or begin again with --fresh; a range or a list of choices may "
        + "grow, and an initial that the file names has to stay")
  }
}
